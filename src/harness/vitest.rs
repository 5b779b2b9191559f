//! Vitest's benchmarks: the JSON of `vitest bench --outputJson FILE`, and the tables that it prints.
//!
//! `docs/harness/vitest.md` has the rules.

use serde::Deserialize;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, invalid, metric, sampled};
use super::lines::without_colours;
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, decoded};
use crate::results::Benchmark;

const FORMAT: &str = "vitest";
const HELP: &str = "run `vitest bench --run --outputJson FILE` and read that file";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "vitest",
    title: "Vitest's benchmarks, JSON and tables",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.json_object(&["files", "groups", "benchmarks"])
        .or_else(|_| head.line("`name  hz  min  max  mean  p75 ...`", |line| columns(line).is_some()))
}

#[derive(Deserialize)]
struct Root {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    benchmarks: Vec<Entry>,
}

/// Times are in milliseconds.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    name: String,
    hz: Option<f64>,
    mean: Option<f64>,
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p75: Option<f64>,
    p99: Option<f64>,
    p995: Option<f64>,
    p999: Option<f64>,
    rme: Option<f64>,
    sample_count: Option<u64>,
    samples: Vec<f64>,
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    if text.lines().any(|line| columns(without_colours(line).trim()).is_some()) {
        return tables(&text);
    }
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        for group in document.value.files.into_iter().flat_map(|file| file.groups) {
            group.benchmarks.iter().for_each(|entry| gather.add(last, benchmark(&group.full_name, entry)));
        }
    }
    gather.finish(last, "no benchmark in the groups", HELP)
}

/// The mean with its margin, as the tool compares by it, and the rate that it shows.
fn benchmark(group: &str, entry: &Entry) -> Benchmark {
    let name = if group.is_empty() { entry.name.clone() } else { format!("{group} > {}", entry.name) };
    let mut found = Benchmark::new(name);
    let unit = Unit::of("ms");
    if let Some(mean) = entry.mean.filter(|_| entry.sample_count != Some(0)) {
        let time = sampled(metric(FORMAT, "wall_time", mean, &unit), &entry.samples, &unit);
        let mut time = give_or_take(time, entry.rme.map(|rme| mean * rme / 100.0), &unit);
        time.iterations = entry.sample_count;
        found.metrics.push(time);
        found.metrics.extend(entry.hz.map(|hz| metric(FORMAT, "rate", hz, &Unit::of("hz"))));
    } else {
        found.validity = invalid("it has no sample: it failed");
        return found;
    }
    for (name, value) in [
        ("wall_time_median", entry.median),
        ("wall_time_min", entry.min),
        ("wall_time_max", entry.max),
        ("wall_time_p75", entry.p75),
        ("wall_time_p99", entry.p99),
        ("wall_time_p995", entry.p995),
        ("wall_time_p999", entry.p999),
    ] {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
    found
}

/// The columns of a table's header.
fn columns(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.starts_with(&["name", "hz", "min", "max", "mean"]).then_some(words)
}

/// Tables are printed again while benchmarks run: of equal ones the last counts.
fn tables(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut header: Option<Vec<String>> = None;
    let mut group = String::new();
    let mut found: Vec<(u64, String, Benchmark)> = Vec::new();
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim();
        if let Some(words) = columns(line) {
            header = Some(words.into_iter().map(str::to_owned).collect());
        } else if let Some(row) = line.strip_prefix(['·', '•', '-']).filter(|_| header.is_some()) {
            match header.as_deref().and_then(|header| cells(row, header)) {
                Some(entry) => {
                    let one = benchmark(&group, &entry);
                    found.retain(|(_, of, known)| *of != group || known.name != one.name);
                    found.push((last, group.clone(), one));
                }
                None => gather.broken(last, line),
            }
        } else if let Some(name) = line.strip_prefix(['✓', '❯', '×', '↓']) {
            header = None;
            let words: Vec<&str> = name.split_whitespace().collect();
            let is_time = |word: &&&str| word.ends_with("ms") && number(word).is_some();
            let end = words.len() - usize::from(words.last().as_ref().is_some_and(is_time));
            group = words.get(..end).unwrap_or_default().join(" ");
        }
    }
    found.into_iter().for_each(|(line, _, one)| gather.add(line, one));
    gather.finish(last, "no row below the header `name  hz  min  max  mean`", HELP)
}

fn cells(row: &str, header: &[String]) -> Option<Entry> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let figures = header.len().checked_sub(1)?;
    let start = (0..words.len())
        .find(|at| words.get(*at..at + figures).is_some_and(|cells| cells.iter().all(|cell| value(cell).is_some())))?;
    let mut entry = Entry { name: words.get(..start)?.join(" "), ..Entry::default() };
    for (name, cell) in header.iter().skip(1).zip(words.get(start..)?) {
        let value = value(cell);
        match name.as_str() {
            "hz" => entry.hz = value,
            "min" => entry.min = value,
            "max" => entry.max = value,
            "mean" => entry.mean = value,
            "p75" => entry.p75 = value,
            "p99" => entry.p99 = value,
            "p995" => entry.p995 = value,
            "p999" => entry.p999 = value,
            "rme" => entry.rme = value,
            "samples" => entry.sample_count = value.map(|value| value as u64),
            _ => {}
        }
    }
    (!entry.name.is_empty()).then_some(entry)
}

fn value(cell: &str) -> Option<f64> {
    let (value, rest) = number(cell.trim_start_matches('±'))?;
    matches!(rest, "" | "%").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded.json", "recorded.txt"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("vitest", file)).unwrap()));
        }
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"files\":[]}", "{\"files\":[{\"groups\":[", "name hz min max mean\n", "[]"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
