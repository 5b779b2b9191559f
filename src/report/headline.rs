//! A run in one sentence.

use crate::results::{Document, Outcome, Status, StepStatus, Verdict};

/// The sentence that stands above everything: failures first, then what moved, then what is as it was.
pub fn headline(document: &Document) -> String {
    let counts = &document.counts;
    let verdicts = |wanted: Verdict| {
        document.comparison.iter().flat_map(|all| &all.rows).filter(|row| row.verdict == wanted).count() as u64
    };
    let steps = |wanted: StepStatus| document.steps.iter().filter(|step| step.status == wanted).count() as u64;
    let broken = document.steps.iter().filter(|step| is_broken_benchmark(document, step)).count() as u64;
    let bad = [
        (counts.failed + counts.errored, "test failed", "tests failed"),
        (counts.generations_failed, "generated file not right", "generated files not right"),
        (broken, "benchmark failed", "benchmarks failed"),
        (verdicts(Verdict::Regressed), "regression", "regressions"),
        (verdicts(Verdict::Missing), "benchmark missing", "benchmarks missing"),
        (counts.cancelled + steps(StepStatus::Cancelled), "cancelled", "cancelled"),
    ];
    let good = [
        (counts.flaky, "flaky", "flaky"),
        (verdicts(Verdict::Improved), "improvement", "improvements"),
        (counts.passed, "test passed", "tests passed"),
        (counts.skipped, "skipped", "skipped"),
        (counts.generations - counts.generations_failed, "file generated", "files generated"),
        (counts.benchmarks, "benchmark measured", "benchmarks measured"),
    ];
    let words = |list: &[(u64, &str, &str)]| {
        let word = |(n, one, many): &(u64, &str, &str)| format!("{n} {}", if *n == 1 { one } else { many });
        list.iter().filter(|(n, ..)| *n > 0).map(word).collect::<Vec<_>>().join(", ")
    };
    let parts: Vec<String> = [words(&bad), words(&good)].into_iter().filter(|part| !part.is_empty()).collect();
    let body = if parts.is_empty() { "nothing was run".to_owned() } else { parts.join("; ") };
    match document.run.status {
        Status::Cancelled => format!("stopped before the end: {body}"),
        Status::Lost => format!("killed before the end: {body}"),
        Status::Running | Status::Passed | Status::Failed | Status::Undecided | Status::Errored => body,
    }
}

fn is_broken_benchmark(document: &Document, step: &crate::results::Step) -> bool {
    let bad = matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
    let told = document.cases.iter().any(|case| case.step == step.id && case.outcome != Outcome::Passed);
    bad && step.kind == crate::results::Kind::Benchmark && !told
}
