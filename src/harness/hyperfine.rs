//! hyperfine's JSON (`--export-json FILE`): each command with its raw times.
//!
//! `docs/harness/hyperfine.md` has the rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, metric, middle, sampled};
use super::units::Unit;
use super::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Reason, Validity};

const FORMAT: &str = "hyperfine";
const HELP: &str = "run it with `--export-json FILE` and read that file";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "hyperfine",
    title: "hyperfine's JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_object(&["results", "command", "mean"]),
};

#[derive(Deserialize)]
struct Root {
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    command: String,
    mean: Option<f64>,
    stddev: Option<f64>,
    median: Option<f64>,
    user: Option<f64>,
    system: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    times: Option<Vec<f64>>,
    #[serde(default)]
    memory_usage_byte: Option<Vec<f64>>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

/// Reads the file.
///
/// # Errors
/// Where it is no JSON of hyperfine, damaged, cut off, or has no result.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        for entry in document.value.results {
            let failed = entry.exit_codes.iter().filter(|code| **code != Some(0)).count();
            let mut found = benchmark(&entry);
            if failed > 0 {
                let text =
                    format!("`{}` failed in {failed} of {} runs", quoted(&entry.command), entry.exit_codes.len());
                found.validity = Validity::Noisy { reason: Reason::new("command_failed", &text) };
                gather.warn(last, text);
            }
            gather.add(last, found);
        }
    }
    gather.finish(last, "the list of `results` is empty", HELP)
}

fn benchmark(entry: &Entry) -> Benchmark {
    let mut found = Benchmark::new(&entry.command);
    for (key, value) in &entry.parameters {
        found.parameters.insert(key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let unit = Unit::seconds();
    let times = entry.times.as_deref().unwrap_or_default();
    if let Some(value) = entry.median.or(entry.mean) {
        let time = sampled(metric(FORMAT, "wall_time", value, &unit), times, &unit);
        let mut time = give_or_take(time, entry.stddev, &unit);
        time.iterations = (!times.is_empty()).then_some(times.len() as u64);
        found.metrics.push(time);
    }
    for (name, value) in [
        ("wall_time_mean", entry.mean),
        ("wall_time_min", entry.min),
        ("wall_time_max", entry.max),
        ("user_time", entry.user),
        ("system_time", entry.system),
    ] {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
    if let Some(memory) = entry.memory_usage_byte.as_deref().filter(|all| !all.is_empty()) {
        let bytes = Unit::of("bytes");
        found.metrics.push(sampled(metric(FORMAT, "peak_memory", middle(memory), &bytes), memory, &bytes));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&parse(&fixture("hyperfine", "recorded.json")).unwrap()));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"results\":[]}", "{\"results\":[{\"command\":\"a\"", "[]", "Benchmark 1: a\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
