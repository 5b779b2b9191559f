//! Model × target, derived from what really ran.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Reason;

/// The version of the published form.
pub const MATRIX_SCHEMA: &str = "backsight/matrix/1";

/// For each model and target the last real outcome. Nothing of it is kept by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// `backsight/matrix/1`.
    pub schema: String,
    /// The targets, in the order of documentation.
    pub targets: Vec<String>,
    /// The models, in alphabetical order.
    pub models: Vec<MatrixRow>,
    /// How many runs it was derived from.
    pub runs: u64,
}

/// The cells of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixRow {
    /// The model's id.
    pub model: String,
    /// One for each target, in their order; absent where no run ever had this pair.
    pub cells: Vec<Option<MatrixCell>>,
}

/// What is known of a model on a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixCell {
    /// The last real outcome, or that it never ran.
    pub outcome: MatrixOutcome,
    /// The run it comes from.
    pub run: Uuid,
    /// When that run started.
    pub at: Timestamp,
    /// The commit of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The host of that run, for people.
    pub host: String,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why it was skipped in a later run than that of the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_since: Option<Reason>,
    /// The latency of its first benchmark, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<f64>,
    /// The device it ran on, where a probe of the run named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// The outcome of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatrixOutcome {
    /// It was skipped wherever it was planned.
    Skipped,
    /// All steps of it that ran passed.
    Passed,
    /// A step could not be run or read.
    Errored,
    /// A step failed.
    Failed,
}

impl MatrixOutcome {
    /// Whether something really ran.
    pub const fn is_real(self) -> bool {
        !matches!(self, Self::Skipped)
    }

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Errored => "errored",
            Self::Failed => "failed",
        }
    }
}
