//! `backsight import`: the history that another tool has kept becomes ours, with its source beside it.
//!
//! Each format gives [`Imported`] measurements of a commit; [`document`](Origin::document) makes runs of them, which are
//! saved like others. Their hosts are classes of their own: what another machine measured is never a baseline here.

mod asv;
mod bencher;
mod conbench;
mod gab;
mod json;
mod pytest;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use source::{Source, SourceError};

use crate::execute::{FolderError, files_below};
use crate::results::{
    Benchmark, Change, ChangeRequest, Cpu, Document, ExitCode, Host, Kind, PipelineRef, Remark, RemarkLevel, RunInfo,
    Status, Step, StepStatus,
};
use crate::store::{OpenOptions, Places, SqliteStore, Store, StoreError};

/// Warnings that are told one by one.
const TOLD: usize = 20;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The tool; `None` lets the content tell.
    pub from: Option<Source>,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// The project that the history is of.
    pub project: String,
    /// The branch of measurements that know none.
    pub branch: String,
    /// The class key to file it under, where the user knows that it is the same hardware.
    pub class_key: Option<String>,
    /// Nothing is written.
    pub dry_run: bool,
}

/// What one commit, or one upload, measured.
#[derive(Debug, Clone, PartialEq)]
struct Imported {
    at: Timestamp,
    commit: Option<String>,
    branch: Option<String>,
    request: Option<u64>,
    /// What the tool calls the machine.
    machine: String,
    /// What the tool groups benchmarks under.
    suite: String,
    benchmarks: Vec<Benchmark>,
}

/// What a format found in its files.
#[derive(Debug, Default)]
struct Found {
    all: Vec<Imported>,
    warnings: Vec<String>,
}

impl Found {
    fn warn(&mut self, place: &str, text: impl AsRef<str>) {
        self.warnings.push(format!("{place}: {}", text.as_ref()));
    }
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs that are new in the store.
    pub new: usize,
    /// Runs that had been imported before.
    pub known: usize,
    /// Values of benchmarks in them.
    pub values: usize,
    /// Series, by step, benchmark and metric.
    pub series: usize,
    /// The first and the last day.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Which tool each path was of, and what was left out and why.
    pub told: Vec<String>,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A path cannot be read, or is of no known tool.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is nothing in the files.
    #[error("no measurement in {0}; {1}")]
    Nothing(String, String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Source(_) | Self::Folder(_) | Self::Nothing(..) => ExitCode::Usage,
            Self::Store(_) => ExitCode::Tool,
        }
    }
}

/// Reads the files and saves what is new. The same measurements imported again change nothing.
///
/// # Errors
/// If a path cannot be read, holds nothing or is of no known tool, or the store fails. Runs that were saved before stay.
pub fn import(places: &Places, request: &Request) -> Result<Counts, ImportError> {
    let mut counts = Counts::default();
    let mut documents = Vec::new();
    for path in &request.paths {
        let files = if path.is_dir() { files_below(path)? } else { vec![(named(path), path.clone())] };
        let source = source::of(request.from, path, &files)?;
        counts.told.push(format!("{}: read as {}", path.display(), source.title()));
        let Found { all, warnings } = source.read(&files)?;
        if all.is_empty() {
            let why = warnings.first().cloned().unwrap_or_else(|| format!("is it what {} keeps?", source.title()));
            return Err(ImportError::Nothing(path.display().to_string(), why));
        }
        counts.warnings.extend(warnings);
        let origin = Origin { source, path, sha256: source::sha256(&files)?, request };
        documents.extend(all.into_iter().map(|imported| origin.document(imported)));
    }
    documents.sort_by_key(|document| (document.run.started_at, document.run.id));
    let left_out = counts.warnings.len().saturating_sub(TOLD);
    if left_out > 0 {
        counts.warnings.truncate(TOLD);
        counts.warnings.push(format!("{left_out} more are left out here"));
    }
    count(&mut counts, &documents);
    save(places, request.dry_run, &documents, &mut counts)?;
    Ok(counts)
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn count(counts: &mut Counts, documents: &[Document]) {
    let mut series = BTreeSet::new();
    for benchmark in documents.iter().flat_map(|document| &document.benchmarks) {
        counts.values += benchmark.metrics.len();
        series.extend(benchmark.metrics.iter().map(|metric| (benchmark.series(), metric.metric.clone())));
    }
    counts.series = series.len();
    let at = |document: &Document| document.run.started_at;
    counts.span = documents.first().map(at).zip(documents.last().map(at));
}

fn save(places: &Places, dry_run: bool, documents: &[Document], counts: &mut Counts) -> Result<(), StoreError> {
    let database = places.database();
    let mut store = match dry_run {
        true => SqliteStore::open_existing(&database, &OpenOptions::default())?,
        false => Some(SqliteStore::open(&database, &OpenOptions::default())?),
    };
    let known = store.as_ref().map(SqliteStore::ids).transpose()?.unwrap_or_default();
    let mut seen = BTreeSet::new();
    for document in documents {
        // The same upload may stand in several files.
        if known.contains(&document.run.id) || !seen.insert(document.run.id) {
            counts.known += 1;
            continue;
        }
        counts.new += 1;
        if let (Some(store), false) = (&mut store, dry_run) {
            store.save(document)?;
        }
    }
    Ok(())
}

/// Where imported measurements come from.
struct Origin<'a> {
    source: Source,
    path: &'a Path,
    sha256: String,
    request: &'a Request,
}

