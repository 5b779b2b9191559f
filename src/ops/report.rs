//! Renders a stored or written run again, and restores runs that were killed.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::files::write_reports;
use super::runs::{self, RunsError};
use crate::execute::{self, JournalError};
use crate::report;
use crate::results::{Assembly, Case, Document, Event, ExitCode, Kind};
use crate::store::{FolderError, FolderState, OpenOptions, Places, RunFolder, RunLock, SqliteStore, Store, StoreError};

/// The largest document that is read from a file, in bytes.
const LARGEST: u64 = 1 << 30;

/// What a run is rendered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As on the terminal after a run, without style.
    Terminal,
    /// GitHub-flavoured Markdown.
    Markdown,
    /// JUnit XML.
    Junit,
    /// The document itself.
    Json,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run cannot be found.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is no document of ours.
    #[error("{}:{line}:{column}: not a results document: {text}", path.display())]
    Document {
        /// As it was named.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        text: String,
    },
    /// No killed run.
    #[error("no run here was killed: every run's folder has its results")]
    NothingLost,
    /// The run named is not a lost one.
    #[error("run {0} is still going on; `backsight runs cancel` stops it")]
    StillRunning(Uuid),
}

impl ReportError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Runs(error) => error.exit_code(),
            Self::Store(_) | Self::Folder(_) => ExitCode::Tool,
            Self::Journal(_) | Self::Io { .. } | Self::Document { .. } | Self::NothingLost | Self::StillRunning(_) => {
                ExitCode::Usage
            }
        }
    }
}

/// A restored run.
#[derive(Debug)]
pub struct Recovered {
    /// The document, status `lost` unless the run had reached its end.
    pub document: Document,
    /// The run's folder.
    pub folder: PathBuf,
    /// The files written.
    pub files: Vec<String>,
    /// What could not be read, written or stored.
    pub problems: Vec<String>,
}

/// The document of `what`: a file, or a run by id, prefix of an id, or `latest`.
///
/// # Errors
/// If it cannot be found or read.
pub fn document(places: &Places, what: &str) -> Result<Document, ReportError> {
    let path = Path::new(what);
    if path.is_file() || what.contains('/') || what.ends_with(".json") {
        return from_file(path);
    }
    Ok(runs::show(places, what)?)
}

fn from_file(path: &Path) -> Result<Document, ReportError> {
    let io = |source| ReportError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > LARGEST {
        return Err(io(std::io::Error::other("larger than 1 GiB, which no results document is")));
    }
    serde_json::from_reader(std::io::BufReader::new(file)).map_err(|error| ReportError::Document {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        text: error.to_string(),
    })
}

/// The text of a document.
///
/// # Errors
/// If the document cannot be serialised, which its types do not allow.
pub fn render(document: &Document, format: Format) -> Result<String, serde_json::Error> {
    Ok(match format {
        Format::Terminal => report::terminal(document, None),
        Format::Markdown => report::markdown(document),
        Format::Junit => report::junit::render(document, &report::junit::Limits::default()),
        Format::Json => serde_json::to_string_pretty(document)? + "\n",
    })
}

/// Restores killed runs from their journals: the one named (id or prefix), or all of the workspace.
///
/// # Errors
/// If there is none, or a named one cannot be restored.
pub fn recover(places: &Places, which: Option<&str>) -> Result<Vec<Recovered>, ReportError> {
    let mut lost = Vec::new();
    for folder in RunFolder::all(&places.runs())? {
        let id = folder.run.to_string();
        let named = which.is_none_or(|which| id.starts_with(which));
        match folder.state()? {
            FolderState::Lost if named => lost.push(folder),
            FolderState::Running(_) if which.is_some() && named => return Err(ReportError::StillRunning(folder.run)),
            _ => {}
        }
    }
    if lost.is_empty() {
        return Err(ReportError::NothingLost);
    }
    let single = which.is_some();
    let mut store = SqliteStore::open(&places.database(), &OpenOptions::default())?;
    let mut recovered = Vec::new();
    for folder in lost {
        match restore(&folder.path, &mut store) {
            Ok(run) => recovered.push(run),
            Err(error) if single => return Err(error),
            // One unreadable journal must not keep the other runs from being restored.
            Err(ReportError::Journal(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if recovered.is_empty() { Err(ReportError::NothingLost) } else { Ok(recovered) }
}

fn restore(folder: &Path, store: &mut SqliteStore) -> Result<Recovered, ReportError> {
    let (mut assembly, unreadable) = execute::replay(&folder.join("journal.jsonl"))?;
    let mut problems = Vec::new();
    if unreadable > 0 {
        problems.push(format!("{unreadable} lines of the journal could not be read"));
    }
    adopt_reports(folder, &mut assembly);
    let Some(document) = assembly.finish() else { return Err(ReportError::NothingLost) };
    // Held while writing, so that nobody else restores the same run at the same time.
    let _lock = RunLock::hold(folder, document.run.started_at, &document.project)?;
    let (files, unwritten) = write_reports(folder, &document);
    problems.extend(unwritten);
    store.save(&document)?;
    Ok(Recovered { document, folder: folder.to_owned(), files, problems })
}

/// Cases that a framework had already written to `$BACKSIGHT_JUNIT` when the run was killed, for steps whose cases are
/// not in the journal.
fn adopt_reports(folder: &Path, assembly: &mut Assembly) {
    let told: std::collections::BTreeSet<String> = assembly
        .document()
        .map(|document| document.cases.iter().map(|case| case.step.clone()).collect())
        .unwrap_or_default();
    let open: Vec<String> = assembly
        .open_steps()
        .filter(|(id, kind)| *kind == Kind::Test && !told.contains(*id))
        .map(|(id, _)| id.to_owned())
        .collect();
    for step in open {
        for file in execute::junit_files(folder, &step) {
            // What cannot be read of a file that a killed process was writing is lost with that process.
            let _ = execute::read_junit(&file, &mut |case| {
                assembly.hear(Event::CaseFinished { case: Case { step: step.clone(), ..case } });
            });
        }
    }
}
