//! `backsight run`: pipeline file → plan → execution → results → store → comparison → report.

mod judge;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::against::{self, Copies, Side};
use super::baseline::{self, Wanted};
use super::facts::facts;
use super::files::{RESULTS, rescue, write_reports};
use super::load::{Loaded, load};
use super::planning::{PlanningError, planned};
use crate::compare::{self, Limits, Terms};
use crate::execute::{self, Arms, Cancel, Emitter, Environment, Journal, Listener, Workshop};
use crate::host::CopiesError;
use crate::pipeline::Gate;
use crate::plan::{Facts, Plan, Selection, Work};
use crate::results::{
    Comparison, Document, Event, ExitCode, Kind, MetricChange, PipelineRef, RemarkLevel, RunInfo, Status,
};
use crate::store::{FolderError, OpenOptions, Places, RunLock, SqliteStore, Store, StoreError};
use crate::{host, results};

/// Time for all benchmarks of a run together, where the pipeline says nothing.
const BUDGET: Duration = Duration::from_secs(300);

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// Which of its steps.
    pub selection: Selection,
    /// Generations are only compared with the files on disk.
    pub check_only: bool,
    /// How many test steps run side by side; the pipeline's `jobs` if `None`.
    pub jobs: Option<usize>,
    /// Time for all benchmarks; the pipeline's `budget` if `None`.
    pub budget: Option<Duration>,
    /// Where the order of the measurements is drawn from; the clock if `None`.
    pub seed: Option<u64>,
    /// What the benchmarks are measured against.
    pub base: Base,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How the run is told to stop.
    pub cancel: Cancel,
}

/// What the benchmarks of a run are measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The commit where the change left its target, on a change request; nothing otherwise.
    Usual,
    /// Nothing: each takes its samples alone, to be compared with the stored baseline.
    Nothing,
    /// A revision, as it was named.
    Revision(String),
    /// Working copies that are there already.
    Copies(Arms),
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    /// Everything found out.
    pub document: Document,
    /// The run's folder.
    pub folder: PathBuf,
    /// The files written into it.
    pub files: Vec<String>,
    /// What could not be written or stored; the results themselves are in `document`.
    pub problems: Vec<String>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file or the plan.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The working copies of a paired measurement.
    #[error(transparent)]
    Copies(#[from] CopiesError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock of the run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The run's folder.
    #[error("{}: {source}; the run's files go there: is the workspace writable and the disk not full?", path.display())]
    Place {
        /// What could not be made.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system gives no threads.
    #[error("the run could not be started: {0}")]
    System(std::io::Error),
}

impl RunError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Planning(error) => error.exit_code(),
            Self::Copies(error) => against::exit_code(error),
            Self::Store(_) | Self::Folder(_) | Self::Place { .. } | Self::System(_) => ExitCode::Tool,
        }
    }
}

