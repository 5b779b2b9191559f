//! Executions before anything counts: caches fill, threads wake up, kernels are chosen.

use std::time::Duration;

use super::clock::Clock;
use super::{Effort, Service};
use crate::stats::median;

/// Executions of which the median is taken.
const WINDOW: usize = 10;
/// The largest step between the medians of two windows in a row that counts as none.
const STEP: f64 = 0.02;

/// What warming up came to.
#[derive(Debug, Clone, PartialEq)]
pub struct WarmUp {
    /// How many executions it took.
    pub runs: usize,
    /// Whether the time had settled at the end.
    pub stable: bool,
    /// The first execution, in nanoseconds.
    pub first: f64,
}

/// Executes until the medians of two windows of ten executions in a row differ by at most 2 %, or for a fifth of the
/// time of the measurement.
///
/// # Errors
/// What the service says.
pub fn warm_up(service: &mut dyn Service, clock: &dyn Clock, effort: Effort) -> Result<WarmUp, (&'static str, String)> {
    let most = effort.time.max(Duration::from_secs(1)) / 5;
    let began = clock.now();
    let mut times = Vec::new();
    loop {
        let before = clock.now();
        service.query()?;
        times.push((clock.now() - before).as_nanos() as f64);
        let stable = is_stable(&times);
        if stable || clock.now() - began >= most {
            return Ok(WarmUp { runs: times.len(), stable, first: times.first().copied().unwrap_or_default() });
        }
    }
}

fn is_stable(times: &[f64]) -> bool {
    let mut windows = times.rchunks_exact(WINDOW).filter_map(median);
    match (windows.next(), windows.next()) {
        (Some(last), Some(before)) => (last / before - 1.0).abs() <= STEP,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{is_stable, warm_up};
    use crate::onnx::scenario::Effort;
    use crate::onnx::scenario::clock::testing::{Simulated, Slow};

    #[test]
    fn it_ends_when_the_time_has_settled_or_is_over() {
        let clock = Simulated::default();
        let effort = |millis| Effort { queries: 1, time: Duration::from_millis(millis), most: Duration::MAX, seed: 1 };
        let quick = warm_up(&mut Slow::of(&clock, Duration::from_millis(1)), &clock, effort(10_000)).unwrap();
        assert_eq!((quick.runs, quick.stable, quick.first), (20, true, 1e6));
        let slow = warm_up(&mut Slow::of(&clock, Duration::from_millis(400)), &clock, effort(10_000)).unwrap();
        assert_eq!((slow.runs, slow.stable), (5, false));
    }

    #[test]
    fn falling_times_have_not_settled() {
        let falling: Vec<f64> = (0..20).map(|n| 100.0 - f64::from(n)).collect();
        assert!(!is_stable(&falling));
        assert!(is_stable(&[5.0; 20]));
        assert!(!is_stable(&[5.0; 19]));
    }
}
