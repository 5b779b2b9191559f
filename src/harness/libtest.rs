//! Rust's `test NAME ... bench: 1,234 ns/iter (+/- 56)` lines: `cargo bench` with the built-in harness, criterion with
//! `--output-format bencher`, and programs that write the same shape with other units. Also the benchmarks among the
//! JSON that the built-in harness writes with `--format json`.
//!
//! The lines may stand among anything else. `docs/harness/libtest.md` has the rules.

use serde::Deserialize;

use crate::results::{Benchmark, Direction, Metric};

use super::units::Unit;
use super::{HarnessError, Parsed, Warning, decoded, number_repeats, quoted};

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::lines::without_colours;

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "libtest", title: "Rust's `test ... bench:` lines", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.lines().any(is_event) {
        return Ok(Confidence::Certain);
    }
    match head.lines().any(|line| behind_marks(line.trim_start()).starts_with("test ") && line.contains(MARK)) {
        true => Ok(Confidence::Certain),
        false => Err("no line reads `test ... bench:`".into()),
    }
}

/// The value of [`Metric::source`].
const SOURCE: &str = "harness:libtest";

/// What stands between the name and the figures.
const MARK: &str = "bench:";

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, where none of the lines that look like a result can be read, or where it is cut off: a
/// last line that breaks in the middle, or `running 5 tests` followed by fewer results and no `test result:`.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader.line(index as u64 + 1, &without_colours(line));
    }
    let ends_in_line = !text.is_empty() && !text.ends_with('\n');
    reader.finish(text.lines().count() as u64, ends_in_line)
}

/// `running N tests` and what has come since.
struct Block {
    line: u64,
    expected: u64,
    seen: u64,
}

#[derive(Default)]
struct Reader {
    benchmarks: Vec<Benchmark>,
    lines: Vec<u64>,
    warnings: Vec<Warning>,
    /// Lines that look like a result and are none: number, column and text.
    broken: Vec<(u64, u64, String)>,
    /// `test NAME ...` whose figures did not come on the same line, because the benchmark printed something.
    waiting: Option<(u64, String)>,
    block: Option<Block>,
    cut: Option<HarnessError>,
    tests: u64,
}

impl Reader {
    fn line(&mut self, number: u64, line: &str) {
        let line = line.trim();
        if is_event(line) {
            self.event(number, line);
        } else if let Some(count) = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test")) {
            self.end_block();
            self.block = count.0.parse().ok().map(|expected| Block { line: number, expected, seen: 0 });
        } else if line.starts_with("test result:") {
            self.block = None;
        } else if let Some((name, rest)) = behind_marks(line).strip_prefix("test ").and_then(split_name) {
            self.count();
            self.result(number, line, name, rest);
        } else if let Some((from, name)) = self.waiting.take() {
            match line.rfind(MARK) {
                Some(at) => self.figures(number, line, &name, &line[at + MARK.len()..]),
                None => self.waiting = Some((from, name)),
            }
        } else if line.starts_with(MARK) {
            self.broken(number, line, line);
        }
    }

    /// A result among the JSON of `--format json`.
    fn event(&mut self, number: u64, line: &str) {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => {
                self.benchmarks.push(event.benchmark());
                self.lines.push(number);
            }
            Err(_) => self.broken(number, line, line),
        }
    }

    fn count(&mut self) {
        if let Some(block) = &mut self.block {
            block.seen += 1;
        }
    }

    fn end_block(&mut self) {
        if let Some(block) = self.block.take().filter(|block| block.seen < block.expected) {
            let text = format!("cut off: {} tests were announced, {} came", block.expected, block.seen);
            let help = "the benchmark program ended early; look for its error message or a time-out";
            self.cut.get_or_insert(HarnessError::new(block.line, 1, text, help));
        }
    }

    /// `rest` is what follows `test NAME ... `.
    fn result(&mut self, number: u64, line: &str, name: &str, rest: &str) {
        self.give_up_waiting();
        if let Some(figures) = rest.strip_prefix(MARK) {
            self.figures(number, line, name, figures);
        } else if rest == "ok" || rest.starts_with("ok ") || rest.starts_with("ignored") {
            self.tests += 1;
        } else if rest.starts_with("FAILED") {
            self.tests += 1;
            self.warnings.push(Warning { line: number, text: format!("`{}` failed", quoted(name)) });
        } else {
            match rest.rfind(MARK) {
                Some(at) => self.figures(number, line, name, &rest[at + MARK.len()..]),
                None => self.waiting = Some((number, name.to_owned())),
            }
        }
    }

    fn give_up_waiting(&mut self) {
        if let Some((line, name)) = self.waiting.take() {
            self.warnings.push(Warning { line, text: format!("`{}` has no figures", quoted(&name)) });
        }
    }

    fn figures(&mut self, number: u64, line: &str, name: &str, figures: &str) {
        match metrics(figures) {
            Some(metrics) => {
                self.benchmarks.push(Benchmark { metrics, ..Benchmark::new(name) });
                self.lines.push(number);
            }
            None => self.broken(number, line, figures),
        }
    }

    /// `at` is the part of `line` that could not be read.
    fn broken(&mut self, number: u64, line: &str, at: &str) {
        let before = line.strip_suffix(at).unwrap_or_default();
        self.broken.push((number, before.chars().count() as u64 + 1, quoted(line)));
    }

    fn finish(mut self, last_line: u64, ends_in_line: bool) -> Result<Parsed, HarnessError> {
        self.end_block();
        if let Some((line, name)) = self.waiting.take_if(|(line, _)| ends_in_line && *line == last_line) {
            self.broken.push((line, 1, format!("test {}", quoted(&name))));
        }
        let breaks = self.broken.last().filter(|(line, ..)| ends_in_line && *line == last_line);
        if let Some((line, column, text)) = breaks {
            let help = "the benchmark program or its log was cut short; run it again";
            return Err(HarnessError::new(*line, *column, format!("cut off in the middle of `{text}`"), help));
        }
        if let Some(cut) = self.cut {
            return Err(cut);
        }
        if self.benchmarks.is_empty() {
            return Err(self.nothing(last_line));
        }
        self.give_up_waiting();
        for (line, _, text) in self.broken {
            self.warnings.push(Warning { line, text: format!("looks like a result, but cannot be read: `{text}`") });
        }
        number_repeats(&mut self.benchmarks, &self.lines, &mut self.warnings);
        self.warnings.sort_by_key(|warning| warning.line);
        Ok(Parsed { benchmarks: self.benchmarks, warnings: self.warnings })
    }

    fn nothing(&self, last_line: u64) -> HarnessError {
        if let Some((line, column, text)) = self.broken.first() {
            let help = "expected `bench: 1,234 ns/iter (+/- 56)`";
            return HarnessError::new(*line, *column, format!("cannot read the figures in `{text}`"), help);
        }
        let (text, help) = match self.tests {
            0 => ("no `bench:` line", "for criterion, run it with `-- --output-format bencher`"),
            _ => ("only tests, no `bench:` line", "run `cargo bench`; criterion needs `-- --output-format bencher`"),
        };
        HarnessError::new(last_line.max(1), 1, text, help)
    }
}

