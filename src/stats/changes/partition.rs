//! A first, generous division of a series: optimal partitioning by squared error, after spikes are clipped.
//!
//! Jackson et al. 2005, "An algorithm for optimal partitioning of data on an interval". Outliers are clipped at three
//! scales around a running median first, so that one wild value does not make a segment of its own.

use super::series::{Noisy, centre};
use crate::stats::MAD_TO_SIGMA;

/// The cost of one more change point, in units of the noise's variance times ln n. Low: confirmation comes later.
const PENALTY: f64 = 2.0;
/// Points of the running median.
const WINDOW: usize = 5;
/// The shortest segment, and that of a series with fewer points than [`SHORT`].
const SHORTEST: usize = 3;
const SHORTEST_OF_FEW: usize = 2;
const SHORT: usize = 16;

/// Where the series may change.
pub(super) fn partition(series: &Noisy) -> Vec<usize> {
    let scale = scale(series);
    let values = clipped(&series.values, scale);
    let middle = centre(&values);
    let values: Vec<f64> = values.iter().map(|value| (value - middle) / scale).collect();
    let least = if values.len() < SHORT { SHORTEST_OF_FEW } else { SHORTEST };
    best(&values, PENALTY * (values.len() as f64).ln(), least)
}

/// The noise's standard deviation from first differences, which steps hardly touch.
fn scale(series: &Noisy) -> f64 {
    let steps: Vec<f64> = series.values.windows(2).map(|two| two[1] - two[0]).collect();
    let middle = centre(&steps);
    let off: Vec<f64> = steps.iter().map(|step| (step - middle).abs()).collect();
    let robust = MAD_TO_SIGMA * centre(&off) / std::f64::consts::SQRT_2;
    let mut sizes: Vec<f64> = steps.iter().map(|step| step.abs()).collect();
    let kept = (19 * series.len() / 20).max(1).min(sizes.len());
    if kept > 0 {
        sizes.select_nth_unstable_by(kept - 1, f64::total_cmp);
    }
    let mean = 1.2533 * sizes.iter().take(kept).sum::<f64>() / kept.max(1) as f64 / std::f64::consts::SQRT_2;
    let scale = if robust < 0.3 * mean { mean } else { robust };
    scale.max(series.floor)
}

fn clipped(values: &[f64], scale: f64) -> Vec<f64> {
    if values.len() < 2 * WINDOW {
        return values.to_vec();
    }
    let half = WINDOW / 2;
    let last = values.len() - 1;
    // Mirrored at both ends.
    let at = |place: isize| {
        let place = place.unsigned_abs();
        values[if place > last { 2 * last - place } else { place }]
    };
    let around = |place: usize| {
        let near: Vec<f64> = (0..WINDOW).map(|step| at(place as isize + step as isize - half as isize)).collect();
        centre(&near)
    };
    let clip = |(place, value): (usize, &f64)| {
        let middle = around(place);
        value.clamp(middle - 3.0 * scale, middle + 3.0 * scale)
    };
    values.iter().enumerate().map(clip).collect()
}

/// The change points of the least squared error plus penalty.
fn best(values: &[f64], penalty: f64, least: usize) -> Vec<usize> {
    let n = values.len();
    let (mut sums, mut squares) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    for (at, value) in values.iter().enumerate() {
        sums[at + 1] = sums[at] + value;
        squares[at + 1] = squares[at] + value * value;
    }
    let (mut costs, mut before) = (vec![f64::INFINITY; n + 1], vec![0_usize; n + 1]);
    costs[0] = -penalty;
    for end in least..=n {
        let (sum, square) = (sums[end], squares[end] + penalty);
        let starts = costs.iter().zip(&sums).zip(&squares).take(end - least + 1).enumerate();
        let all = starts.map(|(start, ((cost, before), squares))| {
            let sum = sum - before;
            (cost + square - squares - sum * sum / (end - start) as f64, start)
        });
        let best = all.fold((f64::INFINITY, 0), |best, other| if other.0 < best.0 { other } else { best });
        (costs[end], before[end]) = best;
    }
    let mut all = Vec::new();
    let mut end = before[n];
    while end > 0 {
        all.push(end);
        end = before[end];
    }
    all.reverse();
    all
}
