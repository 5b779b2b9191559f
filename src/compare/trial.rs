//! A paired measurement of many benchmarks as a pure state machine: which takes the next pair, and what is decided.
//!
//! The engine asks [`Trial::next`], measures a pair, hands it to [`Trial::take`] and in the end asks
//! [`Trial::conclude`]; `simulate` drives the very same code with drawn numbers. The stages, their levels and the
//! shares of the budget are constants below; `docs/statistics.md` says why and how often each is wrong.
//!
//! *Screening* takes all benchmarks in rounds. A metric whose interval lies inside the limit is unchanged. Of the
//! others, those that may have moved (a loose level) are suspects. *Confirmation* takes fresh pairs, which played no part
//! in that choice, where the question is open: Holm's procedure over all suspects at `false_alarms`, spent over
//! planned looks, tests "no change", and a change is called only if that is rejected *and* the estimate lies at or
//! beyond the limit. Where nothing is chosen there is one stage and all pairs are fresh: if the metrics are so few that all
//! would be suspects, or a benchmark so slow that two stages of it could not say anything.

mod judge;
mod terms;

use std::time::Duration;

use crate::stats::Random;

pub use judge::counted;
pub use terms::{Decision, Pair, Role, SoFar, Subject, SubjectMetric, Terms};
use terms::{Standing, State};

/// The share of the budget that screening gets.
const SCREENING: f64 = 0.4;
/// The planned looks of the confirmation: the share of its time after which each is taken, and the share of the error
/// budget that it may spend. The shares of the error add up to one, so no dependence between looks can inflate it.
const LOOKS: [(f64, f64); 3] = [(0.15, 0.05), (0.4, 0.15), (1.0, 0.8)];
/// Pairs of a stage below which its test cannot reject anything at the usual levels.
const FEWEST: usize = 12;
/// Pairs of one benchmark in one stage after which more add nothing.
const MOST: usize = 3000;

/// Where a benchmark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking for what may have moved.
    Screening,
    /// Deciding on fresh pairs.
    Confirmation,
    /// Nothing more is measured of it.
    Over,
}

/// The measurement.
#[derive(Debug, Clone)]
pub struct Trial {
    states: Vec<State>,
    /// How many metrics there are in all.
    metrics: usize,
    terms: Terms,
    random: Random,
    stage: Stage,
    /// The subjects that have not had their turn in this round, last first.
    round: Vec<usize>,
    /// Time spent when the confirmation began.
    screened_at: Duration,
    /// How many looks of the confirmation have been taken.
    looks: usize,
}

impl Trial {
    /// A measurement of `subjects`; nothing is measured yet.
    pub fn new(subjects: Vec<Subject>, terms: Terms) -> Self {
        let allowances = allowances(&subjects, terms.budget);
        let state = |(subject, allowance): (Subject, Duration)| State {
            standings: vec![Standing::default(); subject.metrics.len()],
            subject,
            pairs: Vec::new(),
            screening: 0,
            spent: Duration::ZERO,
            allowance,
            direct: false,
            closed: false,
        };
        Self {
            metrics: subjects.iter().map(|subject| subject.metrics.len()).sum(),
            states: subjects.into_iter().zip(allowances).map(state).collect(),
            terms,
            random: Random::new(terms.seed),
            stage: Stage::Screening,
            round: Vec::new(),
            screened_at: Duration::ZERO,
            looks: 0,
        }
    }

    /// The subject that takes the next pair; `None` when the measurement is over. `spent` is the time since the first
    /// pair, the pauses between pairs included.
    pub fn next(&mut self, spent: Duration) -> Option<usize> {
        loop {
            if self.stage == Stage::Over {
                return None;
            }
            self.look_if_due(spent);
            while let Some(at) = self.round.pop() {
                if self.wants(at, spent) {
                    return Some(at);
                }
            }
            self.round = (0..self.states.len()).filter(|at| self.wants(*at, spent)).collect();
            if self.round.is_empty() {
                self.advance(spent);
            }
            self.shuffle();
        }
    }

    /// Takes a pair in which both runs succeeded, and the time it took.
    pub fn take(&mut self, subject: usize, pair: Pair, took: Duration) {
        let Some(state) = self.states.get_mut(subject) else { return };
        state.spent += took;
        state.pairs.push(pair);
        if self.stage == Stage::Screening && state.pairs.len() == 1 {
            let affordable = state.allowance.as_secs_f64() / took.as_secs_f64().max(1e-9);
            state.direct = self.metrics <= judge::SUSPECTS_BY_CHANCE as usize || affordable * SCREENING < FEWEST as f64;
        }
    }

    /// Time that a subject used without giving a pair: one of its runs failed.
    pub fn lose(&mut self, subject: usize, took: Duration) {
        if let Some(state) = self.states.get_mut(subject) {
            state.spent += took;
        }
    }

    /// Ends the measurement of a subject: its command fails.
    pub fn give_up(&mut self, subject: usize) {
        if let Some(state) = self.states.get_mut(subject) {
            state.closed = true;
        }
    }

    /// Where a subject stands.
    pub fn stage(&self, subject: usize) -> Stage {
        match self.states.get(subject) {
            Some(state) if !state.closed => self.stage,
            Some(_) | None => Stage::Over,
        }
    }

    /// How many pairs of a subject belong to screening and to confirmation.
    pub fn pairs(&self, subject: usize) -> (usize, usize) {
        self.states.get(subject).map_or((0, 0), |state| {
            let screening =
                if self.stage == Stage::Screening && !state.direct { state.pairs.len() } else { state.screening };
            (screening, state.pairs.len() - screening)
        })
    }

