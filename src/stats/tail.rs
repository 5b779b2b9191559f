//! Percentiles of latencies, and how many samples make one worth printing.
//!
//! A percentile far out rests on the few samples beyond it. With fewer than ten of them it is a lottery, so callers ask
//! [`enough_for`] first; [`upper_bound`] says what the true percentile does not exceed.

/// Samples that must lie beyond a percentile before it is given.
const BEYOND: f64 = 10.0;

/// How many samples the percentile `p` (a share, below one) takes: `10 / (1 - p)`, so that ten are expected beyond it.
pub fn enough_for(p: f64) -> usize {
    // 10 / (1 - 0.99) is a hair above 1000 in binary.
    let needed = BEYOND / (1.0 - p.clamp(0.0, 1.0 - f64::EPSILON));
    (needed - 1e-6).ceil() as usize
}

/// The percentile `p` (a share) by nearest rank: the smallest sample that at least this share of the samples does not
/// exceed. `sorted` ascends. `None` for no samples.
pub fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let rank = (p.clamp(0.0, 1.0) * sorted.len() as f64 - 1e-9).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// The sample that the true percentile `p` does not exceed with this confidence (a share), without any assumption on the
/// distribution: the smallest order statistic of rank k with P(Bin(n, p) < k) ≥ `confidence`. `sorted` ascends. `None`
/// where there are too few samples for that: the early-stopping rule of MLPerf Inference (Reddi et al. 2020) in the
/// order-statistic form of Conover 1999, section 3.2.
pub fn upper_bound(sorted: &[f64], p: f64, confidence: f64) -> Option<f64> {
    let n = sorted.len();
    if n == 0 || !(0.0..1.0).contains(&p) {
        return None;
    }
    // From the far end: P(Bin(n, q) ≤ n - k) with q = 1 - p is P(Bin(n, p) ≥ k), the chance that the sample of rank k
    // falls short.
    let (mut term, odds) = ((n as f64 * p.ln()).exp(), (1.0 - p) / p);
    if p == 0.0 || term == 0.0 {
        return by_normal(sorted, p, confidence);
    }
    let (mut short, mut found) = (0.0, None);
    for beyond in 0..n {
        short += term;
        if short > 1.0 - confidence {
            break;
        }
        found = sorted.get(n - 1 - beyond).copied();
        term *= (n - beyond) as f64 / (beyond + 1) as f64 * odds;
    }
    found
}

/// The same where n is so large (or p so small) that p^n is no number: by the normal approximation with its correction
/// for continuity.
fn by_normal(sorted: &[f64], p: f64, confidence: f64) -> Option<f64> {
    let n = sorted.len() as f64;
    let rank = n * p + super::normal_quantile(confidence) * (n * p * (1.0 - p)).sqrt() + 0.5;
    sorted.get((rank.ceil() as usize).max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{enough_for, percentile, upper_bound};
    use crate::stats::Random;

    #[test]
    fn ten_samples_lie_beyond() {
        assert_eq!([0.5, 0.9, 0.95, 0.99, 0.999].map(enough_for), [20, 100, 200, 1000, 10_000]);
    }

    #[test]
    fn the_nearest_rank_is_a_sample() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        let of = |p| percentile(&sorted, p).unwrap();
        assert_eq!(
            [of(0.0), of(0.005), of(0.5), of(0.9), of(0.99), of(0.995), of(1.0)],
            [1., 1., 50., 90., 99., 100., 100.]
        );
        assert_eq!(percentile(&[7.0], 0.99), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    /// Conover 1999: the largest of n samples bounds the percentile p with confidence 1 - p^n.
    #[test]
    fn the_fewest_samples_that_bound_anything() {
        let sorted = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
        assert_eq!(upper_bound(&sorted(458), 0.99, 0.99), None);
        assert_eq!(upper_bound(&sorted(459), 0.99, 0.99), Some(459.0));
        assert_eq!(upper_bound(&sorted(44), 0.9, 0.99), Some(44.0));
        assert_eq!(upper_bound(&sorted(43), 0.9, 0.99), None);
        assert_eq!(upper_bound(&[], 0.9, 0.99), None);
        assert_eq!(upper_bound(&sorted(9), 1.0, 0.99), None);
    }

    #[test]
    fn it_holds_as_often_as_it_says() {
        let mut random = Random::new(11);
        for (n, p, confidence) in [(60, 0.9, 0.95), (500, 0.99, 0.99), (300, 0.5, 0.9), (2500, 0.9, 0.99)] {
            let trials = 1500;
            let held = (0..trials).filter(|_| {
                let mut sample: Vec<f64> = (0..n).map(|_| random.uniform()).collect();
                sample.sort_by(f64::total_cmp);
                upper_bound(&sample, p, confidence).is_some_and(|bound| bound >= p)
            });
            let share = held.count() as f64 / f64::from(trials);
            let slack = 3.0 * (confidence * (1.0 - confidence) / f64::from(trials)).sqrt();
            assert!(share >= confidence - slack, "n = {n}, p = {p}: {share}");
            assert!(share <= confidence + 0.1, "n = {n}, p = {p}: no wider than it must be: {share}");
        }
    }

    #[test]
    fn many_samples_are_no_trouble() {
        let sorted: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let bound = upper_bound(&sorted, 0.5, 0.99).unwrap();
        assert!((50_300.0..50_500.0).contains(&bound), "{bound}");
    }
}
