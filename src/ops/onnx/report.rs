//! What was found of a model, as documents: our own JSON for benchmarks, CTRF for answers.

use serde_json::{Value, json};

use super::{Checked, Fate, Measured, Problem, Request};
use crate::onnx::Scenario;
use crate::results::Execution;
use crate::stats::{enough_for, median, percentile};

/// The most samples of a metric that a document keeps.
const KEPT: usize = 5000;
/// The percentiles that are told where there are enough queries.
const PERCENTILES: [(&str, f64); 3] = [("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];

/// The document of `backsight onnx measure`: benchmarks as the harness `backsight` has them, and what became of the
/// model.
pub fn document(request: &Request, result: &Result<(Vec<Measured>, Execution), Problem>) -> Value {
    match result {
        Ok((measured, execution)) => {
            let all: Vec<Value> = measured.iter().map(|one| benchmark(request, one, execution)).collect();
            json!({ "benchmarks": all, "outcome": { "status": "passed" } })
        }
        Err(problem) => json!({ "benchmarks": [], "outcome": outcome(problem) }),
    }
}

fn outcome(problem: &Problem) -> Value {
    json!({ "status": problem.fate.as_str(), "reason": problem.reason })
}

fn benchmark(request: &Request, one: &Measured, execution: &Execution) -> Value {
    let mut parameters: serde_json::Map<String, Value> =
        one.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    match request.scenario {
        Scenario::SingleStream => {}
        Scenario::Server { rate } => {
            parameters.insert("scenario".into(), json!("server"));
            parameters.insert("rate".into(), json!(rate.to_string()));
        }
        Scenario::MultiStream | Scenario::Offline => {
            parameters.insert("scenario".into(), json!(request.scenario.as_str()));
        }
    }
    if request.streams > 1 {
        parameters.insert("streams".into(), json!(request.streams.to_string()));
    }
    let validity = one
        .invalid
        .as_ref()
        .map_or_else(|| json!({ "state": "valid" }), |reason| json!({ "state": "invalid", "reason": reason }));
    json!({
        "name": request.name,
        "parameters": parameters,
        "metrics": metrics(request, one),
        "validity": validity,
        "execution": execution,
    })
}

fn metrics(request: &Request, one: &Measured) -> Vec<Value> {
    let timed = &one.timed;
    let mut sorted = timed.latencies.clone();
    sorted.sort_by(f64::total_cmp);
    let time = |name: &str, value: f64| json!({ "metric": name, "value": value, "unit": "ns", "direction": "lower" });
    let mut metrics = Vec::new();
    if request.scenario != Scenario::Offline
        && let Some(middle) = median(&timed.latencies)
    {
        let told: Vec<&(&str, f64)> = PERCENTILES.iter().filter(|(_, p)| sorted.len() >= enough_for(*p)).collect();
        let mut latency = time("latency", middle);
        latency["samples"] = json!(thinned(&timed.latencies));
        if let Some(note) = note(one, sorted.len()) {
            latency["note"] = json!(note);
        }
        metrics.push(latency);
        metrics.extend(
            told.iter().filter_map(|(name, p)| Some(time(&format!("latency_{name}"), percentile(&sorted, *p)?))),
        );
    }
    let answered = timed.samples.saturating_mul(one.batch) as f64;
    let wall = timed.wall.as_secs_f64();
    if wall > 0.0 {
        metrics.push(json!({ "metric": "throughput", "value": answered / wall, "unit": "1/s", "direction": "higher" }));
    }
    metrics.push(time("load_time", one.loading_ns));
    metrics.push(time("first_run", one.warm_up.first));
    if let Some(peak) = one.peak_memory {
        metrics.push(json!({ "metric": "peak_memory", "value": peak, "unit": "bytes", "direction": "lower" }));
    }
    if let Some(joules) = one.energy.filter(|_| answered > 0.0) {
        metrics.push(json!({ "metric": "energy", "value": joules / answered, "unit": "J", "direction": "lower" }));
    }
    if let Some(peak) = one.device_memory {
        metrics.push(json!({ "metric": "device_memory", "value": peak, "unit": "bytes", "direction": "lower" }));
    }
    if let Some(joules) = one.device_energy.filter(|_| answered > 0.0) {
        metrics
            .push(json!({ "metric": "device_energy", "value": joules / answered, "unit": "J", "direction": "lower" }));
    }
    metrics
}

/// What to bear in mind of the latencies.
fn note(one: &Measured, n: usize) -> Option<String> {
    let missing = PERCENTILES
        .iter()
        .filter(|(_, p)| n < enough_for(*p))
        .map(|(name, p)| format!("{name}: insufficient samples ({n} of {})", enough_for(*p)));
    let unsettled = (!one.warm_up.stable)
        .then(|| format!("times had not settled after {} executions of warm-up", one.warm_up.runs));
    let kept = (n > KEPT).then(|| format!("every {}th of {n} latencies is kept", n.div_ceil(KEPT)));
    let device = one.device_unread.as_ref().map(|why| format!("of the device: {why}"));
    let all: Vec<String> = missing.chain(unsettled).chain(kept).chain(device).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// So many that a document can hold them, evenly over time.
fn thinned(samples: &[f64]) -> Vec<f64> {
    samples.iter().copied().step_by(samples.len().div_ceil(KEPT).max(1)).collect()
}

/// The document of `backsight onnx check`, in the format CTRF: a test for each set of inputs.
pub fn ctrf(request: &Request, result: &Result<(Vec<Checked>, Execution), Problem>) -> (Value, Fate) {
    let whole;
    let checked = match result {
        Ok((checked, _)) => checked,
        Err(problem) => {
            whole = [Checked { name: String::new(), took_ns: 0, problem: Some(problem.clone()) }];
            &whole[..]
        }
    };
    let status = |checked: &Checked| match checked.problem.as_ref().map(|problem| problem.fate) {
        None | Some(Fate::Passed) => "passed",
        Some(Fate::Skipped) => "skipped",
        Some(Fate::Failed | Fate::Wrong | Fate::Broken) => "failed",
    };
    let test = |checked: &Checked| {
        let parts = [Some(&request.name), request.precision.as_ref(), Some(&checked.name)];
        let name: Vec<&str> = parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let name = name.join("/");
        let mut test = json!({ "name": name, "status": status(checked), "duration": checked.took_ns as f64 / 1e6 });
        if let Some(problem) = &checked.problem {
            test["message"] = json!(format!("{}: {}", problem.reason.code, problem.reason.text));
        }
        test
    };
    let count = |wanted: &str| checked.iter().filter(|checked| status(checked) == wanted).count();
    let summary = json!({
        "tests": checked.len(), "passed": count("passed"), "failed": count("failed"), "skipped": count("skipped"),
        "pending": 0, "other": 0, "start": 0, "stop": 0,
    });
    let tests: Vec<Value> = checked.iter().map(test).collect();
    let tool = json!({ "name": "backsight" });
    let worst = checked.iter().filter_map(|checked| checked.problem.as_ref()).map(|problem| problem.fate);
    // A set that cannot be tried here says nothing where others could.
    let fate = match worst.max_by_key(|fate| *fate != Fate::Skipped) {
        Some(Fate::Skipped) if count("passed") > 0 => Fate::Passed,
        worst => worst.unwrap_or(Fate::Passed),
    };
    let reason = checked.iter().filter_map(|checked| checked.problem.as_ref()).find(|problem| problem.fate == fate);
    let outcome = json!({ "status": fate.as_str(), "reason": reason.map(|problem| &problem.reason) });
    (json!({ "results": { "tool": tool, "summary": summary, "tests": tests }, "outcome": outcome }), fate)
}
