//! Joins what several jobs found: documents of the parts of a plan, or of one pipeline on several hosts, to one run.
//!
//! Documents are read one at a time, and read again where what is written holds more than is kept. Each class of hosts
//! also gets a run of its own where results are shared: that is what later runs on such hosts are compared with.

mod keep;
mod sources;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::files::make_run_folder;
use super::judge::judge;
use super::load;
use super::run::Answer;
use super::shards::{self, PlanFileError};
use super::shared::{self, SharedError, Whereabouts};
use crate::compare::legs::{Joined, Joiner, SEVERAL};
use crate::execute::Cancel;
use crate::host::Patience;
use crate::ops::accepted;
use crate::pipeline::{BaselineConfig, MissingPolicy};
use crate::plan::ShardPlan;
use crate::results::{Benchmark, Comparison, Document, ExitCode, Remark, RemarkLevel, Status};
use crate::store::{FolderError, OpenOptions, Places, RunLock, SqliteStore, StoreError};
use keep::keep_joined;
pub use sources::SourceError;
use sources::{Found, Source};

/// So many cases are kept in memory and in reports; of more, those that passed stand in `results.json` only.
const MOST_CASES: usize = 100_000;
/// How long shared results are waited for.
const SHARED: Duration = Duration::from_secs(90);

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// Documents, or folders that hold them.
    pub sources: Vec<PathBuf>,
    /// The plan.
    pub plan: Option<PathBuf>,
    /// Without a plan, how many legs there must be.
    pub expect: Option<usize>,
    /// The pipeline file; its folder is the workspace.
    pub pipeline: PathBuf,
    /// Whether the run is added to shared results, as the pipeline file says.
    pub push: bool,
    /// How it is told to stop.
    pub cancel: Cancel,
}

/// Why nothing was joined.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// What was named.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanFileError),
    /// The run's folder.
    #[error("{}: {source}; the joined run goes there: is the workspace writable and the disk not full?", path.display())]
    Place {
        /// What could not be made.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The lock of the run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MergeError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Source(_) | Self::Plan(_) => ExitCode::Usage,
            Self::Place { .. } | Self::Folder(_) | Self::Store(_) => ExitCode::Tool,
        }
    }
}

/// A run whose parts somebody led: its folder is there and locked.
#[derive(Debug)]
pub struct Led {
    /// The run.
    pub id: Uuid,
    /// What the leader knows beside the documents.
    pub remarks: Vec<Remark>,
    /// What it returns where it was told to stop.
    pub stopped: Option<ExitCode>,
}

/// Joins.
///
/// # Errors
/// If there is nothing to join, the documents do not belong together, or the workspace cannot be written.
pub fn merge(request: &Request) -> Result<Answer, MergeError> {
    let plan = request.plan.as_deref().map(shards::read).transpose()?;
    let found = Found::of(&request.sources, plan.as_ref())?;
    let id = Uuid::now_v7();
    let mut joined = join(&found.sources, plan.as_ref(), id, MOST_CASES)?;
    let extra = unreadable(&found).into_iter().chain(too_few(request, &found, plan.as_ref())).chain(left_out(&found));
    add_remarks(&mut joined, extra.collect());
    let places = Places::of(&load::workspace_of(&request.pipeline));
    let folder = make_run_folder(&places, id).map_err(|source| MergeError::Place { path: places.run(id), source })?;
    let _lock = RunLock::hold(&folder, joined.document.run.started_at, &joined.document.project)?;
    let codes = found.legs_codes();
    finished(request, joined, &found, &codes, None)
}

/// Joins the parts of a run that somebody led here. A part that was ended is not the leader's end.
///
/// # Errors
/// As [`merge`].
pub fn merge_led(request: &Request, led: Led) -> Result<Answer, MergeError> {
    let plan = request.plan.as_deref().map(shards::read).transpose()?;
    let found = Found::of(&request.sources, plan.as_ref())?;
    let mut joined = join(&found.sources, plan.as_ref(), led.id, MOST_CASES)?;
    add_remarks(&mut joined, unreadable(&found).into_iter().chain(left_out(&found)).chain(led.remarks).collect());
    let own = |code| match code {
        ExitCode::Interrupted | ExitCode::Terminated => ExitCode::Undecided,
        code => code,
    };
    let codes: Vec<_> = found.legs_codes().into_iter().map(|(told, judged)| (own(told), judged)).collect();
    finished(request, joined, &found, &codes, led.stopped)
}

