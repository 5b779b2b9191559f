//! What became of test cases over many runs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Test cases over the runs of a branch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TestHistory {
    /// How many runs were looked at.
    pub runs: u64,
    /// The method of the intervals: `wilson`, 95 %.
    pub method: String,
    /// All cases that fail, that were flaky, that failed or became slower, and the slowest: in this order.
    pub cases: Vec<CaseTrend>,
    /// How many cases were executed in these runs.
    pub total: u64,
}

/// One test case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseTrend {
    /// The project.
    pub project: String,
    /// The id of the step.
    pub step: String,
    /// The suites around it, joined with ` > `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suites: String,
    /// Its name for people.
    pub title: String,
    /// Runs in which it was executed.
    pub runs: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often it failed and then passed without a change between.
    pub flaky: u64,
    /// How often it is flaky; absent where it was never executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flake_rate: Option<FlakeRate>,
    /// Since when it fails without a pass between, where it does so now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<FailingSince>,
    /// The median time of its last runs, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<f64>,
    /// How its time changed from the oldest quarter of these runs to the newest, medians, relative; absent with fewer than
    /// eight times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<f64>,
    /// When it became slower for good, if it did and has not become faster since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slower: Option<Slower>,
}

/// How often a case is flaky.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlakeRate {
    /// The share of runs in which it was flaky: it failed and passed on one commit, or in one run.
    pub rate: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// The first of the failures that go on now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailingSince {
    /// The run.
    pub run: String,
    /// When it started.
    pub at: Timestamp,
    /// Its commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The last commit that was seen passing before; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many runs have failed since, in a row.
    pub runs: u64,
}

/// A lasting growth of a case's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slower {
    /// The growth relative to before: 0.5 is half as much again.
    pub size: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// The last commit that was measured before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The first commit that was measured with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When the first run with it started.
    pub at: Timestamp,
}
