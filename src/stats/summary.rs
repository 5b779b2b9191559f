//! One sample described: median, spread, and a distribution-free interval of the median.

use super::MAD_TO_SIGMA;

/// A closed interval with its coverage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The coverage really reached, at least the one asked for.
    pub confidence: f64,
}

/// The numbers of [`summarise`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    /// How many.
    pub n: usize,
    /// Median.
    pub median: f64,
    /// Mean.
    pub mean: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// MAD times [`MAD_TO_SIGMA`].
    pub spread: f64,
    /// Interval of the median; `None` with too few samples for the confidence asked for.
    pub interval: Option<Interval>,
}

/// Describes a sample; `None` for an empty one.
pub fn summarise(samples: &[f64], confidence: f64) -> Option<Description> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    Some(Description {
        n: sorted.len(),
        median: median_of_sorted(&sorted),
        mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
        min,
        max,
        spread: mad(&sorted) * MAD_TO_SIGMA,
        interval: median_interval(&sorted, confidence),
    })
}

/// The median of a sample in any order; `None` for an empty one.
pub fn median(samples: &[f64]) -> Option<f64> {
    if samples.is_empty() {
        return None;
    }
    let mut all = samples.to_vec();
    let half = all.len() / 2;
    let (below, middle, _) = all.select_nth_unstable_by(half, f64::total_cmp);
    let middle = *middle;
    if samples.len() % 2 == 1 {
        return Some(middle);
    }
    let below = below.iter().copied().max_by(f64::total_cmp);
    Some(below.map_or(middle, |below| f64::midpoint(below, middle)))
}

/// Median absolute deviation from the median, unscaled; 0 for an empty sample.
pub fn mad(samples: &[f64]) -> f64 {
    let Some(centre) = median(samples) else { return 0.0 };
    let deviations: Vec<f64> = samples.iter().map(|x| (x - centre).abs()).collect();
    median(&deviations).unwrap_or(0.0)
}

/// The narrowest symmetric pair of order statistics that covers the median with at least `confidence`, from the
/// binomial distribution (David and Nagaraja, Order Statistics, 3rd ed., section 7.1). Holds for any continuous
/// distribution of independent samples. `sorted` must be ascending. `None` with too few samples: 6 are needed for 95 %.
pub fn median_interval(sorted: &[f64], confidence: f64) -> Option<Interval> {
    let n = sorted.len();
    // ln C(n, i) - n ln 2, built up term by term so that n in the thousands neither overflows nor underflows early.
    let mut ln_term = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut best = None;
    for i in 0..n / 2 {
        below += ln_term.exp();
        let coverage = 1.0 - 2.0 * below;
        if coverage < confidence {
            break;
        }
        best = Some((i, coverage));
        ln_term += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    let (i, coverage) = best?;
    Some(Interval { low: *sorted.get(i)?, high: *sorted.get(n - 1 - i)?, confidence: coverage })
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

#[cfg(test)]
mod tests {
    use super::{median, median_interval, summarise};

    #[test]
    fn five_samples_are_too_few_for_95_percent_and_six_are_enough() {
        let ascending: Vec<f64> = (1..=6).map(f64::from).collect();
        assert_eq!(median_interval(&ascending[..5], 0.95), None);
        let interval = median_interval(&ascending, 0.95).unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 6.0));
        assert!((interval.confidence - 0.96875).abs() < 1e-12);
    }

    #[test]
    fn the_tabulated_ranks_for_n_20_and_n_100() {
        // Standard tables: ranks 6 and 15 of 20, 40 and 61 of 100, for at least 95 %.
        let ascending: Vec<f64> = (1..=100).map(f64::from).collect();
        let of_20 = median_interval(&ascending[..20], 0.95).unwrap();
        assert_eq!((of_20.low, of_20.high), (6.0, 15.0));
        let of_100 = median_interval(&ascending, 0.95).unwrap();
        assert_eq!((of_100.low, of_100.high), (40.0, 61.0));
    }

    #[test]
    fn a_large_sample_neither_overflows_nor_loses_its_interval() {
        let ascending: Vec<f64> = (0..5000).map(f64::from).collect();
        let interval = median_interval(&ascending, 0.99).unwrap();
        assert!(interval.low > 2350.0 && interval.high < 2650.0, "{interval:?}");
    }

    #[test]
    fn a_constant_sample_has_no_spread_and_an_exact_interval() {
        let description = summarise(&[7.0; 10], 0.95).unwrap();
        assert_eq!((description.median, description.spread), (7.0, 0.0));
        let interval = description.interval.unwrap();
        assert_eq!((interval.low, interval.high), (7.0, 7.0));
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(median(&[]), None);
        assert_eq!(summarise(&[], 0.95), None);
    }
}
