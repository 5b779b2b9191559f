//! What the work of one step came to.

use crate::results::{ExitStatus, LogRef, Reason, StepStatus};

/// What a step's work came to; the scheduler makes the [`Step`] of it.
#[derive(Debug)]
pub(super) struct Ended {
    /// How it ended.
    pub status: StepStatus,
    /// Why, where the status alone does not say.
    pub reason: Option<Reason>,
    /// How often its command was started.
    pub attempts: u32,
    /// How the last process ended.
    pub exit: Option<ExitStatus>,
    /// Its output.
    pub log: Option<LogRef>,
}

impl Ended {
    pub(super) fn new(status: StepStatus) -> Self {
        Self { status, reason: None, attempts: 0, exit: None, log: None }
    }

    pub(super) fn cancelled() -> Self {
        Self::because(StepStatus::Cancelled, "cancelled", "the run was stopped")
    }

    pub(super) fn because(status: StepStatus, code: &str, text: impl Into<String>) -> Self {
        Self { reason: Some(Reason::new(code, text)), ..Self::new(status) }
    }
}
