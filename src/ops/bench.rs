//! `backsight bench`: two commands, or one in two revisions, measured in pairs on this host, without a pipeline file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::against::{self, AgainstError, Paired};
use super::gate::{is_broken_benchmark, is_doubtful, is_regression};
use crate::execute::{Arms, Cancel, Emitter, Environment, Listener, Place, Workshop, execute};
use crate::host::Revision;
use crate::pipeline::MetricName;
use crate::plan::{Invocation, Item, Manner, Measure, Plan, Work};
use crate::results::{Document, Event, ExitCode, Kind, PipelineRef, RemarkLevel, RunInfo, Status, Step, Verdict};
use crate::{compare, host};

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// What the command is compared with.
    pub base: Base,
    /// The command; of two, the head's.
    pub head: Invocation,
    /// The name of the benchmark.
    pub name: String,
    /// The folder it runs in, or its counterparts in two working copies.
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

/// What a command is compared with.
#[derive(Debug)]
pub enum Base {
    /// Another command, in the same folder.
    Command(Invocation),
    /// The same command in a working copy of another revision.
    Revision {
        /// As `--against` names it.
        revision: String,
        /// A command run once in each working copy before.
        build: Option<Invocation>,
        /// Ignored paths that both working copies get as links.
        carry: Vec<String>,
    },
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The working copies of base and head.
    #[error(transparent)]
    Against(#[from] AgainstError),
    /// A folder or a file of ours, or the system's refusal of a thread.
    #[error("the measurement cannot begin: {0}")]
    Place(#[from] std::io::Error),
}

impl BenchError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Against(error) => error.exit_code(),
            Self::Place(_) => ExitCode::Tool,
        }
    }
}

/// Measures, decides, and gives the document.
///
/// # Errors
/// If the measurement cannot begin. A command that cannot be run is part of the document.
pub fn bench(request: Request, listeners: Vec<Box<dyn Listener>>) -> Result<Document, BenchError> {
    let place = tempfile::tempdir()?;
    let paired = paired(&request)?;
    let blank = blank(&request, paired.as_ref());
    let note = note(&request, paired.as_ref());
    let plan = plan(&request);
    let workspace = request.folder.clone();
    let here = || Place { workspace: request.folder.clone(), variables: Vec::new() };
    let arms = paired.as_ref().map_or_else(|| Arms { base: here(), head: here() }, |paired| paired.arms.clone());
    let workshop = Workshop {
        workspace,
        run_dir: place.path().to_owned(),
        environment: Environment::new(request.env, &[]),
        cancel: request.cancel,
        jobs: 1,
        check_only: false,
        budget: request.budget,
        arms: Some(arms),
        seed: request.seed,
        false_alarms: request.false_alarms,
    };
    let emitter = Emitter::new(workshop.environment.masker().clone(), listeners);
    emitter.emit(Event::RunStarted { document: Box::new(blank.clone()), steps: 1 });
    for remark in paired.iter().flat_map(|paired| &paired.remarks) {
        emitter.remark(RemarkLevel::Warning, None, remark.clone());
    }
    let rows = execute(&plan, &workshop, &emitter)?;
    let failed = emitter.look(|document| document.steps.iter().any(is_broken_benchmark)).unwrap_or_default();
    if let Some(hint) = paired.as_ref().filter(|_| failed).and_then(|paired| paired.hint(&workshop.workspace)) {
        emitter.remark(RemarkLevel::Info, None, hint);
    }
    emitter.emit(Event::Compared { comparison: compare::paired(rows, request.false_alarms, note) });
    let judged = emitter.look(|document| judge(document, &workshop.cancel));
    let (status, exit_code) = judged.unwrap_or((Status::Errored, ExitCode::Tool));
    emitter.emit(Event::RunFinished { status, exit_code, duration_ns: emitter.elapsed_ns() });
    Ok(emitter.finish().unwrap_or(blank))
}

/// The working copies, where a revision is the base.
fn paired(request: &Request) -> Result<Option<Paired>, AgainstError> {
    let Base::Revision { revision, carry, .. } = &request.base else { return Ok(None) };
    let (env, cancel) = (&request.env, &request.cancel);
    let base = Revision::parse(revision);
    against::prepare(&against::Request { workspace: &request.folder, base, carry, env, cancel }).map(Some)
}

fn note(request: &Request, paired: Option<&Paired>) -> String {
    let head = request.head.display();
    let what = match (&request.base, paired) {
        (Base::Command(base), _) => format!("{} (base) against {head} (head)", base.display()),
        (Base::Revision { .. }, paired) => {
            format!("{head} in {}", paired.map(Paired::described).unwrap_or_default())
        }
    };
    format!("{what}, in pairs whose order is drawn from seed {}", request.seed)
}

fn blank(request: &Request, paired: Option<&Paired>) -> Document {
    let (change, _) = host::change(&request.folder, &|name| request.env.get(name).cloned());
    let base = match &request.base {
        Base::Command(base) => base.display(),
        Base::Revision { build, .. } => build.as_ref().map(Invocation::display).unwrap_or_default(),
    };
    let sha256 = Sha256::digest(format!("{base}\n{}", request.head.display()));
    let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let project = request.folder.file_name().map_or_else(|| "bench".into(), |name| name.to_string_lossy().into_owned());
    // No file: the commands stand for it.
    let pipeline = PipelineRef { path: String::new(), sha256 };
    let host = host::probe(std::path::Path::new("/"));
    let begun = Document::begun(Uuid::now_v7(), Timestamp::now(), project, pipeline);
    let against = paired.map(|paired| paired.against.clone());
    Document { run: RunInfo { seed: Some(request.seed), ..begun.run }, change, host, against, ..begun }
}

fn plan(request: &Request) -> Plan {
    let mut metrics = vec![MetricName::WallTime, MetricName::CpuTime];
    metrics.extend(request.metrics.iter().filter(|metric| !metrics.contains(metric)).copied().collect::<Vec<_>>());
    let (vs, build) = match &request.base {
        Base::Command(base) => (Some(base.clone()), None),
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
        work: Work::Benchmark(measure),
    };
    Plan { items: vec![item], missing_targets: Vec::new(), remarks: Vec::new() }
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
