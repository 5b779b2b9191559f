//! What a run's results mean for the build.

use crate::pipeline::MissingPolicy;
use crate::results::{Document, ExitCode, Kind, Status, StepStatus, Verdict};

/// The status and exit code of a run that nobody stopped.
pub(super) fn judge(document: &Document, missing: MissingPolicy, missing_target: bool) -> (Status, ExitCode) {
    let counts = &document.counts;
    let bad = |kind: Kind| {
        let is_bad = |status| matches!(status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
        document.steps.iter().any(|step| step.kind == kind && is_bad(step.status))
    };
    let rows = || document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let failed = counts.failed + counts.errored + counts.generations_failed > 0
        || bad(Kind::Test)
        || bad(Kind::Generation)
        || missing_target
        || rows().any(|row| row.verdict == Verdict::Regressed);
    let undecided = bad(Kind::Benchmark) || rows().any(|row| row.verdict == Verdict::Missing);
    if failed {
        (Status::Failed, ExitCode::Failed)
    } else if undecided && missing == MissingPolicy::Fail {
        (Status::Undecided, ExitCode::Undecided)
    } else {
        (Status::Passed, ExitCode::Passed)
    }
}
