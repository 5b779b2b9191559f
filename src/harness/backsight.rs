//! Backsight's own JSON: what `convert` writes, and what a benchmark of one's own can print.
//!
//! `docs/harness/backsight.md` has the rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, between, metric, middle, sampled};
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Direction, Execution, Reason, Validity};

const HELP: &str =
    "expected `{\"benchmarks\": [{\"name\": \"a\", \"metrics\": [{\"value\": 1.5, \"unit\": \"ms\"}]}]}`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "backsight",
    title: "Backsight's own documented JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_object(&["benchmarks", "metrics", "value"]),
};

#[derive(Deserialize)]
struct Root {
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    metrics: Vec<Measured>,
    #[serde(default)]
    validity: Validity,
    execution: Option<Box<Execution>>,
}

#[derive(Deserialize)]
struct Measured {
    metric: Option<String>,
    value: Option<f64>,
    #[serde(default)]
    unit: String,
    direction: Option<Direction>,
    lower: Option<f64>,
    upper: Option<f64>,
    #[serde(default)]
    samples: Vec<f64>,
    iterations: Option<u64>,
    original_unit: Option<String>,
    note: Option<String>,
}

/// What became of a model that our own program was asked for, as it says beside its report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// `passed`, `failed`, `skipped`, `errored`.
    pub status: String,
    /// Why it did not pass.
    pub reason: Option<Reason>,
}

/// What a report of our own program says became of it; `None` where it does not say.
pub fn outcome(bytes: &[u8]) -> Option<Outcome> {
    #[derive(Deserialize)]
    struct Told {
        outcome: Outcome,
    }
    serde_json::from_slice::<Told>(bytes).ok().map(|told| told.outcome)
}

/// Reads the file.
///
/// # Errors
/// Where it is no such JSON, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        for entry in document.value.benchmarks {
            let (validity, execution) = (entry.validity, entry.execution);
            let mut found = Benchmark { validity, execution, ..Benchmark::new(&entry.name) };
            for (key, value) in entry.parameters {
                found.parameters.insert(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            for measured in entry.metrics {
                match one(measured) {
                    Some(metric) => found.metrics.push(metric),
                    None => gather
                        .warn(last, format!("a metric of `{}` has neither value nor samples", quoted(&entry.name))),
                }
            }
            gather.add(last, found);
        }
    }
    gather.finish(last, "the list of `benchmarks` is empty", HELP)
}

fn one(measured: Measured) -> Option<crate::results::Metric> {
    let unit = Unit::of(&measured.unit);
    let value = measured.value.or_else(|| (!measured.samples.is_empty()).then(|| middle(&measured.samples)))?;
    let name = measured.metric.map_or_else(|| unit.metric.clone(), |name| snake_case(&name));
    let mut found = sampled(metric("backsight", &name, value, &unit), &measured.samples, &unit);
    found = between(found, measured.lower, measured.upper, &unit);
    found.iterations = measured.iterations;
    found.note = measured.note;
    found.direction = measured.direction.unwrap_or(found.direction);
    found.original_unit = measured.original_unit.or(found.original_unit);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_documented_file_is_read() {
        insta::assert_snapshot!("documented", listed(&parse(&fixture("backsight", "documented.json")).unwrap()));
    }

    #[test]
    fn an_own_doubt_and_the_execution_are_taken_over() {
        let text = r#"{"benchmarks":[{"name":"a","metrics":[{"value":1,"unit":"ms"}],
            "validity":{"state":"invalid","reason":{"code":"too_few","text":"8 of 20 queries"}},
            "execution":{"runtime":"onnxruntime 1.32.0","nodes":{"CPUExecutionProvider":3}}}]}"#;
        let found = &parse(text.as_bytes()).unwrap().benchmarks[0];
        assert!(matches!(&found.validity, Validity::Invalid { reason } if reason.code == "too_few"));
        assert_eq!(found.execution.as_ref().and_then(|it| it.share("CPUExecutionProvider")), Some(1.0));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"benchmarks\":[]}", "{\"benchmarks\":[{\"name\":\"a\"", "[]"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
