//! Measures commands, and calls harnesses that measure by themselves.

mod figures;
mod harness;
mod sampling;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::log::Log;
use super::process::{Job, Streams, supervise};
use super::schedule::Ended;
use super::{Emitter, Workshop};
use crate::plan::{Invocation, Item, Measure, Plan, Work};
use crate::results::{Event, Kind, RemarkLevel, StepStatus};

use harness::Call;

pub use sampling::calibrate;

/// The longest that one benchmark samples when neither it nor the run says otherwise.
const SHARE: Duration = Duration::from_secs(10);

/// The time that all benchmarks of a run may still use.
#[derive(Debug)]
pub(super) struct Purse {
    left_ns: AtomicU64,
    share: Duration,
}

impl Purse {
    pub(super) fn new(plan: &Plan, budget: Duration) -> Self {
        let sampled = |item: &&Item| matches!(&item.work, Work::Benchmark(measure) if measure.harness.is_none());
        let steps = plan.items.iter().filter(|item| item.skip.is_none()).filter(sampled).count().max(1);
        let share = (budget / u32::try_from(steps).unwrap_or(u32::MAX)).min(SHARE);
        Self { left_ns: AtomicU64::new(u64::try_from(budget.as_nanos()).unwrap_or(u64::MAX)), share }
    }

    fn left(&self) -> Duration {
        Duration::from_nanos(self.left_ns.load(Ordering::Relaxed))
    }

    fn spend(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.left_ns.store(self.left_ns.load(Ordering::Relaxed).saturating_sub(time), Ordering::Relaxed);
    }
}

/// Runs one benchmark step.
pub(super) fn run(item: &Item, measure: &Measure, purse: &Purse, workshop: &Workshop, emitter: &Emitter) -> Ended {
    let started =
        Event::StepStarted { step: item.id.clone(), kind: Kind::Benchmark, attempt: 1, at_ns: emitter.elapsed_ns() };
    emitter.emit(started);
    let mut log =
        match Log::create(&workshop.run_dir, Workshop::log_name(item, "log"), workshop.environment.masker(), None) {
            Ok(log) => log,
            Err(error) => {
                return Ended::because(StepStatus::Errored, "log", format!("the log cannot be written: {error}"));
            }
        };
    let mut ended = match measure.build.as_ref().and_then(|build| prepare(item, build, workshop, &mut log)) {
        Some(refusal) => refusal,
        None => match &measure.harness {
            Some((harness, source)) => {
                harness::run(&Call { item, measure, harness: *harness, source, workshop, emitter }, &mut log)
            }
            None => sampling::run(item, measure, purse, workshop, emitter, &mut log),
        },
    };
    let (log, error) = log.finish();
    if let Some(error) = error {
        emitter.remark(RemarkLevel::Error, Some(&item.id), format!("the log is incomplete: {error}"));
    }
    ended.log = Some(log).filter(|log| log.bytes > 0);
    ended
}

/// Runs the build; `Some` says why the benchmark cannot be measured.
fn prepare(item: &Item, build: &Invocation, workshop: &Workshop, log: &mut Log<'_>) -> Option<Ended> {
    log.say(&format!("build: {}", build.display()));
    let (argv, cwd) = (build.argv(), workshop.folder(item));
    let env = workshop.step_env(item, 1, &[]);
    let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets: &item.secrets, timeout: Duration::from_secs(3600) };
    match supervise(&job, &workshop.environment, Streams::Merged(log), &workshop.cancel) {
        Err(error) => Some(Ended::because(StepStatus::Errored, "build_failed", format!("build: {error}"))),
        Ok(ended) if ended.cancelled => Some(cancelled()),
        Ok(ended) if !ended.success() => {
            let text = format!("the build ended with {}", ended.status);
            Some(Ended { exit: Some(ended.status), ..Ended::because(StepStatus::Failed, "build_failed", text) })
        }
        Ok(_) => None,
    }
}

fn cancelled() -> Ended {
    Ended::because(StepStatus::Cancelled, "cancelled", "the run was stopped")
}
