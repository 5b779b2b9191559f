//! The block between `---` and `...` behind a result. It is meant to be YAML, and often is not: Vitest breaks strings
//! across lines, and mocha writes stacks with any indentation. So it is read by lines, for the few keys that matter.

use crate::harness::cases::{clean, durations};
use crate::harness::xml::text::first_line;
use crate::results::{Case, Failure, Outcome};

/// The keys whose values are used.
const KEYS: [&str; 12] =
    ["duration_ms", "time", "message", "error", "stack", "name", "code", "at", "location", "file", "line", "severity"];

/// The lines of a block.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    /// How far `---` is indented.
    pub(super) indent: usize,
    text: String,
    left_out: u64,
}

impl Diagnosis {
    /// A block that begins.
    pub(super) fn new(indent: usize) -> Self {
        Self { indent, ..Self::default() }
    }

    /// Takes a line, unless there are `limit` bytes already.
    pub(super) fn push(&mut self, line: &str, limit: usize) {
        if self.text.len() + line.len() > limit {
            self.left_out += line.len() as u64 + 1;
            return;
        }
        let blank = line.len() - line.trim_start_matches(' ').len();
        self.text.push_str(&line[blank.min(self.indent)..]);
        self.text.push('\n');
    }

    /// Puts what the block says into the case.
    pub(super) fn tell(mut self, case: &mut Case) {
        let values = self.values();
        let get = |key: &str| values.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        let milliseconds = get("duration_ms").or(get("time")).and_then(|time| time.parse::<f64>().ok());
        case.duration_ns = milliseconds.and_then(|time| durations::sensible(time / 1e3)).or(case.duration_ns);
        if !case.outcome.is_failure() {
            return;
        }
        if let Some((file, line)) = get("location").or(get("at")).and_then(place) {
            (case.file, case.line) = (Some(file), Some(line));
        } else if let Some(file) = get("file") {
            (case.file, case.line) = (Some(clean(file, 4_096)), get("line").and_then(|line| line.parse().ok()));
        }
        let message = get("message").or(get("error"));
        let kind = get("name").or(get("code")).map(|kind| clean(kind, 200));
        let message = message.map(|message| clean(message.trim(), 8_192)).filter(|message| !message.is_empty());
        if message.as_deref().is_some_and(|text| text.contains("timed out after") || text.starts_with("Timeout of ")) {
            case.outcome = Outcome::TimedOut;
        }
        if self.left_out > 0 {
            self.text.push_str(&format!("[{} bytes left out]", self.left_out));
        }
        let text = Some(clean(self.text.trim_end(), self.text.len())).filter(|text| !text.is_empty());
        case.failures.push(Failure { message: message.or_else(|| first_line(get("stack")?)), kind, text });
    }

    /// The values of the keys that matter, at the outermost level or one level inside of `error`.
    fn values(&self) -> Vec<(&'static str, String)> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let mut lines = self.text.lines().peekable();
        while let Some(line) = lines.next() {
            let indent = line.len() - line.trim_start().len();
            let Some((key, value)) = line.trim_start().split_once(':') else { continue };
            let Some(key) = KEYS.into_iter().find(|known| *known == key) else { continue };
            let value = value.trim();
            let mut value = if matches!(value, "" | "|" | "|-" | ">" | ">-" | "|+") {
                if value.is_empty() && key == "error" {
                    // Keys inside of it are read as if they stood here.
                    continue;
                }
                let mut block = String::new();
                while let Some(next) = lines.peek() {
                    if !next.trim().is_empty() && next.len() - next.trim_start().len() <= indent {
                        break;
                    }
                    block.push_str(next.trim());
                    block.push('\n');
                    lines.next();
                }
                block
            } else {
                value.to_owned()
            };
            for quote in ['\'', '"'] {
                if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
                    value = value[1..value.len() - 1].replace("\\\"", "\"").replace("''", "'");
                }
            }
            if !found.iter().any(|(name, _)| *name == key) {
                found.push((key, value));
            }
        }
        found
    }
}

/// `/path/file.js:3:129`, perhaps in brackets behind a function's name.
fn place(text: &str) -> Option<(String, u32)> {
    let text = text.trim().trim_end_matches(')');
    let text = text.rsplit_once('(').map_or(text, |(_, inside)| inside);
    let (rest, _column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let file = file.strip_prefix("file://").unwrap_or(file);
    Some((clean(file, 4_096), line.parse().ok().filter(|line| *line > 0)?))
}
