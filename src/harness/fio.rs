//! `fio --output-format=json` or `json+`, also where the text for people stands around it.
//!
//! `docs/harness/fio.md` has the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::figures::{Draft, Extra, Figures, percentile};
use super::values::{documents, figure, plain};
use super::{HarnessError, Parsed, quoted};
use crate::results::{Direction, Reason, Validity};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "fio", title: "fio --output-format=json", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["fio version"])
}

/// What to do where there is nothing to read.
const HELP: &str = "give the file of `fio --output-format=json --output=FILE`";

/// Options that name places and not the work; they differ from machine to machine.
const PLACES: [&str; 12] = [
    "name",
    "filename",
    "directory",
    "output",
    "output-format",
    "write_bw_log",
    "write_lat_log",
    "write_iops_log",
    "write_hist_log",
    "filename_format",
    "description",
    "unlink",
];

/// Reads the file.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| value.get("jobs").or(value.get("client_stats")).is_some_and(Value::is_array);
    let mut figures = Figures::new("harness:fio");
    for document in documents(bytes, wanted, HELP)? {
        let root = &document.value;
        let global = options(root.get("global options"));
        let jobs = root.get("jobs").or(root.get("client_stats")).and_then(Value::as_array).into_iter().flatten();
        for entry in jobs.filter_map(Value::as_object) {
            job(entry, &global, document.line, &mut figures);
        }
    }
    figures.finish("the list of jobs is empty", HELP)
}

fn options(options: Option<&Value>) -> BTreeMap<String, String> {
    let all = options.and_then(Value::as_object).into_iter().flatten();
    let wanted = all.filter(|(key, _)| !PLACES.contains(&key.as_str()));
    // An option without a value, such as `time_based`, is on.
    wanted.map(|(key, value)| (key.clone(), plain(value).unwrap_or_else(|| "1".into()))).collect()
}

fn job(entry: &Map<String, Value>, global: &BTreeMap<String, String>, line: u64, figures: &mut Figures) {
    let name = entry.get("jobname").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or("(unnamed)");
    let mut draft = figures.draft(name, line);
    draft.parameters(global);
    draft.parameters(&options(entry.get("job options")));
    if let Some(host) = entry.get("hostname").and_then(plain) {
        draft.parameter("client", host);
    }
    for direction in ["read", "write", "trim", "mixed"] {
        if let Some(stats) = entry.get(direction).and_then(Value::as_object) {
            transfers(direction, stats, &mut draft);
        }
    }
    if let Some(sync) = entry.get("sync").and_then(Value::as_object).filter(|sync| total(sync) > 0.0) {
        latencies("sync", "latency", sync.get("lat_ns"), 1.0, &mut draft);
    }
    if !draft.benchmark.metrics.is_empty() {
        for (key, name) in [("usr_cpu", "user_cpu"), ("sys_cpu", "system_cpu")] {
            if let Some(value) = entry.get(key).and_then(figure) {
                draft.percent(name, value, Direction::Lower);
            }
        }
    }
    let error = entry.get("error").and_then(Value::as_i64).unwrap_or(0);
    if error != 0 {
        let text = format!("fio reports the error {error} for this job");
        figures.warn(line, format!("`{}`: {text}", quoted(name)));
        draft.benchmark.validity = Validity::Invalid { reason: Reason::new("job_error", text) };
    }
    figures.add(draft);
}

fn total(stats: &Map<String, Value>) -> f64 {
    stats.get("total_ios").and_then(figure).unwrap_or(0.0)
}

fn transfers(direction: &str, stats: &Map<String, Value>, draft: &mut Draft) {
    let get = |key: &str| stats.get(key).and_then(figure);
    // Before version 3 there is no number of operations in some builds.
    if total(stats) == 0.0 && get("io_bytes").unwrap_or(0.0) == 0.0 {
        return;
    }
    if let Some(iops) = get("iops") {
        // The deviation is one of periods of time, around their own mean, which need not be this figure.
        draft.rate(&format!("{direction}_iops"), iops, "IOPS").deviation(get("iops_stddev").filter(|d| *d > 0.0), 1.0);
    }
    let name = format!("{direction}_bandwidth");
    match (get("bw_bytes"), get("bw")) {
        (Some(bytes), _) => {
            draft.scaled_bandwidth(&name, bytes, 1.0, "B/s");
        }
        (None, Some(kibibytes)) => {
            draft.scaled_bandwidth(&name, kibibytes, 1024.0, "KiB/s");
        }
        (None, None) => {}
    }
    // Nanoseconds since version 3, microseconds before.
    for (new, old, what) in [
        ("lat_ns", "lat", "latency"),
        ("clat_ns", "clat", "completion_latency"),
        ("slat_ns", "slat", "submission_latency"),
    ] {
        match stats.get(new) {
            Some(part) => latencies(direction, what, Some(part), 1.0, draft),
            None => latencies(direction, what, stats.get(old), 1e3, draft),
        }
    }
}

/// Minimum, mean, maximum and percentiles; `scale` makes nanoseconds of the file's figures.
fn latencies(direction: &str, what: &str, part: Option<&Value>, scale: f64, draft: &mut Draft) {
    let Some(part) = part.and_then(Value::as_object) else { return };
    let get = |key: &str| part.get(key).and_then(figure);
    let unit = if scale == 1.0 { "ns" } else { "us" };
    // Operations of which none took part in this: `slat` of a synchronous engine.
    if get("N") == Some(0.0) || get("max").unwrap_or(0.0) == 0.0 {
        return;
    }
    for (key, statistic) in [("mean", "mean"), ("min", "min"), ("max", "max")] {
        if let Some(value) = get(key) {
            let deviation = get("stddev").filter(|_| key == "mean");
            draft.time(&format!("{direction}_{what}_{statistic}"), value, unit).deviation(deviation, scale);
        }
    }
    let percentiles = part.get("percentile").or(part.get("percentiles")).and_then(Value::as_object);
    for (rank, value) in percentiles.into_iter().flatten() {
        if let (Ok(rank), Some(value)) = (rank.parse::<f64>(), figure(value)) {
            draft.time(&format!("{direction}_{what}_{}", percentile(rank)), value, unit);
        }
    }
}

#[cfg(test)]
mod tests;
