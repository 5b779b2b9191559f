//! `backsight bench`: two commands, measured in pairs on this host, without a pipeline file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::against::{self, Copies, Side};
use super::devices::{asker, host_with_devices};
use super::gate::{is_doubtful, is_regression};
use crate::execute::{Arms, Cancel, Emitter, Environment, Listener, Place, Workshop, execute};
use crate::host::CopiesError;
use crate::pipeline::{MetricName, Resources};
use crate::plan::{Invocation, Item, Manner, Measure, Plan, Work};
use crate::results::{Document, Event, ExitCode, Kind, PipelineRef, RemarkLevel, RunInfo, Status, Step, Verdict};
use crate::{compare, host};

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// What the head is measured against.
    pub base: Base,
    /// The head's command.
    pub head: Invocation,
    /// The name of the benchmark.
    pub name: String,
    /// The folder both run in.
    pub folder: PathBuf,
    /// Time for the measurement.
    pub budget: Duration,
    /// The time limit of one run.
    pub timeout: Duration,
    /// Runs of each command before the first pair.
    pub warm_up: u32,
    /// Where the order of all runs is drawn from.
    pub seed: u64,
    /// How both commands are executed.
    pub manner: Manner,
    /// Metrics to compare beside wall and CPU time.
    pub metrics: Vec<MetricName>,
    /// The smallest change that matters, relative.
    pub limit: f64,
    /// The chance of calling any change where there is none.
    pub false_alarms: f64,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How the measurement is told to stop.
    pub cancel: Cancel,
}

/// What a command is measured against.
#[derive(Debug)]
pub enum Base {
    /// Another command, here.
    Command(Invocation),
    /// The same command in another revision of the repository.
    Revision {
        /// Which.
        side: Side,
        /// What is run once in each working copy before.
        build: Option<Invocation>,
    },
}

impl Base {
    fn display(&self) -> String {
        match self {
            Self::Command(command) => command.display(),
            Self::Revision { side, .. } => format!("the same in {}", side.named),
        }
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A folder or a file of ours, or the system's refusal of a thread.
    #[error("the measurement cannot begin: {0}")]
    Place(#[from] std::io::Error),
    /// The working copies.
    #[error(transparent)]
    Copies(#[from] CopiesError),
}

impl BenchError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Place(_) => ExitCode::Tool,
            Self::Copies(error) => against::exit_code(error),
        }
    }
}

/// Measures, decides, and gives the document.
///
/// # Errors
/// If the measurement cannot begin. A command that cannot be run is part of the document.
pub fn bench(request: Request, listeners: Vec<Box<dyn Listener>>) -> Result<Document, BenchError> {
    let place = tempfile::tempdir()?;
    let mut blank = blank(&request);
    let plan = plan(&request);
    let copies = match &request.base {
        Base::Command(_) => None,
        Base::Revision { side, .. } => Some(against::copies(&request.folder, side, &request.env, &request.cancel)?),
    };
    let note = note(&request, copies.as_ref());
    blank.run.against = copies.as_ref().map(|copies| copies.told.clone());
    let here = Place { workspace: request.folder.clone(), variables: Vec::new() };
    let arms = copies.as_ref().map_or_else(|| Arms { base: here.clone(), head: here }, |copies| copies.arms.clone());
    let workshop = Workshop {
        workspace: request.folder,
        run_dir: place.path().to_owned(),
        environment: Environment::new(request.env, &[]),
        cancel: request.cancel,
        jobs: 1,
        check_only: false,
        force: false,
        prune: false,
        budget: request.budget,
        arms: Some(arms),
        others: Duration::ZERO,
        seed: request.seed,
        false_alarms: request.false_alarms,
        devices: asker(),
    };
    let emitter = Emitter::new(workshop.environment.masker().clone(), listeners);
    emitter.emit(Event::RunStarted { document: Box::new(blank.clone()), steps: 1 });
    for remark in copies.iter().flat_map(|copies| &copies.remarks) {
        emitter.remark(RemarkLevel::Warning, None, remark.clone());
    }
    let rows = execute(&plan, &workshop, &emitter)?;
    let lacking = copies.as_ref().filter(|_| against::any_failed(&emitter));
    if let Some(text) = lacking.and_then(|copies| copies.left_behind(&workshop.workspace)) {
        emitter.remark(RemarkLevel::Warning, None, text);
    }
    emitter.emit(Event::Compared { comparison: compare::paired(rows, request.false_alarms, note) });
    let judged = emitter.look(|document| judge(document, &workshop.cancel));
    let (status, exit_code) = judged.unwrap_or((Status::Errored, ExitCode::Tool));
    emitter.emit(Event::RunFinished { status, exit_code, duration_ns: emitter.elapsed_ns() });
    Ok(emitter.finish().unwrap_or(blank))
}

