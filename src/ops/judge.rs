//! What a run's results mean for the build.

use super::gate::{is_doubtful, is_regression};
use crate::compare::quarantine;
use crate::pipeline::MissingPolicy;
use crate::results::{Basis, Document, ExitCode, Kind, Status, Step, StepStatus, Verdict, is_wrong};

/// The status and exit code of a run that nobody stopped.
pub(super) fn judge(document: &Document, missing: MissingPolicy, missing_target: bool) -> (Status, ExitCode) {
    let counts = &document.counts;
    let excused = quarantine::excused(document);
    let bad = |kind: Kind| {
        let is_bad = |status| matches!(status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
        let counts = |step: &&Step| !excused.steps.contains(step.id.as_str());
        document.steps.iter().filter(counts).any(|step| step.kind == kind && is_bad(step.status))
    };
    let rows = || document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let failed = counts.failed + counts.errored + counts.generations_failed > excused.cases
        || bad(Kind::Test)
        || bad(Kind::Generation)
        || missing_target
        || document.steps.iter().any(is_known_bad)
        || rows().any(is_regression);
    let paired = document.comparison.as_ref().is_some_and(|comparison| comparison.basis == Basis::Paired);
    // A first run has nothing to be compared with yet; a base that was asked for, and the baseline of a change request,
    // should have been there.
    let has_base = paired || document.change.request.is_some();
    let is_missing = |verdict| verdict == Verdict::Missing || (has_base && verdict == Verdict::NoBase);
    let no_result = bad(Kind::Benchmark) || rows().any(|row| row.accepted.is_none() && is_missing(row.verdict));
    if failed {
        (Status::Failed, ExitCode::Failed)
    } else if rows().any(is_doubtful) || (no_result && missing == MissingPolicy::Fail) {
        (Status::Undecided, ExitCode::Undecided)
    } else {
        (Status::Passed, ExitCode::Passed)
    }
}

/// Whether a benchmark has no figure because its model answered wrongly, ran elsewhere than it was to, or passed against a
/// rule: that is known, not undecided.
fn is_known_bad(step: &Step) -> bool {
    let code = step.reason.as_ref().map_or("", |reason| reason.code.as_str());
    step.kind == Kind::Benchmark && step.status == StepStatus::Failed && (is_wrong(code) || code == "unexpected_pass")
}
