//! Who takes the next turn: pairs as the trial wants them, and single samples of what has no base.
//!
//! All take turns in rounds whose order is drawn anew, so that drift and neighbours hit all alike. No process and no
//! clock here: the times are handed in.

use std::time::Duration;

use crate::compare::{Pair, Trial};
use crate::stats::Random;

/// Samples taken as long as they fit into [`STRETCH`] times the allowance: the fewest with a 95 % interval.
pub(super) const FEWEST: usize = 6;
/// How far a benchmark may go beyond its allowance for the fewest samples.
const STRETCH: u32 = 3;
/// Samples after which more add nothing that the eye or a test could see.
const MOST: usize = 1000;
/// The longest that one benchmark without a base samples when it asks for nothing.
pub(super) const SHARE: Duration = Duration::from_secs(10);

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A pair of this subject of the trial.
    Pair(usize),
    /// A sample of this one without a base.
    Single(usize),
}

/// The turns of a measurement.
#[derive(Debug)]
pub(super) struct Turns {
    trial: Trial,
    trial_budget: Duration,
    trial_spent: Duration,
    singles: Vec<Single>,
    single_budget: Duration,
    single_spent: Duration,
    round: Vec<usize>,
    random: Random,
}

/// What one without a base may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wish {
    /// Exactly so many samples.
    Exactly(usize),
    /// What fits into this time.
    Within(Duration),
}

#[derive(Debug)]
struct Single {
    wish: Wish,
    taken: usize,
    spent: Duration,
    closed: bool,
}

impl Turns {
    /// The turns of a trial whose budget is known to it, and of these beside it.
    pub(super) fn new((trial, trial_budget): (Trial, Duration), singles: &[Wish], seed: u64) -> Self {
        let single = |wish: &Wish| Single { wish: *wish, taken: 0, spent: Duration::ZERO, closed: false };
        let time = |wish: &Wish| if let Wish::Within(time) = wish { *time } else { Duration::ZERO };
        Self {
            trial,
            trial_budget,
            trial_spent: Duration::ZERO,
            singles: singles.iter().map(single).collect(),
            single_budget: singles.iter().map(time).sum(),
            single_spent: Duration::ZERO,
            round: Vec::new(),
            random: Random::new(seed),
        }
    }

    /// The decision code.
    pub(super) fn trial(&mut self) -> &mut Trial {
        &mut self.trial
    }

    /// Adds one whose base fell out; gives its number.
    pub(super) fn add(&mut self, wish: Wish) -> usize {
        self.singles.push(Single { wish, taken: 0, spent: Duration::ZERO, closed: false });
        if let Wish::Within(time) = wish {
            self.single_budget += time;
        }
        self.singles.len() - 1
    }

    /// The next turn; `None` when the measurement is over. Pairs and single samples advance alike through their time.
    pub(super) fn next(&mut self) -> Option<Turn> {
        let part = |spent: Duration, budget: Duration| spent.as_secs_f64() / budget.as_secs_f64().max(1e-9);
        let pairs_first = part(self.trial_spent, self.trial_budget) <= part(self.single_spent, self.single_budget);
        if pairs_first { self.pair().or_else(|| self.single()) } else { self.single().or_else(|| self.pair()) }
    }

    fn pair(&mut self) -> Option<Turn> {
        self.trial.next(self.trial_spent).map(Turn::Pair)
    }

    fn single(&mut self) -> Option<Turn> {
        let wants = |singles: &[Single], at: usize| singles.get(at).is_some_and(Single::wants);
        while let Some(at) = self.round.pop() {
            if wants(&self.singles, at) {
                return Some(Turn::Single(at));
            }
        }
        self.round = (0..self.singles.len()).filter(|at| wants(&self.singles, *at)).collect();
        self.random.shuffle(&mut self.round);
        self.round.pop().map(Turn::Single)
    }

    /// A pair was measured, or `None` if one of its runs failed or it was dropped; `took` with the pause before it.
    pub(super) fn paired(&mut self, subject: usize, pair: Option<Pair>, took: Duration) {
        self.trial_spent += took;
        match pair {
            Some(pair) => self.trial.take(subject, pair, took),
            None => self.trial.lose(subject, took),
        }
    }

    /// A sample was taken, or not if the run failed.
    pub(super) fn sampled(&mut self, single: usize, good: bool, took: Duration) {
        self.single_spent += took;
        if let Some(single) = self.singles.get_mut(single) {
            single.spent += took;
            single.taken += usize::from(good);
        }
    }

    /// No more of this one.
    pub(super) fn close(&mut self, turn: Turn) {
        match turn {
            Turn::Pair(subject) => self.trial.give_up(subject),
            Turn::Single(at) => {
                if let Some(single) = self.singles.get_mut(at) {
                    single.closed = true;
                }
            }
        }
    }
}

