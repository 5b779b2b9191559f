//! Earlier, running and lost runs: list them, show one, cancel one, remove old folders.
//!
//! The store knows the runs that ended; the folders in `.backsight/runs` know those that still go on, those that were
//! killed, and those that could not be stored. Each operation looks at both.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use crate::results::{Counts, Document, ExitCode, Status};
use crate::store::{
    FolderError, FolderState, Holder, OpenOptions, Places, RunFacts, RunFilter, RunFolder, SqliteStore, Store,
    StoreError,
};

/// How often a run that was asked to end is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// A folder younger than this is never pruned: its run may not have taken its lock yet.
const YOUNG: Duration = Duration::from_secs(60);
/// How many candidates an ambiguous id names.
const CANDIDATES: u32 = 10;

/// Why an operation on runs could not be done.
#[derive(Debug, Error)]
pub enum RunsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run's folder failed.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No run has this id.
    #[error("no run `{id}` is stored or on disk; `backsight runs list` shows those that are")]
    NotFound {
        /// What was asked for.
        id: String,
    },
    /// Several runs have an id that begins so.
    #[error("`{id}` is the beginning of several runs; give more of the id: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of the runs.
        candidates: Vec<String>,
    },
    /// The run to cancel does not go on.
    #[error("{what}; `backsight runs list --status running` shows what can be cancelled")]
    NotRunning {
        /// Which run, or that there is none.
        what: String,
    },
    /// The process of a run cannot be told for certain, so no signal was sent.
    #[error("run {run} goes on, but its lock file does not name the process that holds it; end that process by hand")]
    UnknownProcess {
        /// The run.
        run: Uuid,
    },
    /// The signal could not be sent.
    #[error("run {run} (process {pid}) could not be asked to end: {source}; it may belong to another user")]
    Signal {
        /// The run.
        run: Uuid,
        /// Its process.
        pid: u32,
        /// What the system said.
        source: std::io::Error,
    },
}

impl RunsError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotFound { .. } | Self::Ambiguous { .. } | Self::NotRunning { .. } => ExitCode::Usage,
            Self::Store(StoreError::Glob { .. }) => ExitCode::Usage,
            _ => ExitCode::Tool,
        }
    }
}

/// One run of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRow {
    /// What is known of it.
    #[serde(flatten)]
    pub facts: RunFacts,
    /// The process of a run that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Whether the store has it; otherwise it is known from its folder alone.
    pub stored: bool,
}

/// The runs that pass the filter, the newest first.
///
/// # Errors
/// Where the store or the folder of all runs cannot be read. A single folder that cannot be read is passed over with
/// a warning in the log.
pub fn list(places: &Places, filter: &RunFilter) -> Result<Vec<RunRow>, RunsError> {
    let store = open(places)?;
    let mut rows = BTreeMap::new();
    if let Some(store) = &store {
        for facts in store.runs(filter)? {
            rows.insert(facts.id, RunRow { facts, pid: None, stored: true });
        }
    }
    for folder in RunFolder::all(&places.runs())? {
        if rows.contains_key(&folder.run) && !matches!(folder.state(), Ok(FolderState::Running(_))) {
            continue;
        }
        match row_of_folder(&folder, store.as_ref(), filter) {
            Ok(Some(row)) => drop(rows.insert(folder.run, row)),
            Ok(None) => {}
            Err(RunsError::Folder(error)) => tracing::warn!("passing over run {}: {error}", folder.run),
            Err(error) => return Err(error),
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.facts.started_at, row.facts.id)));
    rows.truncate(filter.limit.map_or(usize::MAX, |limit| limit as usize));
    Ok(rows)
}

fn open(places: &Places) -> Result<Option<SqliteStore>, StoreError> {
    SqliteStore::open_existing(&places.database(), &OpenOptions::default())
}

fn row_of_folder(
    folder: &RunFolder,
    store: Option<&SqliteStore>,
    filter: &RunFilter,
) -> Result<Option<RunRow>, RunsError> {
    let state = folder.state()?;
    let stored = match store {
        Some(store) => !store.find(&folder.run.to_string(), 1)?.is_empty(),
        None => false,
    };
    let pid = match &state {
        FolderState::Running(holder) => holder.as_ref().map(|holder| holder.pid),
        _ if stored => return Ok(None),
        _ => None,
    };
    let asks_contents = !filter.kinds.is_empty() || filter.name.is_some() || filter.target.is_some();
    let whole = asks_contents || filter.model.is_some() || state == FolderState::Finished;
    let document = if whole { folder.document(&state)? } else { folder.beginning(&state)? };
    let facts = match document {
        Some(document) if filter.matches(&document)? => RunFacts::from(&document),
        Some(_) => return Ok(None),
        None if whole || filter.branch.is_some() => return Ok(None),
        None => match without_document(folder.run, state) {
            facts if passes(filter, &facts) => facts,
            _ => return Ok(None),
        },
    };
    Ok(Some(RunRow { facts, pid, stored }))
}

fn passes(filter: &RunFilter, facts: &RunFacts) -> bool {
    (filter.statuses.is_empty() || filter.statuses.contains(&facts.status))
        && filter.since.is_none_or(|since| facts.started_at >= since)
        && filter.until.is_none_or(|until| facts.started_at < until)
}

