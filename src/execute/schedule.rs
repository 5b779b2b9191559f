//! The order of the work: what is needed first, tests side by side where allowed, benchmarks alone.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::benchmark::{Purse, Vigil};
use super::ended::Ended;
use super::{Emitter, Workshop, benchmark, generate, test_step};
use crate::plan::{Item, Plan, Work};
use crate::results::{Event, Kind, Step, StepStatus};

/// Carries out the plan. Every entry ends in exactly one `StepFinished`, whatever happens.
///
/// # Errors
/// If the system gives no threads.
pub fn execute(plan: &Plan, workshop: &Workshop, emitter: &Emitter) -> std::io::Result<()> {
    let work = Schedule {
        plan,
        workshop,
        emitter,
        purse: Purse::new(plan, workshop.budget),
        vigil: Vigil::default(),
        board: Mutex::new(Board { states: vec![State::Waiting; plan.items.len()], running: 0 }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| -> std::io::Result<()> {
        for number in 1..workshop.jobs.max(1) {
            std::thread::Builder::new().name(format!("step-{number}")).spawn_scoped(scope, || work.serve())?;
        }
        work.serve();
        Ok(())
    })?;
    work.vigil.end(emitter);
    Ok(())
}

struct Schedule<'a> {
    plan: &'a Plan,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    purse: Purse,
    vigil: Vigil,
    board: Mutex<Board>,
    changed: Condvar,
}

struct Board {
    states: Vec<State>,
    running: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Running,
    Over(StepStatus),
}

enum Next {
    Do(usize),
    Wait,
    Nothing,
}

impl Schedule<'_> {
    fn serve(&self) {
        loop {
            let mut board = self.lock();
            let at = loop {
                match self.next(&board) {
                    Next::Do(at) => break at,
                    Next::Nothing => return,
                    Next::Wait => board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner),
                }
            };
            board.states[at] = State::Running;
            board.running += 1;
            let refused = self.refusal(&board, at);
            drop(board);
            let status = self.carry_out(&self.plan.items[at], refused);
            let mut board = self.lock();
            board.states[at] = State::Over(status);
            board.running -= 1;
            self.changed.notify_all();
        }
    }

    /// The first entry that can start now. A benchmark starts only when all before it are over and nothing runs, and
    /// nothing starts beside it.
    fn next(&self, board: &Board) -> Next {
        let alone = |at: usize| self.plan.items[at].kind != Kind::Test;
        let mut all_over = true;
        for (at, state) in board.states.iter().enumerate() {
            match state {
                State::Over(_) => {}
                State::Running if alone(at) => return Next::Wait,
                State::Running => all_over = false,
                State::Waiting => {
                    let ready =
                        self.plan.items[at].needs.iter().all(|need| matches!(board.states[*need], State::Over(_)));
                    if ready && (!alone(at) || (all_over && board.running == 0)) {
                        return Next::Do(at);
                    }
                    if alone(at) {
                        return Next::Wait;
                    }
                    all_over = false;
                }
            }
        }
        if all_over { Next::Nothing } else { Next::Wait }
    }

    /// Why an entry is not carried out although its turn has come.
    fn refusal(&self, board: &Board, at: usize) -> Option<Ended> {
        let item = &self.plan.items[at];
        if let Some(reason) = &item.skip {
            return Some(Ended { reason: Some(reason.clone()), ..Ended::new(StepStatus::Skipped) });
        }
        if self.workshop.cancel.is_asked() {
            return Some(Ended::cancelled());
        }
        item.needs.iter().find_map(|need| {
            let name = &self.plan.items[*need].id;
            match board.states[*need] {
                State::Over(StepStatus::Passed) => None,
                State::Over(StepStatus::Skipped) => Some(Ended::because(
                    StepStatus::Skipped,
                    "needs_skipped",
                    format!("it needs {name}, which was skipped"),
                )),
                State::Over(_) | State::Running | State::Waiting => Some(Ended::because(
                    StepStatus::Skipped,
                    "needs_failed",
                    format!("it needs {name}, which did not pass"),
                )),
            }
        })
    }

    fn carry_out(&self, item: &Item, refused: Option<Ended>) -> StepStatus {
        let runs = refused.is_none();
        let started_at = jiff::Timestamp::now();
        let started = Instant::now();
        let ended = refused.unwrap_or_else(|| match &item.work {
            Work::Generate { template, outputs } => generate::run(item, template, outputs, self.workshop, self.emitter),
            Work::Test { run, junit, retries } => {
                test_step::run(item, run, junit.as_deref(), *retries, self.workshop, self.emitter)
            }
            Work::Benchmark(measure) => {
                self.vigil.begin(&self.workshop.environment, self.emitter);
                benchmark::run(item, measure, &self.purse, self.workshop, self.emitter)
            }
        });
        let status = ended.status;
        let step = Step {
            id: item.id.clone(),
            kind: item.kind,
            name: item.name.clone(),
            model: item.model.as_ref().map(|model| model.id.clone()),
            target: Some(item.target.clone()).filter(|target| !target.is_empty()),
            status,
            reason: ended.reason,
            command: item.work.display(),
            attempts: ended.attempts,
            exit: ended.exit,
            started_at: runs.then_some(started_at),
            duration_ns: if runs { u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX) } else { 0 },
            log: ended.log,
        };
        self.emitter.emit(Event::StepFinished { step });
        status
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
