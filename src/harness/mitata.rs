//! mitata: its JSON (`run({ format: 'json' })`), and what it prints.
//!
//! `docs/harness/mitata.md` has the rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::documents::documents;
use super::gather::{Gather, between, invalid, metric, sampled};
use super::lines::without_colours;
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, decoded};
use crate::results::Benchmark;

const FORMAT: &str = "mitata";
const HELP: &str = "run it with `await run({ format: 'json' })`";
/// How many samples of a benchmark are kept: mitata takes up to a million.
const SAMPLES: usize = 10_000;

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "mitata", title: "mitata's JSON and what it prints", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.json_object(&["layout", "benchmarks"])
        .or_else(|_| head.line("`name  12.3 ns/iter`", |line| printed(line).is_some()))
}

#[derive(Deserialize)]
struct Root {
    #[serde(default)]
    layout: Vec<Group>,
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Group {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    group: usize,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    #[serde(default)]
    args: BTreeMap<String, Value>,
    stats: Option<Stats>,
    error: Option<Value>,
}

/// In nanoseconds.
#[derive(Deserialize)]
struct Stats {
    avg: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p25: Option<f64>,
    p50: Option<f64>,
    p75: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    ticks: Option<u64>,
    #[serde(default)]
    samples: Vec<f64>,
    heap: Option<Heap>,
}

#[derive(Deserialize)]
struct Heap {
    avg: Option<f64>,
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    if text.lines().any(|line| printed(without_colours(line).trim()).is_some()) {
        return lines(&text);
    }
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        let Root { layout, benchmarks } = document.value;
        for entry in benchmarks {
            let group = layout.get(entry.group).and_then(|group| group.name.as_deref());
            entry.runs.iter().for_each(|run| gather.add(last, benchmark(run, group)));
        }
    }
    gather.finish(last, "the list of `benchmarks` is empty", HELP)
}

fn benchmark(run: &Run, group: Option<&str>) -> Benchmark {
    let mut found = Benchmark::new(&run.name);
    found.parameters.extend(group.map(|group| ("group".into(), group.into())));
    for (key, value) in &run.args {
        found.parameters.insert(key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let unit = Unit::nanoseconds();
    let Some(stats) = run.stats.as_ref().filter(|_| run.error.is_none()) else {
        let why = run.error.as_ref().and_then(|error| error.get("message")?.as_str()).unwrap_or("it failed");
        found.validity = invalid(why);
        return found;
    };
    if let Some(mean) = stats.avg {
        let mut time = between(metric(FORMAT, "wall_time", mean, &unit), stats.p25, stats.p75, &unit);
        if stats.samples.len() <= SAMPLES {
            time = sampled(time, &stats.samples, &unit);
        } else {
            time.note = Some(format!("{} samples are left out", stats.samples.len()));
        }
        time.iterations = stats.ticks;
        found.metrics.push(time);
    }
    for (name, value) in [
        ("wall_time_median", stats.p50),
        ("wall_time_min", stats.min),
        ("wall_time_max", stats.max),
        ("wall_time_p75", stats.p75),
        ("wall_time_p99", stats.p99),
        ("wall_time_p999", stats.p999),
    ] {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
    let heap = stats.heap.as_ref().and_then(|heap| heap.avg);
    found.metrics.extend(heap.map(|bytes| metric(FORMAT, "bytes", bytes, &Unit::of("bytes"))));
    found
}

/// `name  12.3 ns/iter ...`.
fn printed(line: &str) -> Option<Benchmark> {
    let before = line.split_once("/iter")?.0;
    // Rust's own harness counts so too.
    if before.contains("bench:") {
        return None;
    }
    let (before, unit) = before.rsplit_once(' ')?;
    let unit = Unit::time(unit)?;
    let (name, value) = before.trim_end().rsplit_once("  ").or_else(|| before.trim_end().rsplit_once(' '))?;
    let (value, rest) = number(value.trim())?;
    if !rest.is_empty() || name.trim().is_empty() {
        return None;
    }
    let mut found = Benchmark::new(name.trim());
    found.metrics.push(metric(FORMAT, "wall_time", value, &unit));
    Some(found)
}

fn lines(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut group: Option<String> = None;
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim();
        if let Some(mut found) = printed(line) {
            found.parameters.extend(group.iter().map(|group| ("group".to_owned(), group.clone())));
            gather.add(last, found);
        } else if let Some(name) = line.strip_prefix("• ") {
            group = Some(name.trim().to_owned());
        } else if let Some((name, why)) = line.split_once(" error: ") {
            gather.add(last, Benchmark { validity: invalid(why.trim()), ..Benchmark::new(name.trim()) });
        } else if let Some((low, high)) = line.strip_prefix('(').and_then(|line| line.split_once('…')) {
            let time = |text: &str| {
                let (value, rest) = number(text)?;
                let unit = rest.trim_start().split([' ', ')']).next()?;
                Unit::time(unit).map(|unit| metric(FORMAT, "wall_time_min", value, &unit))
            };
            let extremes = time(low).zip(time(high));
            if let (Some((low, mut high)), Some(of)) = (extremes, gather.benchmarks.last_mut()) {
                high.metric = "wall_time_max".into();
                of.metrics.extend([low, high]);
            }
        } else if line.contains("/iter") {
            gather.broken(last, line);
        }
    }
    gather.finish(last, "no line like `name  12.3 ns/iter`", HELP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded.json", "recorded.txt"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("mitata", file)).unwrap()));
        }
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"layout\":[],\"benchmarks\":[]}", "{\"layout\":[],\"benchmarks\":[{", "x/iter\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
