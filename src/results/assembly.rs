//! Folds events into a document: the only way a document comes into being, in a live run and after a crash alike.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Record, command_block};
use super::{Arm, Benchmark, Document, Event, ExitCode, GenerationState, Kind, Reason};
use super::{Remark, RemarkLevel, Status, Step, StepStatus, Validity};

/// A document in the making.
#[derive(Debug, Default)]
pub struct Assembly {
    document: Option<Box<Document>>,
    open: BTreeMap<String, Open>,
    finished: bool,
}

/// A step that has started and not ended.
#[derive(Debug)]
struct Open {
    kind: Kind,
    attempt: u32,
    started_ns: u64,
    record: Record,
    /// The series of its benchmarks that are final.
    final_ones: BTreeSet<String>,
}

impl Assembly {
    /// An assembly that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one event. Events before `RunStarted` are ignored.
    pub fn hear(&mut self, event: Event) {
        if let Event::RunStarted { document, .. } = event {
            self.document = Some(document);
            return;
        }
        let Some(document) = self.document.as_deref_mut() else { return };
        match event {
            Event::RunStarted { .. } | Event::Progress { .. } => {}
            Event::StepStarted { step, kind, attempt, at_ns } => {
                let record = Record::default();
                let fresh = Open { kind, attempt, started_ns: at_ns, record, final_ones: BTreeSet::new() };
                self.open.entry(step).or_insert(fresh).attempt = attempt;
            }
            Event::SampleTaken { step, iteration, values, mut benchmarks } => {
                if let Some(open) = self.open.get_mut(&step) {
                    if !values.is_empty() {
                        let benchmark = Benchmark { step: step.clone(), ..Benchmark::new(name_in(&step)) };
                        benchmarks.push(command_block(&benchmark, &values, Some("journal")));
                    }
                    open.record.take(iteration, &benchmarks);
                }
            }
            Event::CaseFinished { case } => {
                document.counts.add_case(case.outcome);
                document.cases.push(case);
            }
            Event::GenerationFinished { generation } => {
                count(document, generation.state, 1);
                document.generations.push(generation);
            }
            Event::GenerationsCounted { files } => {
                count(document, files.state, files.files);
                document.unlisted_generations.push(files);
            }
            Event::BenchmarkFinished { benchmark } => {
                if let Some(open) = self.open.get_mut(&benchmark.step) {
                    open.final_ones.insert(benchmark.series());
                }
                add_benchmark(document, benchmark);
            }
            Event::StepFinished { step } => {
                self.open.remove(&step.id);
                if step.status == StepStatus::Skipped {
                    document.counts.steps_skipped += 1;
                }
                document.steps.push(step);
            }
            Event::Quarantined { cases } => document.quarantine = cases,
            Event::Measuring { measuring } => document.measuring = Some(measuring),
            Event::Remarked { remark } => document.remarks.push(remark),
            Event::Compared { comparison } => document.comparison = Some(comparison),
            Event::RunFinished { status, exit_code, duration_ns } => {
                document.run.status = status;
                document.run.exit_code = exit_code;
                document.run.duration_ns = duration_ns;
                self.finished = true;
            }
        }
    }

    /// Whether the run said that it was over.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The steps that started and did not end.
    pub fn open_steps(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.open.iter().map(|(id, open)| (id.as_str(), open.kind))
    }

    /// A view of the document so far; `None` before the run started.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_deref()
    }

    /// Ends the assembly. A run that never said it was over becomes `lost`: its open steps are listed as cancelled,
    /// and samples of an unfinished benchmark are kept, marked noisy.
    pub fn finish(mut self) -> Option<Document> {
        let mut document = *self.document.take()?;
        if !self.finished {
            close_lost(&mut document, std::mem::take(&mut self.open));
        }
        Some(document)
    }
}

/// Counts generated files; what is not made at all is none.
fn count(document: &mut Document, state: GenerationState, files: u64) {
    if state != GenerationState::Skipped {
        document.counts.generations += files;
    }
    if !state.is_right() {
        document.counts.generations_failed += files;
    }
}

fn add_benchmark(document: &mut Document, benchmark: Benchmark) {
    if !benchmark.metrics.is_empty() {
        document.counts.benchmarks += 1;
    }
    document.benchmarks.push(benchmark);
}

fn close_lost(document: &mut Document, open: BTreeMap<String, Open>) {
    document.run.status = Status::Lost;
    document.run.exit_code = ExitCode::Tool;
    let reason = Reason::new("lost", "the run ended without finishing this step");
    for (id, open) in open {
        for benchmark in partial_benchmarks(&open, &reason) {
            add_benchmark(document, benchmark);
        }
        let name = name_in(&id).to_owned();
        document.steps.push(Step {
            id,
            kind: open.kind,
            name,
            model: None,
            target: None,
            status: StepStatus::Cancelled,
            reason: Some(reason.clone()),
            command: String::new(),
            attempts: open.attempt,
            exit: None,
            started_at: document.run.started_at.checked_add(jiff::Span::new().nanoseconds(open.started_ns as i64)).ok(),
            duration_ns: 0,
            log: None,
            leg: None,
        });
    }
    document.remarks.push(Remark {
        level: RemarkLevel::Warning,
        step: None,
        text: "this run did not end by itself; everything here was restored from its journal".into(),
    });
}

/// The step's name in its id.
fn name_in(id: &str) -> &str {
    let name = id.split_once('/').map_or(id, |(_, rest)| rest);
    name.split_once('[').map_or(name, |(name, _)| name)
}

/// What was measured of an unfinished step: all samples of both arms, a half pair excepted.
fn partial_benchmarks(open: &Open, reason: &Reason) -> Vec<Benchmark> {
    if open.record.counted(Arm::Head) + open.record.counted(Arm::Base) == 0 {
        return Vec::new();
    }
    let all = open.record.clone().into_benchmarks().into_iter();
    let unfinished = all.filter(|benchmark| !open.final_ones.contains(&benchmark.series()));
    let noisy = |benchmark| Benchmark { validity: Validity::Noisy { reason: reason.clone() }, ..benchmark };
    unfinished.map(noisy).collect()
}
