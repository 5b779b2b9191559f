//! Which change points hold: the difference of two levels against their noise, its autocorrelation counted in, and corrected
//! for having looked at every place.
//!
//! Three questions, and the least favourable answer counts. *Scores*: the difference of two clipped means over its standard
//! error. *Ranks*: whether the same could be had by shuffling the values, whatever their distribution, which two
//! modes or heavy tails need. *Runs*: whether a short segment is a few far values of the kind that the rest
//! of the series also has. The correction is the tail of the largest standardised bridge over all places (James, James and
//! Siegmund 1987, Biometrika 74, 71-83).

use super::series::{Noise, Noisy, around, centre, segments};

/// What is believed of a segment's own variance: as much as of this many values at the series' variance.
const PRIOR: f64 = 6.0;
/// Segments up to this length must also differ from the far values of the rest.
const FEW: usize = 10;
/// A change that leaves a shorter segment than this must be more certain.
const SURE: f64 = 10.0;
/// Segments shorter than this can look as if the noise remembered nothing.
const FORGETFUL: usize = 12;
/// From this many points on, that is asked for: in short series all segments are short.
const LONG: usize = 30;

/// A confirmed change point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) index: usize,
    /// The new level less the old one.
    pub(super) size: f64,
    /// The standard error of that.
    pub(super) error: f64,
    pub(super) p: f64,
}

/// Drops the least certain change point until all are certain.
pub(super) fn prune(series: &Noisy, mut changes: Vec<usize>, alpha: f64) -> (Vec<usize>, Vec<Found>) {
    loop {
        let noise = series.noise(&changes);
        let found: Vec<Found> = (0..changes.len()).map(|at| test(series, &changes, at, noise)).collect();
        let t = |found: &Found| (found.size / found.error).abs();
        let least = found.iter().enumerate().max_by(|(_, a), (_, b)| a.p.total_cmp(&b.p).then(t(b).total_cmp(&t(a))));
        match least {
            Some((at, worst)) if worst.p > alpha => _ = changes.remove(at),
            _ => return (changes, found),
        }
    }
}

/// Adds the first change that some segment still holds.
pub(super) fn add(series: &Noisy, changes: &[usize], alpha: f64) -> Option<Vec<usize>> {
    let noise = series.noise(changes);
    segments(changes, series.len()).find_map(|(start, end)| {
        let place = start + likeliest(&series.values[start..end], noise)?;
        let mut more = changes.to_vec();
        let at = more.partition_point(|known| *known < place);
        more.insert(at, place);
        // The noise is that around both levels: around one, the step itself would be noise.
        (test(series, &more, at, series.noise(&more)).p <= alpha).then_some(more)
    })
}

/// Where the scores' sum differs most from none, standardised.
fn likeliest(values: &[f64], noise: Noise) -> Option<usize> {
    const LEAST: usize = 3;
    let n = values.len();
    if n < 2 * LEAST {
        return None;
    }
    let level = centre(values);
    let scores: Vec<f64> =
        values.iter().map(|value| ((value - level) / noise.scale).clamp(-noise.clip, noise.clip)).collect();
    let mean = scores.iter().sum::<f64>() / n as f64;
    let mut best = (0.0, LEAST);
    let mut sum = 0.0;
    for (at, score) in scores.iter().enumerate() {
        if at >= LEAST && at <= n - LEAST {
            let z = f64::abs(sum) / ((at * (n - at)) as f64 / n as f64).sqrt();
            if z > best.0 {
                best = (z, at);
            }
        }
        sum += score - mean;
    }
    Some(best.1)
}

fn test(series: &Noisy, changes: &[usize], at: usize, noise: Noise) -> Found {
    let n = series.len();
    let index = changes[at];
    let (start, end) = around(changes, at, n);
    let (old, new) = (&series.values[start..index], &series.values[index..end]);
    let noise = cautious(series, changes, at, noise, old.len().min(new.len()));
    let (size, error) = difference(old, new, noise);
    let freedom = ((n as f64 - changes.len() as f64 - 1.0) / noise.inflation - 1.0).max(1.5);
    let t = if size == 0.0 { 0.0 } else { (size / error).abs() };
    let z = normal_score(t, freedom);
    let scores = largest_bridge(z, old.len() as f64 / noise.inflation, new.len() as f64 / noise.inflation);
    let least = old.len().min(new.len());
    let certain = if n < LONG { 1.0 } else { (least as f64 / SURE).powf(1.5).min(1.0) };
    let p = scores.max(ranks(old, new)).max(runs(series, changes, at, noise.scale)) / certain;
    Found { index, size, error, p: p.min(1.0) }
}

/// Around a short segment's own level there is nothing left to remember: its noise is that without it.
fn cautious(series: &Noisy, changes: &[usize], at: usize, noise: Noise, least: usize) -> Noise {
    if least >= FORGETFUL || series.len() < LONG {
        return noise;
    }
    let mut fewer = changes.to_vec();
    fewer.remove(at);
    let without = series.noise(&fewer);
    Noise { inflation: noise.inflation.max(without.inflation), ..noise }
}

