//! BenchmarkDotNet's JSON (`--exporters json` and its full and brief forms): statistics in nanoseconds, raw values,
//! memory, hardware counters.
//!
//! `docs/harness/benchmarkdotnet.md` has the rules.

use serde::Deserialize;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, between, give_or_take, invalid, metric, plain, sampled};
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed};
use crate::results::{Benchmark, Direction};

const FORMAT: &str = "benchmarkdotnet";
const HELP: &str = "run it with `--exporters json`; the file is `BenchmarkDotNet.Artifacts/results/*.json`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "benchmarkdotnet",
    title: "BenchmarkDotNet's JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| head.json_object(&["HostEnvironmentInfo"]),
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Root {
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    display_info: String,
    full_name: Option<String>,
    method_title: Option<String>,
    parameters: Option<String>,
    statistics: Option<Statistics>,
    memory: Option<Memory>,
    #[serde(default)]
    metrics: Option<Vec<Extra>>,
    #[serde(default)]
    measurements: Option<Vec<Measurement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    #[serde(default)]
    original_values: Option<Vec<Option<f64>>>,
    mean: Option<f64>,
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    standard_deviation: Option<f64>,
    confidence_interval: Option<Interval>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Interval {
    lower: Option<f64>,
    upper: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Memory {
    gen0_collections: Option<f64>,
    gen1_collections: Option<f64>,
    gen2_collections: Option<f64>,
    bytes_allocated_per_operation: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Extra {
    value: Option<f64>,
    descriptor: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Descriptor {
    id: String,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    the_greater_the_better: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Measurement {
    #[serde(default)]
    iteration_mode: Option<String>,
    #[serde(default)]
    iteration_stage: Option<String>,
    #[serde(default)]
    operations: u64,
}

/// Reads the file.
///
/// # Errors
/// Where it is no JSON of BenchmarkDotNet, damaged, cut off, or has no benchmark.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        document.value.benchmarks.into_iter().for_each(|entry| gather.add(last, benchmark(entry)));
    }
    gather.finish(last, "the list of `Benchmarks` is empty", HELP)
}

fn benchmark(entry: Entry) -> Benchmark {
    let name = entry.full_name.or(entry.method_title).unwrap_or_else(|| entry.display_info.clone());
    let mut found = Benchmark::new(name);
    for pair in entry.parameters.iter().flat_map(|text| text.split('&')).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or(("parameter", pair));
        found.parameters.insert(key.trim().into(), value.trim().into());
    }
    found.parameters.extend(job(&entry.display_info).map(|job| ("job".into(), job.into())));
    match &entry.statistics {
        Some(statistics) => times(&mut found, statistics, &entry.measurements),
        None => found.validity = invalid("BenchmarkDotNet has no statistics for it: it failed"),
    }
    let extras = entry.metrics.unwrap_or_default();
    if let Some(memory) = &entry.memory {
        allocations(&mut found, memory);
    }
    for Extra { value, descriptor } in extras {
        let written = descriptor.unit.as_deref().filter(|unit| !unit.is_empty()).unwrap_or("count");
        let is_known = descriptor.id == "Allocated Memory" || descriptor.id.starts_with("Gen");
        if let Some(value) = value.filter(|_| !(is_known && entry.memory.is_some())) {
            let mut one = metric(FORMAT, &snake_case(&descriptor.id), value, &Unit::of(written));
            one.direction = if descriptor.the_greater_the_better { Direction::Higher } else { Direction::Lower };
            found.metrics.push(one);
        }
    }
    found
}

/// The job in `Type.Method: Job-ABC(Runtime=.NET 8.0) [N=10]`; none for the default.
fn job(display: &str) -> Option<&str> {
    let (_, job) = display.split_once(": ")?;
    let job = job.split(" [").next()?.trim();
    (!job.is_empty() && job != "DefaultJob").then_some(job)
}

fn times(found: &mut Benchmark, statistics: &Statistics, measurements: &Option<Vec<Measurement>>) {
    let unit = Unit::nanoseconds();
    let Some(mean) = statistics.mean.or(statistics.median) else { return };
    let mut main = metric(FORMAT, "wall_time", mean, &unit);
    main = match &statistics.confidence_interval {
        Some(interval) => between(main, interval.lower, interval.upper, &unit),
        None => give_or_take(main, statistics.standard_deviation, &unit),
    };
    let samples: Option<Vec<f64>> = statistics.original_values.iter().flatten().copied().collect();
    main = sampled(main, &samples.unwrap_or_default(), &unit);
    let counted = |one: &&Measurement| {
        one.iteration_mode.as_deref() == Some("Workload")
            && matches!(one.iteration_stage.as_deref(), Some("Actual" | "Result"))
    };
    let stage = |name: &str| {
        let of =
            measurements.iter().flatten().filter(counted).filter(|one| one.iteration_stage.as_deref() == Some(name));
        of.fold(0_u64, |sum, one| sum.saturating_add(one.operations))
    };
    main.iterations = [stage("Result"), stage("Actual")].into_iter().find(|sum| *sum > 0);
    found.metrics.push(main);
    for (name, value) in
        [("wall_time_median", statistics.median), ("wall_time_min", statistics.min), ("wall_time_max", statistics.max)]
    {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
}

fn allocations(found: &mut Benchmark, memory: &Memory) {
    let bytes = Unit::of("bytes");
    found.metrics.extend(memory.bytes_allocated_per_operation.map(|value| metric(FORMAT, "bytes", value, &bytes)));
    for (name, value) in [
        ("gen0_collections", memory.gen0_collections),
        ("gen1_collections", memory.gen1_collections),
        ("gen2_collections", memory.gen2_collections),
    ] {
        found.metrics.extend(value.map(|value| plain(FORMAT, name, value, "count", Direction::Lower)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_given_file_is_read() {
        insta::assert_snapshot!("given", listed(&parse(&fixture("benchmarkdotnet", "benchmarkdotnet.json")).unwrap()));
    }

    #[test]
    fn memory_parameters_jobs_and_failures_are_read() {
        let text = r#"{"HostEnvironmentInfo":{},"Benchmarks":[
            {"DisplayInfo":"T.M: Job-A(Runtime=.NET 8.0) [N=10]","FullName":"X.T.M(N: 10)","Parameters":"N=10&Kind=a",
             "Statistics":{"Mean":5.5,"Min":5,"Max":6,"StandardDeviation":0.5},
             "Memory":{"Gen0Collections":3,"BytesAllocatedPerOperation":24},
             "Metrics":[{"Value":24,"Descriptor":{"Id":"Allocated Memory","Unit":"B"}},
                        {"Value":7,"Descriptor":{"Id":"CacheMisses","Unit":"","TheGreaterTheBetter":false}}]},
            {"DisplayInfo":"T.Bad: DefaultJob","FullName":"X.T.Bad","Parameters":"","Statistics":null}]}"#;
        insta::assert_snapshot!("written", listed(&parse(text.as_bytes()).unwrap()));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"Benchmarks\":[]}", "{\"Benchmarks\":[{", "[]"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
