//! The order of the work: what is needed first, tests side by side where allowed, benchmarks together and alone.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::benchmark::{self, Finished, Phase, Preparation, Vigil};
use super::ended::Ended;
use super::generate::Generations;
use super::{Emitter, Workshop, test_step};
use crate::plan::{Item, Measure, Plan, Work};
use crate::results::{Event, Kind, MetricChange, Step, StepStatus};
use crate::stats::Random;

/// Carries out the plan. Every entry ends in exactly one `StepFinished`, whatever happens. With two arms, the rows of
/// the comparison between them are given back.
///
/// # Errors
/// If the system gives no threads.
pub fn execute(plan: &Plan, workshop: &Workshop, emitter: &Emitter) -> std::io::Result<Vec<MetricChange>> {
    let is_measured = |item: &&Item| item.kind == Kind::Benchmark && item.skip.is_none();
    let benchmarks = plan.items.iter().filter(is_measured).count();
    let means = Means {
        preparation: Preparation::new(plan, workshop),
        rows: Vec::new(),
        budget: workshop.budget,
        left: benchmarks,
        all: benchmarks,
        seeds: Random::new(workshop.seed),
    };
    let work = Schedule {
        plan,
        workshop,
        emitter,
        means: Mutex::new(means),
        generations: Generations::new(plan),
        vigil: Vigil::default(),
        board: Mutex::new(Board { states: vec![State::Waiting; plan.items.len()], running: 0 }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for number in 1..workshop.jobs.max(1) {
            std::thread::Builder::new().name(format!("step-{number}")).spawn_scoped(scope, || work.serve())?;
        }
        work.serve();
        Ok::<(), std::io::Error>(())
    })?;
    work.vigil.end(workshop, emitter);
    Ok(work.means.into_inner().unwrap_or_else(PoisonError::into_inner).rows)
}

struct Schedule<'a> {
    plan: &'a Plan,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    means: Mutex<Means<'a>>,
    generations: Generations,
    vigil: Vigil,
    board: Mutex<Board>,
    changed: Condvar,
}

/// What the phases of benchmarks share: where no benchmark needs another, there is one phase.
struct Means<'a> {
    preparation: Preparation<'a>,
    rows: Vec<MetricChange>,
    budget: Duration,
    /// Benchmarks that have not been measured yet, and all of them.
    left: usize,
    all: usize,
    seeds: Random,
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
    /// One entry, or benchmarks that are measured together.
    Do(Vec<usize>),
    Wait,
    Nothing,
}

impl Schedule<'_> {
    fn serve(&self) {
        loop {
            let mut board = self.lock();
            let places = loop {
                match self.next(&board) {
                    Next::Do(places) => break places,
                    Next::Nothing => return,
                    Next::Wait => board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner),
                }
            };
            let begin = |at: usize| {
                board.states[at] = State::Running;
                board.running += 1;
                (at, self.refusal(&board, at))
            };
            let begun: Vec<(usize, Option<Ended>)> = places.into_iter().map(begin).collect();
            drop(board);
            self.carry_out(begun);
        }
    }

    /// Carries out one entry, or all benchmarks that can be measured now.
    fn carry_out(&self, begun: Vec<(usize, Option<Ended>)>) {
        let mut measured: Vec<(usize, &Item, &Measure)> = Vec::new();
        for (at, refused) in begun {
            let item = &self.plan.items[at];
            let (began, started) = (Timestamp::now(), Instant::now());
            let ended = match (refused, &item.work) {
                (Some(refused), _) => {
                    self.finish(at, refused, None);
                    continue;
                }
                (None, Work::Benchmark(measure)) => {
                    measured.push((at, item, measure));
                    continue;
                }
                (None, Work::Generate(batch)) => {
                    self.generations.run(item, batch, self.plan, self.workshop, self.emitter)
                }
                (None, Work::Test { run, report, retries }) => {
                    test_step::run(item, run, report, *retries, self.workshop, self.emitter)
                }
            };
            self.finish(at, ended, Some((began, started.elapsed())));
        }
        if !measured.is_empty() {
            self.measure(&measured);
        }
    }

    /// Measures these together.
    fn measure(&self, steps: &[(usize, &Item, &Measure)]) {
        self.vigil.begin(self.workshop, self.emitter);
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = means.share(steps.len(), self.workshop, self.emitter);
        let work: Vec<(&Item, &Measure)> = steps.iter().map(|(_, item, measure)| (*item, *measure)).collect();
        let rows = benchmark::measure(phase, &work, &mut means.preparation, &mut |number, finished| {
            if let Some((at, ..)) = steps.get(number) {
                let Finished { ended, timing } = finished;
                self.finish(*at, ended, Some((timing.began, timing.took)));
            }
        });
        means.rows.extend(rows);
    }

    /// Tells the end of an entry; `ran` is when it began and how long it took.
    fn finish(&self, at: usize, ended: Ended, ran: Option<(Timestamp, Duration)>) {
        let ended = ended.held_to(self.plan.items[at].xfail.as_ref());
        let status = ended.status;
        self.tell(&self.plan.items[at], ended, ran);
        if self.plan.items[at].kind == Kind::Generation {
            self.generations.one_less(self.plan, self.workshop, self.emitter);
        }
        let mut board = self.lock();
        board.states[at] = State::Over(status);
        board.running -= 1;
        self.changed.notify_all();
    }

    /// The first entry that can start now. Benchmarks start only when all before them are over and nothing runs, all
    /// together that have what they need, and nothing starts beside them.
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
                    if ready && self.plan.items[at].kind == Kind::Benchmark && all_over && board.running == 0 {
                        return Next::Do(self.measurable(board));
                    }
                    if ready && (!alone(at) || (all_over && board.running == 0)) {
                        return Next::Do(vec![at]);
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

    /// The benchmarks that wait for nothing but their turn.
    fn measurable(&self, board: &Board) -> Vec<usize> {
        let over = |need: &usize| matches!(board.states[*need], State::Over(_));
        let waits = |at: &usize| {
            let item = &self.plan.items[*at];
            board.states[*at] == State::Waiting && item.kind == Kind::Benchmark && item.needs.iter().all(over)
        };
        (0..self.plan.items.len()).filter(waits).collect()
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

    fn tell(&self, item: &Item, ended: Ended, ran: Option<(Timestamp, Duration)>) {
        let step = Step {
            id: item.id.clone(),
            kind: item.kind,
            name: item.name.clone(),
            model: item.model.as_ref().map(|model| model.id.clone()),
            target: Some(item.target.clone()).filter(|target| !target.is_empty()),
            status: ended.status,
            reason: ended.reason,
            command: item.work.display(),
            attempts: ended.attempts,
            exit: ended.exit,
            started_at: ran.map(|(began, _)| began),
            duration_ns: ran.map_or(0, |(_, took)| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
            log: ended.log,
            leg: None,
        };
        self.emitter.emit(Event::StepFinished { step });
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Means<'_> {
    /// What a phase of so many benchmarks may use: its share of the time that is left, and of the chance of a false alarm.
    fn share<'b>(&mut self, benchmarks: usize, workshop: &'b Workshop, emitter: &'b Emitter) -> Phase<'b> {
        let budget = self.budget.mul_f64(benchmarks as f64 / self.left.max(benchmarks).max(1) as f64);
        self.budget = self.budget.saturating_sub(budget);
        self.left = self.left.saturating_sub(benchmarks);
        let false_alarms = workshop.false_alarms * benchmarks as f64 / self.all.max(1) as f64;
        Phase { workshop, emitter, budget, false_alarms, seed: self.seeds.bits() }
    }
}
