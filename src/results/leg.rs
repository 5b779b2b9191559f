//! Parts of one run that were executed apart: what a shard says of itself, and what a joined document says of its legs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ExitCode, Status};

/// Which part of a plan a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which one, from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// The plan's id.
    pub plan: Uuid,
    /// The share of the run's error budget that its benchmarks may spend, 0 to 1: the shares of a plan add up to one.
    pub error_share: f64,
}

/// One of the runs that a joined document is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leg {
    /// Its name: `cpu 1 of 3`, or the folder that its document was found in.
    pub name: String,
    /// Its place in the plan, from 1; absent without a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// Its run; absent where it left no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Uuid>,
    /// The class key of its host, 16 hexadecimal digits; empty where it left no document.
    #[serde(default)]
    pub class_key: String,
    /// How it ended; `lost` where it left no document.
    pub status: Status,
    /// What its process returned; absent where it left no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u8>")]
    pub exit_code: Option<ExitCode>,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// How many steps it was to carry out; without a plan, how many it did.
    pub steps: u64,
}

impl Leg {
    /// Whether it left no document.
    pub fn is_missing(&self) -> bool {
        self.run.is_none()
    }
}
