//! package-benchmark, the benchmarks of Swift packages: the tables of `swift package benchmark`, as text or Markdown.
//! Its other exports are formats of others, which their readers take.
//!
//! `docs/harness/package-benchmark.md` has the rules.

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, metric};
use super::lines::without_colours;
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, decoded, quoted};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "package-benchmark";
const HELP: &str = "run `swift package benchmark` and keep what it prints";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "package-benchmark",
    title: "the tables of Swift's package-benchmark",
    reading: Reading::Benchmarks(parse),
    sniff: |head| {
        head.line("`│ Metric │ p0 │ p25 │ p50 │ p75 │ p90 │ p99 │ p100 │ Samples │`", |line| {
            cells(line).is_some_and(|cells| is_header(&cells))
        })
    },
};

/// The cells of a row, between lines or bars.
fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.trim();
    let sign = line.chars().next().filter(|c| matches!(c, '│' | '|'))?;
    let inner = line.strip_prefix(sign)?.strip_suffix(sign)?;
    Some(inner.split(sign).map(str::trim).collect())
}

fn is_header(cells: &[&str]) -> bool {
    cells.first() == Some(&"Metric") && cells.contains(&"p50") && cells.last() == Some(&"Samples")
}

#[derive(Default)]
struct Tables {
    gather: Gather,
    /// The latest line that is no part of a table: the benchmark's name.
    heading: String,
    /// The module, that stands between two rules of `=`.
    target: String,
    after_rule: bool,
    /// The percentiles of the open table.
    columns: Vec<String>,
    open: Option<(u64, Benchmark)>,
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let mut tables = Tables::default();
    let (mut last, lines) = (1, text.lines().count());
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        if tables.line(last, line.trim()).is_none() {
            if index + 1 == lines && !text.ends_with('\n') {
                let text = format!("cut off in the middle of `{}`", quoted(&line));
                return Err(HarnessError::new(last, 1, text, "did it run to its end?"));
            }
            tables.gather.broken(last, &line);
        }
    }
    tables.close();
    tables.gather.finish(last, "no table below `Metric  p0  p25  p50`", HELP)
}

impl Tables {
    /// `None` for a line of a table that cannot be read.
    fn line(&mut self, number: u64, line: &str) -> Option<()> {
        let in_table = line.starts_with(['│', '|', '╒', '╞', '├', '╘']);
        match cells(line) {
            Some(cells) if is_header(&cells) => {
                self.close();
                self.columns = cells.iter().skip(1).map(|&cell| cell.to_owned()).collect();
                let mut found = Benchmark::new(self.heading.trim_start_matches('#').trim());
                if !self.target.is_empty() {
                    found.parameters.insert("target".into(), self.target.clone());
                }
                self.open = Some((number, found));
            }
            Some(cells) if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, ':' | '-'))) => {}
            Some(cells) => {
                let (_, found) = self.open.as_mut()?;
                let metrics = row(&cells, &self.columns)?;
                found.metrics.extend(metrics);
            }
            None if line.starts_with(['│', '|']) => return None,
            None if in_table => {}
            None => self.text(line),
        }
        Some(())
    }

    /// A line between the tables.
    fn text(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        self.close();
        let is_rule = line.chars().all(|c| c == '=');
        match (is_rule, self.after_rule) {
            (true, _) => self.after_rule = !self.after_rule,
            (false, true) => self.target = line.to_owned(),
            (false, false) => self.heading = line.to_owned(),
        }
    }

    fn close(&mut self) {
        if let Some((line, found)) = self.open.take() {
            self.gather.add(line, found);
        }
    }
}

