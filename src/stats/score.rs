//! The shift between two arms measured in pairs, by clipped scores that the noise itself chooses.
//!
//! Noise of a busy host is rarely normal: run times have a sharp lower edge and long tails, and they drift. A signed-rank
//! test of the pairs' differences is safe there, but it throws away what the sharp edge knows, because a difference of
//! two skewed values is not sharp any more. Here each value is first freed of the level around it (of its pair, of its
//! block of about [`BLOCK`] pairs, or of all), then clipped at two quantiles of what remains; the statistic is the sum
//! of the clipped differences. Which level and which quantiles is *chosen* by the largest efficacy, slope over standard
//! error (Pitman; Hajek, Sidak and Sen, Theory of Rank Tests, 2nd ed., chapter 8; Huber 1964 for clipped scores).
//!
//! The choice looks at the pairs without knowing which of the two values is whose: levels, quantiles and sums of
//! squares stay the same if the values of any pair change places. So, where the order in each pair was drawn at random,
//! the signs of the differences remain fair coins under "no change" after the choice, and the test is a randomisation test
//! for whatever noise, as the signed-rank test is (Fisher 1935; Lehmann and Romano, Testing Statistical Hypotheses, 15.2).

use super::{Paired, median, normal_quantile, normal_upper_tail, signed_rank};

/// Pairs up to which the exact signed-rank test is used instead: too few to choose anything from.
const FEW: usize = 30;
/// Pairs of a block whose common level is removed: short against a drift, long against the effect of one outlier.
const BLOCK: usize = 21;
/// How much larger the efficacy of levels wider than the pair must be: what a choice among many seems to gain by chance.
const MARGIN: f64 = 1.12;
/// The quantiles at which differences of a pair are clipped; symmetric, as such differences are.
const SYMMETRIC: [(f64, f64); 7] =
    [(0.0, 1.0), (0.02, 0.98), (0.05, 0.95), (0.1, 0.9), (0.15, 0.85), (0.2, 0.8), (0.3, 0.7)];
/// Those for values freed of a wider level. At least half of the runs of a slow tail count, and never less than two fifths of
/// all runs.
const SKEWED: [(f64, f64); 12] = [
    (0.0, 0.9),
    (0.0, 0.8),
    (0.0, 0.7),
    (0.0, 0.6),
    (0.0, 0.5),
    (0.0, 0.4),
    (0.05, 0.9),
    (0.05, 0.8),
    (0.05, 0.6),
    (0.1, 0.7),
    (0.1, 0.5),
    (0.3, 1.0),
];
/// Evaluations of one root before what is found is good enough.
const STEPS: usize = 30;

/// Which level is taken from the values before they are clipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The mean of each pair: noise that pairs share is the larger part.
    Pair,
    /// The median of a block of pairs that follow each other.
    Block,
    /// The median of all: pairs share nothing.
    All,
}

/// Both arms of a paired measurement (usually logarithms), analysed.
#[derive(Debug, Clone)]
pub struct PairedShift {
    pairs: Vec<[f64; 2]>,
    /// The score at "no change", chosen blind to the arms.
    null: Option<Score>,
    /// The score for estimate and interval, chosen the same way after the estimated shift is taken away.
    located: Option<(Score, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    level: Level,
    low: f64,
    high: f64,
    efficacy: f64,
}

/// The statistic at one shift: the sum of the clipped differences, the sum of their squares, and how many values lie between the
/// clips (the slope).
#[derive(Debug, Clone, Copy)]
struct Sums {
    total: f64,
    squares: f64,
    slope: f64,
}

impl PairedShift {
    /// From pairs of (base, head), finite, in the order of time. `None` for none.
    pub fn of(pairs: Vec<[f64; 2]>) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().map(|[base, head]| head - base).collect();
        let start = median(&differences)?;
        let mut all = Self { pairs, null: None, located: None };
        if all.pairs.len() > FEW {
            all.null = all.choose(0.0);
            all.located = all.choose(start).map(|score| (score, all.locate(score, start)));
        }
        Some(all)
    }

