//! A report that can be shortened: parts in order, each with a rung that says when it may go.
//!
//! A template marks where a part begins by [`mark`]; the marks are control characters, which [`escape`](super::escape)
//! lets through for nobody. A published comment carries the parts on as HTML comments with a key that nobody could know
//! when the report's names and messages were written, so that a later process can shorten what another one wrote.

use std::fmt::Write;

/// The rung of what must be there: verdict, regressions, failing tests.
pub const ESSENTIAL: u8 = 0;
/// The highest rung: what goes first.
pub const HIGHEST: u8 = 3;

/// What starts a mark. Foreign text never holds it.
const MARK: char = '\u{1}';

/// The text that a template writes where a part of this rung begins.
pub(super) fn mark(rung: u8) -> String {
    format!("{MARK}{}\n", rung.min(HIGHEST))
}

/// The text that a template writes where the shorter form of the part before begins.
pub(super) fn mark_short() -> String {
    format!("{MARK}s\n")
}

/// A piece of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// When it may go: 3 first, 0 never.
    pub rung: u8,
    /// What it says.
    pub text: String,
    /// What it says where its text is too long.
    pub short: Option<String>,
}

/// How a platform counts the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// UTF-16 code units: never fewer than characters, whichever of the two a platform counts.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

impl Measure {
    /// The length of a text.
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Characters => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// How much of a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only what is essential, in its short form.
    Short,
    /// Parts up to this rung.
    UpTo(u8),
}

impl Detail {
    /// All, and then less and less.
    pub const LADDER: [Self; 5] =
        [Self::UpTo(HIGHEST), Self::UpTo(2), Self::UpTo(1), Self::UpTo(ESSENTIAL), Self::Short];
}

/// A report in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

impl Parts {
    /// Takes a rendered template apart.
    pub(super) fn split(text: &str) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let mut pieces = text.split(MARK);
        let first = pieces.next().unwrap_or_default();
        if !first.trim().is_empty() {
            parts.push(Part { rung: ESSENTIAL, text: tidy(first), short: None });
        }
        for piece in pieces {
            let (name, text) = piece.split_once('\n').unwrap_or((piece, ""));
            match (name.parse::<u8>(), parts.last_mut()) {
                (Ok(rung), _) => parts.push(Part { rung, text: tidy(text), short: None }),
                (Err(_), Some(last)) => last.short = Some(tidy(text)),
                (Err(_), None) => {}
            }
        }
        parts.retain(|part| !part.text.is_empty());
        Self(parts)
    }

    /// The report with this much detail.
    pub fn text(&self, detail: Detail) -> String {
        let mut out = String::new();
        for part in &self.0 {
            if let Some(text) = part.at(detail) {
                join(&mut out, text);
            }
        }
        out
    }

    /// The longest form that has at most `limit`. Where something is left out, `left_out` says so at the end; where
    /// even the shortest form is too long, whole lines are cut from its longest part, at most all but the first.
    pub fn within(&self, limit: usize, measure: Measure, left_out: &str) -> String {
        for detail in Detail::LADDER {
            let mut text = self.text(detail);
            if detail != Detail::UpTo(HIGHEST) {
                join(&mut text, left_out);
            }
            if measure.of(&text) <= limit {
                return text;
            }
        }
        let mut text = self.text(Detail::Short);
        let room = limit.saturating_sub(measure.of(left_out) + 2);
        text.truncate(fitting(&text, room, measure));
        join(&mut text, left_out);
        text
    }

    /// A report of one part that has to be there.
    pub fn one(text: String) -> Self {
        Self(vec![Part { rung: ESSENTIAL, text, short: None }])
    }

    /// The parts that are shown with this much detail, with their short forms if wanted.
    pub fn at(&self, detail: Detail, with_short: bool) -> Self {
        let part = |part: &Part| {
            let text = part.at(detail)?.to_owned();
            Some(Part { rung: part.rung, text, short: part.short.clone().filter(|_| with_short) })
        };
        Self(self.0.iter().filter_map(part).collect())
    }

    /// The report as it goes into a comment that others may shorten; `key` is known to nobody beforehand.
    pub fn marked(&self, key: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            let _ = write!(out, "<!-- {key} {} -->\n\n{}", part.rung, part.text);
            if let Some(short) = &part.short {
                let packed = pack(short);
                let _ = writeln!(out, "<!-- {key} s {packed} -->");
            }
            out.push('\n');
        }
        let _ = writeln!(out, "<!-- {key} end -->");
        out
    }

    /// The parts of a marked text, and how much of the text they are.
    pub fn unmarked(text: &str, key: &str) -> Option<(Self, usize)> {
        let open = format!("<!-- {key} ");
        let mut parts: Vec<Part> = Vec::new();
        let mut at = 0;
        let mut from: Option<usize> = None;
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.find(&open)?;
            let inner = start + open.len();
            let end = inner + text.get(inner..)?.find(" -->")?;
            let word = text.get(inner..end)?;
            if let (Some(from), Some(last)) = (from.take(), parts.last_mut()) {
                last.text = tidy(text.get(from..start)?);
            }
            at = end + " -->".len();
            match (word, word.parse::<u8>()) {
                ("end", _) => break,
                (_, Ok(rung)) => {
                    parts.push(Part { rung: rung.min(HIGHEST), text: String::new(), short: None });
                    from = Some(at);
                }
                (other, Err(_)) => {
                    let short = other.strip_prefix("s ").map(unpack)?;
                    parts.last_mut()?.short = Some(short);
                }
            }
        }
        Some((Self(parts), at))
    }
}

impl Part {
    fn at(&self, detail: Detail) -> Option<&str> {
        match detail {
            Detail::Short => (self.rung == ESSENTIAL).then(|| self.short.as_deref().unwrap_or(&self.text)),
            Detail::UpTo(rung) => (self.rung <= rung).then_some(self.text.as_str()),
        }
    }
}

/// Rows of a table go on below those of the part before; everything else is a paragraph of its own.
fn join(out: &mut String, text: &str) {
    let goes_on = text.starts_with('|') && out.trim_end().rsplit('\n').next().is_some_and(|line| line.starts_with('|'));
    if goes_on {
        out.truncate(out.trim_end().len());
        out.push('\n');
    } else if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}

/// Without empty lines around it, and with one line end.
fn tidy(text: &str) -> String {
    let text = text.trim_matches('\n').trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// How many bytes of the text's whole lines have at most `limit`.
fn fitting(text: &str, limit: usize, measure: Measure) -> usize {
    let mut length = 0;
    let mut bytes = 0;
    for line in text.split_inclusive('\n') {
        length += measure.of(line);
        if length > limit {
            break;
        }
        bytes += line.len();
    }
    bytes
}

/// A text for the inside of an HTML comment, in one line and without what could end it.
fn pack(text: &str) -> String {
    text.replace('%', "%25").replace('-', "%2D").replace('>', "%3E").replace('\n', "%0A")
}

fn unpack(text: &str) -> String {
    text.replace("%0A", "\n").replace("%3E", ">").replace("%2D", "-").replace("%25", "%")
}
