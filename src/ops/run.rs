//! `backsight run`: pipeline file → plan → execution → results → store → comparison → report.

mod prepare;
mod quarantine;
mod sharing;
mod tools;
mod trend;
mod wanted;

use std::sync::PoisonError;

use super::against::{self, Copies};
use super::baseline::Wanted;
use super::files::keep;
use crate::compare::{self, Limits, Terms};
use crate::execute::{self, Cancel, Emitter, Journal, Listener};
use crate::ops::accepted;
use crate::ops::judge::judge;
use crate::ops::nearest::{self, Choice, Line};
use crate::plan::Work;
use crate::results::{Comparison, Document, Event, ExitCode, MetricChange, RemarkLevel, Status};
use crate::store::{OpenOptions, RunLock, SqliteStore, StoreError};
pub use prepare::new_seed;
use prepare::{Prepared, prepare};
use sharing::Sharing;
pub use wanted::{Answer, Base, Request, RunError, Share};

/// Runs a pipeline. `listeners` hear every event after the journal has it.
///
/// # Errors
/// Only if nothing was run; afterwards everything that goes wrong is part of the answer.
pub fn run(request: Request, listeners: Vec<Box<dyn Listener>>) -> Result<Answer, RunError> {
    let share = request.share;
    let prepared = prepare(request)?;
    // Opened before anything is measured: a store that cannot take the results is better known now.
    let folder = prepared.places.run(prepared.id);
    let opened = SqliteStore::open(&prepared.places.database(), &OpenOptions::default());
    let mut store = opened.inspect_err(|_| {
        // Empty as it is, it would be listed as a run that was lost.
        let _ = std::fs::remove_dir(&folder);
    })?;
    let lock = RunLock::hold(&folder, prepared.started_at, &prepared.facts.project)?;
    let journal_path = folder.join("journal.jsonl");
    let place = |source| RunError::Place { path: journal_path.clone(), source };
    let (journal, journal_error) = Journal::create(&journal_path).map_err(place)?;
    let mut all: Vec<Box<dyn Listener>> = vec![Box::new(journal)];
    all.extend(listeners);
    let emitter = Emitter::new(prepared.workshop.environment.masker().clone(), all);
    let steps = prepared.plan.runnable() as u64;
    emitter.emit(Event::RunStarted { document: Box::new(prepared.document.clone()), steps });
    prepared.tell_remarks(&emitter);
    let mut problems = Vec::new();
    let mut sharing = Sharing::of(&prepared, share);
    sharing.pull(&prepared, &mut store, &emitter, &mut problems);
    let rows = execute::execute(&prepared.plan, &prepared.workshop, &emitter).map_err(RunError::System)?;
    let lacking = prepared.copies.as_ref().filter(|_| against::any_failed(&emitter));
    if let Some(text) = lacking.and_then(|copies| copies.left_behind(&prepared.workshop.workspace)) {
        emitter.remark(RemarkLevel::Warning, None, text);
    }
    if !prepared.workshop.cancel.is_asked() {
        match prepared.compare(rows, &store, &emitter, &mut sharing) {
            Ok(comparison) => emitter.emit(Event::Compared { comparison }),
            Err(error) => problems.push(format!("no comparison: {error}")),
        }
    }
    if let Some(error) = journal_error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        problems.push(format!("the journal is incomplete: {error}"));
    }
    prepared.end(&emitter, &problems);
    let mut document = emitter.finish().unwrap_or(prepared.document);
    let mut files = keep(&folder, &mut document, &mut store, &mut problems);
    drop(lock);
    let (notes, changed) = sharing.push(&mut document, &mut problems);
    if changed {
        files = keep(&folder, &mut document, &mut store, &mut problems);
    }
    Ok(Answer { document, folder, files, notes, problems })
}

impl Prepared {
    fn tell_remarks(&self, emitter: &Emitter) {
        for remark in &self.remarks {
            emitter.remark(RemarkLevel::Warning, None, remark.clone());
        }
        for target in &self.plan.missing_targets {
            emitter.remark(
                RemarkLevel::Error,
                None,
                format!("required target `{target}` is not available on this host"),
            );
        }
        for name in self.workshop.environment.unmaskable() {
            let text = format!("secret `{name}` is shorter than 4 bytes and is not masked");
            emitter.remark(RemarkLevel::Warning, None, text);
        }
    }

    /// Which metrics of which step are compared.
    fn limits(&self) -> Limits {
        let mut limits = Limits::uniform(self.gate.regression.0);
        for item in &self.plan.items {
            if let Work::Benchmark(measure) = &item.work {
                let metrics = match measure.harness {
                    Some(_) => Vec::new(),
                    None => measure.metrics.iter().map(|metric| metric.as_str().to_owned()).collect(),
                };
                limits.steps.insert(item.id.clone(), Terms { metrics, limit: measure.limit });
            }
        }
        limits
    }

