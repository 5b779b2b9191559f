//! When requests arrive at a given rate: a Poisson process, as independent users make it.

use std::time::Duration;

use super::Random;

/// The times of arrivals, ascending, for ever.
#[derive(Debug, Clone)]
pub struct Arrivals {
    random: Random,
    rate: f64,
    at: f64,
}

impl Arrivals {
    /// So many a second on average (a positive number), drawn from a seed.
    pub const fn new(rate: f64, seed: u64) -> Self {
        Self { random: Random::new(seed), rate, at: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // Waits between arrivals are exponential: by inversion, where one minus uniform is never zero.
        self.at -= (1.0 - self.random.uniform()).ln() / self.rate;
        Duration::try_from_secs_f64(self.at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    #[test]
    fn the_mean_and_the_spread_are_those_of_a_poisson_process() {
        let times: Vec<f64> = Arrivals::new(4.0, 7).take(100_000).map(|at| at.as_secs_f64()).collect();
        assert!(times.is_sorted());
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard error of the mean of 100,000 gaps is 0.25 / sqrt(100,000) = 0.0008.
        assert!((mean - 0.25).abs() < 0.003, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "an exponential's spread is its mean: {variance}");
        // The number of arrivals in a second has variance equal to its mean.
        let mut counts = vec![0_u32; times.last().copied().unwrap() as usize];
        for at in &times {
            if let Some(count) = counts.get_mut(*at as usize) {
                *count += 1;
            }
        }
        let n = counts.len() as f64;
        let mean = counts.iter().map(|count| f64::from(*count)).sum::<f64>() / n;
        let variance = counts.iter().map(|count| (f64::from(*count) - mean).powi(2)).sum::<f64>() / n;
        assert!((variance / mean - 1.0).abs() < 0.05, "{variance} / {mean}");
        assert_eq!(
            Arrivals::new(4.0, 7).take(9).collect::<Vec<_>>(),
            Arrivals::new(4.0, 7).take(9).collect::<Vec<_>>()
        );
    }
}
