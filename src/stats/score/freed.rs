//! Values of a paired measurement, freed of the level around them.

use crate::stats::median;

/// Pairs of a block whose common level is removed: short against a drift, long against the effect of one outlier.
const BLOCK: usize = 21;
/// The largest share of the neighbours' difference that is taken from a pair's.
const MOST_LEAN: f64 = 0.5;
/// The quantile at which neighbours' differences are clipped, and those of pairs while the share is estimated.
const LEAN_REACH: f64 = 0.9;

/// One base value and one head value that were measured one after the other (usually logarithms).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedPair {
    /// The base's value.
    pub base: f64,
    /// The head's value.
    pub head: f64,
    /// Whether the head ran first.
    pub head_first: bool,
}

impl TimedPair {
    /// The head's value less the base's.
    pub fn difference(&self) -> f64 {
        self.head - self.base
    }

    /// The values in the order of time.
    pub(super) const fn in_time(&self) -> [f64; 2] {
        if self.head_first { [self.head, self.base] } else { [self.base, self.head] }
    }
}

/// Which level is taken from the values before they are clipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The mean of each pair: noise that pairs share is the larger part.
    Pair,
    /// The mean of each pair, and a share of what the run after the pair differs by from the run before it: noise that changes
    /// slowly shows there which way it went between the two runs of the pair.
    Neighbours,
    /// The median of a block of pairs that follow each other.
    Block,
    /// The median of all: pairs share nothing.
    All,
}

/// How far pairs lean on their neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lean {
    /// The share of the neighbours' difference that is taken away.
    share: f64,
    /// Where that difference is clipped.
    reach: f64,
}

/// By how much the run after each pair exceeds the run before it; nothing for the first and the last pair.
fn around(pairs: &[TimedPair]) -> Vec<f64> {
    let mut all = vec![0.0; pairs.len()];
    for (around, three) in all.iter_mut().skip(1).zip(pairs.windows(3)) {
        *around = three[2].in_time()[0] - three[0].in_time()[1];
    }
    all
}

/// The values freed of their level.
pub(super) fn freed(pairs: &[TimedPair], level: Level, lean: Lean) -> Vec<[f64; 2]> {
    match level {
        Level::Pair => leaning(pairs, Lean::default()),
        Level::Neighbours => leaning(pairs, lean),
        Level::Block => centred(pairs, pairs.len().div_ceil(BLOCK)),
        Level::All => centred(pairs, 1),
    }
}

/// The regression of the pairs' differences, later less earlier, on their neighbours', both clipped.
pub(super) fn lean(pairs: &[TimedPair]) -> Lean {
    let within: Vec<f64> = pairs.iter().map(TimedPair::in_time).map(|[first, second]| second - first).collect();
    let around = around(pairs);
    let reach = |values: &[f64]| {
        let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
        let at = (LEAN_REACH * sizes.len() as f64) as usize;
        if at < sizes.len() { *sizes.select_nth_unstable_by(at, f64::total_cmp).1 } else { 0.0 }
    };
    let (ours, theirs) = (reach(&within), reach(&around));
    let (mut products, mut squares) = (0.0, 0.0);
    for (within, around) in within.iter().zip(&around) {
        let around = around.clamp(-theirs, theirs);
        products += within.clamp(-ours, ours) * around;
        squares += around * around;
    }
    let share = if squares > 0.0 { (products / squares).clamp(0.0, MOST_LEAN) } else { 0.0 };
    Lean { share, reach: theirs }
}

/// The values freed of their pair's mean and of what their neighbours say.
fn leaning(pairs: &[TimedPair], lean: Lean) -> Vec<[f64; 2]> {
    let freed = pairs.iter().zip(around(pairs)).map(|(pair, around)| {
        let [first, second] = pair.in_time();
        let half = (second - first - lean.share * around.clamp(-lean.reach, lean.reach)) / 2.0;
        if pair.head_first { [half, -half] } else { [-half, half] }
    });
    freed.collect()
}

/// The values freed of the median of so many blocks.
fn centred(pairs: &[TimedPair], blocks: usize) -> Vec<[f64; 2]> {
    let mut all: Vec<[f64; 2]> = pairs.iter().map(|pair| [pair.base, pair.head]).collect();
    let size = all.len().div_ceil(blocks.max(1)).max(1);
    for block in all.chunks_mut(size) {
        let level = median(block.as_flattened()).unwrap_or(0.0);
        for value in block.as_flattened_mut() {
            *value -= level;
        }
    }
    all
}
