//! The JSON of pytest-benchmark: `--benchmark-json FILE`, and the files in `.benchmarks/`.
//!
//! Seconds become nanoseconds. `docs/harness/pytest-benchmark.md` has the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::results::{Benchmark, Direction, Metric, Reason, Validity};

use super::{HarnessError, Parsed, Warning, decoded, number_repeats, quoted};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "pytest-benchmark", title: "pytest-benchmark's JSON", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["machine_info", "benchmarks"])
}

/// The value of [`Metric::source`].
const SOURCE: &str = "harness:pytest-benchmark";

/// Nanoseconds in a second: the format counts in seconds whatever the console showed.
const SECOND: f64 = 1e9;

/// Reads the file.
///
/// # Errors
/// Where it is no JSON (also where it is cut off), has no `benchmarks` list, or an empty one.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let root = json(&text)?;
    let Some(list) = root.get("benchmarks").and_then(Value::as_array) else {
        let help = "is this the file of `pytest --benchmark-json FILE`?";
        return Err(HarnessError::new(1, 1, "no list of `benchmarks`", help));
    };
    if list.is_empty() {
        let help = "did pytest select any test that uses the `benchmark` fixture?";
        return Err(HarnessError::new(1, 1, "the list of `benchmarks` is empty", help));
    }
    let mut reader = Reader { text: &text, from: 0, line: 1, warnings: Vec::new() };
    let mut lines = Vec::with_capacity(list.len());
    let mut benchmarks = Vec::with_capacity(list.len());
    for entry in list {
        benchmarks.push(reader.benchmark(entry));
        lines.push(reader.line);
    }
    number_repeats(&mut benchmarks, &lines, &mut reader.warnings);
    Ok(Parsed { benchmarks, warnings: reader.warnings })
}

/// Python writes `NaN` and `Infinity`, which JSON does not know: they are read as null, and whoever needs the number
/// says so.
fn json(text: &str) -> Result<Value, HarnessError> {
    let place = |error: &serde_json::Error| {
        let (what, help) = match error.classify() {
            _ if text.trim().is_empty() => ("the file is empty", "did pytest run to its end?"),
            serde_json::error::Category::Eof => ("cut off: the JSON ends in the middle", "did pytest run to its end?"),
            _ => ("not JSON", "is this the file of `pytest --benchmark-json FILE`, not its console output?"),
        };
        HarnessError::new(error.line().max(1) as u64, error.column().max(1) as u64, what, help)
    };
    match serde_json::from_str(text) {
        Ok(root) => Ok(root),
        Err(first) => serde_json::from_str(&without_nan(text)).map_err(|_| place(&first)),
    }
}

/// `text` with `NaN` and the infinities outside of strings replaced by `null`.
pub(super) fn without_nan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
        let length = match (word, c) {
            (Some(word), _) => {
                out.push_str("null");
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, c) => c.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

struct Reader<'a> {
    text: &'a str,
    /// Where in the text the current benchmark's name was found, and its line.
    from: usize,
    line: u64,
    warnings: Vec<Warning>,
}

impl Reader<'_> {
    fn benchmark(&mut self, entry: &Value) -> Benchmark {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = text("fullname").or_else(|| text("name")).unwrap_or("(unnamed)");
        self.move_to(name);
        let mut benchmark = Benchmark { parameters: parameters(entry), ..Benchmark::new(name) };
        let empty = Map::new();
        let stats = entry.get("stats").and_then(Value::as_object).unwrap_or(&empty);
        match self.wall_time(name, stats) {
            Some(metric) => benchmark.metrics.push(metric),
            None => {
                self.warn(format!("`{}` has no finite, positive time", quoted(name)));
                let text = "the file has no finite time for it: the benchmark failed, or nothing was measured";
                benchmark.validity = Validity::Invalid { reason: Reason::new("no_figure", text) };
                return benchmark;
            }
        }
        for key in ["mean", "min", "max"] {
            if let Some(value) = seconds(stats, key) {
                benchmark.metrics.push(metric(&format!("wall_time_{key}"), value));
            }
        }
        benchmark.metrics[0].note = note(entry);
        benchmark
    }

    /// The median with its quartiles, or the mean with one standard deviation to each side.
    fn wall_time(&mut self, name: &str, stats: &Map<String, Value>) -> Option<Metric> {
        let mut found = match seconds(stats, "median") {
            Some(median) => {
                let mut found = metric("wall_time", median);
                (found.lower, found.upper) = (seconds(stats, "q1"), seconds(stats, "q3"));
                found
            }
            None => {
                let mut found = metric("wall_time", seconds(stats, "mean")?);
                if let Some(deviation) = seconds(stats, "stddev") {
                    found.lower = Some((found.value - deviation).max(0.0));
                    found.upper = Some(found.value + deviation);
                }
                found
            }
        };
        let whole = |key: &str| stats.get(key).and_then(Value::as_u64);
        found.iterations = whole("rounds").map(|rounds| rounds.saturating_mul(whole("iterations").unwrap_or(1)));
        if let Some(data) = stats.get("data").and_then(Value::as_array) {
            let samples: Option<Vec<f64>> = data.iter().map(|value| time(value.as_f64()?)).collect();
            match samples {
                Some(samples) => found.samples = samples,
                None => self.warn(format!("the data of `{}` are not all numbers; left out", quoted(name))),
            }
        }
        Some(found)
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(Warning { line: self.line, text });
    }

    /// Finds the line of the next benchmark by its name, which stands in the text as JSON writes it.
    fn move_to(&mut self, name: &str) {
        let quoted = Value::from(name).to_string();
        let rest = &self.text[self.from..];
        if let Some(at) = rest.find(&quoted) {
            self.line += rest.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.from += at + quoted.len();
        }
    }
}

/// Seconds to nanoseconds, if it is a sensible time.
fn time(seconds: f64) -> Option<f64> {
    let nanoseconds = seconds * SECOND;
    (nanoseconds.is_finite() && nanoseconds >= 0.0).then_some(nanoseconds)
}

fn seconds(stats: &Map<String, Value>, key: &str) -> Option<f64> {
    time(stats.get(key)?.as_f64()?)
}

fn metric(name: &str, value: f64) -> Metric {
    Metric {
        metric: name.into(),
        value,
        unit: "ns".into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: Some("s".into()),
        source: SOURCE.into(),
        samples: Vec::new(),
        summary: None,
        note: None,
    }
}

/// `params` and `group`: what tells one benchmark from another and is the same in each run.
fn parameters(entry: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(params) = entry.get("params").and_then(Value::as_object) {
        found.extend(params.iter().map(|(key, value)| (key.clone(), plain(value))));
    }
    if let Some(group) = entry.get("group").and_then(Value::as_str) {
        found.insert("group".into(), group.to_owned());
    }
    found
}

/// `extra_info`, which may change from run to run and is no part of the identity for that reason.
fn note(entry: &Value) -> Option<String> {
    let extra = entry.get("extra_info")?.as_object().filter(|extra| !extra.is_empty())?;
    let pairs: Vec<String> = extra.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    let mut note = pairs.join(", ");
    if note.len() > 1_000 {
        note.truncate(note.floor_char_boundary(1_000));
        note.push('…');
    }
    Some(note)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