/// Runs a pipeline. `listeners` hear every event after the journal has it.
///
/// # Errors
/// Only if nothing was run; afterwards everything that goes wrong is part of the answer.
pub fn run(request: Request, listeners: Vec<Box<dyn Listener>>) -> Result<Answer, RunError> {
    let prepared = prepare(request)?;
    // Opened before anything is measured: a store that cannot take the results is better known now.
    let folder = prepared.places.run(prepared.id);
    let opened = SqliteStore::open(&prepared.places.database(), &OpenOptions::default());
    let mut store = opened.inspect_err(|_| {
        // Empty as it is, it would be listed as a run that was lost.
        let _ = std::fs::remove_dir(&folder);
    })?;
    let lock = RunLock::hold(&folder, prepared.started_at, &prepared.facts.project)?;
    let journal_path = folder.join("journal.jsonl");
    let place = |source| RunError::Place { path: journal_path.clone(), source };
    let (journal, journal_error) = Journal::create(&journal_path).map_err(place)?;
    let mut all: Vec<Box<dyn Listener>> = vec![Box::new(journal)];
    all.extend(listeners);
    let emitter = Emitter::new(prepared.workshop.environment.masker().clone(), all);
    let steps = prepared.plan.runnable() as u64;
    emitter.emit(Event::RunStarted { document: Box::new(prepared.document.clone()), steps });
    prepared.tell_remarks(&emitter);
    let rows = execute::execute(&prepared.plan, &prepared.workshop, &emitter).map_err(RunError::System)?;
    let lacking = prepared.copies.as_ref().filter(|_| against::any_failed(&emitter));
    if let Some(text) = lacking.and_then(|copies| copies.left_behind(&prepared.workshop.workspace)) {
        emitter.remark(RemarkLevel::Warning, None, text);
    }
    let mut problems = Vec::new();
    if !prepared.workshop.cancel.is_asked() {
        match prepared.compare(rows, &store, &emitter) {
            Ok(comparison) => emitter.emit(Event::Compared { comparison }),
            Err(error) => problems.push(format!("no comparison: {error}")),
        }
    }
    if let Some(error) = journal_error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        problems.push(format!("the journal is incomplete: {error}"));
    }
    prepared.end(&emitter, &problems);
    let mut document = emitter.finish().unwrap_or(prepared.document);
    let files = keep(&folder, &mut document, &mut store, &mut problems);
    drop(lock);
    Ok(Answer { document, folder, files, problems })
}

/// Stores the document and writes the reports; the names of the files written are given back. The document goes to the
/// files last, so that they tell of a store that failed.
fn keep(folder: &Path, document: &mut Document, store: &mut dyn Store, problems: &mut Vec<String>) -> Vec<String> {
    if let Err(error) = store.save(document) {
        problems.push(format!("the run is not in the store: {error}"));
        document.run.status = Status::Errored;
        document.run.exit_code = document.run.exit_code.worst(ExitCode::Tool);
    }
    let (files, unwritten) = write_reports(folder, document);
    if !unwritten.is_empty() {
        problems.extend(unwritten);
        document.run.exit_code = document.run.exit_code.worst(ExitCode::Tool);
    }
    if !files.iter().any(|file| file == RESULTS) {
        problems.push(match rescue(document) {
            Ok(path) => format!("the results are in {} instead", path.display()),
            Err(error) => format!("the results could not be kept anywhere else either: {error}"),
        });
    }
    files
}

/// Everything that a run needs, before its first step.
struct Prepared {
    loaded: Loaded,
    facts: Facts,
    plan: Plan,
    /// The base's where there is one.
    gate: Gate,
    remarks: Vec<String>,
    places: Places,
    workshop: Workshop,
    document: Document,
    id: Uuid,
    started_at: Timestamp,
    /// Held as long as the run.
    copies: Option<Copies>,
}

fn prepare(request: Request) -> Result<Prepared, RunError> {
    let loaded = load(&request.pipeline).map_err(PlanningError::from)?;
    let id = Uuid::now_v7();
    let started_at = Timestamp::now();
    let machine = host::probe(std::path::Path::new("/"));
    let (change, mut remarks) = host::change(&loaded.workspace, &|name| request.env.get(name).cloned());
    let facts = facts(&loaded, &change, &machine.targets, &request.env, Some(id));
    let (loaded, mut plan) = planned(loaded, &facts, &request.selection)?;
    let measures = plan.items.iter().any(|item| item.skip.is_none() && item.kind == Kind::Benchmark);
    let copies = if measures { copies(&request, &loaded, &change, &mut remarks)? } else { None };
    let arms = match (&copies, &request.base) {
        (Some(copies), _) => Some(copies.arms.clone()),
        (None, Base::Copies(arms)) => Some(arms.clone()),
        (None, Base::Usual | Base::Nothing | Base::Revision(_)) => None,
    };
    let mut gate = loaded.pipeline().gate.clone();
    if let Some(copies) = &copies {
        let held = against::held_to(&copies.arms.base, &loaded.path, loaded.pipeline(), &mut plan.items);
        gate = held.gate;
        remarks.extend(copies.remarks.iter().cloned().chain(held.remarks));
    }
    let places = Places::of(&loaded.workspace);
    let run_dir = make_folder(&places, id)?;
    let toolchains = host::toolchains(&loaded.workspace, &tools::asked_for(&plan));
    let seed = request.seed.unwrap_or_else(new_seed);
    let mut document = blank(&loaded, &facts, &request, id, started_at, (change, machine, toolchains));
    document.run.seed = measures.then_some(seed);
    document.run.against = copies.as_ref().map(|copies| copies.told.clone());
    remarks.extend(plan.remarks.iter().cloned());
    let jobs = request.jobs.or(loaded.pipeline().jobs.map(|jobs| jobs as usize)).unwrap_or(1);
    let budget = request.budget.or(loaded.pipeline().budget.map(|budget| budget.0)).unwrap_or(BUDGET);
    let workshop = Workshop {
        workspace: loaded.workspace.clone(),
        run_dir,
        environment: Environment::new(request.env, &loaded.pipeline().secrets),
        cancel: request.cancel,
        jobs,
        check_only: request.check_only,
        budget,
        arms,
        seed,
        // Half is where a level stops being one.
        false_alarms: gate.false_alarms.0.min(0.5),
    };
    Ok(Prepared { loaded, facts, plan, gate, remarks, places, workshop, document, id, started_at, copies })
}

