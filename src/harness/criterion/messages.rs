//! cargo-criterion's `--message-format json`: one message a line.

use serde::Deserialize;

use super::{FORMAT, HELP};
use crate::harness::gather::{Gather, between, metric, sampled};
use crate::harness::units::Unit;
use crate::harness::{HarnessError, Parsed, quoted};
use crate::results::Benchmark;

#[derive(Deserialize)]
struct Message {
    id: String,
    #[serde(default)]
    iteration_count: Vec<f64>,
    #[serde(default)]
    measured_values: Vec<f64>,
    #[serde(default)]
    throughput: Vec<Throughput>,
    typical: Estimate,
    mean: Option<Estimate>,
    median: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    estimate: f64,
    lower_bound: Option<f64>,
    upper_bound: Option<f64>,
    #[serde(default)]
    unit: String,
}

#[derive(Deserialize)]
struct Throughput {
    per_iteration: f64,
    #[serde(default)]
    unit: String,
}

/// Whether a line tells of a finished benchmark.
pub(super) fn is_message(line: &str) -> bool {
    line.trim_start().starts_with('{') && line.contains("\"benchmark-complete\"")
}

pub(super) fn parse(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    let lines = text.lines().count();
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let looks = line.trim_start().starts_with("{\"reason\"");
        match serde_json::from_str::<Message>(line) {
            Ok(message) if is_message(line) => gather.add(last, benchmark(&message)),
            Err(error) if looks && error.is_eof() && index + 1 == lines => {
                let text = format!("cut off in the middle of `{}`", quoted(line));
                let column = line.chars().count() as u64;
                return Err(HarnessError::new(last, column.max(1), text, "did `cargo criterion` run to its end?"));
            }
            Err(_) if is_message(line) => gather.broken(last, line),
            _ => {}
        }
    }
    gather.finish(last, "no message `benchmark-complete`", HELP)
}

fn benchmark(message: &Message) -> Benchmark {
    let mut found = Benchmark::new(&message.id);
    let unit = Unit::of(&message.typical.unit);
    let samples: Vec<f64> = message
        .measured_values
        .iter()
        .zip(&message.iteration_count)
        .filter(|(_, iterations)| **iterations > 0.0)
        .map(|(value, iterations)| value / iterations)
        .collect();
    let name = if unit.unit == "ns" { "wall_time" } else { unit.metric.as_str() };
    let of = |name: &str, estimate: &Estimate| {
        between(metric(FORMAT, name, estimate.estimate, &unit), estimate.lower_bound, estimate.upper_bound, &unit)
    };
    let mut typical = sampled(of(name, &message.typical), &samples, &unit);
    typical.iterations = Some(message.iteration_count.iter().sum::<f64>() as u64).filter(|sum| *sum > 0);
    found.metrics.push(typical);
    found.metrics.extend(message.mean.as_ref().map(|estimate| of(&format!("{name}_mean"), estimate)));
    found.metrics.extend(message.median.as_ref().map(|estimate| of(&format!("{name}_median"), estimate)));
    let nanoseconds = message.typical.estimate * unit.scale;
    for one in message.throughput.iter().filter(|_| unit.unit == "ns" && nanoseconds > 0.0) {
        let rate = one.per_iteration / nanoseconds * 1e9;
        found.metrics.push(match one.unit.as_str() {
            "bytes" => metric(FORMAT, "throughput", rate, &Unit::of("B/s")),
            _ => metric(FORMAT, "rate", rate, &Unit::of("elem/s")),
        });
    }
    found
}
