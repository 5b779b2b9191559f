//! Julia's BenchmarkTools: what `BenchmarkTools.save("file.json", ...)` writes, groups within groups.
//!
//! `docs/harness/julia.md` has the rules.

use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, metric, middle, plain, sampled};
use super::units::Unit;
use super::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "julia";
const HELP: &str = "write it with `BenchmarkTools.save(\"results.json\", results)`";
/// How deep groups may nest; JSON is read no deeper anyway.
const DEPTH: usize = 64;

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "julia",
    title: "the JSON of Julia's BenchmarkTools",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_list(&["Julia", "BenchmarkTools"]),
};

/// Reads the file.
///
/// # Errors
/// Where it is no JSON of BenchmarkTools, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Value>(bytes, HELP)? {
        last = document.line;
        let Some(values) = document.value.get(1).and_then(Value::as_array) else {
            return Err(HarnessError::new(last, 1, "not a file of BenchmarkTools: no list behind the versions", HELP));
        };
        for value in values {
            take(&mut gather, last, &mut Vec::new(), value);
        }
    }
    gather.finish(last, "no trial in the groups", HELP)
}

/// A pair of type name and content.
fn take<'a>(gather: &mut Gather, line: u64, path: &mut Vec<&'a str>, value: &'a Value) {
    let (kind, content) = match value.as_array().map(Vec::as_slice) {
        Some([Value::String(kind), content]) => (kind.as_str(), content),
        _ => return gather.broken(line, &format!("{}: {value}", path.join("/"))),
    };
    // Newer versions write the module before the type.
    match kind.rsplit('.').next().unwrap_or(kind) {
        "BenchmarkGroup" => {
            let groups = content.get("data").and_then(Value::as_object);
            for (key, inner) in groups.into_iter().flatten() {
                if path.len() < DEPTH {
                    path.push(key);
                    take(gather, line, path, inner);
                    path.pop();
                }
            }
        }
        "Trial" => gather.add(line, benchmark(path, content, &numbers(content, "times"), &numbers(content, "gctimes"))),
        "TrialEstimate" => {
            gather.add(line, benchmark(path, content, &numbers(content, "time"), &numbers(content, "gctime")));
        }
        other => gather.warn(line, format!("`{}` is a {}, not a measurement", quoted(&path.join("/")), quoted(other))),
    }
}

/// A number or a list of numbers.
fn numbers(content: &Value, key: &str) -> Vec<f64> {
    match content.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_f64).collect(),
        Some(value) => value.as_f64().into_iter().collect(),
        None => Vec::new(),
    }
}

fn benchmark(path: &[&str], content: &Value, times: &[f64], collecting: &[f64]) -> Benchmark {
    let name = if path.is_empty() { "benchmark".to_owned() } else { path.join("/") };
    let mut found = Benchmark::new(name);
    let unit = Unit::nanoseconds();
    let of = |name: &str, values: &[f64]| -> Option<Metric> {
        let one = metric(FORMAT, name, middle(values), &unit);
        match values {
            [] => None,
            [_] => Some(one),
            many => Some(sampled(one, many, &unit)),
        }
    };
    let evaluations = content.pointer("/params/1/evals").and_then(Value::as_u64);
    found.metrics.extend(of("wall_time", times).map(|mut time| {
        time.iterations = evaluations.map(|each| each.saturating_mul(times.len() as u64));
        time
    }));
    found.metrics.extend(of("gc_time", collecting));
    let number = |key: &str| content.get(key).and_then(Value::as_f64);
    found.metrics.extend(number("memory").map(|value| metric(FORMAT, "bytes", value, &Unit::of("bytes"))));
    found.metrics.extend(number("allocs").map(|value| plain(FORMAT, "allocs", value, "count", Direction::Lower)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_given_file_is_read() {
        insta::assert_snapshot!("given", listed(&parse(&fixture("julia", "julia_output.json")).unwrap()));
    }

    #[test]
    fn trials_have_samples() {
        let text = r#"[{"Julia":"1.9","BenchmarkTools":"1.3"},[["BenchmarkTools.Trial",{"times":[3.0,1.0,2.0],
            "gctimes":[0.0,0.0,0.0],"memory":16,"allocs":1,"params":["BenchmarkTools.Parameters",{"evals":10}]}]]]"#;
        insta::assert_snapshot!("trial", listed(&parse(text.as_bytes()).unwrap()));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "[]", "{}", "[{\"Julia\":\"1\"},[[\"BenchmarkGroup\",{\"data\":{}}]]]", "[{\"Julia\":"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
