//! What a row of a comparison means for the build, the same for `run` and `bench`.

use crate::results::{MetricChange, Validity, Verdict};

/// A regression that stands, and that nobody accepted: where the measurement is in doubt, it asks for another one instead.
pub(super) fn is_regression(row: &MetricChange) -> bool {
    row.verdict == Verdict::Regressed && row.validity == Validity::Valid && row.accepted.is_none()
}

/// A regression in doubt: a program cannot excuse itself by making its own noise, so it is never green.
pub(super) fn is_doubtful(row: &MetricChange) -> bool {
    row.verdict == Verdict::Regressed && row.validity != Validity::Valid && row.accepted.is_none()
}