/// `Time (wall clock) (ns) *`, then a value for each percentile, and the number of samples.
fn row(cells: &[&str], columns: &[String]) -> Option<Vec<Metric>> {
    let (label, values) = cells.split_first()?;
    let (samples, values) = values.split_last()?;
    if values.len() + 1 != columns.len() {
        return None;
    }
    let (name, unit) = meaning(label)?;
    let whole = |text: &&str| number(text).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value);
    let values: Vec<f64> = values.iter().map(whole).collect::<Option<_>>()?;
    let samples = whole(samples)?;
    let mut all = Vec::new();
    for (column, value) in columns.iter().zip(values) {
        // The first percentile is the best one, whichever way that is.
        let ending = match (column.as_str(), unit.direction()) {
            ("p50", _) => String::new(),
            ("p0", Direction::Lower) | ("p100", Direction::Higher) => "_min".into(),
            ("p100", Direction::Lower) | ("p0", Direction::Higher) => "_max".into(),
            (other, _) => format!("_{other}"),
        };
        let found = metric(FORMAT, &format!("{name}{ending}"), value, &unit);
        match ending.is_empty() {
            true => all.insert(0, Metric { iterations: Some(samples as u64), ..found }),
            false => all.push(found),
        }
    }
    Some(all)
}

/// The metric and the unit of a label: `Memory (resident peak) (K) *` is `peak_memory` in thousands of bytes.
fn meaning(label: &str) -> Option<(String, Unit)> {
    let label = label.trim_end_matches(['*', ' ']);
    let (own, scale) = match label.rsplit_once(" (").and_then(|(own, unit)| Some((own, unit.strip_suffix(')')?))) {
        Some((own, unit)) if prefix(unit).is_some() || Unit::time(unit).is_some() => (own, unit),
        _ => (label, ""),
    };
    let known = match own {
        "Time (wall clock)" => "wall_time",
        "Time (total CPU)" => "cpu_time",
        "Time (user CPU)" => "user_time",
        "Time (system CPU)" => "system_time",
        "Memory (resident peak)" => "peak_memory",
        "Throughput (# / s)" | "Throughput (scaled / s)" => "rate",
        _ => "",
    };
    let name = if known.is_empty() { snake_case(own) } else { known.to_owned() };
    let mut unit = match Unit::time(scale) {
        Some(time) => time,
        None if own.starts_with("Memory") || own.contains("bytes") => Unit::of("bytes"),
        None if known == "rate" => Unit::of("1/s"),
        None => Unit::as_written("count"),
    };
    if let Some(factor) = prefix(scale) {
        unit = Unit { scale: factor, original: Some(scale.to_owned()), ..unit };
    }
    (!own.is_empty()).then_some((name, unit))
}

fn prefix(unit: &str) -> Option<f64> {
    match unit {
        "K" => Some(1e3),
        "M" => Some(1e6),
        "G" => Some(1e9),
        "T" => Some(1e12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{damage_is_told, encodings_do_not_matter, fixture, listed, two_in_one_stream};

    #[test]
    fn documented_files_are_read() {
        for file in ["documented.txt", "documented.md"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("package-benchmark", file)).unwrap()));
            encodings_do_not_matter(parse, &fixture("package-benchmark", file));
            two_in_one_stream(parse, &fixture("package-benchmark", file));
        }
        damage_is_told(parse, &fixture("package-benchmark", "documented.txt"), "9871");
    }

    #[test]
    fn labels_become_metrics() {
        let read = |label| meaning(label).map(|(name, unit)| (name, unit.unit.clone(), unit.scale, unit.direction()));
        let lower = |name: &str, unit: &str, scale| Some((name.to_owned(), unit.to_owned(), scale, Direction::Lower));
        assert_eq!(read("Time (wall clock) (μs) *"), lower("wall_time", "ns", 1e3));
        assert_eq!(read("Memory (resident peak) (M)"), lower("peak_memory", "bytes", 1e6));
        assert_eq!(read("Malloc (total) *"), lower("malloc_total", "count", 1.0));
        assert_eq!(read("Instructions (K) *"), lower("instructions", "count", 1e3));
        assert_eq!(
            read("Throughput (# / s) (K)").map(|found| (found.0, found.3)),
            Some(("rate".into(), Direction::Higher))
        );
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let whole = String::from_utf8(fixture("package-benchmark", "documented.txt")).unwrap();
        let half = &whole[..whole.find("9871").unwrap()];
        let header = whole.split('╞').next().unwrap();
        for bad in ["", "Build complete!\n", half] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(!parse(header.as_bytes()).unwrap().warnings.is_empty());
    }
}