    /// How many pairs.
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs: never.
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// What the values were freed of for estimate and interval; `None` for the signed-rank test of few pairs.
    pub fn level(&self) -> Option<Level> {
        self.located.map(|(score, _)| score.level)
    }

    /// Estimate, interval of `confidence` and one-sided p-values.
    pub fn analyse(&self, confidence: f64) -> Option<Paired> {
        let (Some(null), Some((score, estimate))) = (self.null, self.located) else {
            return signed_rank(&self.differences(), confidence);
        };
        let z = normal_quantile(0.5 + confidence / 2.0);
        let (p_above, p_below) = self.p_values(null);
        // The test of a shift chooses its score from the values freed of that very shift: the outer of both ends counts.
        let end = |z: f64| {
            let first = self.bound(score, estimate, z);
            let again = self.choose(first).map_or(first, |score| self.bound(score, estimate, z));
            (first, again)
        };
        let ((low, low_again), (high, high_again)) = (end(z), end(-z));
        Some(Paired { estimate, low: low.min(low_again), high: high.max(high_again), p_above, p_below })
    }

    /// Two-sided p-value of "no change" alone, without the work for an interval.
    pub fn p(&self) -> f64 {
        let (p_above, p_below) = match self.null {
            Some(null) => self.p_values(null),
            None => signed_rank(&self.differences(), 0.5).map_or((1.0, 1.0), |told| (told.p_above, told.p_below)),
        };
        (2.0 * p_above.min(p_below)).min(1.0)
    }

    fn differences(&self) -> Vec<f64> {
        self.pairs.iter().map(|[base, head]| head - base).collect()
    }

    /// The values freed of their level, the head's shifted back by `shift` before.
    fn residuals(&self, level: Level, shift: f64) -> Vec<[f64; 2]> {
        let moved = self.pairs.iter().map(|[base, head]| [*base, head - shift]);
        let mut all: Vec<[f64; 2]> = moved.collect();
        let blocks = match level {
            Level::Pair => {
                for pair in &mut all {
                    let mean = f64::midpoint(pair[0], pair[1]);
                    *pair = [pair[0] - mean, pair[1] - mean];
                }
                return all;
            }
            Level::Block => all.len().div_ceil(BLOCK),
            Level::All => 1,
        };
        let size = all.len().div_ceil(blocks.max(1)).max(1);
        for block in all.chunks_mut(size) {
            let level = median(block.as_flattened()).unwrap_or(0.0);
            for value in block.as_flattened_mut() {
                *value -= level;
            }
        }
        all
    }

    /// The score of the largest efficacy for the values as they are after a shift of `shift` is taken away.
    fn choose(&self, shift: f64) -> Option<Score> {
        let mut best = self.best(Level::Pair, shift, &SYMMETRIC, &[]);
        for level in [Level::Block, Level::All] {
            let other = self.best(level, shift, &SYMMETRIC, &SKEWED);
            let efficacy = |score: Option<Score>| score.map_or(0.0, |score| score.efficacy);
            if efficacy(other) > MARGIN * efficacy(best) {
                best = other.map(|score| Score { efficacy: score.efficacy / MARGIN, ..score });
            }
        }
        best
    }

    fn best(&self, level: Level, shift: f64, some: &[(f64, f64)], more: &[(f64, f64)]) -> Option<Score> {
        let residuals = self.residuals(level, shift);
        let mut sorted = residuals.as_flattened().to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| {
            let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(at).copied().unwrap_or(0.0)
        };
        let scores = some.iter().chain(more).filter_map(|(low, high)| {
            let (low, high) = (quantile(*low), quantile(*high));
            let told = sums(&residuals, low, high);
            let efficacy = told.slope / told.squares.sqrt();
            efficacy.is_finite().then_some(Score { level, low, high, efficacy })
        });
        scores.max_by(|a, b| a.efficacy.total_cmp(&b.efficacy))
    }

