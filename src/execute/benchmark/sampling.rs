//! The measuring loop of a command: warm-up, then samples until the budget is spent.

use std::time::{Duration, Instant};

use super::figures::Columns;
use super::purse::Purse;
use super::rig::Rig;
use super::subject::{CountError, Reading, Setup, Subject, SubjectError};
use super::vigil::Since;
use crate::execute::ended::Ended;
use crate::execute::log::Log;
use crate::execute::{Emitter, Workshop};
use crate::plan::{Item, Measure};
use crate::results::{Benchmark, Event, Iteration, Metric, Reason, RemarkLevel, StepStatus, Validity};

/// Samples taken as long as they fit into [`STRETCH`] times the budget: the fewest with a 95 % interval.
const FEWEST: usize = 6;
/// How far a benchmark may go beyond its budget for the fewest samples.
const STRETCH: u32 = 3;
/// Samples after which more add nothing that the eye or a test could see.
const MOST: usize = 1000;
/// Failures in a row after which nothing more is tried.
const HOPELESS: u32 = 3;
/// How often the terminal hears of the progress.
const TELL: Duration = Duration::from_millis(100);

/// Measures a command.
pub(super) fn run(
    item: &Item,
    measure: &Measure,
    purse: &Purse,
    workshop: &Workshop,
    emitter: &Emitter,
    log: &mut Log<'_>,
) -> Ended {
    let mut session = match Session::open(item, measure, workshop, emitter) {
        Ok(session) => session,
        Err(error) => return Ended::because(StepStatus::Errored, "not_started", error.to_string()),
    };
    log.say(&format!("measured: {}", session.subject.shown()));
    session.subject.remarks().into_iter().for_each(|text| emitter.remark(RemarkLevel::Warning, Some(&item.id), text));
    let budget = purse.allot(measure.budget);
    let started = Instant::now();
    let outcome = session.sample(measure, budget, log);
    purse.spend(started.elapsed());
    let counted = session.count(&outcome);
    session.conclude(outcome, counted, budget, log)
}

/// Why sampling ended.
enum Outcome {
    Enough,
    BudgetSpent,
    Cancelled,
    Hopeless(Reading),
    Broken(SubjectError),
}

struct Session<'a> {
    item: &'a Item,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    rig: Rig,
    subject: Subject,
    since: Since,
    columns: Columns,
    iterations: Vec<Iteration>,
    failures: u32,
    told: Instant,
}

impl<'a> Session<'a> {
    fn open(
        item: &'a Item,
        measure: &Measure,
        workshop: &'a Workshop,
        emitter: &'a Emitter,
    ) -> Result<Self, SubjectError> {
        let rig = Rig::open(workshop.cancel.clone())?;
        let subject = Subject::open(&Setup::of(item, measure, &measure.run, workshop), &rig)?;
        Ok(Self {
            item,
            workshop,
            emitter,
            rig,
            subject,
            since: Since::now(),
            columns: Columns::default(),
            iterations: Vec::new(),
            failures: 0,
            told: Instant::now(),
        })
    }

    fn sample(&mut self, measure: &Measure, budget: Duration, log: &mut Log<'_>) -> Outcome {
        for done in 0..measure.warm_up {
            self.tell("warm-up", u64::from(done), Some(u64::from(measure.warm_up)));
            if let Some(outcome) = self.once(true, log) {
                return outcome;
            }
        }
        let started = Instant::now();
        loop {
            let elapsed = started.elapsed();
            let n = self.columns.len();
            let enough = match measure.samples {
                Some(wanted) => n >= wanted as usize,
                None => n >= MOST || (n >= FEWEST && elapsed >= budget),
            };
            if enough {
                return Outcome::Enough;
            }
            if n > 0 && measure.samples.is_none() && elapsed >= budget * STRETCH {
                return Outcome::BudgetSpent;
            }
            self.tell("sampling", n as u64, measure.samples.map(u64::from));
            if let Some(outcome) = self.once(false, log) {
                return outcome;
            }
        }
    }

    /// One execution; `Some` if it was the last.
    fn once(&mut self, warm_up: bool, log: &mut Log<'_>) -> Option<Outcome> {
        let at_ns = self.emitter.elapsed_ns();
        let reading = match self.subject.once(&self.rig, self.item.timeout) {
            Ok(reading) => reading,
            Err(error) => return Some(Outcome::Broken(error)),
        };
        let cancelled = self.workshop.cancel.is_asked();
        if cancelled && !reading.good() {
            return Some(Outcome::Cancelled);
        }
        let failed = (!reading.good()).then_some(reading.status);
        self.keep(&reading, Iteration { at_ns, warm_up, failed, arm: None });
        if !reading.good() {
            log.say(&format!("run {} failed: {}", self.iterations.len(), reading.ending()));
            log.write(&self.subject.said());
            if self.failures >= HOPELESS || reading.timed_out {
                return Some(Outcome::Hopeless(reading));
            }
        }
        cancelled.then_some(Outcome::Cancelled)
    }

