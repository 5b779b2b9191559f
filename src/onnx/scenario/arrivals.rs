//! When queries come that do not wait for answers.

use std::time::Duration;

use crate::stats::Random;

/// The times of so many arrivals of a Poisson process with `rate` arrivals a second, from its beginning: the gaps are
/// drawn from the exponential distribution. The same seed gives the same times.
pub fn poisson(rate: f64, count: usize, seed: u64) -> Vec<Duration> {
    let mut random = Random::new(seed);
    let mut at = 0.0;
    let next = |_| {
        // One minus a number below one is above nothing.
        at -= (1.0 - random.uniform()).ln() / rate;
        Duration::from_secs_f64(at)
    };
    (0..count).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::poisson;

    #[test]
    fn gaps_are_exponential() {
        let times: Vec<f64> = poisson(50.0, 20_000, 9).iter().map(std::time::Duration::as_secs_f64).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean * 50.0 - 1.0).abs() < 0.03, "{mean}");
        // The chance of a gap of more than the mean is 1/e.
        let long = gaps.iter().filter(|gap| **gap > 0.02).count() as f64 / gaps.len() as f64;
        assert!((long - (-1_f64).exp()).abs() < 0.015, "{long}");
        assert_eq!(poisson(50.0, 5, 1), poisson(50.0, 5, 1));
        assert_ne!(poisson(50.0, 5, 1), poisson(50.0, 5, 2));
    }
}
