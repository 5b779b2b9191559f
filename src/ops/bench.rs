//! `backsight bench`: two commands, measured in pairs on this host, without a pipeline file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::compare::{Decision, PairedTerms};
use crate::execute::{Cancel, Duel, DuelError, Emitter, Environment, Listener, Log, Outcome, Workshop, duel};
use crate::host;
use crate::pipeline::MetricName;
use crate::plan::{Invocation, Item, Manner, Measure, Work};
use crate::results::{
    Basis, Comparison, Direction, Document, Event, ExitCode, Kind, MetricChange, Pairs, PipelineRef, Status, Step,
    StepStatus, Verdict,
};

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The base's command.
    pub base: Invocation,
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
    /// Where the order inside the pairs is drawn from.
    pub seed: u64,
    /// How both commands are executed.
    pub manner: Manner,
    /// Metrics to record beside the usual ones.
    pub metrics: Vec<MetricName>,
    /// What the decision is held to.
    pub terms: PairedTerms,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How the measurement is told to stop.
    pub cancel: Cancel,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A command.
    #[error(transparent)]
    Duel(#[from] DuelError),
    /// A folder or a file of ours.
    #[error("the measurement cannot keep its log: {0}")]
    Place(#[from] std::io::Error),
}

impl BenchError {
    /// What the process returns for it: a command that cannot be measured leaves the question undecided.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Duel(DuelError::Start(..)) => ExitCode::Usage,
            Self::Duel(DuelError::Fails { .. }) => ExitCode::Undecided,
            Self::Duel(DuelError::System(_)) | Self::Place(_) => ExitCode::Tool,
        }
    }
}

/// Measures, decides, and gives the document.
///
/// # Errors
/// If a command cannot be started or fails again and again.
pub fn bench(request: Request, listeners: Vec<Box<dyn Listener>>) -> Result<Document, BenchError> {
    let place = tempfile::tempdir()?;
    let blank = blank(&request);
    let environment = Environment::new(request.env, &[]);
    let workshop = Workshop {
        workspace: request.folder,
        run_dir: place.path().to_owned(),
        environment,
        cancel: request.cancel,
        jobs: 1,
        check_only: false,
        budget: request.budget,
    };
    let emitter = Emitter::new(workshop.environment.masker().clone(), listeners);
    emitter.emit(Event::RunStarted { document: Box::new(blank.clone()), steps: 1 });
    let measure = measure(&request.head, request.manner, request.metrics, request.terms.limit);
    let item = item(request.name, &measure, request.timeout);
    let mut log = Log::create(&workshop.run_dir, "bench.log".into(), workshop.environment.masker(), None)?;
    let measured = Duel {
        item: &item,
        measure: &measure,
        base: &request.base,
        budget: request.budget,
        warm_up: request.warm_up,
        seed: request.seed,
        terms: request.terms,
    };
    let started = emitter.elapsed_ns();
    let outcome = duel(&measured, &workshop, &emitter, &mut log)?;
    emitter.emit(Event::StepFinished { step: step(&item, emitter.elapsed_ns() - started, &outcome, &workshop) });
    let comparison = comparison(&measured, &outcome);
    let (status, exit_code) = judge(&comparison, &workshop.cancel);
    emitter.emit(Event::Compared { comparison });
    emitter.emit(Event::RunFinished { status, exit_code, duration_ns: emitter.elapsed_ns() });
    Ok(emitter.finish().unwrap_or(blank))
}

fn blank(request: &Request) -> Document {
    let (change, _) = host::change(&request.folder, &|name| request.env.get(name).cloned());
    let commands = format!("{}\n{}", request.base.display(), request.head.display());
    let sha256 = Sha256::digest(&commands).iter().map(|byte| format!("{byte:02x}")).collect();
    let project = request.folder.file_name().map_or_else(|| "bench".into(), |name| name.to_string_lossy().into_owned());
    // No file: the two commands stand for it.
    let pipeline = PipelineRef { path: String::new(), sha256 };
    let host = host::probe(std::path::Path::new("/"));
    Document { change, host, ..Document::begun(Uuid::now_v7(), Timestamp::now(), project, pipeline) }
}

