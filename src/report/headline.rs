//! A run in one sentence.

use std::collections::BTreeSet;

use crate::compare::quarantine;
use crate::results::{Basis, Document, ExitCode, Outcome, Status, StepStatus, Verdict};

/// The sentence that stands above everything: failures first, then what moved, then what is as it was.
pub fn headline(document: &Document) -> String {
    let counts = &document.counts;
    let verdicts = |wanted| verdicts(document, wanted);
    let good = [
        (quarantine::excused(document).cases, "failure in quarantine", "failures in quarantine"),
        (counts.flaky, "flaky", "flaky"),
        (verdicts(Verdict::Improved), "improvement", "improvements"),
        (counts.passed, "test passed", "tests passed"),
        (counts.skipped, "skipped", "skipped"),
        (counts.generations - counts.generations_failed, "file generated", "files generated"),
        (counts.benchmarks, "benchmark measured", "benchmarks measured"),
    ];
    let parts: Vec<String> = [reasons(document), words(&good)].into_iter().filter(|part| !part.is_empty()).collect();
    stopped(document, if parts.is_empty() { "nothing was run".to_owned() } else { parts.join("; ") })
}

/// The sentence, and before it that the run did not come to its end.
pub(super) fn stopped(document: &Document, body: String) -> String {
    match document.run.status {
        Status::Cancelled => format!("stopped before the end: {body}"),
        Status::Lost => format!("killed before the end: {body}"),
        Status::Running | Status::Passed | Status::Failed | Status::Undecided | Status::Errored => body,
    }
}

/// Whether a benchmark's step failed without a test case that says so.
pub(super) fn is_broken_benchmark(document: &Document, step: &crate::results::Step) -> bool {
    let bad = matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
    let told = document.cases.iter().any(|case| case.step == step.id && case.outcome != Outcome::Passed);
    bad && step.kind == crate::results::Kind::Benchmark && !told
}

/// What speaks against the run, in the order of weight; empty where nothing does.
fn reasons(document: &Document) -> String {
    let counts = &document.counts;
    let verdicts = |wanted| verdicts(document, wanted);
    let steps = |wanted: StepStatus| document.steps.iter().filter(|step| step.status == wanted).count() as u64;
    let broken = document.steps.iter().filter(|step| is_broken_benchmark(document, step)).count() as u64;
    let legs = document.legs.iter().filter(|leg| leg.is_missing()).count() as u64;
    let bad = [
        (legs, "leg without results", "legs without results"),
        (
            (counts.failed + counts.errored).saturating_sub(quarantine::excused(document).cases),
            "test failed",
            "tests failed",
        ),
        (counts.generations_failed, "generated file not right", "generated files not right"),
        (broken, "benchmark failed", "benchmarks failed"),
        (verdicts(Verdict::Regressed), "regression", "regressions"),
        (verdicts(Verdict::Missing), "benchmark missing", "benchmarks missing"),
        (without_base(document), "benchmark without a base", "benchmarks without a base"),
        (counts.cancelled + steps(StepStatus::Cancelled), "cancelled", "cancelled"),
    ];
    words(&bad)
}

fn verdicts(document: &Document, wanted: Verdict) -> u64 {
    document
        .comparison
        .iter()
        .flat_map(|all| &all.rows)
        .filter(|row| row.verdict == wanted && row.accepted.is_none())
        .count() as u64
}

/// Benchmarks whose base was to be measured and could not be.
fn without_base(document: &Document) -> u64 {
    let paired = document.comparison.iter().filter(|comparison| comparison.basis == Basis::Paired);
    let rows = paired.flat_map(|comparison| &comparison.rows).filter(|row| row.verdict == Verdict::NoBase);
    rows.map(|row| row.benchmark.as_str()).collect::<BTreeSet<_>>().len() as u64
}

/// `2 regressions, 1 improvement`: what there is at all.
pub(super) fn words(list: &[(u64, &str, &str)]) -> String {
    let word = |(n, one, many): &(u64, &str, &str)| format!("{n} {}", if *n == 1 { one } else { many });
    list.iter().filter(|(n, ..)| *n > 0).map(word).collect::<Vec<_>>().join(", ")
}

/// Why the run ended with its exit code: what it found, or what the code means where nothing in particular did it.
pub(super) fn exit_reason(document: &Document) -> String {
    let exit = document.run.exit_code;
    let found = if matches!(exit, ExitCode::Failed | ExitCode::Undecided) { reasons(document) } else { String::new() };
    if found.is_empty() { exit.meaning().to_owned() } else { found }
}
