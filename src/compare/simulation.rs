//! The decision of a whole run on noise that is drawn or was recorded: how often it is wrong, and what it finds.
//!
//! Everything here goes through [`Trial`], the same code that decides a real run. A pair takes one second of simulated
//! time, so a budget of `pairs` seconds for each benchmark is exactly that many pairs, both stages together.

mod noise;
mod sensitivity;

use std::time::Duration;

use super::TrialDecision as Decision;
use super::trial::{Pair, Subject, SubjectMetric, Terms, Trial};
use crate::results::{Direction, MetricChange, Validity, Verdict};
use crate::stats::Random;

pub use noise::{Family, Recorded, Scenario, Source};
pub use sensitivity::{Sensitivity, sensitivity};

/// How many runs said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Simulated runs.
    pub runs: u32,
    /// Runs in which anything that did not change was called regressed or improved.
    pub alarms: u32,
    /// Runs in which the changed benchmark was called what it is.
    pub found: u32,
    /// Runs in which the changed benchmark was called unchanged.
    pub unchanged: u32,
    /// Runs in which it stayed inconclusive.
    pub open: u32,
    /// Runs in which it was called the opposite of what it is.
    pub opposite: u32,
}

/// Simulates `runs` runs.
pub fn simulate(source: &Source<'_>, scenario: Scenario, runs: u32, seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let mut tally = Tally { runs, ..Tally::default() };
    for _ in 0..runs {
        one(source, scenario, &mut random, &mut tally);
    }
    tally
}

fn one(source: &Source<'_>, scenario: Scenario, random: &mut Random, tally: &mut Tally) {
    let legs = scenario.legs.clamp(1, scenario.benchmarks.max(1));
    let mut decisions = Vec::with_capacity(scenario.benchmarks);
    for leg in 0..legs {
        let size = scenario.benchmarks / legs + usize::from(leg < scenario.benchmarks % legs);
        let first = if leg == 0 { scenario.effect } else { 0.0 };
        decisions.extend(trial(source, scenario, (size, first), random));
    }
    if legs > 1 {
        together(&mut decisions, scenario);
    }
    count(&decisions, scenario.effect, tally);
}

/// What one leg decides of so many benchmarks, of which the first changes by `first`. It has its share of the errors.
fn trial(
    source: &Source<'_>,
    scenario: Scenario,
    (benchmarks, first): (usize, f64),
    random: &mut Random,
) -> Vec<Vec<Option<Decision>>> {
    let metric = |name: String| SubjectMetric {
        name,
        direction: Direction::Lower,
        limit: scenario.limit,
        floor: 0.0,
        countable: false,
    };
    let budget = Duration::from_secs(u64::from(scenario.pairs));
    let subject = Subject { metrics: source.names().into_iter().map(metric).collect(), budget: Some(budget) };
    let whole = budget.saturating_mul(u32::try_from(benchmarks).unwrap_or(u32::MAX));
    let false_alarms = scenario.false_alarms * benchmarks as f64 / scenario.benchmarks.max(1) as f64;
    let terms = Terms { false_alarms, budget: whole, seed: random.bits() };
    let mut trial = Trial::new(vec![subject; benchmarks], terms);
    let mut machine = noise::Machine::new(source, Scenario { benchmarks, ..scenario }, random);
    let mut spent = Duration::ZERO;
    while let Some(at) = trial.next(spent) {
        let change = if at == 0 { first } else { 0.0 };
        let Pair { base, mut head, head_first } = machine.pair(at, random);
        head.iter_mut().for_each(|value| *value *= 1.0 + change);
        trial.take(at, Pair { base, head, head_first }, Duration::from_secs(1));
        spent += Duration::from_secs(1);
    }
    trial.conclude()
}

/// Corrects the decisions of all legs together, by the code that joins real ones.
fn together(decisions: &mut [Vec<Option<Decision>>], scenario: Scenario) {
    let row = |decision: &Decision| MetricChange {
        change: Some(decision.change),
        tested: decision.tested,
        verdict: decision.verdict,
        ..super::row("", None, None, scenario.limit, &Validity::Valid)
    };
    let mut rows: Vec<MetricChange> = decisions.iter().flatten().flatten().map(row).collect();
    super::legs::correct(&mut rows, scenario.false_alarms, scenario.legs);
    for (decision, row) in decisions.iter_mut().flatten().flatten().zip(rows) {
        decision.verdict = row.verdict;
    }
}

fn count(decisions: &[Vec<Option<Decision>>], effect: f64, tally: &mut Tally) {
    let called = |verdict: Verdict| matches!(verdict, Verdict::Regressed | Verdict::Improved);
    let verdicts = |decisions: &[Option<Decision>]| -> Vec<Verdict> {
        decisions.iter().flatten().map(|decision| decision.verdict).collect()
    };
    let skip = usize::from(effect != 0.0);
    let alarm = decisions.iter().skip(skip).any(|one| verdicts(one).into_iter().any(called));
    tally.alarms += u32::from(alarm);
    if effect == 0.0 {
        return;
    }
    let first = decisions.first().map(|one| verdicts(one)).unwrap_or_default();
    let (right, wrong) = match effect > 0.0 {
        true => (Verdict::Regressed, Verdict::Improved),
        false => (Verdict::Improved, Verdict::Regressed),
    };
    tally.opposite += u32::from(first.contains(&wrong));
    if first.contains(&right) {
        tally.found += 1;
    } else if !first.is_empty() && first.iter().all(|verdict| *verdict == Verdict::Unchanged) {
        tally.unchanged += 1;
    } else {
        tally.open += 1;
    }
}

#[cfg(test)]
mod tests;
