//! What a row of a comparison means for the build, the same for `run` and `bench`.

use crate::results::{Kind, MetricChange, Step, StepStatus, Validity, Verdict};

/// A benchmark whose build or command fails.
pub(super) fn is_broken_benchmark(step: &Step) -> bool {
    let broken = matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
    step.kind == Kind::Benchmark && broken
}

/// A regression that stands: where the measurement is in doubt, it asks for another one instead.
pub(super) fn is_regression(row: &MetricChange) -> bool {
    row.verdict == Verdict::Regressed && row.validity == Validity::Valid
}

/// A regression in doubt: a program cannot excuse itself by making its own noise, so it is never green.
pub(super) fn is_doubtful(row: &MetricChange) -> bool {
    row.verdict == Verdict::Regressed && row.validity != Validity::Valid
}
