//! The verdict in one sentence.

use std::collections::BTreeSet;

use crate::compare::quarantine;
use crate::report::headline::{is_broken_benchmark, stopped, words};
use crate::results::{Document, Verdict};

/// The sentence: what speaks against the change, what speaks for it, and how much is as it was.
pub(super) fn title(document: &Document) -> String {
    let counts = &document.counts;
    let comparison = document.comparison.as_ref();
    let failing = (counts.failed + counts.errored).saturating_sub(quarantine::excused(document).cases);
    let newly = comparison.map_or(0, |comparison| comparison.newly_failing.len() as u64).min(failing);
    let broken = document.steps.iter().filter(|step| is_broken_benchmark(document, step)).count() as u64;
    let regressed = benchmarks(document, Verdict::Regressed);
    let against = [
        (regressed, "regression", "regressions"),
        (newly, "test newly failing", "tests newly failing"),
        (failing - newly, if newly > 0 { "test still failing" } else { "test failing" }, {
            if newly > 0 { "tests still failing" } else { "tests failing" }
        }),
        (counts.generations_failed, "generated file not right", "generated files not right"),
        (broken, "benchmark failed", "benchmarks failed"),
        (benchmarks(document, Verdict::Missing), "benchmark missing", "benchmarks missing"),
        (benchmarks(document, Verdict::Inconclusive), "benchmark undecided", "benchmarks undecided"),
        (benchmarks(document, Verdict::Improved), "improvement", "improvements"),
        (accepted(document), "accepted change", "accepted changes"),
        (counts.flaky, "flaky test", "flaky tests"),
    ];
    let unchanged = unchanged(document);
    let is_compared = comparison.is_some_and(|comparison| !comparison.rows.is_empty());
    let rest = match is_compared {
        true => (unchanged, "benchmark unchanged", "benchmarks unchanged"),
        false => (counts.benchmarks, "benchmark measured", "benchmarks measured"),
    };
    let rest = [rest, (counts.passed, "test passed", "tests passed")];
    let (against, rest) = (words(&against), words(&rest));
    let sentence = match (against.is_empty(), rest.is_empty()) {
        (true, true) => "nothing was run".to_owned(),
        (true, false) => format!("Nothing moved: {rest}"),
        (false, true) => against,
        (false, false) => format!("{against}; {rest}"),
    };
    stopped(document, sentence)
}

/// Benchmarks of which a metric has this verdict, and was not accepted.
fn benchmarks(document: &Document, verdict: Verdict) -> u64 {
    let rows = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let rows = rows.filter(|row| row.verdict == verdict && row.accepted.is_none() && !row.beside);
    rows.map(|row| row.benchmark.as_str()).collect::<BTreeSet<_>>().len() as u64
}

fn accepted(document: &Document) -> u64 {
    let rows = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let moved =
        rows.filter(|row| row.accepted.is_some() && matches!(row.verdict, Verdict::Regressed | Verdict::Missing));
    moved.map(|row| row.benchmark.as_str()).collect::<BTreeSet<_>>().len() as u64
}

/// Benchmarks of which every metric that was compared is unchanged.
fn unchanged(document: &Document) -> u64 {
    let rows = || document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let of = |unchanged: bool| -> BTreeSet<&str> {
        let rows = rows().filter(|row| !row.beside && (row.verdict == Verdict::Unchanged) == unchanged);
        rows.map(|row| row.benchmark.as_str()).collect()
    };
    of(true).difference(&of(false)).count() as u64
}
