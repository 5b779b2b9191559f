//! Whole searches on drawn noise: how often somebody is blamed who should not be, and how often the right one is found.

use std::time::Duration;

use super::search::{Mark, Next, Search, measurements};
use super::{TRIES, mark};
use crate::compare::{Pair, Subject, SubjectMetric, Trial, TrialTerms};
use crate::results::{Direction, Verdict};
use crate::stats::Random;

/// Commits of each search.
const COMMITS: usize = 64;
/// Pairs of the first try of a measurement.
const PAIRS: u32 = 60;
/// Searches of each kind; the figures are of the many.
const RUNS: usize = if cfg!(debug_assertions) { 60 } else { 1_000 };
/// The standard deviation of a run's logarithm.
const NOISE: f64 = 0.015;

/// One measurement of a change of `shift`, by the code that decides real ones.
fn measured(shift: f64, limit: f64, each: f64, random: &mut Random) -> (Verdict, f64) {
    for attempt in 0..TRIES {
        let metric =
            SubjectMetric { name: "t".into(), direction: Direction::Lower, limit, floor: 0.0, countable: false };
        let budget = Duration::from_secs(u64::from(PAIRS << attempt));
        let subject = Subject { metrics: vec![metric], budget: Some(budget) };
        let terms = TrialTerms { false_alarms: each / f64::from(TRIES), budget, seed: random.bits() };
        let mut trial = Trial::new(vec![subject], terms);
        let mut spent = Duration::ZERO;
        while let Some(at) = trial.next(spent) {
            let base = 1e6 * (NOISE * random.normal()).exp();
            let head = 1e6 * (NOISE * random.normal()).exp() * (1.0 + shift);
            trial.take(
                at,
                Pair { base: vec![base], head: vec![head], head_first: random.bits().is_multiple_of(2) },
                Duration::from_secs(1),
            );
            spent += Duration::from_secs(1);
        }
        let decision = trial.conclude().into_iter().flatten().flatten().next();
        match decision {
            Some(decision) if decision.verdict != Verdict::Inconclusive || attempt + 1 == TRIES => {
                return (decision.verdict, decision.change);
            }
            _ => {}
        }
    }
    (Verdict::Inconclusive, 0.0)
}

/// The commit that a search blames, where the level of each commit is given.
fn blamed(levels: &[f64], random: &mut Random) -> Option<usize> {
    let last = levels.len() - 1;
    let each = 0.01 / f64::from(measurements(last));
    let shift = |base: usize, head: usize| (1.0 + levels[head]) / (1.0 + levels[base]) - 1.0;
    let (verdict, size) = measured(shift(0, last), 0.02, each, random);
    if !matches!(verdict, Verdict::Regressed | Verdict::Improved) {
        return None;
    }
    let mut search = Search::new(last);
    let one = |base: usize, head: usize, random: &mut Random| {
        let (verdict, change) = measured(shift(base, head), size.abs() / 2.0, each, random);
        mark(verdict, size, Some(change > 0.0))
    };
    loop {
        match search.next() {
            Next::Measure(index) => search.mark(index, one(0, index, random)?),
            Next::Found(index) => return (one(index - 1, index, random)? == Mark::Bad).then_some(index),
            Next::OneOf(_) => return None,
        }
    }
}

fn step(at: usize, size: f64) -> Vec<f64> {
    (0..=COMMITS).map(|commit| if commit >= at { size } else { 0.0 }).collect()
}

/// The figures stand in `docs/bisect.md`.
#[test]
fn nobody_is_blamed_by_chance_and_the_right_one_is_found() {
    let mut random = Random::new(20_261_123);
    let runs = RUNS;
    let nothing = (0..runs).filter(|_| blamed(&step(COMMITS + 1, 0.0), &mut random).is_some()).count();
    let (mut right, mut wrong) = (0, 0);
    for run in 0..runs {
        let at = 1 + (run * 37) % COMMITS;
        match blamed(&step(at, 0.03), &mut random) {
            Some(found) if found == at => right += 1,
            Some(_) => wrong += 1,
            None => {}
        }
    }
    // Little by little: no commit has half of the whole.
    let ramp: Vec<f64> = (0..=COMMITS).map(|commit| 0.04 * commit as f64 / COMMITS as f64).collect();
    let of_ramp = (0..runs).filter(|_| blamed(&ramp, &mut random).is_some()).count();
    // Up and down again: the ends are alike.
    let bump: Vec<f64> = (0..=COMMITS).map(|commit| if (20..40).contains(&commit) { 0.03 } else { 0.0 }).collect();
    let of_bump = (0..runs).filter(|_| blamed(&bump, &mut random).is_some()).count();
    println!("nothing {nothing}, right {right}, wrong {wrong}, ramp {of_ramp}, bump {of_bump} of {runs}");
    assert!(nothing == 0 && of_bump == 0, "{nothing} {of_bump}");
    assert!(right >= runs * 95 / 100, "{right}");
    assert!(wrong <= runs / 60, "{wrong}");
    assert!(of_ramp <= runs / 30, "{of_ramp}");
}