/// Quiet runs print a character for each test, without an end of the line: `i` and `.` of tests before a benchmark.
fn behind_marks(line: &str) -> &str {
    let rest = line.trim_start_matches(['.', 'i', 'F']);
    if rest.contains(MARK) { rest } else { line }
}

/// One benchmark of `--format json`.
#[derive(Deserialize)]
struct Event {
    name: String,
    median: f64,
    deviation: Option<f64>,
    /// Despite its name these are millions of bytes, as in the text.
    mib_per_second: Option<f64>,
}

/// Whether a line of JSON is the result of a benchmark.
pub(super) fn is_event(line: &str) -> bool {
    let plain = |line: &str| line.contains("\"type\": \"bench\"") || line.contains("\"type\":\"bench\"");
    line.trim_start().starts_with('{') && plain(line)
}

impl Event {
    fn benchmark(self) -> Benchmark {
        let mut found = Benchmark::new(self.name);
        found.metrics.push(metric(&Unit::nanoseconds(), self.median, self.deviation));
        found.metrics.extend(self.mib_per_second.map(|rate| metric(&Unit::of("MB/s"), rate, None)));
        found
    }
}

/// Name and rest of what follows `test `. Names may contain spaces and dots, so the last ` ... ` before the figures
/// counts.
fn split_name(rest: &str) -> Option<(&str, &str)> {
    let end = rest.find(MARK).unwrap_or(rest.len());
    let (name, rest) = match rest[..end].rfind(" ... ") {
        Some(at) => (&rest[..at], &rest[at + 5..]),
        None => (rest.strip_suffix(" ...")?, ""),
    };
    let name = name.trim();
    (!name.is_empty()).then_some((name, rest.trim()))
}

/// ` 1,234 ns/iter (+/- 56) = 8 MB/s` to metrics.
fn metrics(figures: &str) -> Option<Vec<Metric>> {
    let (value, rest) = number(figures.trim_start())?;
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let unit = Unit::read(unit)?;
    let mut rest = rest.trim_start();
    let mut deviation = None;
    if let Some(inner) = rest.strip_prefix("(+/- ").or_else(|| rest.strip_prefix("(± ")) {
        let (value, after) = number(inner.trim_start())?;
        deviation = Some(value);
        rest = after.trim_start().strip_prefix(')')?.trim_start();
    }
    let mut all = vec![metric(&unit, value, deviation)];
    if let Some(second) = rest.strip_prefix('=') {
        let (value, unit) = number(second.trim_start())?;
        all.push(metric(&Unit::read(unit.trim())?, value, None));
        rest = "";
    }
    // Anything else after a complete result is another program's text on the same line.
    (rest.is_empty() || deviation.is_some()).then_some(all)
}

fn metric(unit: &Unit, value: f64, deviation: Option<f64>) -> Metric {
    let scaled = |value: f64| value * unit.scale;
    Metric {
        metric: unit.metric.clone(),
        value: scaled(value),
        unit: unit.unit.clone(),
        direction: if unit.is_rate { Direction::Higher } else { Direction::Lower },
        lower: deviation.map(|deviation| scaled((value - deviation).max(0.0))),
        upper: deviation.map(|deviation| scaled(value + deviation)),
        iterations: None,
        original_unit: unit.original.clone(),
        source: SOURCE.into(),
        samples: Vec::new(),
        summary: None,
        note: None,
    }
}

/// A number with thousands separators at the start of `text`, and the rest. Neither negative nor infinite.
fn number(text: &str) -> Option<(f64, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '_');
    let mut end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let exponent = &text[end..];
    if let Some(digits) = exponent.strip_prefix(['e', 'E']) {
        let signed = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let length = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
        if length > 0 {
            end = text.len() - signed.len() + length;
        }
    }
    let plain: String = text[..end].chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let value: f64 = plain.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some((value, &text[end..]))
}

#[cfg(test)]
mod tests;