/// What makes a run incomplete stands first in it.
fn add_remarks(joined: &mut Joined, extra: Vec<Remark>) {
    joined.incomplete |= extra.iter().any(|remark| remark.level == RemarkLevel::Error);
    joined.document.remarks.splice(0..0, extra);
}

fn finished(
    request: &Request,
    mut joined: Joined,
    found: &Found,
    codes: &[(ExitCode, ExitCode)],
    stopped: Option<ExitCode>,
) -> Result<Answer, MergeError> {
    let places = Places::of(&load::workspace_of(&request.pipeline));
    let folder = places.run(joined.document.run.id);
    let mut store = SqliteStore::open(&places.database(), &OpenOptions::default())?;
    let house = House::of(request, &joined.document);
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    house.accept(request, &mut joined.document, &mut store, &mut notes);
    finish(&mut joined, codes, house.missing);
    if let Some(code) = stopped {
        (joined.document.run.status, joined.document.run.exit_code) = (Status::Cancelled, code);
        joined.incomplete = true;
    }
    let files = keep_joined(&folder, &mut joined, &found.sources, &mut store, &mut problems);
    if request.push && !joined.incomplete {
        house.share(request, &joined, &found.sources, (&mut notes, &mut problems));
    }
    Ok(Answer { document: joined.document, folder, files, notes, problems })
}

fn join(sources: &[Source], plan: Option<&ShardPlan>, id: Uuid, most_cases: usize) -> Result<Joined, SourceError> {
    let mut joiner = Joiner::new(plan.cloned(), most_cases);
    for source in sources {
        joiner.take(&source.name, source.read()?);
    }
    joiner.finish(id, Timestamp::now()).ok_or(SourceError::Nothing)
}

fn error(text: String) -> Remark {
    Remark { level: RemarkLevel::Error, step: None, text }
}

/// What of the documents could not be used.
fn unreadable(found: &Found) -> Vec<Remark> {
    found.unreadable.iter().cloned().map(error).collect()
}

/// What is of another plan.
fn left_out(found: &Found) -> Vec<Remark> {
    let warning = |text| Remark { level: RemarkLevel::Warning, step: None, text };
    found.left_out.iter().cloned().map(warning).collect()
}

fn too_few(request: &Request, found: &Found, plan: Option<&ShardPlan>) -> Option<Remark> {
    let wanted = request.expect.filter(|wanted| plan.is_none() && found.sources.len() < *wanted)?;
    let n = found.sources.len();
    Some(error(format!(
        "{wanted} legs were expected and {n} left results: what the others were to check was not checked"
    )))
}

/// Judges the joined run. What a leg returned counts too where its own results do not tell why, such as a target that was
/// missing.
fn finish(joined: &mut Joined, codes: &[(ExitCode, ExitCode)], missing: MissingPolicy) {
    let (_, mut code) = judge(&joined.document, missing, false);
    for (told, _) in codes.iter().filter(|(told, judged)| told != judged && told.worst(*judged) == *told) {
        code = code.worst(*told);
    }
    if joined.incomplete {
        code = code.worst(ExitCode::Undecided);
    }
    let status = match code {
        ExitCode::Passed => Status::Passed,
        ExitCode::Failed => Status::Failed,
        ExitCode::Undecided => Status::Undecided,
        ExitCode::Usage | ExitCode::Tool => Status::Errored,
        ExitCode::Interrupted | ExitCode::Terminated => Status::Cancelled,
    };
    (joined.document.run.status, joined.document.run.exit_code) = (status, code);
}

/// What the pipeline file of this workspace says, on a change request the base's.
struct House {
    missing: MissingPolicy,
    baseline: BaselineConfig,
    shared: Result<Option<Whereabouts>, SharedError>,
    workspace: PathBuf,
}

impl House {
    fn of(request: &Request, document: &Document) -> Self {
        let workspace = load::workspace_of(&request.pipeline);
        let change = &document.change;
        let of_base = load::of_base(&request.pipeline, &workspace, change);
        let own = || load::load(&request.pipeline).ok().map(|loaded| loaded.pipeline().clone());
        let (gate, baseline) = match of_base.or_else(own) {
            Some(pipeline) => (Some(pipeline.gate), pipeline.baseline),
            None => (None, BaselineConfig::default()),
        };
        let shared = Whereabouts::of_a_run(&baseline, change.provider.is_some(), &workspace);
        let missing = gate.map_or(MissingPolicy::Fail, |gate| gate.missing);
        Self { missing, baseline, shared, workspace }
    }

