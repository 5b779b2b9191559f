//! Test cases that are known to fail, with who looks after them and until when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;

/// What a quarantine means for a case in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    /// It failed, and that fails nothing.
    Excused,
    /// It did not fail.
    Idle,
    /// The quarantine is over: a failure counts.
    Expired,
    /// It crashed, or its command did, or ran out of time: no quarantine excuses that.
    Crashed,
}

/// A case that a quarantine covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quarantined {
    /// The id of the step.
    pub step: String,
    /// The case's name for people.
    pub title: String,
    /// How it ended; the worst where several cases have this name.
    pub outcome: Outcome,
    /// What that means.
    pub state: QuarantineState,
    /// The pattern in the pipeline file that covers it.
    pub pattern: String,
    /// Who looks after it.
    pub owner: String,
    /// Why it is in quarantine.
    pub reason: String,
    /// The day (YYYY-MM-DD, UTC) from which a failure counts again.
    pub until: String,
}