    /// The comparison of the two arms where there were two, otherwise that with the stored baseline; what was accepted
    /// is marked in it.
    fn compare(
        &self,
        rows: Vec<MetricChange>,
        store: &SqliteStore,
        emitter: &Emitter,
        sharing: &mut Sharing,
    ) -> Result<Comparison, StoreError> {
        let (stored, covering) = self.compare_with_stored(store, emitter)?;
        for remark in &covering.remarks {
            emitter.remark(RemarkLevel::Warning, None, remark.clone());
        }
        let mut comparison = self.with_arms(stored, rows);
        covering.mark(&mut comparison);
        let branch = trend::branch(&self.document, self.baseline.compare_with.as_deref());
        trend::add(&mut comparison, store, (&self.document.project, &self.document.host.class_key), branch)?;
        sharing.accepted = covering.from_trailers;
        Ok(comparison)
    }

    fn with_arms(&self, stored: Comparison, rows: Vec<MetricChange>) -> Comparison {
        if self.workshop.arms.is_none() {
            return stored;
        }
        let seed = self.workshop.seed;
        let arms = self.copies.as_ref().map_or_else(|| "base and head".to_owned(), Copies::described);
        let mut note = format!("{arms} on this host, in pairs whose order is drawn from seed {seed}");
        if let Some(base) = &stored.baseline {
            note.push_str(&format!("; tests against run {}", base.run.get(..13).unwrap_or(&base.run)));
        }
        let paired = compare::paired(rows, self.workshop.false_alarms, note);
        // What was measured at another time says nothing beside what was measured in turns; tests need no turns.
        Comparison {
            rows: paired.rows,
            basis: paired.basis,
            note: paired.note,
            baseline: None,
            false_alarms: paired.false_alarms,
            ..stored
        }
    }

    fn compare_with_stored(
        &self,
        store: &SqliteStore,
        emitter: &Emitter,
    ) -> Result<(Comparison, accepted::Covering), StoreError> {
        let compare_with = self.baseline.compare_with.as_deref();
        let wanted = emitter.look(|document| Wanted::by(document, compare_with)).unwrap_or_default();
        let change = &self.document.change;
        let line = Line::of(&self.workshop.workspace, change);
        let mut choice = nearest::choose(store, &wanted, line.as_ref())?;
        let against = self.document.run.against.as_ref().map(|against| against.base.clone());
        let stored = match &choice {
            Choice::Found(base) => base.document.change.commit.clone(),
            Choice::None(_) => None,
        };
        let base = against.or(stored);
        let covering =
            accepted::covering(&self.workshop.workspace, &wanted.project, change, base.as_deref(), store.accepted()?);
        if let Choice::Found(base) = &mut choice {
            covering.rename(&mut base.document);
        }
        let limits = self.limits();
        let compared = emitter.look(|head| compared(&choice, head, &limits));
        let nothing = || compare::without_base(&self.document, &limits, "nothing was run".into());
        Ok((compared.unwrap_or_else(nothing), covering))
    }

    fn end(&self, emitter: &Emitter, problems: &[String]) {
        quarantine::mark(&self.quarantine, &self.facts.today, emitter);
        let policy = self.gate.missing;
        let missing_target = !self.plan.missing_targets.is_empty();
        let judged = emitter.look(|document| judge(document, policy, missing_target));
        let (mut status, mut exit_code) = judged.unwrap_or((Status::Errored, ExitCode::Tool));
        if !problems.is_empty() {
            (status, exit_code) = (Status::Errored, exit_code.worst(ExitCode::Tool));
        }
        if let Some(signal) = self.workshop.cancel.signal() {
            status = Status::Cancelled;
            exit_code = if signal == 2 { ExitCode::Interrupted } else { ExitCode::Terminated };
        }
        emitter.emit(Event::RunFinished { status, exit_code, duration_ns: emitter.elapsed_ns() });
    }
}

fn compared(choice: &Choice, head: &Document, limits: &Limits) -> Comparison {
    match choice {
        Choice::Found(base) => {
            let mut comparison = compare::unpaired(&base.document, head, limits);
            comparison.baseline = Some(base.reference());
            if let (Some(note), Some(more)) = (&mut comparison.note, &base.note) {
                *note = format!("{note}; {more}");
            }
            comparison
        }
        Choice::None(why) => compare::without_base(head, limits, why.clone()),
    }
}

/// A wish to stop that comes with the first SIGINT, SIGTERM or SIGHUP of this process.
///
/// # Errors
/// If the system refuses the handler.
pub fn cancel_on_signals() -> std::io::Result<Cancel> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let cancel = Cancel::new();
    let theirs = cancel.clone();
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            theirs.ask(signal.unsigned_abs());
        }
    })?;
    Ok(cancel)
}
