//! Renders files from templates, within the workspace and within bounds, keeps them in step with their templates, and
//! verifies them rung by rung.
//!
//! `batch` has the threads and the order; a [`worker::Worker`] makes one file; `decide` says what is to become of it, from
//! what [`book::Book`] knows of it by the lock file and by notes.

mod answers;
mod batch;
mod book;
mod decide;
mod diff;
mod earlier;
mod folder;
mod held;
mod keeper;
mod ladder;
mod lines;
mod lock;
mod notes;
mod regions;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::ended::Ended;
use super::log::Log;
use super::{Emitter, Place, Workshop};
use crate::plan::{Batch, Item, Plan};
use crate::results::{Event, GenerationState, Kind, RemarkLevel, StepStatus};
use batch::Sum;
use book::Book;
use decide::Wish;
use ladder::{Climb, stops};
pub use lock::LOCK_FILE;
use worker::{Templates, Worker};

/// What is said of a model's answers that are only checked.
const ASKS_NOBODY: &str = "--check asks no model: the stored answers are held against what is expected of them";

/// What the generations of a run share.
#[derive(Debug)]
pub(super) struct Generations {
    /// Opened by the first; an error holds for all.
    book: Mutex<Option<Result<Book, String>>>,
    /// How many are still to come.
    left: Mutex<usize>,
}

impl Generations {
    /// Nothing is opened before the first generation.
    pub(super) fn new(plan: &Plan) -> Self {
        let mine = |item: &&Item| item.kind == Kind::Generation;
        Self { book: Mutex::new(None), left: Mutex::new(plan.items.iter().filter(mine).count()) }
    }

    /// Tells that a generation is over, or was not carried out; after the last, orphans are looked for.
    pub(super) fn one_less(&self, plan: &Plan, workshop: &Workshop, emitter: &Emitter) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(1);
        if *left > 0 || workshop.cancel.is_asked() {
            return;
        }
        // Closed with the last: other runs may generate here while ours tests and measures.
        if let Some(Ok(mut book)) = self.book.lock().unwrap_or_else(PoisonError::into_inner).take()
            && let Err(text) = book.orphans(&plan.generations, workshop, emitter)
        {
            emitter.remark(RemarkLevel::Error, None, text);
        }
    }

    /// Renders (or checks) all files of a step.
    pub(super) fn run(
        &self,
        item: &Item,
        batch: &Arc<Batch>,
        plan: &Plan,
        workshop: &Workshop,
        emitter: &Emitter,
    ) -> Ended {
        let at_ns = emitter.elapsed_ns();
        emitter.emit(Event::StepStarted { step: item.id.clone(), kind: Kind::Generation, attempt: 1, at_ns });
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + workshop.others;
        let waits = || Instant::now() < until && !workshop.cancel.is_asked();
        let book = book.get_or_insert_with(|| Book::open(&workshop.workspace, workshop.check_only, &waits));
        let book = match book {
            Ok(book) => book,
            Err(text) => return Ended::because(StepStatus::Errored, "lock", text.as_str()),
        };
        let generated = earlier::of(item, plan);
        let templates = match &batch.completion {
            Some(_) => None,
            None => match Templates::read(&workshop.workspace, batch, generated.clone()) {
                Ok(templates) => Some(templates),
                Err(text) => return Ended::because(StepStatus::Errored, "template", text),
            },
        };
        let log = Log::create(&workshop.run_dir, Workshop::log_name(item, "log"), workshop.environment.masker(), None);
        let log = match log {
            Ok(log) => log,
            Err(error) => {
                return Ended::because(StepStatus::Errored, "log", format!("the log cannot be written: {error}"));
            }
        };
        let climb = match Climb::new(item, batch, workshop.here(), workshop, log) {
            Ok(climb) => climb,
            Err(text) => return Ended::because(StepStatus::Errored, "rule", text),
        };
        let sum = match (&templates, &batch.completion) {
            (Some(templates), _) => batch::carry_out(item, batch, templates, &climb, book, workshop, emitter),
            (None, Some(completion)) => {
                if workshop.check_only {
                    emitter.remark(RemarkLevel::Info, Some(&item.id), ASKS_NOBODY);
                }
                let (generated, climb, book) = (&generated, &climb, &*book);
                let means = answers::Means { item, batch, completion, generated, climb, book, workshop };
                answers::carry_out(means, emitter)
            }
            (None, None) => Err("there is neither a template nor a model".to_owned()),
        };
        let (log, error) = climb.into_log().finish();
        if let Some(error) = error {
            emitter.remark(RemarkLevel::Error, Some(&item.id), format!("the log is incomplete: {error}"));
        }
        let log = Some(log).filter(|log| log.bytes > 0);
        ended(sum, batch, workshop, book, log)
    }
}

