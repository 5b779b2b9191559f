//! The shift between two arms measured in pairs, by bounded scores that the noise itself chooses.
//!
//! Noise of a busy host is rarely normal: run times have a sharp lower edge and long tails, and they drift. A signed-rank
//! test of the pairs' differences is safe there, but it throws away what the sharp edge knows, because a difference of
//! two skewed values is not sharp any more. Here each value is first freed of the level around it: of its pair, of its
//! pair and of what the runs just before and after the pair say of the drift within it, of a block of about 21 pairs,
//! or of all. Differences within pairs are then bounded, softly at some scale, or hard; values that are
//! freed of a wider level are clipped at two quantiles of what remains. The statistic is the sum of the bounded differences.
//! Which level, scale and quantiles is *chosen* by the largest efficacy, slope over standard error (Pitman; Hajek, Sidak and
//! Sen, Theory of Rank Tests, 2nd ed., chapter 8; Huber 1964 for clipped scores).
//!
//! The choice looks at the pairs without knowing which of the two values is whose: levels, quantiles and sums of
//! squares stay the same if the values of any pair change places. So, where the order in each pair was drawn at random,
//! the signs of the differences remain fair coins under "no change" after the choice, and the test is a randomisation test
//! for whatever noise, as the signed-rank test is (Fisher 1935; Lehmann and Romano, Testing Statistical Hypotheses, 15.2).

use std::cell::OnceCell;

use super::{Paired, median, normal_quantile, normal_upper_tail, signed_rank};
use bound::{Score, Sums, choose, sums};
use freed::freed;
pub use freed::{Level, TimedPair};

mod bound;
mod freed;

/// Pairs up to which the exact signed-rank test is used instead: too few to choose anything from.
const FEW: usize = 30;
/// Evaluations of one root before what is found is good enough.
const STEPS: usize = 30;

/// Both arms of a paired measurement (usually logarithms), analysed.
#[derive(Debug, Clone)]
pub struct PairedShift {
    pairs: Vec<TimedPair>,
    /// The score at "no change", chosen blind to the arms.
    null: Option<Score>,
    /// The score for estimate and interval, chosen the same way after the estimated shift is taken away.
    located: OnceCell<Option<(Score, f64)>>,
}

impl PairedShift {
    /// From pairs in the order of time, finite. `None` for none.
    pub fn of(pairs: Vec<TimedPair>) -> Option<Self> {
        if pairs.is_empty() {
            return None;
        }
        let null = if pairs.len() > FEW { choose(&pairs) } else { None };
        Some(Self { pairs, null, located: OnceCell::new() })
    }

    /// Score and estimate, found when first asked for.
    fn located(&self) -> Option<(Score, f64)> {
        *self.located.get_or_init(|| {
            let start = median(&self.differences()).filter(|_| self.len() > FEW)?;
            choose(&self.moved(start)).map(|score| (score, self.locate(score, start)))
        })
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
        self.located().map(|(score, _)| score.level)
    }

    /// Estimate, interval of `confidence` and one-sided p-values.
    pub fn analyse(&self, confidence: f64) -> Option<Paired> {
        let (Some(null), Some((score, estimate))) = (self.null, self.located()) else {
            return signed_rank(&self.differences(), confidence);
        };
        let z = normal_quantile(0.5 + confidence / 2.0);
        let (p_above, p_below) = self.p_values(null);
        // The test of a shift chooses its score from the values freed of that very shift: the outer of both ends counts.
        let end = |z: f64| {
            let first = self.bound(score, estimate, z);
            let again = choose(&self.moved(first)).map_or(first, |score| self.bound(score, estimate, z));
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
        self.pairs.iter().map(TimedPair::difference).collect()
    }

    /// The values with the head's shifted back by `shift`.
    fn moved(&self, shift: f64) -> Vec<TimedPair> {
        self.pairs.iter().map(|pair| TimedPair { head: pair.head - shift, ..*pair }).collect()
    }

    fn sums(&self, score: Score, shift: f64) -> Sums {
        sums(&freed(&self.moved(shift), score.level, score.lean), score.bound)
    }

    /// One-sided p-values (above, below). Bounding makes the sum of random signs times the differences lighter-tailed than
    /// the normal distribution; where most differences are of one size it steps, and half a step is given away.
    fn p_values(&self, score: Score) -> (f64, f64) {
        let residuals = freed(&self.pairs, score.level, score.lean);
        let told = sums(&residuals, score.bound);
        if told.squares <= 0.0 {
            return (1.0, 1.0);
        }
        let mut sizes: Vec<f64> = residuals.iter().map(|pair| score.bound.score(*pair).0.abs()).collect();
        sizes.retain(|size| *size > 0.0);
        sizes.sort_unstable_by(f64::total_cmp);
        let most = sizes.chunk_by(|a, b| (a - b).abs() <= 1e-9 * b.abs()).max_by_key(|group| group.len());
        let share = most.map_or(0, <[f64]>::len) as f64 / sizes.len().max(1) as f64;
        let step = most.and_then(|group| group.first()).copied().unwrap_or(0.0) * (2.0 * share - 1.0).max(0.0);
        let tail = |total: f64| normal_upper_tail((total - step) / told.squares.sqrt()).min(1.0);
        (tail(told.total), tail(-told.total))
    }

    /// The shift at which the bounded differences cancel.
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

#[cfg(test)]
mod tests;
