//! The plain facts that a store gives and the questions it answers.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::results::{Counts, Direction, Document, ExitCode, Kind, Outcome, Provider, Status};

/// What a list of runs shows of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFacts {
    /// The run's id.
    pub id: Uuid,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in nanoseconds; what is known so far for one that still runs.
    pub duration_ns: u64,
    /// How it ended.
    pub status: Status,
    /// What the process returned.
    pub exit_code: ExitCode,
    /// The project.
    pub project: String,
    /// The full hash of the commit.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The default branch of the repository.
    pub default_branch: Option<String>,
    /// Whether tracked files differed from the commit.
    pub dirty: Option<bool>,
    /// The number of the change request.
    pub request: Option<u64>,
    /// The platform it ran for.
    pub provider: Option<Provider>,
    /// The class key of the host.
    pub class_key: String,
    /// The host in one line.
    pub host: String,
    /// How many of each.
    pub counts: Counts,
}

impl From<&Document> for RunFacts {
    fn from(document: &Document) -> Self {
        let change = &document.change;
        Self {
            id: document.run.id,
            started_at: document.run.started_at,
            duration_ns: document.run.duration_ns,
            status: document.run.status,
            exit_code: document.run.exit_code,
            project: document.project.clone(),
            commit: change.commit.clone(),
            branch: change.branch.clone(),
            default_branch: change.default_branch.clone(),
            dirty: change.dirty,
            request: change.request.as_ref().map(|request| request.number),
            provider: change.provider,
            class_key: document.host.class_key.clone(),
            host: document.host.title(),
            counts: document.counts,
        }
    }
}

/// How long one execution of a step took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTime {
    /// The step's id.
    pub step: String,
    /// The class key of the host.
    pub class_key: String,
    /// The time, in nanoseconds.
    pub duration_ns: u64,
}

/// Which runs to list. What is empty or absent does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// One of these states.
    pub statuses: Vec<Status>,
    /// This branch.
    pub branch: Option<String>,
    /// With a step of one of these kinds.
    pub kinds: Vec<Kind>,
    /// With a step, case or benchmark whose name matches this glob; `*` also crosses `/`.
    pub name: Option<String>,
    /// With a step on this target.
    pub target: Option<String>,
    /// With a step for this model.
    pub model: Option<String>,
    /// Started at this time or later.
    pub since: Option<Timestamp>,
    /// Started before this time.
    pub until: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// Which stored run may serve as a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineQuery {
    /// The project.
    pub project: String,
    /// The class key of the host.
    pub class_key: String,
    /// The branch; `None` finds runs that know no branch.
    pub branch: Option<String>,
    /// Accept runs of this change request beside those of none.
    pub request: Option<u64>,
    /// Not this run.
    pub exclude: Option<Uuid>,
    /// Started before this time.
    pub before: Option<Timestamp>,
    /// Only runs that measured something.
    pub with_benchmarks: bool,
}

/// Which series to list. What is absent does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesFilter {
    /// The project.
    pub project: Option<String>,
    /// A glob for the benchmark's series name; `*` also crosses `/`.
    pub benchmark: Option<String>,
    /// The metric.
    pub metric: Option<String>,
    /// The class key of the host.
    pub class_key: Option<String>,
}

/// One metric of one benchmark on hosts of one class: what has a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Its number in this store.
    #[serde(skip)]
    pub number: i64,
    /// The number of the first stored run that has it.
    #[serde(skip)]
    pub first_run: i64,
    /// The project.
    pub project: String,
    /// The class key of the hosts.
    pub class_key: String,
    /// The id of the step.
    pub step: String,
    /// The benchmark's series name.
    pub benchmark: String,
    /// The metric.
    pub metric: String,
    /// The unit of all values.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
}

/// What one run measured for one series, in the series' unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// The value that is compared.
    pub value: f64,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
    /// How many samples it stands for; absent where the harness does not tell.
    pub samples: Option<u64>,
    /// Measured under conditions that make it uncertain.
    pub noisy: bool,
}

/// What a history says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunLabel {
    /// The run.
    pub run: Uuid,
    /// When it started.
    pub started_at: Timestamp,
    /// The commit it measured.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The number of the change request, if it was of one.
    pub request: Option<u64>,
}

/// The runs of one branch, or of one change request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFacts {
    /// The branch; absent where the runs know none.
    pub branch: Option<String>,
    /// The number of the change request.
    pub request: Option<u64>,
    /// The default branch as these runs were told.
    pub default_branch: Option<String>,
    /// How many runs.
    pub runs: u64,
}

/// A test case that was seen in some run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    /// Its number in this store.
    pub number: i64,
    /// Its name for people.
    pub title: String,
    /// The id of the step.
    pub step: String,
    /// The suites around it, joined with ` > `.
    pub suites: String,
    /// The project.
    pub project: String,
}

/// What a case did in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenCase {
    /// The place of the run in the list of runs.
    pub run: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in nanoseconds.
    pub duration_ns: Option<u64>,
}

/// One point of a history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryPoint {
    /// The run, shared by the points of all series.
    #[serde(flatten, serialize_with = "plain")]
    pub label: Arc<RunLabel>,
    /// What it measured.
    #[serde(flatten)]
    pub measured: Measured,
}

fn plain<S: Serializer>(label: &Arc<RunLabel>, serializer: S) -> Result<S::Ok, S::Error> {
    label.serialize(serializer)
}
