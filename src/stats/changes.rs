//! Where a series of measurements changes its level, and whether it drifts.
//!
//! A generous division by optimal partitioning gives candidates; each must then hold against the noise around it, its
//! autocorrelation and all the places that were looked at ([`confirm`]); what holds is moved to the place of the largest
//! likelihood ([`locate`]). A slow drift or a wave that explains the steps at less cost takes their place
//! ([`background`]). `docs/statistics.md` has the figures.

mod background;
mod confirm;
mod density;
mod locate;
mod on;
mod partition;
mod series;
mod total;

use background::{Background, Shape};
use confirm::{Found, add, prune};
use locate::{settle, sharpen};
pub use on::course_on;
use partition::partition;
use series::Noisy;
pub use total::{Total, total};

/// The chance of one false change point in a series without any, about.
pub const CHANGE_ERROR: f64 = 0.009;
/// Points from which a series can be analysed.
const FEWEST: usize = 6;
/// Points from which a drift or a wave can be told from steps.
const ENOUGH: usize = 20;
/// The newest points that are analysed: the work grows with their square.
pub const MOST_POINTS: usize = 4096;
/// How much less a line must cost than the steps it takes the place of; twice that if it is a single step.
const LINE: f64 = 6.0;
/// The same for a wave.
const WAVE: f64 = 15.0;
/// Rounds of moving, adding and dropping.
const ROUNDS: usize = 6;
/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A lasting change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first value of the new level, counted from zero.
    pub index: usize,
    /// The change: a share of the old level where all values are positive, otherwise in the values' own unit.
    pub size: f64,
    /// The 95 % interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The chance of so clear a change anywhere in noise alone.
    pub p: f64,
}

/// A slow change over many values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The first value of it.
    pub from: usize,
    /// The last value of it.
    pub to: usize,
    /// The whole change, as [`ChangePoint::size`].
    pub size: f64,
}

/// What a series of values did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// Its steps, in the order of time.
    pub changes: Vec<ChangePoint>,
    /// Its drift, which the steps come on top of.
    pub drift: Option<Drift>,
    /// The points of one period, if it has one that is no step.
    pub period: Option<f64>,
}

/// Reads a series of finite values in the order of time. Of very long ones only the newest [`MOST_POINTS`] are read.
pub fn course(values: &[f64]) -> Course {
    let skipped = values.len().saturating_sub(MOST_POINTS);
    let values = &values[skipped..];
    let relative = values.iter().all(|value| *value > 0.0);
    let told: Vec<f64> = values.iter().map(|value| if relative { value.ln() } else { *value }).collect();
    let first = told.first().copied().unwrap_or(0.0);
    if told.len() < FEWEST || told.iter().all(|value| *value == first) {
        return Course::default();
    }
    let (found, background) = read(&Noisy::new(told));
    let size = |change: f64| if relative { change.exp_m1() } else { change };
    let changes = found.iter().map(|found| ChangePoint {
        index: found.index + skipped,
        size: size(found.size),
        low: size(found.size - Z * found.error),
        high: size(found.size + Z * found.error),
        p: found.p,
    });
    let drift = match background {
        Some(Background::Line(whole)) => {
            Some(Drift { from: skipped, to: skipped + values.len() - 1, size: size(whole) })
        }
        _ => None,
    };
    let period = match background {
        Some(Background::Wave(points)) => Some(points),
        _ => None,
    };
    Course { changes: changes.collect(), drift, period }
}

/// Steps, and the shape beside them if that tells the series at less cost.
fn read(series: &Noisy) -> (Vec<Found>, Option<Background>) {
    let (changes, found) = steps(series);
    let range = series
        .values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let noise = series.noise(&changes);
    if series.len() < ENOUGH || changes.is_empty() || noise.scale <= 1e-6 * (range.1 - range.0) {
        return (found, None);
    }
    let mut best = (Shape::none().fit(series, &changes).cost, found, None);
    let line = if changes.len() == 1 { 2.0 * LINE } else { LINE };
    let mut shapes = vec![(Shape::line(series.len()), line, 1)];
    if changes.len() > 1 {
        shapes.push((Shape::wave(series), WAVE, 2));
    }
    for (shape, margin, saved) in shapes {
        for start in [Vec::new(), changes.clone()] {
            let (now, found, fit) = beside(series, &shape, start);
            if now.len() + saved > changes.len() || fit.cost + margin >= best.0 {
                continue;
            }
            let background = match fit.factors.as_slice() {
                [whole] => Background::Line(*whole),
                _ => Background::Wave(shape.points),
            };
            best = (fit.cost + margin, found, Some(background));
        }
    }
    (best.1, best.2)
}

/// Steps and shape in turns, until both stay.
fn beside(series: &Noisy, shape: &Shape, start: Vec<usize>) -> (Vec<usize>, Vec<Found>, background::Fit) {
    let mut changes = start;
    let mut found = Vec::new();
    for _ in 0..3 {
        let fit = shape.fit(series, &changes);
        let freed: Vec<f64> = series.values.iter().zip(&fit.part).map(|(value, part)| value - part).collect();
        let (now, told) = steps(&Noisy { values: freed, floor: series.floor });
        found = told;
        if now == changes {
            break;
        }
        changes = now;
    }
    let fit = shape.fit(series, &changes);
    (changes, found, fit)
}

/// The steps of a series.
fn steps(series: &Noisy) -> (Vec<usize>, Vec<Found>) {
    let alpha = CHANGE_ERROR;
    let (mut changes, _) = prune(series, partition(series), alpha);
    for _ in 0..ROUNDS {
        changes = settle(series, changes.clone(), series.noise(&changes));
        let more = add(series, &changes, alpha);
        let added = more.is_some();
        let before = changes.len();
        (changes, _) = prune(series, more.unwrap_or(changes), alpha);
        if !added && changes.len() == before {
            break;
        }
    }
    changes = settle(series, changes.clone(), series.noise(&changes));
    changes = sharpen(series, changes.clone(), series.noise(&changes));
    prune(series, changes, alpha)
}

#[cfg(test)]
mod tests;