    /// The estimate of each metric from the pairs so far, for the eye: it plays no part in any decision.
    pub fn so_far(&self, subject: usize) -> Vec<SoFar> {
        let Some(state) = self.states.get(subject) else { return Vec::new() };
        let (from, _) = self.pairs(subject);
        let from = if from == state.pairs.len() { 0 } else { from };
        (0..state.subject.metrics.len()).map(|metric| judge::so_far(state, metric, from, self.terms)).collect()
    }

    /// What is decided, a list of metrics for each subject; `None` for a metric without a usable pair. Ends the
    /// measurement: what was not decided at a planned look is decided by the last one, on the pairs there are.
    pub fn conclude(&mut self) -> Vec<Vec<Option<Decision>>> {
        if self.stage == Stage::Screening {
            self.end_screening(Duration::ZERO);
        }
        while self.looks < LOOKS.len() {
            // An early end takes the looks that are left at once: their errors were planned for.
            self.looks = LOOKS.len() - 1;
            self.look();
        }
        self.stage = Stage::Over;
        let decisions = |state: &State| state.standings.iter().map(|standing| standing.decision.clone()).collect();
        self.states.iter().map(decisions).collect()
    }

    fn wants(&self, at: usize, spent: Duration) -> bool {
        let Some(state) = self.states.get(at).filter(|state| !state.closed) else { return false };
        let n = state.pairs.len() - state.screening;
        let over = spent >= self.terms.budget;
        match self.stage {
            Stage::Screening if state.direct => n == 0,
            Stage::Screening => n == 0 || (n < MOST && state.spent < state.allowance.mul_f64(SCREENING) && !over),
            Stage::Confirmation => n < MOST && state.spent < state.allowance && !over,
            Stage::Over => false,
        }
    }

    fn shuffle(&mut self) {
        for at in (1..self.round.len()).rev() {
            let other = (self.random.uniform() * (at + 1) as f64) as usize;
            self.round.swap(at, other.min(at));
        }
    }

    fn advance(&mut self, spent: Duration) {
        match self.stage {
            Stage::Screening => self.end_screening(spent),
            Stage::Confirmation | Stage::Over => {
                self.stage = Stage::Over;
            }
        }
    }

    fn end_screening(&mut self, spent: Duration) {
        for state in &mut self.states {
            judge::screen(state, self.metrics, self.terms);
            state.screening = if state.direct { 0 } else { state.pairs.len() };
            state.closed |= state.standings.iter().all(|standing| standing.decision.is_some());
        }
        self.stage = Stage::Confirmation;
        self.screened_at = spent;
        self.round.clear();
        self.share_the_rest(spent);
    }

    /// Gives what is left of the budget to the subjects that are still open, within their own budgets.
    fn share_the_rest(&mut self, spent: Duration) {
        let open = self.states.iter().filter(|state| !state.closed).count();
        let left = self.terms.budget.saturating_sub(spent);
        let share = left.checked_div(u32::try_from(open.max(1)).unwrap_or(u32::MAX)).unwrap_or_default();
        for state in self.states.iter_mut().filter(|state| !state.closed) {
            let own = state.subject.budget.map_or(share, |own| own.saturating_sub(state.spent).min(left));
            // What the one stage of a dear benchmark has spent counts.
            let before = if state.direct { state.spent } else { Duration::ZERO };
            state.spent = before;
            state.allowance = own + before;
        }
    }

    /// Takes the next planned look if its share of the confirmation's time is over. The last one is [`Self::conclude`]'s.
    fn look_if_due(&mut self, spent: Duration) {
        let due = LOOKS.get(self.looks).is_some_and(|(share, _)| {
            let time = self.terms.budget.saturating_sub(self.screened_at);
            spent.saturating_sub(self.screened_at) >= time.mul_f64(*share)
        });
        if self.stage == Stage::Confirmation && self.looks + 1 < LOOKS.len() && due {
            self.look();
            self.share_the_rest(spent);
        }
    }

    fn look(&mut self) {
        let (_, share) = LOOKS.get(self.looks).copied().unwrap_or((1.0, 0.0));
        let last = self.looks + 1 == LOOKS.len();
        self.looks += 1;
        judge::confirm(&mut self.states, share, last, self.terms);
        for state in &mut self.states {
            state.closed |= state.standings.iter().all(|standing| standing.decision.is_some());
        }
    }
}

/// The time of each subject: its own budget or an equal share of what the others leave, all shrunk alike where the
/// whole is too small.
fn allowances(subjects: &[Subject], whole: Duration) -> Vec<Duration> {
    let own: Duration = subjects.iter().filter_map(|subject| subject.budget).sum();
    let without = subjects.iter().filter(|subject| subject.budget.is_none()).count();
    let share = whole.saturating_sub(own).checked_div(u32::try_from(without).unwrap_or(u32::MAX)).unwrap_or_default();
    let each: Vec<Duration> = subjects.iter().map(|subject| subject.budget.unwrap_or(share)).collect();
    let sum: f64 = each.iter().map(Duration::as_secs_f64).sum();
    let shrink = if sum > 0.0 { (whole.as_secs_f64() / sum).min(1.0) } else { 1.0 };
    each.into_iter().map(|time| time.mul_f64(shrink)).collect()
}

#[cfg(test)]
mod tests;
