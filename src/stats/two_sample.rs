//! Two independent samples: by what factor does the second differ from the first?

use super::{normal_quantile, normal_upper_tail, summary::median};

/// A change between two samples, relative to the first: 0.05 is 5 % more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Hodges-Lehmann estimate.
    pub change: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Two-sided p-value of "no shift" (Mann-Whitney, normal approximation with correction for ties).
    pub p: f64,
}

/// The fewest samples on each side for which the normal approximation is used.
const FEWEST: usize = 6;

/// Pairs of samples looked at; larger samples are thinned evenly to stay below.
const MOST_PAIRS: usize = 1_000_000;

/// Hodges-Lehmann shift of the logarithms with the interval that inverts the Mann-Whitney test (Hodges and Lehmann
/// 1963; Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd ed., sections 4.2 and 4.3; normal
/// approximation). Both samples must be positive; `None` otherwise or with fewer than 6 on a side.
///
/// The interval holds for independent samples only. Measurements of different days are not: treat it as indicative.
pub fn log_shift(base: &[f64], head: &[f64], confidence: f64) -> Option<Shift> {
    let positive = |samples: &[f64]| samples.iter().all(|x| x.is_finite() && *x > 0.0);
    if base.len() < FEWEST || head.len() < FEWEST || !positive(base) || !positive(head) {
        return None;
    }
    let side = (MOST_PAIRS as f64).sqrt() as usize;
    let (base, head) = (thin(base, side), thin(head, side));
    let mut differences = Vec::with_capacity(base.len() * head.len());
    for b in &base {
        differences.extend(head.iter().map(|h| h.ln() - b.ln()));
    }
    differences.sort_by(f64::total_cmp);
    let (n, m) = (base.len() as f64, head.len() as f64);
    let sigma = (n * m * (n + m + 1.0) / 12.0).sqrt();
    let z = normal_quantile(0.5 + confidence / 2.0);
    let rank = (n * m / 2.0 - z * sigma - 0.5).floor().max(0.0) as usize;
    let estimate = median(&differences)?;
    Some(Shift {
        change: estimate.exp_m1(),
        low: differences.get(rank)?.exp_m1(),
        high: differences.get(differences.len() - 1 - rank)?.exp_m1(),
        p: mann_whitney_p(&base, &head, &differences),
    })
}

fn mann_whitney_p(base: &[f64], head: &[f64], differences: &[f64]) -> f64 {
    let above = differences.iter().filter(|d| **d > 0.0).count() as f64;
    let equal = differences.iter().filter(|d| **d == 0.0).count() as f64;
    let (n, m) = (base.len() as f64, head.len() as f64);
    let total = n + m;
    let mut all: Vec<f64> = base.iter().chain(head).copied().collect();
    all.sort_by(f64::total_cmp);
    let ties: f64 = all.chunk_by(|a, b| a == b).map(|group| (group.len() as f64).powi(3) - group.len() as f64).sum();
    let variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((above + 0.5 * equal - n * m / 2.0).abs() - 0.5).max(0.0);
    (2.0 * normal_upper_tail(distance / variance.sqrt())).min(1.0)
}

fn thin(samples: &[f64], most: usize) -> Vec<f64> {
    if samples.len() <= most {
        return samples.to_vec();
    }
    (0..most).filter_map(|i| samples.get(i * samples.len() / most).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::log_shift;
    use crate::stats::Random;

    /// Positive samples around a centre with a spread of 2 %.
    fn sample(noise: &mut Random, n: usize, centre: f64) -> Vec<f64> {
        (0..n).map(|_| centre * (0.02 * noise.normal()).exp()).collect()
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says_and_finds_what_is_there() {
        let mut noise = Random::new(20_261_123);
        let (mut covered, mut false_alarms, mut found) = (0, 0, 0);
        for _ in 0..1000 {
            let (base, same) = (sample(&mut noise, 20, 100.0), sample(&mut noise, 20, 100.0));
            let slower = sample(&mut noise, 20, 105.0);
            let null = log_shift(&base, &same, 0.95).unwrap();
            covered += u32::from(null.low <= 0.0 && 0.0 <= null.high);
            false_alarms += u32::from(null.p < 0.05);
            let shift = log_shift(&base, &slower, 0.95).unwrap();
            found += u32::from(shift.low > 0.0);
        }
        assert!((935..=970).contains(&covered), "coverage {covered} of 1000");
        assert!((30..=65).contains(&false_alarms), "false alarms {false_alarms} of 1000");
        assert!(found >= 990, "power for +5 % under 2 % noise: {found} of 1000");
    }

    #[test]
    fn equal_constants_do_not_differ_and_too_few_say_nothing() {
        let shift = log_shift(&[3.0; 10], &[3.0; 10], 0.95).unwrap();
        assert_eq!((shift.change, shift.p), (0.0, 1.0));
        assert_eq!(log_shift(&[1.0; 5], &[1.0; 10], 0.95), None);
        assert_eq!(log_shift(&[0.0; 10], &[1.0; 10], 0.95), None);
    }
}
