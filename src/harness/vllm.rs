//! The JSON of `vllm bench serve`, `throughput` and `latency`, and of the scripts that came before them.
//!
//! `docs/harness/vllm.md` has the rules.

use serde_json::{Map, Value};

use super::figures::{Draft, Extra, Figures, percentile};
use super::values::{documents, figure, numbers, plain};
use super::{HarnessError, Parsed};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "vllm",
    title: "vllm bench serve, throughput and latency",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    let serve = head.with_keys(&["request_throughput", "completed"]);
    let throughput = || head.with_keys(&["elapsed_time", "requests_per_second"]);
    serve.or_else(|_| throughput()).or_else(|_| head.with_keys(&["avg_latency", "latencies"]))
}

/// What to do where there is nothing to read.
const HELP: &str = "give the file of `vllm bench serve --save-result` or of `--output-json`";

/// What makes one run of `serve` comparable with another.
const PARAMETERS: [&str; 14] = [
    "backend",
    "endpoint_type",
    "label",
    "model_id",
    "tokenizer_id",
    "best_of",
    "num_prompts",
    "request_rate",
    "burstiness",
    "max_concurrency",
    "dataset_name",
    "ramp_up_strategy",
    "random_input_len",
    "random_output_len",
];

/// Rates of `serve`, per second.
const RATES: [&str; 7] = [
    "request_throughput",
    "request_goodput",
    "output_throughput",
    "total_token_throughput",
    "input_throughput",
    "total_input_throughput",
    "max_output_tokens_per_s",
];

/// Reads the file.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| {
        let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        all.iter().any(|value| kind(value).is_some())
    };
    let mut figures = Figures::new("harness:vllm");
    for document in documents(bytes, wanted, HELP)? {
        let all = document.value.as_array().map_or(std::slice::from_ref(&document.value), Vec::as_slice);
        for value in all {
            match (kind(value), value.as_object()) {
                (Some(kind), Some(entry)) => {
                    let mut draft = figures.draft(kind, document.line);
                    match kind {
                        "serve" => serve(entry, &mut draft),
                        "throughput" => throughput(entry, &mut draft),
                        _ => latency(entry, &mut draft),
                    }
                    figures.add(draft);
                }
                _ => figures.warn(document.line, "an entry that is no result was left out"),
            }
        }
    }
    figures.finish("no result of vLLM", HELP)
}

fn kind(value: &Value) -> Option<&'static str> {
    if value.get("request_throughput").is_some() {
        Some("serve")
    } else if value.get("requests_per_second").is_some() && value.get("elapsed_time").is_some() {
        Some("throughput")
    } else if value.get("avg_latency").is_some() {
        Some("latency")
    } else {
        None
    }
}

fn serve(entry: &Map<String, Value>, draft: &mut Draft) {
    let get = |key: &str| entry.get(key).and_then(figure);
    for key in PARAMETERS {
        draft.parameter(key, entry.get(key).and_then(plain).unwrap_or_default());
    }
    for key in RATES {
        if let Some(value) = get(key) {
            draft.rate(key, value, if key.starts_with("request") { "req/s" } else { "tok/s" });
        }
    }
    for (key, value) in entry {
        let Some((statistic, base)) = key.strip_suffix("_ms").and_then(|key| key.split_once('_')) else { continue };
        let is_percentile = statistic.strip_prefix('p').is_some_and(|rest| rest.parse::<f64>().is_ok());
        if !(is_percentile || matches!(statistic, "mean" | "median")) {
            continue;
        }
        let Some(value) = figure(value) else { continue };
        let name = format!("{}_{base}", statistic.replace('.', "_"));
        let deviation = get(&format!("std_{base}_ms")).filter(|_| statistic == "mean");
        // With `--save-detailed` the figures of all requests are there, in seconds.
        let raw = format!("{base}s");
        let samples = entry.get(&raw).and_then(numbers).filter(|_| statistic == "median").unwrap_or_default();
        draft.time(&name, value, "ms").deviation(deviation, 1e6).samples(samples, 1e9);
    }
    if let Some(value) = get("duration") {
        draft.time("duration", value, "s");
    }
    for (key, direction) in [("completed", Direction::Higher), ("failed", Direction::Lower)] {
        if let Some(value) = get(key) {
            draft.count(key, value, direction);
        }
    }
    if let Some(value) = get("spec_decode_acceptance_rate") {
        draft.percent("spec_decode_acceptance_rate", value, Direction::Higher);
    }
    for key in ["spec_decode_acceptance_length", "rtfx"] {
        if let Some(value) = get(key) {
            draft.plain(key, value, "count", Direction::Higher);
        }
    }
}

fn throughput(entry: &Map<String, Value>, draft: &mut Draft) {
    let get = |key: &str| entry.get(key).and_then(figure);
    for key in ["model", "backend", "num_requests", "total_num_tokens"] {
        draft.parameter(key, entry.get(key).and_then(plain).unwrap_or_default());
    }
    for (key, unit) in [("requests_per_second", "req/s"), ("tokens_per_second", "tok/s")] {
        if let Some(value) = get(key) {
            draft.rate(key, value, unit);
        }
    }
    if let Some(value) = get("elapsed_time") {
        draft.time("duration", value, "s");
    }
}

fn latency(entry: &Map<String, Value>, draft: &mut Draft) {
    for key in ["model", "backend", "batch_size", "input_len", "output_len"] {
        draft.parameter(key, entry.get(key).and_then(plain).unwrap_or_default());
    }
    let samples = entry.get("latencies").and_then(numbers).unwrap_or_default();
    let runs = Some(samples.len() as u64).filter(|runs| *runs > 0);
    let mean = entry.get("avg_latency").and_then(figure).unwrap_or(f64::NAN);
    let deviation = entry.get("std_latency").and_then(figure);
    draft.time("latency_mean", mean, "s").deviation(deviation, 1e9).samples(samples, 1e9).iterations(runs);
    let percentiles = entry.get("percentiles").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in percentiles {
        if let (Ok(rank), Some(value)) = (key.parse::<f64>(), figure(value)) {
            draft.time(&format!("latency_{}", percentile(rank)), value, "s");
        }
    }
}

#[cfg(test)]
mod tests;
