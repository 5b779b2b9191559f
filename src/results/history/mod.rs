//! The published answer of `backsight history`: series over commits with their change points, the drift guard, and what
//! became of tests. Its serialised form is the format `backsight/history/1`.

mod cases;
mod tag;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AcceptedRef, Direction};

pub use cases::{CaseTrend, FailingSince, FlakeRate, Slower, TestHistory};
pub use tag::{HISTORY_SCHEMA, HistoryTag};

/// The history of a branch, or of one change request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Backsight history, format 1")]
pub struct History {
    /// The name and version of this format.
    pub schema: HistoryTag,
    /// The branch whose runs are told; absent where they know no branch, or where a change request was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The number of the change request whose runs are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// One benchmark's metric on hosts of one class each, by name.
    #[serde(default)]
    pub series: Vec<SeriesHistory>,
    /// The sum since a release or another anchor, held against a limit, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// What became of tests, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestHistory>,
    /// What people should know of all this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One metric of one benchmark on hosts of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesHistory {
    /// The project.
    pub project: String,
    /// The benchmark's series name.
    pub benchmark: String,
    /// The metric.
    pub metric: String,
    /// The unit of all values.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// The class key of the hosts.
    pub class_key: String,
    /// The points in the order of commits, the newest last.
    pub points: Vec<SeriesPoint>,
    /// Where the level changed for good, in the same order.
    pub changes: Vec<SeriesChange>,
    /// A slow change over all points, which the steps come on top of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<SeriesDrift>,
    /// The points of one period, if the values come and go in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<f64>,
    /// The median since the last change point: what the next value is expected to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The last value against the median of those before it since the last change point: 0.05 is 5 % more. Absent where
    /// there are none, or that median is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_segment: Option<f64>,
}

/// What one run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// The run.
    pub run: String,
    /// When it started.
    pub at: Timestamp,
    /// The commit it measured, full hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The value, in the series' unit.
    pub value: f64,
    /// Lower end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How many samples it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Measured under conditions that make it uncertain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noisy: bool,
}

impl SeriesPoint {
    /// The first nine digits of the commit.
    pub fn short_commit(&self) -> Option<&str> {
        let commit = self.commit.as_deref()?;
        Some(commit.get(..9).unwrap_or(commit))
    }
}

/// A lasting change of level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesChange {
    /// The place of the first point of the new level in `points`, from 0.
    pub index: u64,
    /// The last commit that was measured before it: the change came after that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The first commit that was measured with it: the change came with that one at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many commits lie in that range, `until` included; absent where the repository does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commits: Option<u64>,
    /// When the first run with it started.
    pub at: Timestamp,
    /// The change: a share of the old level where `relative`, otherwise in the series' unit.
    pub size: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Whether `size` is a share: all values are positive.
    pub relative: bool,
    /// The chance of so clear a change anywhere in noise alone.
    pub p: f64,
    /// Whether it is one for the worse.
    pub worse: bool,
    /// Who accepted it, if anybody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedRef>,
}

/// A slow change over many points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesDrift {
    /// The place of its first point in `points`, from 0.
    pub from: u64,
    /// The place of its last point.
    pub to: u64,
    /// The whole change: a share where `relative`, otherwise in the series' unit.
    pub size: f64,
    /// Whether `size` is a share: all values are positive.
    pub relative: bool,
    /// Whether it is one for the worse.
    pub worse: bool,
}

/// All that came together since an anchor, held against a limit: many small steps that no alarm sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Guard {
    /// The anchor, as it was named: a tag, a branch, a commit.
    pub since: String,
    /// Its commit, full hash.
    pub commit: String,
    /// The largest sum that is allowed, relative.
    pub limit: f64,
    /// The chance that any series of all exceeds by chance alone what it did not in truth.
    pub false_alarms: f64,
    /// One for each series.
    pub rows: Vec<GuardRow>,
}

/// What came together in one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardRow {
    /// The place of the series in `series`, from 0.
    pub series: u64,
    /// The benchmark's series name.
    pub benchmark: String,
    /// The metric.
    pub metric: String,
    /// The class key of the hosts.
    pub class_key: String,
    /// The level at the anchor, in the series' unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<f64>,
    /// The level now, in the series' unit, accepted changes included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<f64>,
    /// The sum since then without accepted changes, relative; absent where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
    /// Lower end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How many accepted changes were taken out.
    pub accepted: u64,
    /// What it comes to.
    pub state: GuardState,
    /// One plain sentence where the state alone would not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the drift guard says of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardState {
    /// The whole interval is within the limit.
    Within,
    /// The whole interval is beyond the limit, for the worse.
    Exceeded,
    /// The interval holds the limit, or there are too few points.
    Unsure,
}

impl GuardState {
    /// The word in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Exceeded => "exceeded",
            Self::Unsure => "unsure",
        }
    }
}
