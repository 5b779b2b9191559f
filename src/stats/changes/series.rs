//! One series under analysis: its segments, what is left of it when their levels are taken away, and how noisy that is.

use crate::stats::{MAD_TO_SIGMA, median};

/// Clips of the scores in units of the scale, and how much larger the efficacy must be than with the first.
const CLIPS: [(f64, f64); 4] = [(1.5, 1.0), (0.7, 1.06), (3.0, 1.02), (1e9, 1.05)];
/// Below this many points, differences at lags one and two say nothing of autocorrelation.
const ENOUGH_LAGS: usize = 16;
/// Autocorrelations below this many standard errors count as none, others as half a standard error more.
const NOTICED: f64 = 1.3;
const CAUTION: f64 = 0.5;
/// The largest autocorrelation that is believed.
const MOST: f64 = 0.95;

/// A series with the scale below which differences are rounding.
#[derive(Debug, Clone)]
pub(super) struct Noisy {
    pub(super) values: Vec<f64>,
    pub(super) floor: f64,
}

/// The noise of a series around the levels of its segments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    /// Robust standard deviation.
    pub(super) scale: f64,
    /// Where scores are clipped, in scales.
    pub(super) clip: f64,
    /// How many values carry as much as one independent value: one where there is no autocorrelation.
    pub(super) inflation: f64,
}

/// First and end of each segment between the change points.
pub(super) fn segments(changes: &[usize], n: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
    let starts = std::iter::once(0).chain(changes.iter().copied());
    starts.zip(changes.iter().copied().chain([n]))
}

/// First and end of the two segments that a change point parts.
pub(super) fn around(changes: &[usize], at: usize, n: usize) -> (usize, usize) {
    let start = at.checked_sub(1).and_then(|before| changes.get(before)).copied().unwrap_or(0);
    (start, changes.get(at + 1).copied().unwrap_or(n))
}

/// The median; zero for none.
pub(super) fn centre(values: &[f64]) -> f64 {
    median(values).unwrap_or(0.0)
}

impl Noisy {
    pub(super) fn new(values: Vec<f64>) -> Self {
        let largest = values.iter().fold(1e-3_f64, |most, value| most.max(value.abs()));
        Self { values, floor: 1e-9 * largest }
    }

    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

    /// The values less the medians of their segments.
    pub(super) fn residuals(&self, changes: &[usize]) -> Vec<f64> {
        let mut all = self.values.clone();
        for (start, end) in segments(changes, all.len()) {
            let level = centre(&self.values[start..end]);
            all[start..end].iter_mut().for_each(|value| *value -= level);
        }
        all
    }

    /// The noise around the levels that these change points leave.
    pub(super) fn noise(&self, changes: &[usize]) -> Noise {
        let residuals = self.residuals(changes);
        let scale = spread(&residuals).max(self.floor);
        let clip = clip(&residuals, scale);
        let scores: Vec<f64> = residuals.iter().map(|value| (value / scale).clamp(-clip, clip)).collect();
        Noise { scale, clip, inflation: self.inflation(&scores, changes) }
    }

    /// The variance of a mean, times that of independent values, for noise that remembers its last value.
    fn inflation(&self, scores: &[f64], changes: &[usize]) -> f64 {
        let n = self.len() as f64;
        let rho = f64::midpoint(within(scores, changes), self.by_differences(changes));
        let error = n.sqrt().recip();
        let rho = if rho > NOTICED * error { (rho + CAUTION * error).min(MOST) } else { 0.0 };
        (1.0 + rho) / (1.0 - rho)
    }

    /// Autocorrelation from differences at lags one and two, which need no levels: 2 (1 - rho) and 2 (1 - rho^2).
    fn by_differences(&self, changes: &[usize]) -> f64 {
        if self.len() < ENOUGH_LAGS {
            return 0.0;
        }
        let mean_square = |lag: usize| {
            let mut all = Vec::new();
            for (start, end) in segments(changes, self.len()) {
                let segment = &self.values[start..end];
                all.extend(segment.iter().zip(segment.iter().skip(lag)).map(|(before, after)| after - before));
            }
            let sizes: Vec<f64> = all.iter().map(|value: &f64| value.abs()).collect();
            let mut scale = MAD_TO_SIGMA * centre(&sizes);
            let mean =
                |most: f64| all.iter().map(|value| (value * value).min(most)).sum::<f64>() / all.len().max(1) as f64;
            if scale <= 0.0 {
                scale = mean(f64::INFINITY).sqrt();
            }
            mean(9.0 * scale * scale)
        };
        let (one, two) = (mean_square(1), mean_square(2));
        if one > 0.0 { two / one - 1.0 } else { 0.0 }
    }
}

/// Lag-one autocorrelation of the scores within segments, corrected for the levels that were estimated.
fn within(scores: &[f64], changes: &[usize]) -> f64 {
    let squares: f64 = scores.iter().map(|score| score * score).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let mut products = 0.0;
    for (start, end) in segments(changes, scores.len()) {
        let segment = &scores[start..end];
        products += segment.windows(2).map(|two| two[0] * two[1]).sum::<f64>();
    }
    let rho = products / squares;
    rho + (1.0 + 3.0 * rho.max(0.0)) * (changes.len() + 1) as f64 / scores.len() as f64
}

/// A robust standard deviation of residuals: of the middle half, or of all but the largest where the middle is empty.
pub(super) fn spread(residuals: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|value| value.abs()).collect();
    let middle = MAD_TO_SIGMA * centre(&sizes);
    let kept = (19 * sizes.len() / 20).max(1).min(sizes.len());
    if kept > 0 {
        sizes.select_nth_unstable_by(kept - 1, f64::total_cmp);
    }
    // The standard deviation of a normal sample without its largest twentieth is 0.87 of the whole.
    let squares: f64 = sizes.iter().take(kept).map(|size| size * size).sum();
    let most = (squares / kept.max(1) as f64).sqrt() / 0.87;
    if middle <= 0.3 * most { most } else { middle }
}

/// The clip of the largest efficacy, slope over standard error.
fn clip(residuals: &[f64], scale: f64) -> f64 {
    let efficacy = |clip: f64, margin: f64| {
        let (mut squares, mut inside) = (0.0, 0.0);
        for value in residuals {
            let score = (value / scale).clamp(-clip, clip);
            squares += score * score;
            inside += if (value / scale).abs() < clip { 1.0 } else { 0.0 };
        }
        inside / (squares * residuals.len() as f64).sqrt() / margin
    };
    let all = CLIPS.iter().map(|(clip, margin)| (efficacy(*clip, *margin), *clip));
    let best = all.filter(|(efficacy, _)| efficacy.is_finite()).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(CLIPS[0].0, |(_, clip)| clip)
}