    fn sums(&self, score: Score, shift: f64) -> Sums {
        sums(&self.residuals(score.level, shift), score.low, score.high)
    }

    /// One-sided p-values (above, below). Clipping makes the sum of random signs times the differences lighter-tailed than
    /// the normal distribution; where most differences are of one size it steps, and half a step is given away.
    fn p_values(&self, score: Score) -> (f64, f64) {
        let residuals = self.residuals(score.level, 0.0);
        let told = sums(&residuals, score.low, score.high);
        if told.squares <= 0.0 {
            return (1.0, 1.0);
        }
        let clip = |value: f64| value.clamp(score.low, score.high);
        let mut sizes: Vec<f64> = residuals.iter().map(|[base, head]| (clip(*head) - clip(*base)).abs()).collect();
        sizes.retain(|size| *size > 0.0);
        sizes.sort_unstable_by(f64::total_cmp);
        let most = sizes.chunk_by(|a, b| (a - b).abs() <= 1e-9 * b.abs()).max_by_key(|group| group.len());
        let share = most.map_or(0, <[f64]>::len) as f64 / sizes.len().max(1) as f64;
        let step = most.and_then(|group| group.first()).copied().unwrap_or(0.0) * (2.0 * share - 1.0).max(0.0);
        let tail = |total: f64| normal_upper_tail((total - step) / told.squares.sqrt()).min(1.0);
        (tail(told.total), tail(-told.total))
    }

    /// The shift at which the clipped differences cancel.
    fn locate(&self, score: Score, start: f64) -> f64 {
        let told = self.sums(score, start);
        let error = if told.slope > 0.0 { told.squares.sqrt() / told.slope } else { 0.0 };
        self.root(start, error, |told| told.total, score)
    }

    /// The end of the interval: the shift that the test would just not reject.
    fn bound(&self, score: Score, estimate: f64, z: f64) -> f64 {
        let told = self.sums(score, estimate);
        let error = if told.slope > 0.0 { told.squares.sqrt() / told.slope } else { 0.0 };
        self.root(estimate - z * error, error / 4.0, |told| told.total - z * told.squares.sqrt(), score)
    }

    /// The root of a function that falls as the shift grows: bracketed from `start` in steps of `width`, then narrowed by
    /// regula falsi (Illinois).
    fn root(&self, start: f64, width: f64, of: impl Fn(Sums) -> f64, score: Score) -> f64 {
        if width <= 0.0 || !width.is_finite() {
            return start;
        }
        let value = |shift: f64| of(self.sums(score, shift));
        let (mut left, mut right) = ((start - width, value(start - width)), (start + width, value(start + width)));
        let mut stretch = width;
        for _ in 0..STEPS {
            stretch *= 2.0;
            if left.1 < 0.0 {
                (right, left) = (left, (left.0 - stretch, value(left.0 - stretch)));
            } else if right.1 > 0.0 {
                (left, right) = (right, (right.0 + stretch, value(right.0 + stretch)));
            } else {
                break;
            }
        }
        for _ in 0..STEPS {
            if right.0 - left.0 < 0.01 * width || left.1 <= right.1 {
                break;
            }
            let middle = (left.0 * right.1 - right.0 * left.1) / (right.1 - left.1);
            let at = (middle, value(middle));
            if at.1 >= 0.0 {
                (left, right) = (at, (right.0, right.1 / 2.0));
            } else {
                (left, right) = ((left.0, left.1 / 2.0), at);
            }
        }
        f64::midpoint(left.0, right.0)
    }
}

fn sums(residuals: &[[f64; 2]], low: f64, high: f64) -> Sums {
    let mut told = Sums { total: 0.0, squares: 0.0, slope: 0.0 };
    for [base, head] in residuals {
        let difference = head.clamp(low, high) - base.clamp(low, high);
        told.total += difference;
        told.squares += difference * difference;
        let inside = |value: f64| if value >= low && value <= high { 0.5 } else { 0.0 };
        told.slope += inside(*base) + inside(*head);
    }
    told
}

#[cfg(test)]
mod tests;
