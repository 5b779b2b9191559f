//! JMH's JSON (`-rf json`): all modes, parameters, raw data and secondary metrics.
//!
//! `docs/harness/jmh.md` has the rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, between, metric, sampled};
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Direction, Metric};

const HELP: &str = "run it with `-rf json -rff FILE`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "jmh",
    title: "the JSON of JMH",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_list(&["benchmark", "primaryMetric", "mode"]),
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    benchmark: String,
    mode: String,
    #[serde(default)]
    threads: Option<u64>,
    #[serde(default)]
    params: BTreeMap<String, Value>,
    primary_metric: Score,
    #[serde(default)]
    secondary_metrics: BTreeMap<String, Score>,
}

/// Numbers may be the text `NaN`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Score {
    score: Value,
    #[serde(default)]
    score_error: Value,
    #[serde(default)]
    score_confidence: Vec<Value>,
    #[serde(default)]
    score_percentiles: BTreeMap<String, Value>,
    score_unit: String,
    #[serde(default)]
    raw_data: Option<Vec<Vec<Value>>>,
}

/// Reads the file.
///
/// # Errors
/// Where it is no JSON of JMH, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Vec<Entry>>(bytes, HELP)? {
        last = document.line;
        for entry in document.value {
            if number(&entry.primary_metric.score).is_none() {
                gather.warn(last, format!("the score of `{}` is no number", quoted(&entry.benchmark)));
            }
            gather.add(last, benchmark(entry));
        }
    }
    gather.finish(last, "the list of results is empty", HELP)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|value: &f64| value.is_finite())
}

fn benchmark(entry: Entry) -> Benchmark {
    let mut found = Benchmark::new(&entry.benchmark);
    for (key, value) in entry.params {
        found.parameters.insert(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    found.parameters.insert("mode".into(), entry.mode.clone());
    if let Some(threads) = entry.threads.filter(|threads| *threads > 1) {
        found.parameters.insert("threads".into(), threads.to_string());
    }
    let unit = Unit::of(&entry.primary_metric.score_unit);
    let name = if unit.is_rate { "rate" } else { "wall_time" };
    found.metrics.extend(primary(&entry.primary_metric, name, &unit, &entry.mode));
    for (name, score) in entry.secondary_metrics {
        let unit = Unit::of(&score.score_unit);
        let name = name.trim_start_matches(['·', '\u{fffd}', '?']);
        let Some(mut one) = primary(&score, &snake_case(name), &unit, "").into_iter().next() else { continue };
        if name.starts_with("gc.") || name.starts_with("mem.") || name.starts_with("safepoint") {
            one.direction = Direction::Lower;
        }
        found.metrics.push(one);
    }
    found
}

/// The score with its interval and samples; in sample mode the percentiles too, which are of single calls.
fn primary(score: &Score, name: &str, unit: &Unit, mode: &str) -> Vec<Metric> {
    let Some(value) = number(&score.score) else { return Vec::new() };
    let mut main = metric("jmh", name, value, unit);
    let (low, high) = match score.score_confidence.as_slice() {
        [low, high] => (number(low), number(high)),
        _ => {
            let by = number(&score.score_error);
            (by.map(|by| value - by), by.map(|by| value + by))
        }
    };
    main = between(main, low, high, unit);
    let raw: Option<Vec<f64>> =
        score.raw_data.as_ref().and_then(|forks| forks.iter().flatten().map(number).collect::<Option<Vec<f64>>>());
    main = sampled(main, &raw.unwrap_or_default(), unit);
    let mut all = vec![main];
    if mode == "sample" {
        for (percentile, value) in &score.score_percentiles {
            let ending = match percentile.as_str() {
                "0.0" => "min".to_owned(),
                "100.0" => "max".to_owned(),
                other => format!("p{}", other.strip_suffix(".0").unwrap_or(other).replace('.', "_")),
            };
            all.extend(number(value).map(|value| metric("jmh", &format!("{name}_{ending}"), value, unit)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, fixture, listed};

    #[test]
    fn given_and_documented_files_are_read() {
        for file in ["jmh_output.json", "jmh_output_2.json", "documented.json"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("jmh", file)).unwrap()));
        }
    }

    #[test]
    fn rates_are_per_second_and_higher_is_better() {
        let text = r#"[{"benchmark":"a","mode":"thrpt","primaryMetric":{"score":2.5,"scoreError":"NaN","scoreUnit":"ops/ms"}}]"#;
        let found = parse(text.as_bytes()).unwrap().benchmarks[0].metrics[0].clone();
        close(Some(found.value), 2500.0);
        assert_eq!((found.direction, found.unit.as_str(), found.lower), (Direction::Higher, "1/s", None));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "[]", "[{\"benchmark\":\"a\"", "{}", "[{}]"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
