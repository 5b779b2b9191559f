//! Whether a host can execute a target, and how that was found out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reason;

/// What was found out about a target on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetProbe {
    /// The target: `cuda`.
    pub target: String,
    /// Whether it can be used.
    pub state: TargetState,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The device, for people; one that is only software says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The steps of the ladder that were climbed, in order, the one that broke last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<Rung>,
}

/// Whether a target can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// It can.
    Available,
    /// Something that it needs is not there.
    Unavailable,
    /// All that it needs is there, and it does not work.
    Broken,
}

/// A step of the ladder from a device to an operation on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rung {
    /// `device`, `driver`, `library`, `provider`, `operation`.
    pub name: String,
    /// What was found, for people.
    pub found: String,
}

impl TargetProbe {
    /// A ladder that nothing was climbed of yet.
    pub fn begin(target: &str) -> Self {
        Self { target: target.to_owned(), state: TargetState::Available, reason: None, device: None, rungs: Vec::new() }
    }

    /// One step higher.
    #[must_use]
    pub fn climbed(mut self, name: &str, found: impl Into<String>) -> Self {
        self.rungs.push(Rung { name: name.to_owned(), found: found.into() });
        self
    }

    /// No further: something is not there.
    #[must_use]
    pub fn lacks(self, rung: &str, code: &str, text: impl Into<String>) -> Self {
        self.ends(rung, TargetState::Unavailable, Reason::new(code, text))
    }

    /// No further: something does not work.
    #[must_use]
    pub fn breaks(self, rung: &str, code: &str, text: impl Into<String>) -> Self {
        self.ends(rung, TargetState::Broken, Reason::new(code, text))
    }

    fn ends(self, rung: &str, state: TargetState, reason: Reason) -> Self {
        let text = reason.text.clone();
        Self { state, reason: Some(reason), ..self.climbed(rung, text) }
    }

    /// Whether steps may run on it.
    pub fn is_available(&self) -> bool {
        self.state == TargetState::Available
    }
}