/// The difference of two clipped means (one step from the medians) and its standard error.
fn difference(old: &[f64], new: &[f64], noise: Noise) -> (f64, f64) {
    let part = |values: &[f64]| {
        let level = centre(values);
        let mut part = (level / noise.scale, 0.0, 0.0, 0.0);
        for value in values {
            let score = (value - level) / noise.scale;
            let clipped = score.clamp(-noise.clip, noise.clip);
            part.1 += clipped;
            part.2 += clipped * clipped;
            part.3 += if score.abs() < noise.clip { 1.0 } else { 0.0 };
        }
        part
    };
    let (a, b) = (part(old), part(new));
    let (n, m) = (old.len() as f64, new.len() as f64);
    let pooled = (a.2 + b.2) / (n + m - 2.0).max(1.0);
    let own = |squares: f64, n: f64| (squares + PRIOR * pooled) / (n + PRIOR);
    let slope = ((a.3 + b.3) / (n + m)).max(0.3);
    let level = |part: (f64, f64, f64, f64), n: f64| part.0 + part.1 / n / slope;
    let error = (noise.inflation * (own(a.2, n) / n + own(b.2, m) / m)).sqrt() / slope;
    ((level(b, m) - level(a, n)) * noise.scale, error * noise.scale)
}

/// The normal score of the same tail as Student's t (Wallace 1959; within 0.02 of it).
fn normal_score(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 37.0;
    }
    let z = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0) * (freedom * (t * t / freedom).ln_1p()).sqrt();
    z.min(37.0)
}

/// The chance that the largest standardised difference over all places of so many values is at least `z`.
fn largest_bridge(z: f64, before: f64, after: f64) -> f64 {
    if z < 1.5 {
        return 1.0;
    }
    let edge = (2.0 / (before + after)).clamp(1e-3, 0.35);
    let square = (z * z).recip();
    let places = (1.0 - square) * ((1.0 - edge) / edge).ln() + 2.0 * square;
    ((2.0 / std::f64::consts::PI).sqrt() * z * (-z * z / 2.0).exp() * places).min(1.0)
}

/// The same by ranks alone, of values taken as exchangeable; nothing where so few values cannot say it.
fn ranks(old: &[f64], new: &[f64]) -> f64 {
    /// An arrangement rarer than this is rare enough for ranks to speak.
    const RARE: f64 = 8e-4;
    let (n, m) = (old.len(), new.len());
    let all = n + m;
    let ways: f64 = (1..=n.min(m)).map(|k| ((all - k + 1) as f64 / k as f64).ln()).sum();
    if (2.0 * all as f64).ln() - ways > RARE.ln() {
        return 0.0;
    }
    let mut order: Vec<(f64, bool)> =
        old.iter().map(|value| (*value, true)).chain(new.iter().map(|value| (*value, false))).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let middle = (all as f64 + 1.0) / 2.0;
    let (mut sum, mut squares, mut rank) = (0.0, 0.0, 0.0);
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let own = rank + (group.len() as f64 + 1.0) / 2.0;
        rank += group.len() as f64;
        sum += own * group.iter().filter(|(_, old)| *old).count() as f64;
        squares += group.len() as f64 * (own - middle).powi(2);
    }
    let variance = squares / (all as f64 - 1.0) * n as f64 * m as f64 / all as f64;
    if variance <= 0.0 {
        return 1.0;
    }
    largest_bridge((sum - n as f64 * middle).abs() / variance.sqrt(), n as f64, m as f64)
}

/// How likely the shorter side is to be a run of far values such as the rest of the series has: the share of those to the
/// power of the run's length, at any of the places.
fn runs(series: &Noisy, changes: &[usize], at: usize, scale: f64) -> f64 {
    let n = series.len();
    let index = changes[at];
    let (start, end) = around(changes, at, n);
    let (run, rest) =
        if index - start <= end - index { ((start, index), (index, end)) } else { ((index, end), (start, index)) };
    let (short, long) = (&series.values[run.0..run.1], &series.values[rest.0..rest.1]);
    if short.len() > FEW {
        return 0.0;
    }
    let level = centre(long);
    let sign = if centre(short) > level { 1.0 } else { -1.0 };
    let mut far: Vec<f64> = short.iter().map(|value| sign * (value - level)).collect();
    far.sort_unstable_by(f64::total_cmp);
    let mut length = short.len();
    let mut least = far.first().copied().unwrap_or(0.0);
    if least <= 0.0 && length > 3 {
        least = far.get(1).copied().unwrap_or(0.0);
        length -= 1;
    }
    if least <= 0.0 {
        return 1.0;
    }
    let mut others = Vec::with_capacity(n);
    for (from, to) in segments(changes, n).filter(|part| *part != run) {
        let level = centre(&series.values[from..to]);
        others.extend(series.values[from..to].iter().map(|value| sign * (value - level)));
    }
    let beyond = others.iter().filter(|value| **value >= 0.999 * least).count();
    let mut share = (beyond as f64 + 1.0) / (others.len() as f64 + 1.0);
    if beyond == 0 {
        let sizes: Vec<f64> = others.iter().map(|value| value.abs()).collect();
        let own = scale.max(crate::stats::MAD_TO_SIGMA * centre(&sizes));
        share = share.min(heavy_tail(least / own));
    }
    (n as f64 * share.powi(i32::try_from(length).unwrap_or(i32::MAX))).min(1.0)
}

/// Upper tail of Student's t with three degrees of freedom.
fn heavy_tail(t: f64) -> f64 {
    let x = t / 3.0_f64.sqrt();
    (0.5 - (x / (1.0 + x * x) + x.atan()) / std::f64::consts::PI).max(0.0)
}
