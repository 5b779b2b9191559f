//! `resources` and `executors`: what a step needs of a cluster, and how jobs are handed to it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields;
use super::scalars::StepDuration;

/// What a step needs where a cluster carries it out. On this host it changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// How many GPUs: `2`, or with their type `a100:2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::gpus")]
    pub gpus: Option<Gpus>,
    /// How many processors. Default: the cluster's, mostly 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub cpus: Option<u32>,
    /// Memory: `512M`, `32G`. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::memory")]
    pub memory: Option<String>,
    /// The time that the step may take. Default: its `timeout`, with its retries; of a benchmark its `budget` besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<StepDuration>,
    /// Features that the node must have: `a100&nvlink`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::constraint")]
    pub constraint: Option<String>,
    /// The partition, or several with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::cluster_name")]
    pub partition: Option<String>,
    /// The account that pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::cluster_name")]
    pub account: Option<String>,
    /// The quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::cluster_name")]
    pub qos: Option<String>,
}

/// GPUs by their number, or by type and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Gpus {
    /// So many, of any type.
    Any(u32),
    /// `a100:2`.
    Typed(String),
}

impl Gpus {
    /// How many, whatever their type.
    pub fn count(&self) -> u32 {
        match self {
            Self::Any(n) => *n,
            Self::Typed(text) => text.rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(1),
        }
    }

    /// As the cluster reads it, without the word `gpu`.
    pub fn display(&self) -> String {
        match self {
            Self::Any(n) => n.to_string(),
            Self::Typed(text) => text.clone(),
        }
    }
}

impl Resources {
    /// Whether the file says nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Enough for both: the larger of what can be compared, otherwise what is said first.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let first = |a: &Option<String>, b: &Option<String>| a.clone().or_else(|| b.clone());
        let gpus = match (&self.gpus, &other.gpus) {
            (Some(a), Some(b)) if b.count() > a.count() => Some(b.clone()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        let memory = match (&self.memory, &other.memory) {
            (Some(a), Some(b)) if mebibytes(b) > mebibytes(a) => Some(b.clone()),
            (a, b) => first(a, b),
        };
        Self {
            gpus,
            cpus: self.cpus.max(other.cpus),
            memory,
            time: self.time.max(other.time),
            constraint: first(&self.constraint, &other.constraint),
            partition: first(&self.partition, &other.partition),
            account: first(&self.account, &other.account),
            qos: first(&self.qos, &other.qos),
        }
    }
}

/// `32G` in MiB.
fn mebibytes(text: &str) -> f64 {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = match unit {
        "K" => 1.0 / 1024.0,
        "G" => 1024.0,
        "T" => 1024.0 * 1024.0,
        _ => 1.0,
    };
    number.parse::<f64>().unwrap_or(0.0) * factor
}

/// How steps are handed to clusters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutorsConfig {
    /// With `backsight run --executor slurm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmConfig>,
}

impl ExecutorsConfig {
    /// Whether the file says nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How jobs are handed to Slurm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlurmConfig {
    /// What steps need that do not say it themselves.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Lines for the shell, before the steps of each job: `module load cuda`. One that fails ends the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Backsight on the nodes. Default: where it is on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::line")]
    pub program: Option<String>,
    /// How many tasks of an array run at the same time at most. Default: as many as the cluster lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub at_once: Option<u32>,
    /// After so long in the queue a job is given up. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<StepDuration>,
}

impl SlurmConfig {
    /// How long a job may wait in the queue.
    pub fn patience(&self) -> Option<Duration> {
        self.patience.map(|patience| patience.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gpus, Resources, mebibytes};

    #[test]
    fn enough_for_both_is_the_larger() {
        let one = Resources {
            gpus: Some(Gpus::Any(1)),
            memory: Some("900M".into()),
            partition: Some("a".into()),
            ..Resources::default()
        };
        let other = Resources {
            gpus: Some(Gpus::Typed("a100:2".into())),
            cpus: Some(4),
            memory: Some("1G".into()),
            partition: Some("b".into()),
            ..Resources::default()
        };
        let both = one.with(&other);
        assert_eq!((both.gpus, both.cpus), (Some(Gpus::Typed("a100:2".into())), Some(4)));
        assert_eq!((both.memory.as_deref(), both.partition.as_deref()), (Some("1G"), Some("a")));
        assert_eq!((mebibytes("1T"), mebibytes("2048K")), (1_048_576.0, 2.0));
    }
}
