//! Paired differences: is there a shift, how large, and how sure?
//!
//! The signed-rank test of Wilcoxon (1945) with its exact null distribution, the estimate of Hodges and Lehmann (1963)
//! and the interval that inverts the test (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd ed.,
//! sections 3.1 to 3.3). Where the order inside each pair was drawn at random, the signs of the differences are
//! equally likely under "no change" whatever the noise looks like, so the test keeps its level for autocorrelated,
//! drifting and heavy-tailed noise too: it is a randomisation test.

use super::{normal_quantile, normal_upper_tail};

/// Differences up to which the null distribution is counted out; beyond, the normal approximation is used.
const EXACT: usize = 30;

/// What paired differences say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Hodges-Lehmann estimate of the shift.
    pub estimate: f64,
    /// Lower end of the interval; minus infinity with too few pairs for the confidence asked for.
    pub low: f64,
    /// Upper end; infinity with too few pairs.
    pub high: f64,
    /// p-value of "no change" against "larger than zero".
    pub p_above: f64,
    /// p-value of "no change" against "less than zero".
    pub p_below: f64,
}

impl Paired {
    /// Two-sided p-value of "no change".
    pub fn p(&self) -> f64 {
        (2.0 * self.p_above.min(self.p_below)).min(1.0)
    }
}

/// Analyses differences (head minus base, usually of logarithms), with an interval of `confidence`. `None` for none.
pub fn signed_rank(differences: &[f64], confidence: f64) -> Option<Paired> {
    let walsh = walsh_averages(differences);
    let estimate = median_of_sorted(&walsh)?;
    let (low, high) = interval(&walsh, differences.len(), confidence);
    let (p_above, p_below) = p_values(differences);
    Some(Paired { estimate, low, high, p_above, p_below })
}

/// All averages of two differences, each with itself included, ascending.
fn walsh_averages(differences: &[f64]) -> Vec<f64> {
    let mut all = Vec::with_capacity(differences.len() * (differences.len() + 1) / 2);
    for (at, a) in differences.iter().enumerate() {
        all.extend(differences[at..].iter().map(|b| (a + b) / 2.0));
    }
    all.sort_unstable_by(f64::total_cmp);
    all
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted.get(middle.checked_sub(1)?)? + upper) / 2.0 })
}

/// The pair of order statistics of the Walsh averages that the test at level 1 - confidence does not reject.
fn interval(walsh: &[f64], n: usize, confidence: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    let below = if n <= EXACT {
        let ranks: Vec<usize> = (1..=n).collect();
        let mut cumulated = 0.0;
        let probabilities = distribution(&ranks);
        // The largest k with P(W < k) <= tail.
        probabilities
            .iter()
            .take_while(|p| {
                cumulated += **p;
                cumulated <= tail
            })
            .count()
    } else {
        let (mean, sigma) = moments(n);
        (mean + normal_quantile(tail) * sigma - 0.5).floor().max(0.0) as usize
    };
    if below == 0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let low = walsh.get(below - 1).copied().unwrap_or(f64::NEG_INFINITY);
    let high = walsh.get(walsh.len() - below).copied().unwrap_or(f64::INFINITY);
    (low, high)
}