fn note(request: &Request, copies: Option<&Copies>) -> String {
    let head = request.head.display();
    let what = match copies {
        Some(copies) => format!("{head} in {}", copies.described()),
        None => format!("{} (base) against {head} (head)", request.base.display()),
    };
    format!("{what}, in pairs whose order is drawn from seed {}", request.seed)
}

fn blank(request: &Request) -> Document {
    let (change, _) = host::change(&request.folder, &|name| request.env.get(name).cloned());
    let commands = format!("{}\n{}", request.base.display(), request.head.display());
    let sha256 = Sha256::digest(&commands).iter().map(|byte| format!("{byte:02x}")).collect();
    let project = request.folder.file_name().map_or_else(|| "bench".into(), |name| name.to_string_lossy().into_owned());
    // No file: the two commands stand for it.
    let pipeline = PipelineRef { path: String::new(), sha256 };
    let (host, _) = host_with_devices(std::path::Path::new("/"), &[]);
    let begun = Document::begun(Uuid::now_v7(), Timestamp::now(), project, pipeline);
    Document { run: RunInfo { seed: Some(request.seed), ..begun.run }, change, host, ..begun }
}

fn plan(request: &Request) -> Plan {
    let mut metrics = vec![MetricName::WallTime, MetricName::CpuTime];
    metrics.extend(request.metrics.iter().filter(|metric| !metrics.contains(metric)).copied().collect::<Vec<_>>());
    let (vs, build) = match &request.base {
        Base::Command(command) => (Some(command.clone()), None),
        Base::Revision { build, .. } => (None, build.clone()),
    };
    let measure = Measure {
        run: request.head.clone(),
        vs,
        build,
        metrics,
        budget: None,
        warm_up: request.warm_up,
        samples: None,
        harness: None,
        limit: request.limit,
        manner: Box::new(request.manner.clone()),
    };
    let item = Item {
        id: format!("{}/{}", Kind::Benchmark.section(), request.name),
        kind: Kind::Benchmark,
        name: request.name.clone(),
        model: None,
        target: "cpu".into(),
        skip: None,
        needs: Vec::new(),
        env: Vec::new(),
        secrets: Vec::new(),
        working_dir: String::new(),
        timeout: request.timeout,
        resources: Resources::default(),
        xfail: None,
        work: Work::Benchmark(measure),
    };
    Plan { items: vec![item], generations: Vec::new(), missing_targets: Vec::new(), remarks: Vec::new() }
}

/// A regression fails, an open question is undecided, a command that cannot be started is a mistake on the command line.
fn judge(document: &Document, cancel: &Cancel) -> (Status, ExitCode) {
    let rows: Vec<_> = document.comparison.iter().flat_map(|comparison| &comparison.rows).collect();
    let doubtful = rows.iter().any(|row| is_doubtful(row));
    let regressed = rows.iter().any(|row| is_regression(row));
    let decided = |verdict| matches!(verdict, Verdict::Unchanged | Verdict::Improved);
    let open = rows.is_empty() || rows.iter().any(|row| !row.beside && !decided(row.verdict));
    let not_started = |step: &Step| step.reason.as_ref().is_some_and(|reason| reason.code == "not_started");
    match cancel.signal() {
        Some(2) => (Status::Cancelled, ExitCode::Interrupted),
        Some(_) => (Status::Cancelled, ExitCode::Terminated),
        None if document.steps.iter().any(not_started) => (Status::Errored, ExitCode::Usage),
        None if regressed => (Status::Failed, ExitCode::Failed),
        None if open || doubtful => (Status::Undecided, ExitCode::Undecided),
        None => (Status::Passed, ExitCode::Passed),
    }
}
