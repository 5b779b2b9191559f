//! `oha --output-format json` (`-j` in older versions).
//!
//! `docs/harness/oha.md` has the rules.

use serde_json::{Map, Value};

use super::figures::{Draft, Extra, Figures, percentile};
use super::values::{documents, figure};
use super::{HarnessError, Parsed};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "oha", title: "oha --output-format json", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["summary", "requestsPerSec"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `oha --no-tui --output-format json URL` writes";

/// What oha calls a request that the end of `-z` cut off.
const DEADLINE: &str = "aborted due to deadline";

/// Reads the output.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| value.get("summary").and_then(|summary| summary.get("requestsPerSec")).is_some();
    let mut figures = Figures::new("harness:oha");
    for document in documents(bytes, wanted, HELP)? {
        let mut draft = figures.draft("oha", document.line);
        report(&document.value, &mut draft);
        figures.add(draft);
    }
    figures.finish("no result of oha", HELP)
}

fn report(root: &Value, draft: &mut Draft) {
    let summary = root.get("summary");
    let get = |key: &str| summary.and_then(|summary| summary.get(key)).and_then(figure);
    let deviation = root.get("rps").and_then(|rps| rps.get("stddev")).and_then(figure);
    // A server that is down refuses fast: that rate and time would be the best ever.
    let is_answered = get("successRate") != Some(0.0);
    if let Some(rate) = get("requestsPerSec").filter(|_| is_answered) {
        draft.rate("requests_per_second", rate, "req/s").deviation(deviation, 1.0);
    }
    if let Some(share) = get("successRate") {
        draft.ratio("success_rate", share, Direction::Higher);
    }
    for (key, name) in
        [("average", "latency_mean"), ("fastest", "latency_min"), ("slowest", "latency_max"), ("total", "duration")]
    {
        if let Some(value) = get(key).filter(|_| is_answered) {
            draft.time(name, value, "s");
        }
    }
    if let Some(rate) = get("sizePerSec").filter(|_| is_answered) {
        draft.scaled_bandwidth("throughput", rate, 1.0, "B/s");
    }
    percentiles(root.get("latencyPercentiles"), "latency", draft);
    percentiles(
        root.get("latencyPercentilesSuccessful").or(root.get("latencyPercentileSuccessful")),
        "latency_of_success",
        draft,
    );
    percentiles(root.get("firstBytePercentiles"), "first_byte", draft);
    let codes = root.get("statusCodeDistribution").and_then(Value::as_object);
    let bad = |code: &str| !code.starts_with(['2', '3']);
    draft.count("responses_of_error", sum(codes, bad), Direction::Lower);
    // What was under way at the end of `-z` is no error; oha's own success rate leaves it out too.
    let errors = sum(root.get("errorDistribution").and_then(Value::as_object), |error| error != DEADLINE);
    draft.count("errors", errors, Direction::Lower);
}

fn percentiles(all: Option<&Value>, what: &str, draft: &mut Draft) {
    for (rank, value) in all.and_then(Value::as_object).into_iter().flatten() {
        let rank = rank.trim_start_matches('p').parse::<f64>();
        if let (Ok(rank), Some(value)) = (rank, figure(value)) {
            draft.time(&format!("{what}_{}", percentile(rank)), value, "s");
        }
    }
}

fn sum(all: Option<&Map<String, Value>>, wanted: impl Fn(&str) -> bool) -> f64 {
    all.into_iter().flatten().filter(|(key, _)| wanted(key)).filter_map(|(_, value)| figure(value)).sum()
}

#[cfg(test)]
mod tests;
