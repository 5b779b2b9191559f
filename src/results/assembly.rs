//! Folds events into a document: the only way a document comes into being, in a live run and after a crash alike.

use std::collections::BTreeMap;

use super::{Benchmark, Direction, Document, Event, ExitCode, GenerationState, Iteration, Kind, Measured, Metric};
use super::{Reason, Remark, RemarkLevel, Status, Step, StepStatus, Validity};

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
    iterations: Vec<Iteration>,
    samples: BTreeMap<String, Vec<f64>>,
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
                let fresh = Open { kind, attempt, started_ns: at_ns, iterations: Vec::new(), samples: BTreeMap::new() };
                self.open.entry(step).or_insert(fresh).attempt = attempt;
            }
            Event::SampleTaken { step, iteration, values } => {
                if let Some(open) = self.open.get_mut(&step) {
                    if !iteration.warm_up && iteration.failed.is_none() {
                        for (metric, value) in values {
                            open.samples.entry(metric).or_default().push(value);
                        }
                    }
                    open.iterations.push(iteration);
                }
            }
            Event::CaseFinished { case } => {
                document.counts.add_case(case.outcome);
                document.cases.push(case);
            }
            Event::GenerationFinished { generation } => {
                document.counts.generations += 1;
                if !matches!(generation.state, GenerationState::Written | GenerationState::Unchanged) {
                    document.counts.generations_failed += 1;
                }
                document.generations.push(generation);
            }
            Event::BenchmarkFinished { benchmark } => {
                if let Some(open) = self.open.get_mut(&benchmark.step) {
                    open.iterations.clear();
                    open.samples.clear();
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
        let name = id.split_once('/').map_or(id.as_str(), |(_, rest)| rest);
        let name = name.split_once('[').map_or(name, |(name, _)| name).to_owned();
        if let Some(benchmark) = partial_benchmark(&id, &name, &open, &reason) {
            add_benchmark(document, benchmark);
        }
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
        });
    }
    document.remarks.push(Remark {
        level: RemarkLevel::Warning,
        step: None,
        text: "this run did not end by itself; everything here was restored from its journal".into(),
    });
}

fn partial_benchmark(step: &str, name: &str, open: &Open, reason: &Reason) -> Option<Benchmark> {
    if open.samples.is_empty() {
        return None;
    }
    let metrics = open.samples.iter().map(|(metric, samples)| Metric {
        metric: metric.clone(),
        value: median(samples),
        unit: Measured::find(metric).map_or("ns", |known| known.unit).into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: "journal".into(),
        samples: samples.clone(),
        summary: None,
        note: None,
    });
    Some(Benchmark {
        step: step.to_owned(),
        metrics: metrics.collect(),
        iterations: open.iterations.clone(),
        validity: Validity::Noisy { reason: reason.clone() },
        ..Benchmark::new(name)
    })
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
