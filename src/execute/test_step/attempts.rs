//! Several attempts of one command, joined case by case.

use std::collections::HashMap;

use crate::results::{Attempt, Case, Outcome};

/// The identity of a case within its step.
type Key = (Vec<String>, Option<String>, String, u32);

/// The cases of all attempts. Without retries nothing is kept: cases go straight on.
#[derive(Debug)]
pub(super) struct Attempts {
    keep: bool,
    number: u32,
    cases: Vec<Case>,
    places: HashMap<Key, usize>,
    seen: HashMap<(Vec<String>, Option<String>, String), u32>,
    failed: u64,
    failures_now: u64,
}

impl Attempts {
    /// For a command that will (`keep`) or will not be run again.
    pub(super) fn new(keep: bool) -> Self {
        Self {
            keep,
            number: 0,
            cases: Vec::new(),
            places: HashMap::new(),
            seen: HashMap::new(),
            failed: 0,
            failures_now: 0,
        }
    }

    /// The next attempt begins.
    pub(super) fn begin(&mut self) {
        self.number += 1;
        self.failures_now = 0;
        self.seen.clear();
    }

    /// How many cases of this attempt failed.
    pub(super) fn failures_now(&self) -> u64 {
        self.failures_now
    }

    /// Takes a case of this attempt; hands it on where no attempt can follow.
    pub(super) fn take(&mut self, case: Case, on_case: &mut dyn FnMut(Case)) {
        self.failures_now += u64::from(case.outcome.is_failure());
        if !self.keep {
            self.failed += u64::from(case.outcome.is_failure());
            on_case(case);
            return;
        }
        let name = (case.suites.clone(), case.class.clone(), case.name.clone());
        let copy = self.seen.entry(name.clone()).or_insert(0);
        *copy += 1;
        let key = (name.0, name.1, name.2, *copy);
        match self.places.get(&key).copied().and_then(|at| self.cases.get_mut(at)) {
            Some(earlier) => join(earlier, case),
            None => {
                self.places.insert(key, self.cases.len());
                self.cases.push(case);
            }
        }
    }

    /// Hands on what was kept; gives how many cases failed in the end.
    pub(super) fn finish(mut self, on_case: &mut dyn FnMut(Case)) -> u64 {
        for case in self.cases {
            self.failed += u64::from(case.outcome.is_failure());
            on_case(case);
        }
        self.failed
    }
}

/// A later attempt takes the place of an earlier one, which becomes part of its story.
fn join(earlier: &mut Case, mut later: Case) {
    let mut story = std::mem::take(&mut earlier.attempts);
    if story.is_empty() {
        story.push(told(earlier));
    }
    if later.attempts.is_empty() {
        story.push(told(&later));
    } else {
        story.append(&mut later.attempts);
    }
    let broke_before = earlier.outcome.is_failure() || earlier.outcome == Outcome::Flaky;
    if later.outcome == Outcome::Passed && broke_before {
        later.outcome = Outcome::Flaky;
    }
    later.attempts = story;
    *earlier = later;
}

fn told(case: &Case) -> Attempt {
    Attempt { outcome: case.outcome, duration_ns: case.duration_ns, failure: case.failures.first().cloned() }
}

#[cfg(test)]
mod tests {
    use super::Attempts;
    use crate::results::{Case, Outcome};

    fn joined(attempts: &[&[(&str, Outcome)]]) -> (Vec<(String, Outcome, usize)>, u64) {
        let mut all = Attempts::new(true);
        for attempt in attempts {
            all.begin();
            for (name, outcome) in *attempt {
                all.take(Case::new(*name, *outcome), &mut |_| panic!("kept until the end"));
            }
        }
        let mut cases = Vec::new();
        let failed = all.finish(&mut |case| cases.push((case.name, case.outcome, case.attempts.len())));
        (cases, failed)
    }

    #[test]
    fn failed_then_passed_is_flaky_and_failed_twice_is_failed() {
        use Outcome::{Failed, Flaky, Passed};
        let (cases, failed) =
            joined(&[&[("a", Failed), ("b", Failed), ("c", Passed)], &[("a", Passed), ("b", Failed)]]);
        let told: Vec<_> = cases.iter().map(|(name, outcome, n)| (name.as_str(), *outcome, *n)).collect();
        assert_eq!(told, [("a", Flaky, 2), ("b", Failed, 2), ("c", Passed, 0)]);
        assert_eq!(failed, 1);
    }

    #[test]
    fn equal_names_in_one_attempt_stay_apart() {
        use Outcome::{Failed, Flaky, Passed};
        let (cases, _) = joined(&[&[("a", Passed), ("a", Failed)], &[("a", Passed), ("a", Passed)]]);
        let outcomes: Vec<_> = cases.iter().map(|(_, outcome, _)| *outcome).collect();
        assert_eq!(outcomes, [Passed, Flaky]);
    }

    #[test]
    fn without_retries_cases_go_straight_on() {
        let mut all = Attempts::new(false);
        all.begin();
        let mut heard = 0;
        all.take(Case::new("a", Outcome::Failed), &mut |_| heard += 1);
        assert_eq!((heard, all.failures_now()), (1, 1));
    }
}