impl Origin<'_> {
    /// A run as if we had made it, except that it says where it comes from.
    fn document(&self, imported: Imported) -> Document {
        let Imported { at, commit, branch, request, machine, suite, benchmarks } = imported;
        let id = self.id(&machine, &suite, commit.as_deref(), at, &benchmarks);
        let pipeline = PipelineRef { path: self.path.display().to_string(), sha256: self.sha256.clone() };
        let mut document = Document::begun(id, at, &self.request.project, pipeline);
        document.run = RunInfo { status: Status::Passed, ..document.run };
        let request = request.map(|number| ChangeRequest {
            number,
            target_branch: Some(self.request.branch.clone()),
            source_branch: None,
            from_fork: None,
            labels: Vec::new(),
        });
        document.change = Change {
            commit,
            branch: Some(branch.unwrap_or_else(|| self.request.branch.clone())),
            default_branch: Some(self.request.branch.clone()),
            request,
            ..Change::default()
        };
        document.host = self.host(&machine);
        let step = format!("{}/{suite}", Kind::Benchmark.section());
        document.benchmarks = benchmarks.into_iter().map(|one| Benchmark { step: step.clone(), ..one }).collect();
        document.steps.push(Step {
            id: step,
            kind: Kind::Benchmark,
            name: suite,
            model: None,
            target: None,
            status: StepStatus::Passed,
            reason: None,
            command: format!("imported from {}", self.source.title()),
            attempts: 1,
            exit: None,
            started_at: Some(at),
            duration_ns: 0,
            log: None,
            leg: None,
        });
        let text = format!("imported from {} of {}; measured on {machine}", self.path.display(), self.source.title());
        document.remarks.push(Remark { level: RemarkLevel::Info, step: None, text });
        document
    }

    /// The same for the same measurements, whenever and from wherever they are imported; sorts by their time.
    fn id(&self, machine: &str, suite: &str, commit: Option<&str>, at: Timestamp, benchmarks: &[Benchmark]) -> Uuid {
        let mut hash = Sha256::new();
        let words = [self.source.as_str(), &self.request.project, machine, suite, commit.unwrap_or_default()];
        for word in words {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        for benchmark in benchmarks {
            hash.update(benchmark.series().as_bytes());
            benchmark.metrics.iter().for_each(|metric| hash.update(metric.value.to_le_bytes()));
        }
        let digest = hash.finalize();
        let mut random = [0; 10];
        random.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A class of hosts that only imports of this tool and machine belong to, unless the user knows better.
    fn host(&self, machine: &str) -> Host {
        let digest = Sha256::digest(format!("imported\0{}\0{machine}", self.source.as_str()));
        let own: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Host {
            class_key: self.request.class_key.clone().unwrap_or(own),
            arch: "imported".into(),
            cpu: Cpu { brand: Some(machine.to_owned()), ..Cpu::default() },
            ..Host::default()
        }
    }
}
