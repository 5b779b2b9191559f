//! What a series does besides steps: a slow drift, or a wave. Either looks like a staircase to whoever knows steps only.

use super::series::{Noisy, centre, segments, spread};

/// Rounds of reweighting of the robust regression.
const ROUNDS: usize = 8;
/// Residuals beyond this many scales count as this many (Huber 1964).
const HUBER: f64 = 1.5;
/// The cost of a step in units of ln n: its place and its size.
const STEP: f64 = 3.0;
/// Waves that are looked for: at least so many in the series, and at least so many points each.
const LEAST_WAVES: f64 = 2.5;
const SHORTEST_WAVE: f64 = 4.0;

/// A shape beside the steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Background {
    /// Rises by this much from the first to the last point.
    Line(f64),
    /// A wave with this many points.
    Wave(f64),
}

/// The columns of a shape.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) points: f64,
}

/// A fit of a shape together with the levels of the segments.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// The shape's part of each value.
    pub(super) part: Vec<f64>,
    pub(super) factors: Vec<f64>,
    /// The lower, the better: the noise that is left, and what the description costs.
    pub(super) cost: f64,
}

impl Shape {
    pub(super) fn none() -> Self {
        Self { columns: Vec::new(), points: 0.0 }
    }

    pub(super) fn line(n: usize) -> Self {
        let column = (0..n).map(|at| at as f64 / (n as f64 - 1.0).max(1.0) - 0.5).collect();
        Self { columns: vec![column], points: 0.0 }
    }

    /// The wave that explains most of the series.
    pub(super) fn wave(series: &Noisy) -> Self {
        let n = series.len();
        let level = centre(&series.values);
        let off: Vec<f64> = series.values.iter().map(|value| value - level).collect();
        let far = 3.0 * spread(&off).max(series.floor);
        let clipped: Vec<f64> = off.iter().map(|value| value.clamp(-far, far)).collect();
        let mean = clipped.iter().sum::<f64>() / n as f64;
        let mut best = (0.0, LEAST_WAVES / n as f64);
        let mut frequency = LEAST_WAVES / n as f64;
        while frequency < SHORTEST_WAVE.recip() {
            let [cosine, sine] = waves(n, frequency);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (cc, cs, ss) = (dot(&cosine, &cosine), dot(&cosine, &sine), dot(&sine, &sine));
            let against = |column: &[f64]| column.iter().zip(&clipped).map(|(a, b)| a * (b - mean)).sum::<f64>();
            let (c, s) = (against(&cosine), against(&sine));
            let power = (c * c * ss - 2.0 * c * s * cs + s * s * cc) / (cc * ss - cs * cs);
            if power > best.0 {
                best = (power, frequency);
            }
            frequency += 0.2 / n as f64;
        }
        Self { columns: waves(n, best.1).to_vec(), points: best.1.recip() }
    }

    /// Fits the shape and a level for each segment together, robustly.
    pub(super) fn fit(&self, series: &Noisy, changes: &[usize]) -> Fit {
        let n = series.len();
        let mut weights = vec![1.0; n];
        let mut fit = Fit { part: vec![0.0; n], factors: Vec::new(), cost: f64::INFINITY };
        let mut left = Vec::new();
        for _ in 0..ROUNDS {
            // Freed of the weighted mean of each segment, columns and values need no levels any more.
            let free = |column: &[f64]| freed(column, &weights, changes);
            let columns: Vec<Vec<f64>> = self.columns.iter().map(|column| free(column)).collect();
            let values = free(&series.values);
            fit.factors = solved(&columns, &values, &weights);
            left.clone_from(&values);
            for (column, factor) in columns.iter().zip(&fit.factors) {
                left.iter_mut().zip(column).for_each(|(left, value)| *left -= factor * value);
            }
            let sizes: Vec<f64> = left.iter().map(|value| value.abs()).collect();
            let scale = (crate::stats::MAD_TO_SIGMA * centre(&sizes)).max(f64::MIN_POSITIVE);
            weights = left.iter().map(|value| (HUBER * scale / value.abs().max(f64::MIN_POSITIVE)).min(1.0)).collect();
        }
        for (column, factor) in self.columns.iter().zip(&fit.factors) {
            fit.part.iter_mut().zip(column).for_each(|(part, value)| *part += factor * value);
        }
        let scale = spread(&left).max(series.floor);
        let square = left.iter().map(|value| (value * value).min(9.0 * scale * scale)).sum::<f64>() / n as f64;
        let described = STEP * changes.len() as f64 + 2.0 * self.columns.len() as f64;
        fit.cost = n as f64 * square.max(series.floor.powi(2)).ln() + described * (n as f64).ln();
        fit
    }
}

fn waves(n: usize, frequency: f64) -> [Vec<f64>; 2] {
    let (sine, cosine) = (std::f64::consts::TAU * frequency).sin_cos();
    let (mut all, mut now) = ([Vec::with_capacity(n), Vec::with_capacity(n)], (1.0, 0.0));
    for _ in 0..n {
        all[0].push(now.0);
        all[1].push(now.1);
        now = (now.0 * cosine - now.1 * sine, now.0 * sine + now.1 * cosine);
    }
    all
}

fn freed(column: &[f64], weights: &[f64], changes: &[usize]) -> Vec<f64> {
    let mut all = column.to_vec();
    for (start, end) in segments(changes, column.len()) {
        let weight: f64 = weights[start..end].iter().sum();
        let sum: f64 = column[start..end].iter().zip(&weights[start..end]).map(|(value, weight)| value * weight).sum();
        let mean = if weight > 0.0 { sum / weight } else { 0.0 };
        all[start..end].iter_mut().for_each(|value| *value -= mean);
    }
    all
}

/// Weighted least squares with at most two columns.
fn solved(columns: &[Vec<f64>], values: &[f64], weights: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(weights).map(|((a, b), weight)| a * b * weight).sum::<f64>();
    match columns {
        [one] => {
            let own = dot(one, one);
            vec![if own > 0.0 { dot(one, values) / own } else { 0.0 }]
        }
        [one, two] => {
            let (a, b, d) = (dot(one, one), dot(one, two), dot(two, two));
            let (x, y) = (dot(one, values), dot(two, values));
            let whole = a * d - b * b;
            if whole > 1e-12 * a * d { vec![(x * d - y * b) / whole, (y * a - x * b) / whole] } else { vec![0.0, 0.0] }
        }
        _ => Vec::new(),
    }
}
