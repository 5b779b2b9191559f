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

    /// What it means where it must fail: a failure is a skip, and a success a failure.
    pub(super) fn held_to(self, xfail: Option<&Reason>) -> Self {
        let Some(expected) = xfail else { return self };
        match self.status {
            StepStatus::Passed => {
                let text = format!(
                    "it passed, although a rule says that it must fail ({}: {}); remove the rule",
                    expected.code, expected.text
                );
                Self { reason: Some(Reason::new("unexpected_pass", text)), status: StepStatus::Failed, ..self }
            }
            StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut => {
                let how = self.reason.as_ref().map_or_else(String::new, |reason| format!("; now: {}", reason.text));
                let text = format!("it fails, as a rule says that it must: {}{how}", expected.text);
                Self { reason: Some(Reason::new(&expected.code, text)), status: StepStatus::Skipped, ..self }
            }
            StepStatus::Skipped | StepStatus::Cancelled => self,
        }
    }

    pub(super) fn because(status: StepStatus, code: &str, text: impl Into<String>) -> Self {
        Self { reason: Some(Reason::new(code, text)), ..Self::new(status) }
    }
}

#[cfg(test)]
mod tests {
    use super::Ended;
    use crate::results::{Reason, StepStatus};

    #[test]
    fn what_must_fail_may_not_pass() {
        let rule = Reason::new("unsupported_op", "no Einsum");
        let of = |status| {
            let ended = Ended::because(status, "command_failed", "exit 1").held_to(Some(&rule));
            (ended.status, ended.reason.unwrap().code)
        };
        assert_eq!(of(StepStatus::Failed), (StepStatus::Skipped, "unsupported_op".into()));
        assert_eq!(of(StepStatus::TimedOut), (StepStatus::Skipped, "unsupported_op".into()));
        assert_eq!(of(StepStatus::Passed), (StepStatus::Failed, "unexpected_pass".into()));
        assert_eq!(of(StepStatus::Cancelled), (StepStatus::Cancelled, "command_failed".into()));
        assert_eq!(Ended::new(StepStatus::Passed).held_to(None).status, StepStatus::Passed);
    }
}
