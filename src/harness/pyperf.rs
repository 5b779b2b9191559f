//! pyperf's JSON (`-o FILE`): values of all processes, memory, metadata.
//!
//! `docs/harness/pyperf.md` has the rules.

use serde::Deserialize;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, invalid, metric, sampled};
use super::units::Unit;
use super::{HarnessError, Parsed};
use crate::results::Benchmark;

const FORMAT: &str = "pyperf";
const HELP: &str = "run the benchmark with `-o FILE` and read that file";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "pyperf",
    title: "the JSON of pyperf",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_object(&["benchmarks", "runs", "metadata"]),
};

#[derive(Deserialize)]
struct Root {
    benchmarks: Vec<Entry>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    metadata: Metadata,
    runs: Vec<Run>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: Option<String>,
    unit: Option<String>,
    loops: Option<u64>,
    inner_loops: Option<u64>,
    mem_max_rss: Option<f64>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    values: Option<Vec<f64>>,
}

/// Reads the file.
///
/// # Errors
/// Where it is no JSON of pyperf, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        let Root { benchmarks, metadata } = document.value;
        benchmarks.iter().for_each(|entry| gather.add(last, benchmark(entry, &metadata)));
    }
    gather.finish(last, "the list of `benchmarks` is empty", HELP)
}

fn benchmark(entry: &Entry, all: &Metadata) -> Benchmark {
    let own = &entry.metadata;
    let mut found = Benchmark::new(own.name.as_deref().or(all.name.as_deref()).unwrap_or("(unnamed)"));
    let values: Vec<f64> = entry.runs.iter().flat_map(|run| run.values.iter().flatten().copied()).collect();
    let (name, unit) = match own.unit.as_deref().or(all.unit.as_deref()) {
        Some("byte") => ("bytes", Unit::of("bytes")),
        Some("integer") => ("value", Unit::as_written("count")),
        _ => ("wall_time", Unit::seconds()),
    };
    if values.is_empty() {
        found.validity = invalid("it has no values: only calibrated, or failed");
        return found;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.len() > 1)
        .then(|| (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt());
    let mut main = give_or_take(sampled(metric(FORMAT, name, mean, &unit), &values, &unit), deviation, &unit);
    let loops = own.loops.or(all.loops).map(|loops| {
        loops.saturating_mul(own.inner_loops.or(all.inner_loops).unwrap_or(1)).saturating_mul(values.len() as u64)
    });
    main.iterations = loops;
    found.metrics.push(main);
    let measured = entry.runs.iter().filter(|run| run.values.as_ref().is_some_and(|values| !values.is_empty()));
    let peak = measured.filter_map(|run| run.metadata.mem_max_rss).chain(own.mem_max_rss).reduce(f64::max);
    found.metrics.extend(peak.map(|bytes| metric(FORMAT, "peak_memory", bytes, &Unit::of("bytes"))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&parse(&fixture("pyperf", "recorded.json")).unwrap()));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"benchmarks\":[]}", "{\"benchmarks\":[{\"runs\":[", "[]"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
