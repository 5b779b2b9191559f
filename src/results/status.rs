//! How a whole run ended, in one word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Still going on; never found in a finished document.
    Running,
    /// Everything that was asked for ran and passed.
    Passed,
    /// Something failed, drifted or is confirmed to have regressed.
    Failed,
    /// No failure, but the gate asks for a decision that could not be reached.
    Undecided,
    /// The tool or its surroundings failed.
    Errored,
    /// A signal or `backsight runs cancel` ended it; what had finished is kept.
    Cancelled,
    /// The process vanished (killed, power loss); the document was restored from the journal.
    Lost,
}

impl Status {
    /// The word used in the document, in the store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Undecided => "undecided",
            Self::Errored => "errored",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// Reads the word back; `None` if it is not one of ours.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Passed, Self::Failed, Self::Undecided, Self::Errored, Self::Cancelled, Self::Lost]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}
