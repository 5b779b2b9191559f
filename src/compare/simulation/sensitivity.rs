//! The smallest slow-down that a method finds in recorded rows at 95 % power, beside the plain interleaved Wilcoxon test.
//!
//! Both methods see the same stretches of the same rows, with the arms of each pair drawn anew and one of them slowed by
//! calculation. That is exact for a program that is slower by a factor; a real one has its own noise besides.

use super::noise::{Recorded, below};
use crate::compare::trial::Pair;
use crate::stats::{PairedShift, Random, TimedPair, signed_rank};

/// The power at which the smallest slow-down is told.
const POWER: f64 = 0.95;
/// Slow-downs beyond this are told as "more".
const LARGEST: f64 = 1.0;

/// What both methods find in one clock of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// The series.
    pub series: String,
    /// The clock.
    pub metric: String,
    /// Pairs of each stretch.
    pub pairs: usize,
    /// Pairs of the whole series.
    pub rows: usize,
    /// The smallest slow-down found in 95 % of the stretches, relative; `None` beyond 100 %.
    pub ours: Option<f64>,
    /// The same for the signed-rank test of the log ratios.
    pub plain: Option<f64>,
    /// How often each calls a difference where there is none.
    pub false_alarms: (f64, f64),
}

/// Measures both methods on stretches of `pairs` pairs at two-sided level `alpha`, `stretches` of them drawn.
pub fn sensitivity(recorded: &Recorded, pairs: usize, alpha: f64, stretches: u32, seed: u64) -> Vec<Sensitivity> {
    let mut all = Vec::new();
    for (name, rows) in &recorded.series {
        for (at, metric) in recorded.metrics.iter().enumerate() {
            let value = |values: &[f64]| values.get(at).copied().filter(|value| *value > 0.0).map(f64::ln);
            let in_time = rows.iter().cloned().map(Pair::in_time);
            let logs = in_time.filter_map(|(first, second)| Some([value(&first)?, value(&second)?]));
            let logs: Vec<[f64; 2]> = logs.collect();
            let pairs = pairs.min(logs.len());
            let drawn: Vec<Vec<TimedPair>> = stretch(&logs, pairs, stretches, seed);
            let ours = |pairs: &[TimedPair]| PairedShift::of(pairs.to_vec()).is_some_and(|told| told.p() <= alpha);
            all.push(Sensitivity {
                series: name.clone(),
                metric: metric.clone(),
                pairs,
                rows: logs.len(),
                ours: smallest(&drawn, &ours),
                plain: smallest(&drawn, &|pairs| plain(pairs, alpha)),
                false_alarms: (share(&drawn, 0.0, &ours), share(&drawn, 0.0, &|pairs| plain(pairs, alpha))),
            });
        }
    }
    all
}

/// Stretches of runs in the order of time, the arms of each pair drawn anew.
fn stretch(logs: &[[f64; 2]], pairs: usize, stretches: u32, seed: u64) -> Vec<Vec<TimedPair>> {
    let mut random = Random::new(seed);
    let mut one = || {
        let from = below(&mut random, logs.len() - pairs + 1);
        let rows = logs.iter().skip(from).take(pairs);
        let drawn = rows.map(|[first, second]| match random.coin() {
            true => TimedPair { base: *first, head: *second, head_first: false },
            false => TimedPair { base: *second, head: *first, head_first: true },
        });
        drawn.collect()
    };
    (0..stretches).map(|_| one()).collect()
}

fn plain(pairs: &[TimedPair], alpha: f64) -> bool {
    let differences: Vec<f64> = pairs.iter().map(TimedPair::difference).collect();
    signed_rank(&differences, 0.5).is_some_and(|told| told.p() <= alpha)
}

/// The share of the stretches in which a slow-down of `shift` (log) is called.
fn share(drawn: &[Vec<TimedPair>], shift: f64, test: &dyn Fn(&[TimedPair]) -> bool) -> f64 {
    let slow = |pair: &TimedPair| TimedPair { head: pair.head + shift, ..*pair };
    let slowed = |pairs: &Vec<TimedPair>| pairs.iter().map(slow).collect::<Vec<_>>();
    drawn.iter().filter(|pairs| test(&slowed(pairs))).count() as f64 / drawn.len().max(1) as f64
}

/// By halving, on the same stretches: more is found as the slow-down grows.
fn smallest(drawn: &[Vec<TimedPair>], test: &dyn Fn(&[TimedPair]) -> bool) -> Option<f64> {
    let (mut low, mut high) = (0.0_f64, LARGEST.ln_1p());
    if share(drawn, high, test) < POWER {
        return None;
    }
    while high - low > (high / 200.0).max(1e-6) {
        let middle = f64::midpoint(low, high);
        if share(drawn, middle, test) >= POWER { high = middle } else { low = middle }
    }
    Some(high.exp_m1())
}