    /// Marks what was accepted: the correction over all legs may have called what no leg called.
    fn accept(&self, request: &Request, document: &mut Document, store: &mut SqliteStore, notes: &mut Vec<String>) {
        let Some(comparison) = &mut document.comparison else { return };
        if let Ok(Some(found)) = &self.shared
            && let Err(error) = self.pull(found, request, store)
            && self.baseline.store.is_some()
        {
            notes.push(format!("what was accepted could not be read from the shared results: {error}"));
        }
        let against = document.run.against.as_ref().map(|against| against.base.clone());
        let base = against.or_else(|| comparison.baseline.as_ref().and_then(|base| base.commit.clone()));
        let stored = store.accepted().unwrap_or_default();
        let covering =
            accepted::covering(&self.workspace, &document.project, &document.change, base.as_deref(), stored);
        covering.mark(comparison);
    }

    fn pull(&self, found: &Whereabouts, request: &Request, store: &mut SqliteStore) -> Result<(), SharedError> {
        let stop = || request.cancel.is_asked();
        let patience = Patience { until: Instant::now() + SHARED, stop: &stop };
        let mut shelf = found.open(&self.workspace, patience)?;
        shared::pull(shelf.as_mut(), store, &|_| Some(std::collections::BTreeSet::new()))?;
        Ok(())
    }

    /// Adds the run to the shared results where it is one to be shared: a run for each class of hosts.
    fn share(
        &self,
        request: &Request,
        joined: &Joined,
        sources: &[Source],
        (notes, problems): (&mut Vec<String>, &mut Vec<String>),
    ) {
        let Ok(Some(found)) = &self.shared else { return };
        if !shared::is_to_be_shared(&joined.document, self.baseline.push.unwrap_or_default()) {
            return;
        }
        let stop = || request.cancel.is_asked();
        let patience = Patience { until: Instant::now() + SHARED, stop: &stop };
        let pushed = by_class(joined, sources).map_err(|error| error.to_string()).and_then(|documents| {
            let pushed = found
                .open(&self.workspace, patience)
                .and_then(|mut shelf| shared::push(shelf.as_mut(), &documents, &[]));
            pushed.map_err(|error| error.to_string())
        });
        match pushed {
            Ok(pushed) if pushed.added == 1 => notes.push(format!("the run was added to {}", pushed.place)),
            Ok(pushed) => notes
                .push(format!("{} runs, one for each class of hosts, were added to {}", pushed.added, pushed.place)),
            Err(error) if self.baseline.strict => {
                problems.push(format!("the run was not added to the shared results: {error}"));
            }
            Err(error) if self.baseline.store.is_some() => {
                notes.push(format!("the run was not added to the shared results: {error}"));
            }
            Err(_) => {}
        }
    }
}

/// The joined run by the class of its hosts: what later runs on each of them are compared with.
fn by_class(joined: &Joined, sources: &[Source]) -> Result<Vec<Document>, SourceError> {
    let whole = &joined.document;
    if whole.host.class_key != SEVERAL && joined.unlisted == 0 {
        return Ok(vec![whole.clone()]);
    }
    let classes: std::collections::BTreeSet<&str> = whole.legs.iter().map(|leg| leg.class_key.as_str()).collect();
    let mut documents = Vec::new();
    for class in classes.into_iter().filter(|class| !class.is_empty()) {
        let of_class: Vec<Source> = sources.iter().filter(|source| source.class_key == class).cloned().collect();
        let id = if whole.host.class_key == SEVERAL { Uuid::now_v7() } else { whole.run.id };
        let mut part = join(&of_class, None, id, usize::MAX)?.document;
        part.run.status = whole.run.status;
        part.run.exit_code = whole.run.exit_code;
        part.run.selection.clone_from(&whole.run.selection);
        part.comparison = whole.comparison.as_ref().map(|all| rows_of(all, &part));
        documents.push(part);
    }
    Ok(documents)
}

/// The rows of the whole comparison that are about a part's benchmarks.
fn rows_of(all: &Comparison, part: &Document) -> Comparison {
    let series: std::collections::BTreeSet<String> = part.benchmarks.iter().map(Benchmark::series).collect();
    Comparison { rows: all.rows.iter().filter(|row| series.contains(&row.benchmark)).cloned().collect(), ..all.clone() }
}
