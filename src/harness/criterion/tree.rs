//! `target/criterion`: for each benchmark a folder `new` with its estimates, its samples and what it is called.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{FORMAT, HELP};
use crate::harness::adapter::TreeFile;
use crate::harness::gather::{Gather, between, metric, sampled};
use crate::harness::units::Unit;
use crate::harness::{HarnessError, Parsed};
use crate::results::Benchmark;

#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
    median: Option<Estimate>,
    slope: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

#[derive(Deserialize)]
struct Identity {
    full_id: Option<String>,
    throughput: Option<BTreeMap<String, Amount>>,
}

/// What one iteration works through.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    /// Bytes, elements or bits.
    One(f64),
    /// Elements and the bytes that they are.
    Both { elements: f64, bytes: f64 },
}

/// The files of one benchmark.
#[derive(Default)]
struct Files<'a> {
    estimates: Option<&'a [u8]>,
    sample: Option<&'a [u8]>,
    raw: Option<&'a [u8]>,
    identity: Option<&'a [u8]>,
}

pub(super) fn wants(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    matches!(file, "estimates.json" | "sample.json" | "raw.csv" | "benchmark.json") && parts.next() == Some("new")
}

pub(super) fn read(files: &[TreeFile]) -> Result<Parsed, HarnessError> {
    let mut folders: BTreeMap<&str, Files<'_>> = BTreeMap::new();
    for (path, bytes) in files {
        let Some((folder, file)) = path.rsplit_once('/') else { continue };
        let own = folders.entry(folder.strip_suffix("/new").unwrap_or(folder)).or_default();
        match file {
            "estimates.json" => own.estimates = Some(bytes),
            "sample.json" => own.sample = Some(bytes),
            "raw.csv" => own.raw = Some(bytes),
            _ => own.identity = Some(bytes),
        }
    }
    let mut gather = Gather::default();
    for (folder, files) in folders {
        let broken = |file: &str, error: &serde_json::Error| {
            let (line, column) = (error.line().max(1) as u64, error.column().max(1) as u64);
            HarnessError::new(line, column, format!("`{folder}/new/{file}` cannot be read"), HELP)
        };
        let Some(estimates) = files.estimates else {
            gather.warn(1, format!("`{folder}` has no estimates.json; was it measured to its end?"));
            continue;
        };
        let estimates: Estimates =
            serde_json::from_slice(estimates).map_err(|error| broken("estimates.json", &error))?;
        let identity: Option<Identity> =
            files.identity.map(serde_json::from_slice).transpose().map_err(|error| broken("benchmark.json", &error))?;
        let samples = match (files.sample, files.raw) {
            (Some(bytes), _) => {
                let sample: Sample = serde_json::from_slice(bytes).map_err(|error| broken("sample.json", &error))?;
                per_iteration(sample.times.iter().copied().zip(sample.iters.iter().copied()))
            }
            (None, Some(bytes)) => raw(bytes),
            (None, None) => (Vec::new(), 0),
        };
        gather.add(1, benchmark(folder, &estimates, identity.as_ref(), &samples));
    }
    gather.finish(1, "no folder `new` with estimates.json", HELP)
}

/// Times of single iterations, and how many iterations there were.
fn per_iteration(pairs: impl Iterator<Item = (f64, f64)>) -> (Vec<f64>, u64) {
    let (mut samples, mut sum) = (Vec::new(), 0.0);
    for (time, iterations) in pairs.filter(|(_, iterations)| *iterations > 0.0) {
        samples.push(time / iterations);
        sum += iterations;
    }
    (samples, sum as u64)
}

/// `group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count`; names may hold
/// commas, so the columns are counted from the end.
fn raw(bytes: &[u8]) -> (Vec<f64>, u64) {
    let text = String::from_utf8_lossy(bytes);
    let pairs = text.lines().skip(1).filter_map(|line| {
        let mut cells = line.rsplit(',');
        let iterations: f64 = cells.next()?.trim().parse().ok()?;
        let unit = Unit::time(cells.next()?.trim())?;
        let time: f64 = cells.next()?.trim().parse().ok()?;
        Some((time * unit.scale, iterations))
    });
    per_iteration(pairs)
}

fn benchmark(folder: &str, estimates: &Estimates, identity: Option<&Identity>, samples: &(Vec<f64>, u64)) -> Benchmark {
    let name = identity.and_then(|identity| identity.full_id.as_deref()).unwrap_or(folder);
    let mut found = Benchmark::new(name);
    let unit = Unit::nanoseconds();
    let of = |name: &str, estimate: &Estimate| {
        let Interval { lower_bound, upper_bound } = estimate.confidence_interval;
        between(metric(FORMAT, name, estimate.point_estimate, &unit), Some(lower_bound), Some(upper_bound), &unit)
    };
    let mut typical = of("wall_time", estimates.slope.as_ref().unwrap_or(&estimates.mean));
    typical = sampled(typical, &samples.0, &unit);
    typical.iterations = Some(samples.1).filter(|sum| *sum > 0);
    let nanoseconds = typical.value;
    found.metrics.push(typical);
    found.metrics.push(of("wall_time_mean", &estimates.mean));
    found.metrics.extend(estimates.median.as_ref().map(|median| of("wall_time_median", median)));
    let throughput = identity.and_then(|identity| identity.throughput.as_ref());
    for (kind, amount) in throughput.into_iter().flatten().filter(|_| nanoseconds > 0.0) {
        let rate = |amount: f64| amount / nanoseconds * 1e9;
        let bytes = |amount: f64| metric(FORMAT, "throughput", rate(amount), &Unit::of("B/s"));
        let elements = |amount: f64| metric(FORMAT, "rate", rate(amount), &Unit::of("elem/s"));
        match (kind.as_str(), amount) {
            ("Bytes" | "BytesDecimal", Amount::One(amount)) => found.metrics.push(bytes(*amount)),
            ("Bits", Amount::One(amount)) => found.metrics.push(bytes(amount / 8.0)),
            (_, Amount::One(amount)) => found.metrics.push(elements(*amount)),
            (_, Amount::Both { elements: count, bytes: size }) => {
                found.metrics.extend([elements(*count), bytes(*size)]);
            }
        }
    }
    found
}
