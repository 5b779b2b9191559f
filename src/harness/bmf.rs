//! Bencher's BMF: a mapping of benchmarks to measures with `value`, `lower_value` and `upper_value`.
//!
//! `docs/harness/bmf.md` has the rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::adapter::{Adapter, Confidence, Reading};
use super::documents::documents;
use super::gather::{Gather, between, metric};
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed};
use crate::results::{Benchmark, Direction};

const HELP: &str = "expected `{\"name\": {\"latency\": {\"value\": 1.5}}}`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "bmf",
    title: "Bencher Metric Format, JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| {
        let mut inner = head.text().trim_start().trim_start_matches('{').trim_start();
        inner = inner.get(inner.find(": {").or_else(|| inner.find(":{")).unwrap_or(inner.len())..).unwrap_or_default();
        let measure = inner.trim_start_matches([':', ' ', '{', '\n', '\r', '\t']);
        let nested = measure.split_once(':').is_some_and(|(_, rest)| rest.trim_start().starts_with('{'));
        let found = head.json_object(&["value"])?;
        if nested { Ok(found.min(Confidence::Likely)) } else { Err("no measures below the names".into()) }
    },
};

#[derive(Deserialize)]
struct Measure {
    value: Option<f64>,
    lower_value: Option<f64>,
    upper_value: Option<f64>,
}

/// Reads the file.
///
/// # Errors
/// Where it is no JSON, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<serde_json::Map<String, serde_json::Value>>(bytes, HELP)? {
        last = document.line;
        for (name, measures) in document.value {
            let read: Result<BTreeMap<String, Measure>, _> = serde_json::from_value(measures);
            let Ok(measures) = read else {
                gather.broken(last, &name);
                continue;
            };
            let mut benchmark = Benchmark::new(name);
            benchmark.metrics = measures
                .into_iter()
                .filter_map(|(slug, measure)| {
                    let (name, unit, direction) = meaning(&slug);
                    let found = metric("bmf", &name, measure.value?, &unit);
                    let mut found = between(found, measure.lower_value, measure.upper_value, &unit);
                    found.direction = direction;
                    Some(found)
                })
                .collect();
            gather.add(last, benchmark);
        }
    }
    gather.finish(last, "no benchmark", HELP)
}

/// The measures that Bencher knows; others keep their name, and less is taken as better.
fn meaning(slug: &str) -> (String, Unit, Direction) {
    let (name, unit, direction) = match slug {
        "latency" => ("wall_time", "ns", Direction::Lower),
        "throughput" => ("rate", "ops/s", Direction::Higher),
        "build-time" => ("build_time", "s", Direction::Lower),
        "file-size" => ("file_size", "bytes", Direction::Lower),
        "accuracy" | "score" | "f1" | "precision" | "recall" => (slug, "ratio", Direction::Higher),
        _ => return (snake_case(slug), Unit::as_written("count"), Direction::Lower),
    };
    (name.into(), Unit::of(unit), direction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn measures_become_metrics() {
        let parsed = parse(&fixture("bmf", "documented.json")).unwrap();
        insta::assert_snapshot!("documented", listed(&parsed));
    }

    #[test]
    fn nothing_is_never_fine() {
        for text in ["", "{}", "{\"a\":{\"latency\":{\"value\":1", "[]", "{\"a\": 1}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