fn ended(
    sum: Result<Sum, String>,
    batch: &Batch,
    workshop: &Workshop,
    book: &mut Book,
    log: Option<crate::results::LogRef>,
) -> Ended {
    let errored = |text: String| Ended::because(StepStatus::Errored, "lock", text);
    let sum = match sum {
        Ok(sum) => sum,
        Err(text) => return Ended { log, ..errored(text) },
    };
    let cancelled = workshop.cancel.is_asked();
    let part = Some(sum.part).filter(|_| !workshop.check_only);
    if let Err(text) = book.close_step(&batch.step, part, sum.made, !cancelled) {
        return Ended { log, attempts: 1, ..errored(text) };
    }
    match sum.failed {
        // Also where some failed: the last verification may have been stopped.
        _ if cancelled => Ended { log, attempts: 1, ..Ended::cancelled() },
        0 => Ended { log, attempts: 1, ..Ended::new(StepStatus::Passed) },
        n => {
            let text = format!("{n} of {} files are not right", batch.sums.0);
            Ended { log, attempts: 1, ..Ended::because(StepStatus::Failed, "generation_failed", text) }
        }
    }
}

/// Renders all files of a step once more, into an arm of a paired measurement, and verifies them there. The templates
/// are those of the workspace. The error says which file is not right.
pub(super) fn into_arm(
    (item, batch): (&Item, &Arc<Batch>),
    plan: &Plan,
    place: &Place,
    workshop: &Workshop,
    log: &mut Log<'_>,
) -> Result<(), String> {
    if batch.completion.is_some() {
        return answers::into_arm(batch, &earlier::of(item, plan), workshop, place);
    }
    let templates = Templates::read(&workshop.workspace, batch, earlier::of(item, plan))?;
    let name = format!("{}.arm.log", Workshop::log_name(item, "verify"));
    let own =
        Log::create(&workshop.run_dir, name, workshop.environment.masker(), None).map_err(|error| error.to_string())?;
    let climb = Climb::new(item, batch, place.clone(), workshop, own)?;
    let mut worker = Worker::new(item, batch, &templates, &place.workspace, None)?;
    for number in 0..batch.len() {
        if workshop.cancel.is_asked() {
            return Err("the run was stopped".to_owned());
        }
        let made = worker.make(number, &climb, Wish { check: false, force: true });
        if made.generation.state == GenerationState::Skipped {
            continue;
        }
        let why = made.generation.failure.as_ref().and_then(|failure| failure.message.clone());
        if !made.generation.state.is_right() {
            return Err(format!("{}: {}", made.generation.output, why.unwrap_or_default()));
        }
        if let Some(case) = made.cases.iter().find(|case| stops(case.outcome)) {
            let failure = case.failures.first();
            if let Some(text) = failure.and_then(|failure| failure.text.as_deref()) {
                log.write(text.as_bytes());
                log.write(b"\n");
            }
            let message = failure.and_then(|failure| failure.message.clone()).unwrap_or_default();
            return Err(format!("{}: {message}", made.generation.output));
        }
    }
    Ok(())
}
