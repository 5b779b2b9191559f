//! How far a level has come since an anchor, whatever way it took: steps, a leak, or many changes too small to be seen.

use super::series::{Noise, Noisy, around, centre, segments};
use crate::stats::normal_quantile;

/// Points of a window at either end, at most.
const WINDOW: usize = 15;
/// Points that the first window should have.
const LEAST: usize = 5;
/// Points of a segment from which a slope can be told.
const SLOPED: usize = 8;
/// Points from which noise can be told.
const FEWEST: usize = 6;
/// The variance of a median, times that of a mean of normal noise.
const OF_MEDIAN: f64 = std::f64::consts::FRAC_PI_2;
/// How many normal values' worth of knowledge about the scale a value brings, when a median tells it.
const EFFICIENCY: f64 = 0.37;

/// A change between two levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// The level at the anchor.
    pub then: f64,
    /// The level at the end, with the steps that were taken out of `change`.
    pub now: f64,
    /// The change relative to the level at the anchor, without the steps that were taken out.
    pub change: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// The change of a series of positive values from the level at `anchor` (a place in it) to that of its end. `steps` are
/// its change points; those of them in `taken_out` do not count. Each end of the interval is missed with a chance of
/// `error`.
///
/// The levels are medians of up to [`WINDOW`] points up to the anchor and up to the end, within their segments. The noise
/// is that of the whole series around its segments and the leak that they share, its autocorrelation counted in as for change
/// points; the uncertainty of that scale by the expansion of Student's quantiles (Abramowitz and Stegun 26.7.5).
///
/// `None` for a series that is too short, not positive, or has no point after the anchor.
pub fn total(values: &[f64], steps: &[usize], anchor: usize, taken_out: &[usize], error: f64) -> Option<Total> {
    let n = values.len();
    if n < FEWEST || anchor + 1 >= n || values.iter().any(|value| !value.is_finite() || *value <= 0.0) {
        return None;
    }
    let steps: Vec<usize> = steps.iter().copied().filter(|step| (1..n).contains(step)).collect();
    let mut series = Noisy::new(values.iter().map(|value| value.ln()).collect());
    let noise = without_leak(&series, &steps).noise(&steps);
    let now_told = centre(series.values.get(last_window(&steps, anchor, n))?);
    let mut variance = 0.0;
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| **step > anchor && taken_out.contains(step)) {
        let (start, end) = around(&steps, at, n);
        let (before, after) = (series.values.get(start..*step)?, series.values.get(*step..end)?);
        let size = centre(after) - centre(before);
        variance += of_level(noise, before.len()) + of_level(noise, after.len());
        series.values.iter_mut().skip(*step).for_each(|value| *value -= size);
    }
    let (first, last) = (first_window(&steps, anchor, n), last_window(&steps, anchor, n));
    variance += of_level(noise, first.len()) + of_level(noise, last.len());
    let (then, now) = (centre(series.values.get(first)?), centre(series.values.get(last)?));
    let z = normal_quantile(1.0 - error);
    let reach = z * (1.0 + (z * z + 1.0) / (4.0 * EFFICIENCY * n as f64)) * variance.sqrt();
    let share = |change: f64| change.exp_m1();
    Some(Total {
        then: then.exp(),
        now: now_told.exp(),
        change: share(now - then),
        low: share(now - then - reach),
        high: share(now - then + reach),
    })
}

/// The series less the slope that its segments have in common, which would pass for autocorrelation: the median of the
/// slopes between points half a segment apart, those that are farther apart counting more.
fn without_leak(series: &Noisy, steps: &[usize]) -> Noisy {
    let mut slopes: Vec<(f64, f64)> = Vec::new();
    for (start, end) in segments(steps, series.len()).filter(|(start, end)| end - start >= SLOPED) {
        let half = (end - start) / 2;
        let segment = series.values.get(start..end).unwrap_or_default();
        let pairs = segment.iter().zip(segment.iter().skip(half));
        let apart = half as f64;
        slopes.extend(pairs.map(|(before, after)| ((after - before) / apart, apart * apart)));
    }
    slopes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = slopes.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let middle = slopes.iter().find(|(_, weight)| {
        below += weight;
        below >= all / 2.0
    });
    let slope = middle.map_or(0.0, |(slope, _)| *slope);
    let values = series.values.iter().enumerate().map(|(at, value)| value - slope * at as f64).collect();
    Noisy { values, floor: series.floor }
}

/// The variance of the median of so many values: never more than that of one of them.
fn of_level(noise: Noise, points: usize) -> f64 {
    let share = noise.inflation / points.max(1) as f64;
    noise.scale * noise.scale * (OF_MEDIAN * share).min(OF_MEDIAN)
}