/// The working copies where there is to be a base. One that nobody named and that cannot be had is a remark.
fn copies(
    request: &Request,
    loaded: &Loaded,
    change: &results::Change,
    remarks: &mut Vec<String>,
) -> Result<Option<Copies>, CopiesError> {
    let carry = loaded.pipeline().baseline.carry.clone();
    let (side, named) = match &request.base {
        Base::Revision(named) => (Side::parse(named, carry), true),
        Base::Usual => match host::start(&loaded.workspace, change) {
            Some(start) => (Side::start(start, carry), false),
            None => return Ok(None),
        },
        Base::Nothing | Base::Copies(_) => return Ok(None),
    };
    match against::copies(&loaded.workspace, &side, &request.env, &request.cancel) {
        Ok(copies) if !named && copies.is_one_commit() => {
            remarks
                .push("what is checked out is the change's base itself: its benchmarks are measured alone".to_owned());
            Ok(None)
        }
        Ok(copies) => Ok(Some(copies)),
        Err(error) if named || request.cancel.is_asked() => Err(error),
        Err(error) => {
            remarks.push(format!("the benchmarks have no base to be measured against: {error}"));
            Ok(None)
        }
    }
}

fn make_folder(places: &Places, id: Uuid) -> Result<PathBuf, RunError> {
    let folder = places.run(id);
    std::fs::create_dir_all(&folder).map_err(|source| RunError::Place { path: folder.clone(), source })?;
    let ignore = places.folder().join(".gitignore");
    if !ignore.exists() {
        // Not worth failing for: it only keeps the folder out of commits.
        let _ = std::fs::write(ignore, "*\n");
    }
    Ok(folder)
}

fn blank(
    loaded: &Loaded,
    facts: &Facts,
    request: &Request,
    id: Uuid,
    started_at: Timestamp,
    (change, host, toolchains): (results::Change, results::Host, Vec<results::Toolchain>),
) -> Document {
    let name = loaded.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let pipeline = PipelineRef { path: name, sha256: loaded.sha256.clone() };
    let begun = Document::begun(id, started_at, facts.project.clone(), pipeline);
    let selection = Some(request.selection.text().to_owned()).filter(|text| !text.is_empty());
    Document { run: RunInfo { selection, ..begun.run }, change, host, toolchains, ..begun }
}

impl Prepared {
    fn tell_remarks(&self, emitter: &Emitter) {
        for remark in &self.remarks {
            emitter.remark(RemarkLevel::Warning, None, remark.clone());
        }
        for target in &self.plan.missing_targets {
            emitter.remark(
                RemarkLevel::Error,
                None,
                format!("required target `{target}` is not available on this host"),
            );
        }
        for name in self.workshop.environment.unmaskable() {
            let text = format!("secret `{name}` is shorter than 4 bytes and is not masked");
            emitter.remark(RemarkLevel::Warning, None, text);
        }
    }