fn measure(head: &Invocation, manner: Manner, metrics: Vec<MetricName>, limit: f64) -> Measure {
    Measure {
        run: head.clone(),
        build: None,
        metrics,
        budget: None,
        warm_up: 0,
        samples: None,
        harness: None,
        limit,
        manner: Box::new(manner),
    }
}

fn item(name: String, measure: &Measure, timeout: Duration) -> Item {
    Item {
        id: format!("{}/{name}", Kind::Benchmark.section()),
        kind: Kind::Benchmark,
        name,
        model: None,
        target: "cpu".into(),
        skip: None,
        needs: Vec::new(),
        env: Vec::new(),
        secrets: Vec::new(),
        working_dir: String::new(),
        timeout,
        work: Work::Benchmark(measure.clone()),
    }
}

fn step(item: &Item, duration_ns: u64, outcome: &Outcome, workshop: &Workshop) -> Step {
    let cancelled = workshop.cancel.is_asked();
    Step {
        id: item.id.clone(),
        kind: item.kind,
        name: item.name.clone(),
        model: None,
        target: Some(item.target.clone()),
        status: if cancelled { StepStatus::Cancelled } else { StepStatus::Passed },
        reason: None,
        command: item.work.display(),
        attempts: u32::try_from(outcome.benchmark.iterations.len()).unwrap_or(u32::MAX),
        exit: None,
        started_at: None,
        duration_ns,
        log: None,
    }
}

fn comparison(measured: &Duel<'_>, outcome: &Outcome) -> Comparison {
    let row = |(metric, decision, pairs): &(String, Decision, Pairs)| {
        let value = |metrics: &[crate::results::Metric]| {
            metrics.iter().find(|known| known.metric == *metric).map(|known| known.value)
        };
        let finite = |bound: f64| Some(bound).filter(|bound| bound.is_finite() && *bound > -1.0);
        let n = if pairs.confirmation > 0 { pairs.confirmation } else { pairs.screening };
        MetricChange {
            benchmark: outcome.benchmark.series(),
            metric: metric.clone(),
            unit: "ns".into(),
            direction: Direction::Lower,
            base: value(&outcome.benchmark.base),
            head: value(&outcome.benchmark.metrics),
            change: Some(decision.change),
            low: finite(decision.low),
            high: finite(decision.high),
            confidence: Some(decision.confidence),
            p: Some(decision.p),
            n: (n, n),
            limit: measured.terms.limit,
            pairs: Some(*pairs),
            smallest_detectable: decision.smallest_detectable,
            method: Some(crate::compare::PAIRED_METHOD.into()),
            verdict: decision.verdict,
            validity: outcome.benchmark.validity.clone(),
            note: undecided(decision),
        }
    };
    Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: Some(format!(
            "{} (base) against {} (head), in pairs whose order is drawn from seed {}",
            measured.base.display(),
            measured.measure.run.display(),
            measured.seed
        )),
        rows: outcome.decisions.iter().map(row).collect(),
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    }
}

/// What an undecided row says: what this measurement could have seen.
fn undecided(decision: &Decision) -> Option<String> {
    let seen = decision.smallest_detectable.filter(|_| decision.verdict == Verdict::Inconclusive)?;
    Some(format!(
        "this measurement could have seen {}; a larger `--budget` sees less",
        crate::report::figures::change(seen)
    ))
}

/// A regression fails, an open question is undecided.
fn judge(comparison: &Comparison, cancel: &Cancel) -> (Status, ExitCode) {
    let has = |verdict| comparison.rows.iter().any(|row| row.verdict == verdict);
    match cancel.signal() {
        Some(2) => (Status::Cancelled, ExitCode::Interrupted),
        Some(_) => (Status::Cancelled, ExitCode::Terminated),
        None if has(Verdict::Regressed) => (Status::Failed, ExitCode::Failed),
        None if comparison.rows.is_empty() || has(Verdict::Inconclusive) => (Status::Undecided, ExitCode::Undecided),
        None => (Status::Passed, ExitCode::Passed),
    }
}