impl Single {
    fn wants(&self) -> bool {
        match self.wish {
            _ if self.closed => false,
            Wish::Exactly(n) => self.taken < n,
            Wish::Within(time) => {
                let fits = self.spent < time || (self.taken < FEWEST && self.spent < time * STRETCH);
                self.taken == 0 || (self.taken < MOST && fits)
            }
        }
    }
}

/// Divides a budget by what each asks for: who asks for less than an equal share gets it, the others share the rest.
pub(super) fn divide(budget: Duration, asked: &[Duration]) -> Vec<Duration> {
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|at| asked.get(*at));
    let mut shares = vec![Duration::ZERO; asked.len()];
    let mut left = budget;
    for (served, at) in order.into_iter().enumerate() {
        let open = u32::try_from(asked.len() - served).unwrap_or(u32::MAX);
        let share = asked.get(at).copied().unwrap_or_default().min(left / open.max(1));
        left -= share;
        if let Some(place) = shares.get_mut(at) {
            *place = share;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Turn, Turns, Wish, divide};
    use crate::compare::{Pair, Subject, SubjectMetric, Trial, TrialTerms};
    use crate::results::Direction;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn trial(subjects: usize, budget: Duration) -> (Trial, Duration) {
        let metric = SubjectMetric {
            name: "wall_time".into(),
            direction: Direction::Lower,
            limit: 0.02,
            floor: 0.0,
            countable: false,
        };
        let subject = Subject { metrics: vec![metric], budget: None };
        let terms = TrialTerms { false_alarms: 0.01, budget, seed: 3 };
        (Trial::new(vec![subject; subjects], terms), budget)
    }

    fn drive(turns: &mut Turns) -> Vec<Turn> {
        let mut all = Vec::new();
        while let Some(turn) = turns.next() {
            match turn {
                Turn::Pair(at) => {
                    turns.paired(at, Some(Pair { base: vec![1.0], head: vec![3.0], head_first: false }), seconds(1));
                }
                Turn::Single(at) => turns.sampled(at, true, seconds(1)),
            }
            all.push(turn);
        }
        all
    }

    #[test]
    fn a_budget_goes_round_from_the_smallest_wish_up() {
        let shares = |budget, asked: &[u64]| {
            let asked: Vec<Duration> = asked.iter().copied().map(seconds).collect();
            divide(seconds(budget), &asked).iter().map(Duration::as_secs).collect::<Vec<_>>()
        };
        assert_eq!(shares(100, &[10, 20]), [10, 20]);
        assert_eq!(shares(12, &[10, 2, 10]), [5, 2, 5]);
        assert_eq!(shares(0, &[10, 2]), [0, 0]);
        assert!(shares(5, &[]).is_empty());
    }

    #[test]
    fn singles_take_turns_in_rounds_of_drawn_order() {
        let mut turns = Turns::new(trial(0, seconds(0)), &[Wish::Within(seconds(40)); 3], 1);
        let all = drive(&mut turns);
        assert_eq!(all.len(), 120);
        let rounds: Vec<&[Turn]> = all.chunks(3).collect();
        for round in &rounds {
            assert!((0..3).all(|at| round.contains(&Turn::Single(at))), "{round:?}");
        }
        let firsts = |at| rounds.iter().filter(|round| round[0] == Turn::Single(at)).count();
        assert!((0..3).all(|at| firsts(at) > 5), "the order is drawn: {} {} {}", firsts(0), firsts(1), firsts(2));
    }

    #[test]
    fn the_fewest_samples_may_stretch_the_time_and_an_exact_number_knows_no_time() {
        let wishes = [Wish::Within(seconds(1)), Wish::Exactly(9), Wish::Within(Duration::ZERO)];
        let all = drive(&mut Turns::new(trial(0, seconds(0)), &wishes, 1));
        let count = |at| all.iter().filter(|turn| **turn == Turn::Single(at)).count();
        assert_eq!([count(0), count(1), count(2)], [3, 9, 1]);
    }

    #[test]
    fn pairs_and_singles_advance_together_and_a_fallen_base_goes_on_alone() {
        let mut turns = Turns::new(trial(2, seconds(60)), &[Wish::Within(seconds(30))], 1);
        for _ in 0..30 {
            let turn = turns.next().unwrap();
            match turn {
                Turn::Pair(at) => {
                    turns.paired(at, Some(Pair { base: vec![1.0], head: vec![3.0], head_first: false }), seconds(1));
                }
                Turn::Single(at) => turns.sampled(at, true, seconds(1)),
            }
        }
        assert!((8..=12).contains(&turns.single_spent.as_secs()), "{:?}", turns.single_spent);
        turns.close(Turn::Pair(1));
        let added = turns.add(Wish::Exactly(2));
        let rest = drive(&mut turns);
        assert!(!rest.contains(&Turn::Pair(1)) && rest.contains(&Turn::Pair(0)));
        assert_eq!(rest.iter().filter(|turn| **turn == Turn::Single(added)).count(), 2);
    }
}
