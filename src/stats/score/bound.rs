//! How far one pair may move the statistic, and the choice of it.

use super::freed::{Lean, Level, TimedPair, freed, lean};

/// How much larger the efficacy of levels wider than the pair must be: what a choice among many seems to gain by chance.
const MARGIN: f64 = 1.12;
/// How much larger it must be without the neighbours than with them, whose share has been estimated already.
const LEAN_MARGIN: f64 = 1.02;
/// The scales of the soft bound of differences within pairs, as quantiles of their sizes, and how much larger the
/// efficacy must be than with the first, which is near the best for noise with tails somewhat longer than normal.
const SOFT: [(f64, f64); 3] = [(0.55, 1.0), (0.2, 1.13), (0.8, 1.03)];
/// The quantiles of their sizes at which they may be clipped instead, for noise with a core and a far crowd.
const HARD: [f64; 2] = [0.4, 0.6];
/// The quantiles at which values freed of a wider level are clipped: as much on both sides, or more above, where the tail is.
const SYMMETRIC: [(f64, f64); 7] =
    [(0.0, 1.0), (0.02, 0.98), (0.05, 0.95), (0.1, 0.9), (0.15, 0.85), (0.2, 0.8), (0.3, 0.7)];
/// At least half of the runs of a slow tail count, and never less than two fifths of all runs.
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

/// What the statistic is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    pub(super) level: Level,
    pub(super) bound: Bound,
    efficacy: f64,
    pub(super) lean: Lean,
}

/// How far one pair can move the statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// Both values are clipped.
    Clip { low: f64, high: f64 },
    /// The difference x becomes x / sqrt(1 + (x / scale)^2).
    Soft { scale: f64 },
}

impl Bound {
    /// The bounded difference, and its slope against a shift of the head.
    #[inline(always)] // Half of what a decision takes; in a build for size it would be a call at each pair.
    pub(super) fn score(self, [base, head]: [f64; 2]) -> (f64, f64) {
        match self {
            Self::Clip { low, high } => {
                // Without a branch: at random values, half of them would be guessed wrong.
                let inside = |value: f64| {
                    let kept = u64::from((value >= low) & (value <= high));
                    f64::from_bits(0.5_f64.to_bits() & kept.wrapping_neg())
                };
                (head.clamp(low, high) - base.clamp(low, high), inside(base) + inside(head))
            }
            Self::Soft { scale } => {
                let difference = head - base;
                let part = difference * scale.recip();
                let shrunk = (1.0 + part * part).sqrt().recip();
                (difference * shrunk, shrunk * shrunk * shrunk)
            }
        }
    }
}

impl Score {
    fn of(level: Level, bound: Bound, lean: Lean, residuals: &[[f64; 2]]) -> Option<Self> {
        let told = sums(residuals, bound);
        let efficacy = told.slope / told.squares.sqrt();
        efficacy.is_finite().then_some(Self { level, bound, efficacy, lean })
    }

    /// The other one if its efficacy, lessened by the margin, is larger; it keeps the lessened one.
    fn better(best: Option<Self>, other: Option<Self>, margin: f64) -> Option<Self> {
        let lessened = other.map(|other| Self { efficacy: other.efficacy / margin, ..other });
        match (best, lessened) {
            (Some(best), Some(other)) if other.efficacy <= best.efficacy => Some(best),
            (best, other) => other.or(best),
        }
    }
}

/// The statistic at one shift: the sum of the bounded differences, the sum of their squares, and the slope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) total: f64,
    pub(super) squares: f64,
    pub(super) slope: f64,
}

/// The score of the largest efficacy for these pairs.
pub(super) fn choose(pairs: &[TimedPair]) -> Option<Score> {
    let lean = lean(pairs);
    let mut best = within(pairs, Level::Neighbours, lean);
    let others = [
        (within(pairs, Level::Pair, Lean::default()), LEAN_MARGIN),
        (beyond(pairs, Level::Block), MARGIN),
        (beyond(pairs, Level::All), MARGIN),
    ];
    for (other, margin) in others {
        best = Score::better(best, other, margin);
    }
    best
}

/// The best bound of differences within pairs.
fn within(pairs: &[TimedPair], level: Level, lean: Lean) -> Option<Score> {
    let residuals = freed(pairs, level, lean);
    let mut sizes: Vec<f64> = residuals.iter().map(|[base, head]| (head - base).abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let scores = SOFT.iter().map(|(share, margin)| {
        let scale = Some(quantile(&sizes, *share)).filter(|scale| *scale > 0.0);
        (scale.and_then(|scale| Score::of(level, Bound::Soft { scale }, lean, &residuals)), *margin)
    });
    let clips = HARD.iter().map(|share| {
        let half = quantile(&sizes, *share) / 2.0;
        (Score::of(level, Bound::Clip { low: -half, high: half }, lean, &residuals), MARGIN)
    });
    scores.chain(clips).fold(None, |best, (other, margin)| Score::better(best, other, margin))
}

/// The best two clips of values freed of a wider level.
fn beyond(pairs: &[TimedPair], level: Level) -> Option<Score> {
    let residuals = freed(pairs, level, Lean::default());
    let mut sorted = residuals.as_flattened().to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let scores = SYMMETRIC.iter().chain(&SKEWED).filter_map(|(low, high)| {
        let bound = Bound::Clip { low: quantile(&sorted, *low), high: quantile(&sorted, *high) };
        Score::of(level, bound, Lean::default(), &residuals)
    });
    scores.max_by(|a, b| a.efficacy.total_cmp(&b.efficacy))
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

pub(super) fn sums(residuals: &[[f64; 2]], bound: Bound) -> Sums {
    // One loop for each kind: neither asks at every value which it is.
    match bound {
        Bound::Clip { low, high } => {
            let bound = Bound::Clip { low, high };
            summed(residuals, |pair| bound.score(pair))
        }
        Bound::Soft { scale } => {
            let bound = Bound::Soft { scale };
            summed(residuals, |pair| bound.score(pair))
        }
    }
}

fn summed(residuals: &[[f64; 2]], score: impl Fn([f64; 2]) -> (f64, f64)) -> Sums {
    let mut told = Sums { total: 0.0, squares: 0.0, slope: 0.0 };
    for pair in residuals {
        let (difference, slope) = score(*pair);
        told.total += difference;
        told.squares += difference * difference;
        told.slope += slope;
    }
    told
}