/// What can be said of a run that was killed before its first journal line, or that has not come so far.
fn without_document(run: Uuid, state: FolderState) -> RunFacts {
    let (status, holder) = match state {
        FolderState::Running(holder) => (Status::Running, holder),
        _ => (Status::Lost, None),
    };
    let (started_at, project) = match holder {
        Some(Holder { started_at, project, .. }) => (started_at, project),
        None => (time_of(run), String::new()),
    };
    RunFacts {
        id: run,
        started_at,
        duration_ns: 0,
        status,
        exit_code: ExitCode::Tool,
        project,
        commit: None,
        branch: None,
        default_branch: None,
        dirty: None,
        request: None,
        provider: None,
        class_key: String::new(),
        host: String::new(),
        counts: Counts::default(),
    }
}

/// The time in a run id; 1970 for an id that carries none.
fn time_of(run: Uuid) -> Timestamp {
    let seconds = run.get_timestamp().map_or(0, |time| time.to_unix().0);
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

/// The whole document of a run, by its id, the unique beginning of it, or `latest`.
///
/// # Errors
/// Where there is no such run, or more than one, or it cannot be read.
pub fn show(places: &Places, id: &str) -> Result<Document, RunsError> {
    let run = resolve(places, id)?;
    let folder = RunFolder { run, path: places.run(run) };
    let state = folder.state()?;
    if !matches!(state, FolderState::Running(_))
        && let Some(store) = open(places)?
        && let Some(document) = store.load(run)?
    {
        return Ok(document);
    }
    folder.document(&state)?.ok_or_else(|| RunsError::NotFound { id: id.to_owned() })
}

/// The run that an id, the unique beginning of one, or `latest` stands for.
///
/// # Errors
/// Where there is no such run, or more than one.
pub fn resolve(places: &Places, id: &str) -> Result<Uuid, RunsError> {
    if id == "latest" {
        let newest = list(places, &RunFilter { limit: Some(1), ..RunFilter::default() })?;
        return newest.first().map(|row| row.facts.id).ok_or_else(|| RunsError::NotFound { id: id.to_owned() });
    }
    let prefix = id.to_ascii_lowercase();
    let mut found: Vec<Uuid> = RunFolder::all(&places.runs())?.into_iter().map(|folder| folder.run).collect();
    found.retain(|run| run.to_string().starts_with(&prefix));
    if let Some(store) = open(places)? {
        found.extend(store.find(&prefix, CANDIDATES)?.into_iter().map(|facts| facts.id));
    }
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => Err(RunsError::NotFound { id: id.to_owned() }),
        [run] => Ok(*run),
        several => {
            let candidates = several.iter().take(CANDIDATES as usize).map(Uuid::to_string).collect();
            Err(RunsError::Ambiguous { id: id.to_owned(), candidates })
        }
    }
}

/// What became of a run that was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The run.
    pub run: Uuid,
    /// Its process.
    pub pid: u32,
    /// Whether it ended while we waited; otherwise it is still writing what it has.
    pub ended: bool,
}

/// Asks a run that goes on to end (SIGTERM) and waits up to `wait` for it. Without an id, or with `latest`, the newest
/// run that goes on.
///
/// # Errors
/// Where no such run goes on, its process cannot be told, or may not be signalled.
pub fn cancel(places: &Places, id: Option<&str>, wait: Duration) -> Result<Cancelled, RunsError> {
    let folder = match id {
        None | Some("latest") => newest_running(places)?,
        Some(id) => {
            let run = resolve(places, id)?;
            RunFolder { run, path: places.run(run) }
        }
    };
    let run = folder.run;
    let FolderState::Running(holder) = folder.state()? else {
        return Err(RunsError::NotRunning { what: format!("run {run} does not go on any more") });
    };
    let pid = holder.map(|holder| holder.pid).filter(|pid| folder.is_held_by(*pid));
    let pid = pid.ok_or(RunsError::UnknownProcess { run })?;
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(RunsError::UnknownProcess { run })?;
    kill_process(process, Signal::TERM).map_err(|error| RunsError::Signal { run, pid, source: error.into() })?;
    let start = Instant::now();
    while matches!(folder.state()?, FolderState::Running(_)) {
        if start.elapsed() >= wait {
            return Ok(Cancelled { run, pid, ended: false });
        }
        std::thread::sleep(LOOK);
    }
    Ok(Cancelled { run, pid, ended: true })
}

fn newest_running(places: &Places) -> Result<RunFolder, RunsError> {
    let mut folders = RunFolder::all(&places.runs())?;
    while let Some(folder) = folders.pop() {
        if matches!(folder.state(), Ok(FolderState::Running(_))) {
            return Ok(folder);
        }
    }
    Err(RunsError::NotRunning { what: "no run goes on in this workspace".to_owned() })
}

/// Which folders to remove; a folder goes when all that is given says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prune {
    /// Keep so many of the newest.
    pub keep: Option<usize>,
    /// Only those of runs that started before.
    pub before: Option<Timestamp>,
}

/// Removes the folders of old runs, never that of one which goes on. The store keeps what it has of them.
///
/// # Errors
/// Where a folder cannot be removed; those before it are gone.
pub fn prune(places: &Places, rule: Prune, now: Timestamp) -> Result<Vec<Uuid>, RunsError> {
    let mut removed = Vec::new();
    let mut folders = RunFolder::all(&places.runs())?;
    folders.truncate(folders.len().saturating_sub(rule.keep.unwrap_or_default()));
    for folder in folders {
        let started = time_of(folder.run);
        let young = started + YOUNG > now;
        let recent = rule.before.is_some_and(|before| started >= before);
        if young || recent || matches!(folder.state()?, FolderState::Running(_)) {
            continue;
        }
        fs::remove_dir_all(&folder.path).map_err(|source| FolderError::Io { path: folder.path.clone(), source })?;
        removed.push(folder.run);
    }
    Ok(removed)
}
