//! One arm of a benchmark: a command or a harness in its place, executed once at a time.

use std::time::Duration;

use super::harness::Call;
use super::rig::Rig;
use super::subject::{CountError, Setup, Subject};
use crate::execute::log::Log;
use crate::execute::{Cancel, Emitter, Place, Workshop};
use crate::plan::{Invocation, Item, Measure};
use crate::results::{Arm, Benchmark, ExitStatus, Iteration, Metric, Reason, RemarkLevel, command_block};

/// Failures in a row after which nothing more is tried.
pub(super) const HOPELESS: u32 = 3;

/// An arm; without a base there is one, and it has no name.
pub(super) struct Side<'a> {
    arm: Option<Arm>,
    runner: Runner<'a>,
    timeout: Duration,
    failures: u32,
}

enum Runner<'a> {
    Command(Box<(Subject, Benchmark)>),
    Harness(Box<Call<'a>>),
}

/// What one execution came to.
pub(super) struct Taken {
    /// The execution, as the document tells it.
    pub iteration: Iteration,
    /// What a command used, as (metric, value).
    pub values: Vec<(String, f64)>,
    /// What it reported: of a command, one benchmark with one value a metric.
    pub block: Vec<Benchmark>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Why an execution failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// A code for programs and a sentence for people.
    pub reason: Reason,
    /// How the process ended; `None` if there was none.
    pub exit: Option<ExitStatus>,
    /// There is no point in trying again.
    pub last: bool,
    /// It cannot be done here, which is no failure.
    pub skipped: bool,
}

/// What a side needs to know of the run it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub item: &'a Item,
    pub measure: &'a Measure,
    pub workshop: &'a Workshop,
    pub emitter: &'a Emitter,
}

impl<'a> Side<'a> {
    /// Makes an arm ready. The error says why its command cannot be started.
    pub(super) fn open(setting: Setting<'a>, arm: Option<Arm>, place: Place, rig: &Rig) -> Result<Self, String> {
        let Setting { item, measure, workshop, emitter } = setting;
        let run = command_of(measure, arm);
        let runner = match &measure.harness {
            None => {
                let setup = Setup::of((item, measure), run, &place, workshop);
                let subject = Subject::open(&setup, rig).map_err(|error| named(arm, &error))?;
                // What cannot be had here is the same in both arms: one of them tells it.
                for text in subject.remarks().into_iter().filter(|_| arm != Some(Arm::Base)) {
                    emitter.remark(RemarkLevel::Warning, Some(&item.id), text);
                }
                Runner::Command(Box::new((subject, described(item))))
            }
            Some((harness, source)) => {
                let ending = match arm {
                    None => "report",
                    Some(Arm::Base) => "base.report",
                    Some(Arm::Head) => "head.report",
                };
                let harness = *harness;
                let told = false;
                Runner::Harness(Box::new(Call { item, run, harness, source, place, workshop, emitter, ending, told }))
            }
        };
        Ok(Self { arm, runner, timeout: item.timeout, failures: 0 })
    }

    /// The command as it is started, for the log.
    pub(super) fn shown(&self) -> String {
        let command = match &self.runner {
            Runner::Command(measured) => measured.0.shown().to_owned(),
            Runner::Harness(call) => format!("{} ({})", call.run.display(), call.harness.as_str()),
        };
        match self.arm {
            None => format!("measured: {command}"),
            Some(arm) => format!("measured ({}): {command}", word(arm)),
        }
    }

    /// Executes it once. `None` if the wish to stop ended it.
    pub(super) fn once(&mut self, rig: &Rig, cancel: &Cancel, log: &mut Log<'_>, at_ns: u64) -> Option<Taken> {
        let iteration = Iteration { arm: self.arm, ..Iteration::at(at_ns) };
        let mut taken = match &mut self.runner {
            Runner::Command(measured) => run_command(measured, (rig, self.timeout), iteration, log),
            Runner::Harness(call) => call_harness(call, iteration, log),
        };
        if taken.failure.is_some() && cancel.is_asked() {
            return None;
        }
        self.failures = if taken.failure.is_some() { self.failures + 1 } else { 0 };
        let times = self.failures;
        if let Some(failure) = &mut taken.failure {
            if times >= HOPELESS && !failure.last {
                failure.reason.text = format!("{times} runs in a row failed, the last with {}", failure.reason.text);
            }
            failure.last |= times >= HOPELESS;
            failure.reason.text = named(self.arm, &failure.reason.text);
        }
        Some(taken)
    }
}

