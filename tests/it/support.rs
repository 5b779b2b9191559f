//! Builds documents by hand for tests and benchmarks that need stored runs.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its data has failed")]

use backsight::results::{
    Benchmark, Case, Change, Direction, Document, ExitCode, Host, Kind, Metric, Outcome, PipelineRef, RunInfo, Status,
    Step, StepStatus, Summary,
};
use jiff::{SignedDuration, Timestamp};

/// The class key of [`document`].
pub(crate) const CLASS: &str = "0011223344556677";

/// A passed run of the project `demo` on branch `main`, the `nth` minute after a fixed instant, with nothing in it.
pub(crate) fn document(nth: i64) -> Document {
    let start = Timestamp::from_second(1_790_000_000).unwrap() + SignedDuration::from_mins(nth);
    let id = uuid::Builder::from_unix_timestamp_millis(start.as_millisecond() as u64, &[7; 10]).into_uuid();
    let run = RunInfo {
        id,
        started_at: start,
        duration_ns: 2_500_000_000,
        status: Status::Passed,
        exit_code: ExitCode::Passed,
        selection: None,
        against: None,
        seed: None,
        shard: None,
    };
    let change = Change {
        commit: Some(format!("{nth:040x}")),
        branch: Some("main".into()),
        default_branch: Some("main".into()),
        dirty: Some(false),
        ..Change::default()
    };
    let pipeline = PipelineRef { path: "backsight.yml".into(), sha256: "0".repeat(64) };
    let host = Host { class_key: CLASS.into(), arch: "x86_64".into(), targets: vec!["cpu".into()], ..Host::default() };
    Document { run, change, host, ..Document::begun(id, start, "demo", pipeline) }
}

/// Adds a step that passed.
pub(crate) fn add_step(
    document: &mut Document,
    kind: Kind,
    name: &str,
    model: Option<&str>,
    target: Option<&str>,
) -> String {
    let id = format!("{}/{name}", kind.section());
    document.steps.push(Step {
        id: id.clone(),
        kind,
        name: name.into(),
        model: model.map(Into::into),
        target: target.map(Into::into),
        status: StepStatus::Passed,
        reason: None,
        command: "true".into(),
        attempts: 1,
        exit: None,
        started_at: None,
        duration_ns: 1_000_000,
        log: None,
        leg: None,
    });
    id
}

/// Adds a case to a step.
pub(crate) fn add_case(document: &mut Document, step: &str, name: &str, outcome: Outcome) {
    document.counts.add_case(outcome);
    document.cases.push(Case { step: step.into(), ..Case::new(name, outcome) });
}

/// Adds a benchmark with one wall time, and with the raw samples where there are any.
pub(crate) fn add_benchmark(document: &mut Document, step: &str, name: &str, value: f64, samples: Vec<f64>) {
    let summary = (!samples.is_empty()).then_some(Summary {
        n: samples.len() as u64,
        median: value,
        mean: value,
        min: value * 0.98,
        max: value * 1.02,
        spread: value * 0.01,
        low: Some(value * 0.99),
        high: Some(value * 1.01),
        confidence: Some(0.95),
    });
    let metric = Metric {
        metric: "wall_time".into(),
        value,
        unit: "ns".into(),
        direction: Direction::Lower,
        lower: Some(value * 0.99),
        upper: Some(value * 1.01),
        iterations: Some(30),
        original_unit: None,
        source: "harness:libtest".into(),
        samples,
        summary,
        note: None,
    };
    document.counts.benchmarks += 1;
    document.benchmarks.push(Benchmark { step: step.into(), metrics: vec![metric], ..Benchmark::new(name) });
}
