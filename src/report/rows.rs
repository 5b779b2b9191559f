//! What the terminal and the Markdown report both tell, one sentence or figure a row.

use std::collections::BTreeMap;

use super::{escape, figures};
use crate::results::{
    Benchmark, Document, GenerationState, Kind, Measured, Measuring, Metric, MetricChange, Outcome, Step, Validity,
    Verdict,
};

/// The word before a row of a comparison.
pub(super) const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::Improved => "improved",
        Verdict::Unchanged => "unchanged",
        Verdict::Inconclusive => "undecided",
        Verdict::Missing => "missing",
        Verdict::New => "new",
        Verdict::NoBase => "no baseline",
    }
}

/// The metric's name in words, one harmless line: harnesses name their own.
pub fn metric_word(metric: &str) -> String {
    let own = || escape::line(metric).replace('_', " ");
    Measured::find(metric).map_or_else(own, |known| known.words.to_owned())
}

/// Whether a row of a comparison is worth a line of its own.
pub(super) fn is_remarkable(row: &MetricChange) -> bool {
    !matches!(row.verdict, Verdict::Unchanged | Verdict::NoBase | Verdict::New)
}

/// `41.2 ms ± 0.31 ms, n = 57`: value, spread, samples.
pub(super) fn figure(metric: &Metric) -> String {
    let value = figures::value(metric.value, &metric.unit);
    // A note on peak memory says that the launcher's own size hides it.
    let value = if metric.metric == "peak_memory" && metric.note.is_some() { format!("≤ {value}") } else { value };
    match &metric.summary {
        Some(summary) if summary.n > 1 => {
            format!("{value} ± {}", figures::value(summary.spread, &metric.unit))
        }
        Some(_) | None => value,
    }
}

/// What our own part in each wall time is.
pub fn overhead(measuring: &Measuring) -> Option<String> {
    let median = figures::time(measuring.overhead_ns?);
    Some(format!("starting and ending a process takes {median} here (median of {} runs)", measuring.overhead_runs))
}

/// How many samples stand behind a benchmark.
pub(super) fn samples(benchmark: &Benchmark) -> u64 {
    benchmark.metrics.iter().map(|metric| metric.samples.len() as u64).max().unwrap_or(0)
}

/// The reason why a measurement is not plainly valid.
pub(super) fn doubt(validity: &Validity) -> Option<String> {
    match validity {
        Validity::Valid => None,
        Validity::Noisy { reason } => Some(format!("noisy: {}", reason.text)),
        Validity::Invalid { reason } => Some(format!("not usable: {}", reason.text)),
    }
}

/// The counts of a test step: `14 passed, 1 flaky, 1 skipped`.
pub(super) fn case_counts(document: &Document, step: &Step) -> String {
    let mut counts = crate::results::Counts::default();
    for case in document.cases.iter().filter(|case| case.step == step.id) {
        counts.add_case(case.outcome);
    }
    let words = [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.errored, "errored"),
        (counts.flaky, "flaky"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "cancelled"),
    ];
    let told: Vec<String> = words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if told.is_empty() { "no test".to_owned() } else { told.join(", ") }
}

/// What became of a step, in some words.
pub(super) fn step_result(document: &Document, step: &Step) -> String {
    let reason = step.reason.as_ref().map(|reason| reason.text.as_str());
    match (step.kind, reason) {
        (_, Some(reason)) if step.status == crate::results::StepStatus::Skipped => format!("skipped: {reason}"),
        (Kind::Test, _) => case_counts(document, step),
        (Kind::Generation, _) => generation_counts(document, step),
        (Kind::Benchmark, Some(reason)) => reason.to_owned(),
        (Kind::Benchmark, None) => {
            let found = document.benchmarks.iter().filter(|benchmark| benchmark.step == step.id).count();
            if found == 1 { "measured".to_owned() } else { format!("{found} benchmarks") }
        }
    }
}

fn generation_counts(document: &Document, step: &Step) -> String {
    let mut counts: BTreeMap<GenerationState, u64> = BTreeMap::new();
    for generation in document.generations.iter().filter(|generation| generation.step == step.id) {
        *counts.entry(generation.state).or_default() += 1;
    }
    for unlisted in document.unlisted_generations.iter().filter(|unlisted| unlisted.step == step.id) {
        *counts.entry(unlisted.state).or_default() += unlisted.files;
    }
    let told: Vec<String> = counts.iter().map(|(state, n)| format!("{n} {}", state.word())).collect();
    let verified = document.cases.iter().filter(|case| case.step == step.id).count();
    let passes = |outcome: Outcome| !outcome.is_failure() && outcome != Outcome::Cancelled;
    let passed = document.cases.iter().filter(|case| case.step == step.id && passes(case.outcome)).count();
    let verified = if verified > 0 { format!("; {passed} of {verified} verified") } else { String::new() };
    if told.is_empty() { "no file".to_owned() } else { format!("{}{verified}", told.join(", ")) }
}
