//! `shards`: how a plan is split over several machines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields;
use super::scalars::StepDuration;

/// How `backsight plan` splits the work over several machines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShardsConfig {
    /// Of which runner the steps on a target ask, by the target: a label of GitHub or a tag of GitLab, or several. Targets
    /// that are not named take the runner of `cpu`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "fields::runners")]
    pub runners: BTreeMap<String, Labels>,
    /// With `--shards auto`, the time that a shard may take. Default 5 m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<StepDuration>,
    /// With `--shards auto`, the most shards. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub most: Option<u32>,
}

/// Labels or tags of a runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// One.
    One(String),
    /// All of these.
    All(Vec<String>),
}

impl Labels {
    /// All of them.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::One(label) => vec![label.clone()],
            Self::All(labels) => labels.clone(),
        }
    }
}

impl ShardsConfig {
    /// Whether the file says nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
