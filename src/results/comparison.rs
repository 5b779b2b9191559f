//! What moved, compared with a baseline.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, Validity};

/// What a comparison says of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Confirmed to be worse by at least the limit.
    Regressed,
    /// Confirmed to be better by at least the limit.
    Improved,
    /// The whole interval lies inside the limit.
    Unchanged,
    /// The data do not decide.
    Inconclusive,
    /// In the baseline, but not in this run.
    Missing,
    /// In this run, but not in the baseline.
    New,
    /// There is nothing to compare with.
    NoBase,
}

/// How the two sides of a comparison were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Both in one job, in turns: can carry a verdict that gates.
    Paired,
    /// At different times on hosts of one class: indicative, never gates.
    Unpaired,
}

/// The stored run that stands for the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRef {
    /// Its run id.
    pub run: String,
    /// Its commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Its branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// When it started.
    pub at: Timestamp,
    /// The class key of its host.
    pub class_key: String,
    /// How many commits it lies before the one that should have been measured (the commit where a change request left its
    /// target, the parent of any other commit); 0 where that one was. Absent where it was chosen by its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<u64>,
}

/// Who accepted a change, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedRef {
    /// The pattern that the benchmark's name matches.
    pub pattern: String,
    /// Why the change is wanted.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// From which commit on; absent where it holds for one change request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How many pairs a paired decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pairs {
    /// Pairs that were only looked at to find what may have moved.
    pub screening: u64,
    /// Fresh pairs, taken after that, which alone give estimate, interval and p-value; 0 if there was no need for them.
    pub confirmation: u64,
}

/// What a test for a change came to, so that it can be corrected again together with the tests of other legs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// The p-value of "no change" over all planned looks: that of the look divided by the look's share of the error budget,
    /// at most 1.
    pub p: f64,
    /// Its weight in Holm's procedure.
    pub weight: f64,
}

/// One metric of one benchmark, base against head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricChange {
    /// The benchmark's series name.
    pub benchmark: String,
    /// The metric.
    pub metric: String,
    /// The unit of `base` and `head`.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// The base's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// The head's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<f64>,
    /// The estimated change, relative to the base: 0.066 is +6.6 %. Absent where the base is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
    /// Lower end of the confidence interval of `change`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Coverage of the interval, such as 0.95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The p-value of "no change" from the method in `method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The test for a change, where there was one: of the metrics that may have moved after screening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<Tested>,
    /// Samples of the base and of the head.
    pub n: (u64, u64),
    /// The smallest change that matters, relative.
    pub limit: f64,
    /// The pairs behind a paired decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairs>,
    /// The smallest change, relative, that this measurement would have found 19 times out of 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_detectable: Option<f64>,
    /// The name of the method that gave estimate and interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Reported beside another metric of the same benchmark, which decides: of wall and CPU time the calmer one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
    /// What it says.
    pub verdict: Verdict,
    /// How far the data can be trusted.
    #[serde(default)]
    pub validity: Validity,
    /// One plain sentence where the verdict alone would mislead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the default branch's latest runs on hosts of this class measured, in `unit`, oldest first, at most 40; only
    /// where the row is not unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trend: Vec<f64>,
    /// The change is wanted: it stands in the report, and the gate lets it pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedRef>,
}

/// All metrics of a run against one baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// How the two sides were measured.
    pub basis: Basis,
    /// What was compared with; absent where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRef>,
    /// Why there is no baseline, or what to bear in mind about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The chance that any change of a paired comparison is called when there is none, over all its rows together:
    /// what the p-values of the rows were held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<f64>,
    /// The rows, in the order of the run's benchmarks; missing ones last.
    pub rows: Vec<MetricChange>,
    /// Cases that fail now and passed in the baseline, as `step` and title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newly_failing: Vec<(String, String)>,
    /// Cases that fail now and failed in the baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still_failing: Vec<(String, String)>,
    /// Cases that pass now and failed in the baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<(String, String)>,
    /// Cases of the baseline that did not appear in this run although their step ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vanished: Vec<(String, String)>,
}
