//! `backsight history`: the store read as series over commits, with change points, the drift guard and what became of
//! tests.
//!
//! One series is a benchmark's metric on hosts of one class. The runs of one branch are told, in the order of commits
//! where the repository tells it; runs of change requests stand apart.

mod accepting;
mod cases;
mod error;
mod guard;
mod line;
mod pick;
mod reading;
mod remembered;

use std::path::Path;

use jiff::Timestamp;

pub use error::HistoryError;
use line::CommitLine;
use pick::Pick;
use reading::Reading;
use remembered::Remembered;

use super::load;
use crate::pipeline::Gate;
use crate::results::History;
use crate::store::{OpenOptions, Places, SqliteStore};

/// What is asked of the history. What is empty or absent does not filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// Names of benchmarks (of test cases, where `tests`), or globs for them.
    pub benchmarks: Vec<String>,
    /// Metrics, or globs for them; where empty, wall and CPU time of measured commands and all that harnesses report.
    pub metrics: Vec<String>,
    /// The beginning of the class key.
    pub class: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// This branch; otherwise the default branch.
    pub branch: Option<String>,
    /// The runs of this change request instead of a branch's.
    pub request: Option<u64>,
    /// Points of each series, the newest.
    pub last: usize,
    /// Only runs that started at this time or later.
    pub since: Option<Timestamp>,
    /// Tell of test cases instead of benchmarks; the names above are then theirs.
    pub tests: bool,
    /// Hold the sum since an anchor against a limit.
    pub guard: Option<Anchor>,
}

/// What the drift guard is to hold against what.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// A tag, a branch or a commit, or `latest` for the latest tag.
    pub since: String,
    /// The largest sum that is allowed, relative.
    pub limit: f64,
    /// The chance of an alarm by accident, all series together.
    pub false_alarms: f64,
}

/// The anchor and limit to hold the history against: what is named, and the pipeline file's `gate.drift` for what is not.
///
/// # Errors
/// Where the pipeline file cannot be read, or neither says what the limit is.
pub fn anchor(workspace: &Path, since: Option<String>, limit: Option<f64>) -> Result<Anchor, HistoryError> {
    let gate = match load::load(&workspace.join("backsight.yml")) {
        Ok(loaded) => loaded.pipeline().gate.clone(),
        Err(load::LoadError::Missing { .. }) => Gate::default(),
        Err(error) => return Err(HistoryError::Pipeline(error)),
    };
    let told = gate.drift.as_ref();
    let since = since.or_else(|| told.map(|drift| drift.since.clone()));
    let limit = limit.or_else(|| told.map(|drift| drift.limit.0));
    match (since, limit) {
        (Some(since), Some(limit)) => Ok(Anchor { since, limit, false_alarms: gate.false_alarms.0 }),
        (_, limit) => Err(HistoryError::NoLimit { lacks: if limit.is_none() { "--limit" } else { "--since-tag" } }),
    }
}

/// Reads the history. `env` looks up environment variables, which may tell the default branch.
///
/// # Errors
/// Where the store cannot be read, or a name or branch is not there; near names are told.
pub fn history(
    workspace: &Path,
    question: &Question,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<History, HistoryError> {
    let store = SqliteStore::open_existing(&Places::of(workspace).database(), &OpenOptions::default())?;
    let Some(store) = store else {
        return pick::nothing_stored(question);
    };
    let (line, notes) = line::choose(&store, workspace, question, env)?;
    let picked = if question.tests { Vec::new() } else { Pick::of(question)?.series(&store)? };
    let mut history =
        History { branch: line.branch().map(ToOwned::to_owned), request: line.request(), notes, ..History::default() };
    let commits = CommitLine::of(workspace, &line);
    if question.tests {
        history.tests = Some(cases::read(&store, question, &line, &commits)?);
        return Ok(history);
    }
    let behind = question.guard.as_ref().map(|anchor| guard::Behind::of(workspace, anchor)).transpose()?;
    let accepted = store.accepted()?;
    let known = Remembered::load(Places::of(workspace).folder());
    history.series = Reading { store: &store, question, line: &line, commits: &commits, accepted: &accepted }
        .read(&picked, known)?;
    accepting::mark(&mut history.series, &commits, &accepted);
    if let (Some(anchor), Some(behind)) = (&question.guard, &behind) {
        history.guard = Some(guard::guard(&history.series, behind, anchor));
    }
    if history.series.is_empty() && !picked.is_empty() {
        history.notes.push(format!("none of the runs of {} measured what was asked for", line.words()));
    }
    Ok(history)
}
