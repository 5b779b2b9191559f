//! `ghz --format json` (`pretty` is the same with line breaks): load tests of gRPC.
//!
//! `docs/harness/ghz.md` has the rules.

use serde_json::{Map, Value};

use super::figures::{Draft, Extra, Figures, percentile};
use super::values::{documents, figure, plain};
use super::{HarnessError, Parsed};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "ghz", title: "ghz --format json", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["fastest", "slowest", "rps", "latencyDistribution"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `ghz --format json` writes";

/// Options that say what was done; hosts and paths are left out.
const OPTIONS: [&str; 11] =
    ["call", "total", "concurrency", "connections", "rps", "qps", "load-schedule", "duration", "name", "CPUs", "async"];

/// Reads the output.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| value.get("rps").is_some() && value.get("average").is_some();
    let mut figures = Figures::new("harness:ghz");
    for document in documents(bytes, wanted, HELP)? {
        let root = &document.value;
        let option = |key: &str| root.get("options").and_then(|options| options.get(key)).and_then(plain);
        let name = option("call").or_else(|| root.get("name").and_then(plain)).unwrap_or_else(|| "ghz".into());
        let mut draft = figures.draft(name, document.line);
        for key in OPTIONS.into_iter().filter(|key| *key != "call") {
            draft.parameter(key, option(key).filter(|value| value != "0" && value != "false").unwrap_or_default());
        }
        report(root, &mut draft);
        if let Some(reason) = root.get("endReason").and_then(Value::as_str).filter(|reason| *reason != "normal") {
            figures.warn(document.line, format!("the run did not end as planned: {}", super::quoted(reason)));
        }
        figures.add(draft);
    }
    figures.finish("no result of ghz", HELP)
}

fn report(root: &Value, draft: &mut Draft) {
    let get = |key: &str| root.get(key).and_then(figure);
    if let Some(rate) = get("rps") {
        draft.rate("requests_per_second", rate, "req/s");
    }
    let count = get("count").map(|count| count as u64);
    for (key, name) in
        [("average", "latency_mean"), ("fastest", "latency_min"), ("slowest", "latency_max"), ("total", "duration")]
    {
        // Where no request was answered, ghz writes 0 for the fastest and the slowest.
        let answered = get("slowest").unwrap_or(0.0) > 0.0 || !matches!(key, "fastest" | "slowest");
        if let Some(value) = get(key).filter(|_| answered) {
            // The details hold each request, unless they were switched off.
            let samples = if key == "average" { samples(root) } else { Vec::new() };
            draft.time(name, value, "ns").samples(samples, 1.0).iterations(count.filter(|_| key == "average"));
        }
    }
    for entry in root.get("latencyDistribution").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| entry.get(key).and_then(figure);
        // Ranks without a latency are written as zeros.
        if let (Some(rank), Some(value)) = (part("percentage").filter(|rank| *rank > 0.0), part("latency")) {
            draft.time(&format!("latency_{}", percentile(rank)), value, "ns");
        }
    }
    let codes = root.get("statusCodeDistribution").and_then(Value::as_object);
    draft.count("responses_of_error", sum(codes, |code| code != "OK"), Direction::Lower);
    draft.count("errors", sum(root.get("errorDistribution").and_then(Value::as_object), |_| true), Direction::Lower);
}

/// The latencies of the requests that were answered.
fn samples(root: &Value) -> Vec<f64> {
    let details = root.get("details").and_then(Value::as_array).into_iter().flatten();
    let fine = details.filter(|entry| entry.get("error").and_then(Value::as_str).is_none_or(str::is_empty));
    fine.filter_map(|entry| entry.get("latency").and_then(figure)).collect()
}

fn sum(all: Option<&Map<String, Value>>, wanted: impl Fn(&str) -> bool) -> f64 {
    all.into_iter().flatten().filter(|(key, _)| wanted(key)).filter_map(|(_, value)| figure(value)).sum()
}

#[cfg(test)]
mod tests;
