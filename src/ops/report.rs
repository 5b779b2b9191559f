//! Renders a stored or written run again, and restores runs that were killed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::files::write_reports;
use super::load::load;
use super::runs::{self, RunsError};
use crate::distribute::slurm::Folder;
use crate::execute::{self, Environment, JournalError};
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
    /// One HTML file.
    Html,
    /// JUnit XML.
    Junit,
    /// The document itself.
    Json,
    /// OpenMetrics text.
    Openmetrics,
    /// GitLab's Code Quality report.
    Codequality,
    /// GitLab's links on a job's page.
    JobLinks,
    /// One JSON object a line.
    JsonLines,
    /// A table of figures.
    Csv,
    /// An SVG.
    Badge,
    /// A message to a chat or a program.
    Message(report::Chat),
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
    /// Killed runs without anything to restore.
    #[error(
        "{0} {word} killed before it began, and nothing of it can be restored; `backsight runs prune` removes its folder",
        word = if *.0 == 1 { "run was" } else { "runs were each" }
    )]
    NothingKept(usize),
    /// The run named is not a lost one.
    #[error("run {0} is still going on; `backsight runs cancel` stops it")]
    StillRunning(Uuid),
    /// The run's jobs are on a cluster, and what they found is theirs to tell.
    #[error("run {0} was handed to Slurm; `backsight run --executor slurm --attach {0}` goes on with it")]
    OnSlurm(String),
}

impl ReportError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Runs(error) => error.exit_code(),
            Self::Store(_) | Self::Folder(_) => ExitCode::Tool,
            Self::Journal(_)
            | Self::Io { .. }
            | Self::Document { .. }
            | Self::NothingLost
            | Self::NothingKept(_)
            | Self::StillRunning(_)
            | Self::OnSlurm(_) => ExitCode::Usage,
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

/// The document in a file.
///
/// # Errors
/// If it cannot be read, or is none.
pub(super) fn from_file(path: &Path) -> Result<Document, ReportError> {
    let io = |source| ReportError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io(std::io::Error::other("larger than 1 GiB, which no results document is")));
    }
    // From memory, as everywhere: another way to read documents is another half a megabyte of program.
    serde_json::from_slice(&bytes).map_err(|error| ReportError::Document {
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
        Format::Html => report::html(document, None),
        Format::Junit => report::junit::render(document, &report::junit::Limits::default()),
        Format::Json => serde_json::to_string_pretty(document)? + "\n",
        Format::Openmetrics => report::openmetrics(document),
        Format::Codequality => report::codequality(document),
        Format::JobLinks => report::job_links(document),
        Format::JsonLines => report::json_lines(document),
        Format::Csv => report::csv(document),
        Format::Badge => report::badge(document),
        Format::Message(chat) => {
            let page = document.change.job_url.as_deref();
            serde_json::to_string_pretty(&report::webhook(document, chat, page))? + "\n"
        }
    })
}

/// Restores killed runs from their journals: the one named (id or prefix), or all of the workspace. `env` are the
/// variables of this process: secrets among them are masked.
///
/// # Errors
/// If there is none, or a named one cannot be restored.
pub fn recover(
    places: &Places,
    which: Option<&str>,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Recovered>, ReportError> {
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
    let (mut recovered, found, mut elsewhere) = (Vec::new(), lost.len(), None);
    for folder in lost {
        match restore(places, &folder.path, &mut store, env) {
            Ok(run) => recovered.push(run),
            Err(error) if single => return Err(error),
            Err(error @ ReportError::OnSlurm(_)) => elsewhere = Some(error),
            // One unreadable journal must not keep the other runs from being restored.
            Err(ReportError::Journal(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = elsewhere.filter(|_| recovered.is_empty()) {
        return Err(error);
    }
    if recovered.is_empty() { Err(ReportError::NothingKept(found)) } else { Ok(recovered) }
}

fn restore(
    places: &Places,
    folder: &Path,
    store: &mut SqliteStore,
    env: &BTreeMap<String, String>,
) -> Result<Recovered, ReportError> {
    if let Some(run) = folder.file_name().filter(|_| Folder::is_one(folder)) {
        return Err(ReportError::OnSlurm(run.to_string_lossy().into_owned()));
    }
    let (mut assembly, unreadable) = execute::replay(&folder.join("journal.jsonl"))?;
    let mut problems = Vec::new();
    if unreadable > 0 {
        problems.push(format!("{unreadable} lines of the journal could not be read"));
    }
    problems.extend(adopt_reports(places, folder, &mut assembly, env));
    let Some(document) = assembly.finish() else { return Err(ReportError::NothingKept(1)) };
    // Held while writing, so that nobody else restores the same run at the same time.
    let _lock = RunLock::hold(folder, document.run.started_at, &document.project)?;
    // Before the files, which end the run: where it cannot be stored, it can be restored again.
    store.save(&document)?;
    let (files, unwritten) = write_reports(folder, &document);
    problems.extend(unwritten);
    Ok(Recovered { document, folder: folder.to_owned(), files, problems })
}

/// Cases that a framework had already written to `$BACKSIGHT_JUNIT` when the run was killed, and that are not in the
/// journal. A sentence is given back where they had to be left alone.
fn adopt_reports(
    places: &Places,
    folder: &Path,
    assembly: &mut Assembly,
    env: &BTreeMap<String, String>,
) -> Option<String> {
    let open = assembly.open_steps().filter(|(_, kind)| *kind == Kind::Test);
    let open: Vec<String> = open.map(|(id, _)| id.to_owned()).collect();
    let secrets = secrets(places, assembly);
    if let Some(unset) = secrets.iter().find(|name| !env.contains_key(*name)).filter(|_| !open.is_empty()) {
        // Its value may stand in the files, and only its value tells where.
        return Some(format!(
            "JUnit of steps that had not ended was left in {}: secret `{unset}` is not set here, so it cannot be masked",
            folder.join("junit").display()
        ));
    }
    let environment = Environment::new(env.clone(), &secrets);
    for step in open {
        let is_of_step = |case: &&Case| case.step == step;
        let told = assembly.document().map_or(0, |document| document.cases.iter().filter(is_of_step).count());
        execute::adopt_reports(folder, &step, told, &mut |case| {
            let mut event = Event::CaseFinished { case };
            environment.masker().mask_event(&mut event);
            assembly.hear(event);
        });
    }
    None
}

/// Names of the secrets that the run's pipeline file declares, as far as it can still be read.
fn secrets(places: &Places, assembly: &Assembly) -> Vec<String> {
    let name = assembly.document().map(|document| document.pipeline.path.as_str()).unwrap_or_default();
    let path = places.folder().parent().unwrap_or(Path::new(".")).join(name);
    load(&path).map(|loaded| loaded.pipeline().secrets.clone()).unwrap_or_default()
}