fn moments(n: usize) -> (f64, f64) {
    let n = n as f64;
    (n * (n + 1.0) / 4.0, (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt())
}

/// One-sided p-values (above, below). Zero differences say nothing and are left out; equal sizes share their rank, and
/// the exact distribution is that of the shared ranks.
fn p_values(differences: &[f64]) -> (f64, f64) {
    let mut kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if kept.is_empty() {
        return (1.0, 1.0);
    }
    kept.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Doubled, so that the mean of two neighbouring ranks is a whole number.
    let mut ranks = Vec::with_capacity(kept.len());
    for group in kept.chunk_by(|a, b| a.abs() == b.abs()) {
        let first = ranks.len();
        ranks.extend(std::iter::repeat_n(2 * first + group.len() + 1, group.len()));
    }
    let positive: usize = kept.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    if kept.len() <= EXACT {
        let probabilities = distribution(&ranks);
        let at_least: f64 = probabilities.iter().skip(positive).sum();
        let at_most: f64 = probabilities.iter().take(positive + 1).sum();
        return (at_least.min(1.0), at_most.min(1.0));
    }
    let mean: f64 = ranks.iter().map(|rank| *rank as f64).sum::<f64>() / 2.0;
    let sigma = ranks.iter().map(|rank| (*rank as f64).powi(2)).sum::<f64>().sqrt() / 2.0;
    let z = |distance: f64| normal_upper_tail((distance - 1.0) / sigma);
    (z(positive as f64 - mean), z(mean - positive as f64))
}

/// The distribution of the sum of a random subset of the ranks, each in it with probability one half.
fn distribution(ranks: &[usize]) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut probabilities = vec![0.0; total + 1];
    if let Some(first) = probabilities.first_mut() {
        *first = 1.0;
    }
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = sum.checked_sub(*rank).and_then(|before| probabilities.get(before)).copied().unwrap_or(0.0);
            if let Some(p) = probabilities.get_mut(sum) {
                *p = (*p + with) / 2.0;
            }
        }
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::signed_rank;
    use crate::stats::Random;

    #[test]
    #[allow(clippy::approx_constant, reason = "3.14 is a measured value of the book")]
    fn the_textbook_example_comes_out() {
        // Hollander and Wolfe, table 3.1 (depression scale factors): T+ = 5, one-sided p = .0195, estimate -.46.
        let first = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = first.iter().zip(&second).map(|(x, y)| y - x).collect();
        let told = signed_rank(&differences, 0.95).unwrap();
        assert!((told.p_below - 0.019_53).abs() < 1e-4, "{told:?}");
        assert!((told.estimate + 0.46).abs() < 1e-9, "{told:?}");
        // The same book's interval with confidence .961: (-.786, -.010).
        assert!((told.low + 0.786).abs() < 1e-9 && (told.high + 0.010).abs() < 1e-9, "{told:?}");
    }

    #[test]
    fn nothing_but_zeros_says_no_change() {
        let told = signed_rank(&[0.0; 12], 0.99).unwrap();
        assert_eq!((told.estimate, told.p()), (0.0, 1.0));
        assert_eq!(signed_rank(&[], 0.99), None);
    }

    #[test]
    fn few_pairs_have_no_bounded_interval() {
        let told = signed_rank(&[0.1, 0.2, 0.3], 0.99).unwrap();
        assert!(told.low.is_infinite() && told.high.is_infinite());
        assert_eq!(told.p_above, 0.125);
    }

    #[test]
    fn ties_keep_the_exact_distribution() {
        // Four equal differences, all positive: the chance of that is 1/16 whatever the ranks.
        assert_eq!(signed_rank(&[1.0; 4], 0.9).unwrap().p_above, 0.0625);
        // By hand: sizes 1, 1, 2 with signs +, -, +: sums of doubled ranks 3, 3, 6; positive = 9, P(>= 9) = 3/8.
        assert_eq!(signed_rank(&[1.0, -1.0, 2.0], 0.9).unwrap().p_above, 0.375);
    }

    #[test]
    fn exact_and_approximate_meet() {
        let mut random = Random::new(7);
        let differences: Vec<f64> = (0..60).map(|_| random.normal() + 0.2).collect();
        let exact = signed_rank(&differences, 0.95).unwrap();
        let more: Vec<f64> = differences.iter().copied().chain([1e-9]).collect();
        let approximate = signed_rank(&more, 0.95).unwrap();
        assert!((exact.p_above - approximate.p_above).abs() < 0.01, "{exact:?} {approximate:?}");
        assert!((exact.low - approximate.low).abs() < 0.05 && (exact.high - approximate.high).abs() < 0.05);
    }

    #[test]
    fn level_and_coverage_are_kept_under_skewed_and_heavy_noise() {
        let mut random = Random::new(20_261_123);
        let (mut alarms, mut covered) = (0, 0);
        for _ in 0..2000 {
            let noise: Vec<f64> = (0..30)
                .map(|_| {
                    // Spikes of one sign, as a busy host makes them; the arm that meets them is drawn.
                    let spike = if random.uniform() < 0.1 { 5.0 * random.uniform() } else { 0.0 };
                    let size = random.normal().abs() * 0.02 + spike;
                    if random.uniform() < 0.5 { size } else { -size }
                })
                .collect();
            let told = signed_rank(&noise, 0.95).unwrap();
            alarms += u32::from(told.p() < 0.01);
            covered += u32::from(told.low <= 0.0 && 0.0 <= told.high);
        }
        assert!(alarms <= 34, "false alarms at 1 %: {alarms} of 2000");
        assert!((1880..=1930).contains(&covered), "coverage of 95 %: {covered} of 2000");
    }
}
