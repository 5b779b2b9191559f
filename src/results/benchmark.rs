//! A named thing that was measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Conditions, Execution, ExitStatus, Reason};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less is better: times, sizes, counts of work.
    Lower,
    /// More is better: throughput, accuracy.
    Higher,
}

/// How far a measurement can be trusted; independent of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Validity {
    /// Nothing speaks against it.
    #[default]
    Valid,
    /// It was measured, but under conditions that make it uncertain.
    Noisy {
        /// What disturbed it.
        reason: Reason,
    },
    /// It must not be used: no successful run, not a number, a clock that jumped.
    Invalid {
        /// Why.
        reason: Reason,
    },
}

impl Validity {
    /// The same, made noisy where it was valid and the conditions put it in doubt.
    #[must_use]
    pub fn under(self, conditions: &Conditions) -> Self {
        match (self, conditions.doubt()) {
            (Self::Valid, Some(reason)) => Self::Noisy { reason },
            (validity, _) => validity,
        }
    }
}

/// The description of a metric's samples. The numbers are in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many samples.
    pub n: u64,
    /// The median.
    pub median: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// Median absolute deviation, times 1.4826 (comparable to a standard deviation under normal noise).
    pub spread: f64,
    /// Lower end of a distribution-free confidence interval of the median; absent with too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of that interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The coverage of the interval: at least this share, such as 0.95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// One metric of a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// `wall_time`, `cpu_time`, `user_time`, `system_time`, `peak_memory`, `instructions`, `cycles`, `branch_misses`,
    /// `cache_misses`, `minor_faults`, `major_faults`, `voluntary_switches`, `involuntary_switches`, or the harness's
    /// own name in snake_case.
    pub metric: String,
    /// The value to show and compare, in `unit`: the median of own samples, or the harness's own estimate.
    pub value: f64,
    /// `ns`, `bytes`, `1/s`, `count`, `ratio`, or another unit as the harness writes it.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// The lower end of the harness's own error bar or interval, in `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// The upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// How many iterations of the measured code the value stands for, where the harness tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// The unit in the harness's output, where it was converted (`us`, `MiB`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_unit: Option<String>,
    /// Who measured: `clock`, `rusage`, `cgroup_v1`, `cgroup_v2`, `perf`, `callgrind`, `harness:libtest`, ...
    pub source: String,
    /// The raw samples in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<f64>,
    /// The description of `samples`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// A plain remark, such as the floor below which peak memory cannot be told, or `deterministic` for a count that
    /// was equal in every execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Which side of a comparison an execution belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// What is compared with.
    Base,
    /// What is judged.
    Head,
}

/// Why the figures of an execution that returned zero are not among the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// The other execution of its pair failed, or was not made.
    Partner,
    /// The host was suspended, or its clock jumped, while the pair was measured.
    Suspended,
}

/// One execution of a benchmarked command or one call of a harness, warm-ups and failures included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Iteration {
    /// When it started: nanoseconds since the run started, monotonic clock.
    pub at_ns: u64,
    /// Whether it was a warm-up, whose figures are not in the samples.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm_up: bool,
    /// How it ended; absent where it returned zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<ExitStatus>,
    /// The side it belongs to, in a paired measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<Arm>,
    /// Why its figures are not among the samples although it returned zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

impl Iteration {
    /// An execution of the head that started at `at_ns` and returned zero.
    pub const fn at(at_ns: u64) -> Self {
        Self { at_ns, warm_up: false, failed: None, arm: None, dropped: None }
    }

    /// Whether its figures are among the samples.
    pub const fn counts(&self) -> bool {
        !self.warm_up && self.failed.is_none() && self.dropped.is_none()
    }
}

/// A benchmark with its metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// The id of the step; empty while a reader has not been told.
    pub step: String,
    /// The name: the step's for a command, the harness's own for what a harness reports.
    pub name: String,
    /// Parameters of the benchmark, as the harness gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The model it was measured for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The target it was measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What was measured of it.
    pub metrics: Vec<Metric>,
    /// The same metrics of the base, in a paired measurement: sample i belongs to the pair of the head's sample i. The
    /// head has more samples than the base where the base's command began to fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<Metric>,
    /// Every execution in the order of time: of a command, or of a harness that was called in pairs. Sample i of an arm
    /// is its i-th that neither warmed up nor failed nor was dropped, but for a harness's call that left the metric out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<Iteration>,
    /// Whether the figures can be trusted.
    #[serde(default)]
    pub validity: Validity,
    /// The state of the host from the first execution to the last of all that were measured together; absent where
    /// nothing was executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// Of a model, on what it really ran and whether its answers were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Box<Execution>>,
}

impl Benchmark {
    /// A benchmark of this name with nothing measured yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            step: String::new(),
            name: name.into(),
            parameters: BTreeMap::new(),
            model: None,
            target: None,
            metrics: Vec::new(),
            base: Vec::new(),
            iterations: Vec::new(),
            validity: Validity::Valid,
            conditions: None,
            execution: None,
        }
    }

    /// The identity of its series across runs: step, name and parameters, in one string.
    pub fn series(&self) -> String {
        let step = self.step.strip_prefix("benchmarks/").unwrap_or(&self.step);
        let names_it = step.strip_prefix(&self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
        let mut id = match step {
            "" => self.name.clone(),
            step if names_it => step.to_owned(),
            step => format!("{step}/{}", self.name),
        };
        for (key, value) in &self.parameters {
            id.push_str(&format!(" {key}={value}"));
        }
        id
    }

    /// Whether a harness reported it, rather than its command being measured by us.
    pub fn is_reported(&self) -> bool {
        self.iterations.is_empty() || self.metrics.iter().any(|metric| metric.source.starts_with("harness:"))
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.metric == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Benchmark, Validity};
    use crate::results::{Conditions, Reason};

    fn series(step: &str, name: &str) -> String {
        Benchmark { step: step.into(), ..Benchmark::new(name) }.series()
    }

    #[test]
    fn a_series_names_the_step_once() {
        assert_eq!(series("benchmarks/cold-start", "cold-start"), "cold-start");
        assert_eq!(series("benchmarks/encode[model=a]", "encode"), "encode[model=a]");
        assert_eq!(series("benchmarks/criterion", "parse/small"), "criterion/parse/small");
        assert_eq!(series("", "alone"), "alone");
    }

    #[test]
    fn conditions_make_only_what_was_valid_noisy() {
        let noisy = Conditions { steal: Some(0.5), ..Conditions::default() };
        assert!(matches!(Validity::Valid.under(&noisy), Validity::Noisy { reason } if reason.code == "steal"));
        let invalid = Validity::Invalid { reason: Reason::new("no_sample", "no run succeeded") };
        assert_eq!(invalid.clone().under(&noisy), invalid);
        assert_eq!(Validity::Valid.under(&Conditions::default()), Validity::Valid);
    }

    #[test]
    fn parameters_are_part_of_the_identity() {
        let mut benchmark = Benchmark::new("sort");
        benchmark.parameters.insert("n".into(), "100".into());
        assert_eq!(benchmark.series(), "sort n=100");
    }
}
