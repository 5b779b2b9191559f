//! Measures commands, and calls harnesses that measure by themselves.

mod figures;
mod harness;
mod memory;
mod paired;
mod purse;
mod rig;
mod sampling;
mod subject;
mod vigil;

use std::time::Duration;

use super::ended::Ended;
use super::log::Log;
use super::process::{Job, Streams, supervise};
use super::{Emitter, Workshop};
use crate::plan::{Invocation, Item, Measure};
use crate::results::{Event, Kind, RemarkLevel, StepStatus};

use harness::Call;

pub use paired::{Duel, DuelError, Outcome, duel};
pub(super) use purse::Purse;
pub use rig::{Rig, calibrate};
pub use subject::{CountError, Part, Reading, ReportError, Setup, Subject, SubjectError};
pub(super) use vigil::Vigil;

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
        Ok(ended) if ended.cancelled => Some(Ended::cancelled()),
        Ok(ended) if !ended.success() => {
            let text = format!("the build ended with {}", ended.status);
            Some(Ended { exit: Some(ended.status), ..Ended::because(StepStatus::Failed, "build_failed", text) })
        }
        Ok(_) => None,
    }
}
