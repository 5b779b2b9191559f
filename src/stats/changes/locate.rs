//! Where exactly a change is: by the likelihood of the values under the noise as it looks, not as a normal curve would
//! have it.

use super::density::Density;
use super::series::{Noise, Noisy, around, centre};

/// How far from where it was found a change point may move.
const REACH: usize = 20;
/// What a value that was never seen is worth.
const UNSEEN: f64 = 1e-4;
/// Fewer points have no density worth the name.
const ENOUGH: usize = 16;
/// Squared errors are clipped at this many scales.
const FAR: f64 = 3.0;

/// Moves each change point to the least clipped squared error between its neighbours.
pub(super) fn settle(series: &Noisy, changes: Vec<usize>, noise: Noise) -> Vec<usize> {
    let loss = |value: f64| (value / noise.scale).clamp(-FAR, FAR).powi(2);
    moved(series, changes, usize::MAX, 6, loss)
}

/// Moves each to the largest likelihood under a kernel density of the residuals (Gaussian kernel, Silverman's width).
pub(super) fn sharpen(series: &Noisy, changes: Vec<usize>, noise: Noise) -> Vec<usize> {
    if series.len() < ENOUGH || changes.is_empty() || noise.scale <= series.floor {
        return changes;
    }
    let residuals: Vec<f64> = series.residuals(&changes).iter().map(|value| value / noise.scale).collect();
    let n = residuals.len() as f64;
    let mean = residuals.iter().sum::<f64>() / n;
    let deviation = (residuals.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt().min(1.0);
    let density = Density::of(&residuals, (1.06 * deviation * n.powf(-0.2)).max(1e-6));
    let loss = |value: f64| -(density.at(value / noise.scale) + UNSEEN).ln();
    moved(series, changes, REACH, 2, loss)
}

fn moved(
    series: &Noisy,
    mut changes: Vec<usize>,
    reach: usize,
    rounds: usize,
    loss: impl Fn(f64) -> f64,
) -> Vec<usize> {
    const LEAST: usize = 2;
    for _ in 0..rounds {
        let mut still = true;
        for at in 0..changes.len() {
            let place = changes[at];
            let (start, end) = around(&changes, at, series.len());
            let (old, new) = (centre(&series.values[start..place]), centre(&series.values[place..end]));
            let first = (start + LEAST).max(place.saturating_sub(reach));
            let last = (end - LEAST).min(place.saturating_add(reach));
            let (mut total, mut best) = (0.0, (f64::INFINITY, place));
            // From one place to the next, one value passes from the new level to the old one.
            for candidate in first..=last {
                if total < best.0 {
                    best = (total, candidate);
                }
                if candidate < last {
                    let value = series.values[candidate];
                    total += loss(value - old) - loss(value - new);
                }
            }
            if best.0.is_finite() && best.1 != place {
                changes[at] = best.1;
                still = false;
            }
        }
        if still {
            break;
        }
    }
    changes
}