    fn keep(&mut self, reading: &Reading, iteration: Iteration) {
        let good = reading.good();
        if good && !iteration.warm_up {
            self.columns.push(&reading.values);
        }
        self.failures = if good { 0 } else { self.failures + 1 };
        self.iterations.push(iteration.clone());
        let values = if good { reading.values.clone() } else { Vec::new() };
        self.emitter.emit(Event::SampleTaken { step: self.item.id.clone(), iteration, values });
    }

    /// Instructions, if they are counted apart; a failure is a remark, for the timed runs stand.
    fn count(&mut self, outcome: &Outcome) -> Option<Metric> {
        if !matches!(outcome, Outcome::Enough | Outcome::BudgetSpent) {
            return None;
        }
        let counted = self.subject.count(&self.rig, self.item.timeout);
        counted.unwrap_or_else(|error| {
            let text = format!("instructions: {error}");
            let level = if matches!(error, CountError::Failed(_)) { RemarkLevel::Warning } else { RemarkLevel::Error };
            self.emitter.remark(level, Some(&self.item.id), text);
            None
        })
    }

    fn tell(&mut self, doing: &str, done: u64, total: Option<u64>) {
        if done > 0 && self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let figure = self.columns.wall_so_far().map(|ns| format!("{ns}"));
        let (step, doing) = (self.item.id.clone(), doing.to_owned());
        self.emitter.emit(Event::Progress { step, doing, done, total, figure });
    }

    fn conclude(self, outcome: Outcome, counted: Option<Metric>, budget: Duration, log: &mut Log<'_>) -> Ended {
        let attempts = u32::try_from(self.iterations.len()).unwrap_or(u32::MAX);
        let failed = self.iterations.iter().filter(|iteration| iteration.failed.is_some()).count();
        let (n, id) = (self.columns.len(), self.item.id.clone());
        let conditions = self.since.conditions();
        let validity = validity(&outcome, n, failed).under(&conditions);
        let emitter = self.emitter;
        let mut metrics = self.columns.into_metrics(&self.rig);
        metrics.extend(counted);
        let benchmark = Benchmark {
            step: id.clone(),
            model: self.item.model.as_ref().map(|model| model.id.clone()),
            target: Some(self.item.target.clone()),
            metrics,
            iterations: self.iterations,
            validity,
            conditions: Some(conditions),
            ..Benchmark::new(&self.item.name)
        };
        emitter.emit(Event::BenchmarkFinished { benchmark });
        if matches!(outcome, Outcome::BudgetSpent) && n < FEWEST {
            let text = format!("only {n} samples fit into its budget of {budget:.1?}; raise `budget` for an interval");
            emitter.remark(RemarkLevel::Warning, Some(&id), text);
        }
        let ended = match outcome {
            Outcome::Cancelled => Ended::cancelled(),
            Outcome::Broken(error) => Ended::because(StepStatus::Errored, "not_started", error.to_string()),
            Outcome::Hopeless(reading) if reading.timed_out => {
                let text = format!("one run took longer than {:?}", self.item.timeout);
                Ended { exit: Some(reading.status), ..Ended::because(StepStatus::TimedOut, "timeout", text) }
            }
            Outcome::Hopeless(reading) => {
                let last = log.tail().lines().last().unwrap_or_default().to_owned();
                let text = format!("{HOPELESS} runs in a row failed, the last with {}: {last}", reading.ending());
                Ended { exit: Some(reading.status), ..Ended::because(StepStatus::Failed, "command_failed", text) }
            }
            Outcome::Enough | Outcome::BudgetSpent => Ended::new(StepStatus::Passed),
        };
        Ended { attempts, ..ended }
    }
}

fn validity(outcome: &Outcome, n: usize, failed: usize) -> Validity {
    let reason = |code: &str, text: String| Reason::new(code, text);
    match outcome {
        _ if n == 0 => Validity::Invalid { reason: reason("no_sample", "no run succeeded".into()) },
        Outcome::Cancelled => Validity::Noisy { reason: reason("cancelled", format!("stopped after {n} samples")) },
        Outcome::Hopeless(..) | Outcome::Broken(_) => {
            Validity::Invalid { reason: reason("command_failed", format!("{failed} runs failed")) }
        }
        Outcome::Enough | Outcome::BudgetSpent if failed > 0 => {
            Validity::Noisy { reason: reason("runs_failed", format!("{failed} of {} runs failed", n + failed)) }
        }
        Outcome::Enough | Outcome::BudgetSpent => Validity::Valid,
    }
}
