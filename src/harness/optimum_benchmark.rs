//! `benchmark_report.json` and `benchmark.json` of optimum-benchmark.
//!
//! `docs/harness/optimum-benchmark.md` has the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::figures::{Draft, Extra, Figures};
use super::values::{documents, figure, numbers, plain};
use super::{HarnessError, Parsed};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "optimum-benchmark",
    title: "optimum-benchmark reports",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["latency", "unit", "values"])
}

/// What to do where there is nothing to read.
const HELP: &str = "give the `benchmark_report.json` or `benchmark.json` of the run's folder";

/// What a phase can hold.
const PARTS: [&str; 5] = ["latency", "throughput", "memory", "energy", "efficiency"];

/// Reads the file.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut figures = Figures::new("harness:optimum-benchmark");
    for document in documents(bytes, |value| phases(value).next().is_some(), HELP)? {
        let shared = parameters(document.value.get("config"));
        for (phase, parts) in phases(&document.value) {
            let mut draft = figures.draft(phase, document.line);
            draft.parameters(&shared);
            self::phase(parts, &mut draft);
            figures.add(draft);
        }
    }
    figures.finish("no phase with figures", HELP)
}

/// The phases of a report, which may stand in `report`.
fn phases(root: &Value) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
    let report = root.get("report").unwrap_or(root).as_object().into_iter().flatten();
    let with_parts = report.filter_map(|(name, parts)| Some((name.as_str(), parts.as_object()?)));
    with_parts.filter(|(_, parts)| PARTS.iter().any(|part| parts.get(*part).is_some_and(Value::is_object)))
}

fn parameters(config: Option<&Value>) -> BTreeMap<String, String> {
    let get = |path: &[&str]| path.iter().try_fold(config?, |value, key| value.get(key)).and_then(plain);
    let wanted: [(&str, &[&str]); 12] = [
        ("name", &["name"]),
        ("backend", &["backend", "name"]),
        ("model", &["backend", "model"]),
        ("task", &["backend", "task"]),
        ("device", &["backend", "device"]),
        ("dtype", &["backend", "torch_dtype"]),
        ("quantization", &["backend", "quantization_scheme"]),
        ("scenario", &["scenario", "name"]),
        ("batch_size", &["scenario", "input_shapes", "batch_size"]),
        ("sequence_length", &["scenario", "input_shapes", "sequence_length"]),
        ("max_new_tokens", &["scenario", "generate_kwargs", "max_new_tokens"]),
        ("launcher", &["launcher", "name"]),
    ];
    wanted.into_iter().filter_map(|(name, path)| Some((name.to_owned(), get(path)?))).collect()
}

fn phase(parts: &Map<String, Value>, draft: &mut Draft) {
    let part = |name: &str| parts.get(name).and_then(Value::as_object);
    if let Some(latency) = part("latency") {
        let unit = unit(latency, "s");
        let values = latency.get("values").and_then(numbers).unwrap_or_default();
        let runs = latency.get("count").and_then(figure).map(|n| n as u64).or(Some(values.len() as u64));
        // Nothing but the values is stored in some versions; the mean is theirs.
        let mean = latency
            .get("mean")
            .and_then(figure)
            .or_else(|| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64));
        let deviation = latency.get("stdev").and_then(figure);
        if let Some(mean) = mean {
            let scale = if unit == "ms" { 1e6 } else { 1e9 };
            draft.time("latency_mean", mean, unit).deviation(deviation, scale).samples(values, scale).iterations(runs);
        }
        for key in ["p50", "p90", "p95", "p99"] {
            if let Some(value) = latency.get(key).and_then(figure) {
                draft.time(&format!("latency_{key}"), value, unit);
            }
        }
    }
    if let Some(throughput) = part("throughput")
        && let Some(value) = throughput.get("value").and_then(figure)
    {
        draft.rate("throughput", value, unit(throughput, "samples/s"));
    }
    if let Some(memory) = part("memory") {
        let unit = unit(memory, "MB");
        for (key, value) in memory.iter().filter(|(key, _)| key.starts_with("max_")) {
            if let Some(value) = figure(value) {
                draft.size(key, value, unit);
            }
        }
    }
    if let Some(energy) = part("energy") {
        let unit = unit(energy, "kWh");
        for key in ["cpu", "ram", "gpu", "total"] {
            if let Some(value) = energy.get(key).and_then(figure) {
                draft.plain(&format!("energy_{key}"), value, unit, Direction::Lower);
            }
        }
    }
    if let Some(efficiency) = part("efficiency")
        && let Some(value) = efficiency.get("value").and_then(figure)
    {
        draft.plain("efficiency", value, unit(efficiency, "samples/kWh"), Direction::Higher);
    }
}

fn unit<'a>(part: &'a Map<String, Value>, usual: &'a str) -> &'a str {
    part.get("unit").and_then(Value::as_str).unwrap_or(usual)
}

#[cfg(test)]
mod tests;