impl Side<'_> {
    /// Whether instructions are counted apart from the timed executions.
    pub(super) fn is_counted_apart(&self) -> bool {
        matches!(&self.runner, Runner::Command(measured) if measured.0.is_counted_apart())
    }

    /// Instructions, if they are counted apart from the timed executions.
    pub(super) fn count(&mut self, rig: &Rig) -> Result<Option<Metric>, CountError> {
        match &mut self.runner {
            Runner::Command(measured) => measured.0.count(rig, self.timeout),
            Runner::Harness(_) => Ok(None),
        }
    }
}

fn run_command(
    (command, blank): &mut (Subject, Benchmark),
    (rig, timeout): (&Rig, Duration),
    mut iteration: Iteration,
    log: &mut Log<'_>,
) -> Taken {
    let reading = match command.once(rig, timeout) {
        Ok(reading) => reading,
        Err(error) => {
            let reason = Reason::new("not_started", error.to_string());
            iteration.failed = Some(ExitStatus { code: None, signal: None });
            return failed(iteration, Failure { reason, exit: None, last: true, skipped: false });
        }
    };
    if reading.good() {
        let block = vec![command_block(blank, &reading.values, Some(rig.memory_source().0))];
        return Taken { iteration, values: reading.values, block, failure: None };
    }
    let said = command.said();
    log.say(&format!("a run failed: {}", reading.ending()));
    log.write(&said);
    iteration.failed = Some(reading.status);
    let reason = if reading.timed_out {
        Reason::new("timeout", format!("one run took longer than {timeout:?}"))
    } else {
        Reason::new("command_failed", format!("{}{}", reading.ending(), last_words(&said)))
    };
    failed(iteration, Failure { reason, exit: Some(reading.status), last: reading.timed_out, skipped: false })
}

fn call_harness(call: &mut Call<'_>, mut iteration: Iteration, log: &mut Log<'_>) -> Taken {
    let called = match call.once(log) {
        Ok(called) => called,
        Err(text) => {
            iteration.failed = Some(ExitStatus { code: None, signal: None });
            return failed(
                iteration,
                Failure { reason: Reason::new("not_started", text), exit: None, last: true, skipped: false },
            );
        }
    };
    let found = called.report.as_ref().map_or(0, Vec::len);
    let reason = match &called.report {
        _ if called.process.timed_out => {
            Some(Reason::new("timeout", format!("it took longer than {:?}", call.item.timeout)))
        }
        _ if !called.process.success() => {
            let text = format!("the harness ended with {} after {found} benchmarks", called.process.ending());
            let code = if called.process.out_of_memory { "out_of_memory" } else { "command_failed" };
            Some(Reason::new(code, text))
        }
        Err(text) => Some(Reason::new("unreadable_output", text.clone())),
        Ok(_) => None,
    };
    let exit = called.process.status;
    let block = called.report.unwrap_or_default();
    iteration.failed = reason.is_some().then_some(exit);
    let told = called.outcome.filter(|_| !called.process.timed_out);
    let skipped = told.as_ref().is_some_and(|told| told.status == "skipped");
    // What our own program says of a model is the same the next time.
    let last = called.process.timed_out || told.is_some();
    let reason = reason.map(|reason| told.and_then(|told| told.reason).unwrap_or(reason));
    let failure = reason.map(|reason| Failure { reason, exit: Some(exit), last, skipped });
    Taken { iteration, values: Vec::new(), block, failure }
}

fn failed(iteration: Iteration, failure: Failure) -> Taken {
    Taken { iteration, values: Vec::new(), block: Vec::new(), failure: Some(failure) }
}

/// The command of an arm.
fn command_of(measure: &Measure, arm: Option<Arm>) -> &Invocation {
    match (&measure.vs, arm) {
        (Some(other), Some(Arm::Base)) => other,
        _ => &measure.run,
    }
}

/// The benchmark of a measured command, before anything is measured.
pub(super) fn described(item: &Item) -> Benchmark {
    Benchmark {
        step: item.id.clone(),
        model: item.model.as_ref().map(|model| model.id.clone()),
        target: Some(item.target.clone()),
        ..Benchmark::new(&item.name)
    }
}

fn word(arm: Arm) -> &'static str {
    match arm {
        Arm::Base => "base",
        Arm::Head => "head",
    }
}

fn named(arm: Option<Arm>, text: &dyn std::fmt::Display) -> String {
    arm.map_or_else(|| text.to_string(), |arm| format!("{}: {text}", word(arm)))
}

/// The last line of what a command said, after a colon.
fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}