fn segment_of(steps: &[usize], at: usize, n: usize) -> (usize, usize) {
    segments(steps, n).find(|(start, end)| (*start..*end).contains(&at)).unwrap_or((0, n))
}

/// The points up to the anchor; some after it, where there are few before it in its segment.
fn first_window(steps: &[usize], anchor: usize, n: usize) -> std::ops::Range<usize> {
    let (start, end) = segment_of(steps, anchor, n);
    let from = (anchor + 1).saturating_sub(WINDOW).max(start);
    // At most half of what follows: the rest is for the level at the end.
    let most = end.min(anchor + 1 + (n - anchor - 1) / 2);
    let to = (from + LEAST).min(most).max(anchor + 1);
    from..to
}

fn last_window(steps: &[usize], anchor: usize, n: usize) -> std::ops::Range<usize> {
    let (start, _) = segment_of(steps, n - 1, n);
    let after = first_window(steps, anchor, n).end;
    n.saturating_sub(WINDOW).max(start).max(after).min(n - 1)..n
}

#[cfg(test)]
mod tests {
    use super::total;
    use crate::stats::{Random, course};

    fn steps(values: &[f64]) -> Vec<usize> {
        course(values).changes.iter().map(|change| change.index).collect()
    }

    /// Noise of 2 % that remembers the last value by `rho`.
    fn noisy(random: &mut Random, n: usize, rho: f64, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut last = random.normal();
        let mut next = || {
            last = rho * last + (1.0 - rho * rho).sqrt() * random.normal();
            last
        };
        (0..n).map(|at| level(at) * (0.02 * next()).exp()).collect()
    }

    #[test]
    fn small_steps_that_nobody_sees_are_summed() {
        let mut random = Random::new(5);
        // Twelve steps of 0.5 %, in noise of 2 %.
        let values = noisy(&mut random, 240, 0.0, |at| 1.005_f64.powi((at / 20) as i32));
        let found = total(&values, &steps(&values), 10, &[], 0.005).unwrap();
        assert!(found.low > 0.03 && found.low < 0.056 && found.high > 0.056, "{found:?}");
    }

    /// How many series each simulation draws; more of them bring the tighter bounds.
    fn rounds() -> u32 {
        std::env::var("BACKSIGHT_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
    }

    #[test]
    fn nothing_is_summed_to_something_only_as_often_as_allowed() {
        let rounds = rounds();
        for (rho, n) in [(0.0, 20), (0.0, 60), (0.0, 120), (0.6, 60), (0.6, 120)] {
            let mut random = Random::new(77);
            let (mut above, mut below) = (0, 0);
            for _ in 0..rounds {
                let values = noisy(&mut random, n, rho, |_| 1.0);
                let found = total(&values, &steps(&values), n / 3, &[], 0.025).unwrap();
                above += u32::from(found.low > 0.0);
                below += u32::from(found.high < 0.0);
            }
            let share = f64::from(above + below) / f64::from(rounds);
            let slack = 3.0 * (0.05 * 0.95 / f64::from(rounds)).sqrt();
            println!("rho {rho}, {n} points: {share} of {rounds}");
            assert!(share <= 0.05 + slack, "rho {rho}, {n} points: {share}");
        }
    }

    #[test]
    fn an_accepted_step_does_not_count_and_a_leak_beside_it_does() {
        let mut random = Random::new(9);
        let level = |at: usize| (if at < 100 { 1.0 } else { 1.3 }) * (1.0 + 0.05 * at as f64 / 200.0);
        let values = noisy(&mut random, 200, 0.0, level);
        let steps = steps(&values);
        let step = *steps.iter().find(|step| step.abs_diff(100) <= 1).unwrap();
        let whole = total(&values, &steps, 5, &[], 0.025).unwrap();
        assert!(whole.low > 0.3, "{whole:?}");
        let without = total(&values, &steps, 5, &[step], 0.025).unwrap();
        assert!(without.change > 0.0 && without.change < 0.08, "{without:?}");
        assert!((without.now / without.then - 1.0) > 0.3, "the levels are those that were measured");
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let values = [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0];
        for (values, anchor) in [(&values[..5], 0), (&values[..], 6), (&values[..], 99), (&[0.0; 9][..], 1)] {
            assert_eq!(total(values, &[], anchor, &[], 0.01), None, "{values:?} {anchor}");
        }
        assert_eq!(total(&[f64::NAN; 9], &[], 1, &[], 0.01), None);
        let constant = total(&[2.0; 9], &[], 1, &[], 0.01).unwrap();
        assert!(
            (constant.change, constant.low.abs() < 1e-6, constant.high < 1e-6) == (0.0, true, true),
            "{constant:?}"
        );
        assert!(total(&values, &[0, 99, 3], 5, &[3], 0.01).is_some(), "odd places of steps do no harm");
    }
}