    /// Which metrics of which step are compared.
    fn limits(&self) -> Limits {
        let mut limits = Limits::uniform(self.gate.regression.0);
        for item in &self.plan.items {
            if let Work::Benchmark(measure) = &item.work {
                let metrics = match measure.harness {
                    Some(_) => Vec::new(),
                    None => measure.metrics.iter().map(|metric| metric.as_str().to_owned()).collect(),
                };
                limits.steps.insert(item.id.clone(), Terms { metrics, limit: measure.limit });
            }
        }
        limits
    }

    /// The comparison of the two arms where there were two, otherwise that with the stored baseline.
    fn compare(&self, rows: Vec<MetricChange>, store: &dyn Store, emitter: &Emitter) -> Result<Comparison, StoreError> {
        let stored = self.compare_with_stored(store, emitter)?;
        if self.workshop.arms.is_none() {
            return Ok(stored);
        }
        let seed = self.workshop.seed;
        let arms = self.copies.as_ref().map_or_else(|| "base and head".to_owned(), Copies::described);
        let mut note = format!("{arms} on this host, in pairs whose order is drawn from seed {seed}");
        if let Some(base) = &stored.baseline {
            note.push_str(&format!("; tests against run {}", base.run.get(..13).unwrap_or(&base.run)));
        }
        let paired = compare::paired(rows, self.workshop.false_alarms, note);
        // What was measured at another time says nothing beside what was measured in turns; tests need no turns.
        Ok(Comparison {
            rows: paired.rows,
            basis: paired.basis,
            note: paired.note,
            baseline: None,
            false_alarms: paired.false_alarms,
            ..stored
        })
    }

    fn compare_with_stored(&self, store: &dyn Store, emitter: &Emitter) -> Result<Comparison, StoreError> {
        let compare_with = self.loaded.pipeline().baseline.compare_with.as_deref();
        let wanted = emitter.look(|document| Wanted::by(document, compare_with)).unwrap_or_default();
        let base = baseline::choose(store, &wanted)?;
        let limits = self.limits();
        let compared = emitter.look(|head| match &base {
            Some(base) => {
                let mut comparison = compare::unpaired(&base.document, head, &limits);
                if let (Some(note), Some(more)) = (&mut comparison.note, &base.note) {
                    *note = format!("{note}; {more}");
                }
                comparison
            }
            None => {
                let why = "no earlier run of this branch on this kind of host is stored; this run can be the next one's baseline";
                compare::without_base(head, &limits, why.into())
            }
        });
        Ok(compared.unwrap_or_else(|| compare::without_base(&self.document, &limits, "nothing was run".into())))
    }

    fn end(&self, emitter: &Emitter, problems: &[String]) {
        let policy = self.gate.missing;
        let missing_target = !self.plan.missing_targets.is_empty();
        let judged = emitter.look(|document| judge::judge(document, policy, missing_target));
        let (mut status, mut exit_code) = judged.unwrap_or((Status::Errored, ExitCode::Tool));
        if !problems.is_empty() {
            (status, exit_code) = (Status::Errored, exit_code.worst(ExitCode::Tool));
        }
        if let Some(signal) = self.workshop.cancel.signal() {
            status = Status::Cancelled;
            exit_code = if signal == 2 { ExitCode::Interrupted } else { ExitCode::Terminated };
        }
        emitter.emit(Event::RunFinished { status, exit_code, duration_ns: emitter.elapsed_ns() });
    }
}

/// A seed from the clock: any number will do. It is recorded, so that the order can be drawn again, and short enough to
/// be typed and to be a number in JSON.
pub fn new_seed() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default() % (1 << 32)
}

/// A wish to stop that comes with the first SIGINT, SIGTERM or SIGHUP of this process.
///
/// # Errors
/// If the system refuses the handler.
pub fn cancel_on_signals() -> std::io::Result<Cancel> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let cancel = Cancel::new();
    let theirs = cancel.clone();
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            theirs.ask(signal.unsigned_abs());
        }
    })?;
    Ok(cancel)
}
