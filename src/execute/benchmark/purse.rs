//! The time that the benchmarks of a run may take.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::plan::{Item, Plan, Work};

/// The longest that one benchmark samples when it asks for nothing.
const SHARE: Duration = Duration::from_secs(10);

/// The time that all benchmarks of a run may still use, and how many have yet to come.
#[derive(Debug)]
pub(in crate::execute) struct Purse(Mutex<Rest>);

#[derive(Debug)]
struct Rest {
    time: Duration,
    benchmarks: u32,
}

impl Purse {
    pub(in crate::execute) fn new(plan: &Plan, budget: Duration) -> Self {
        let sampled = |item: &&Item| matches!(&item.work, Work::Benchmark(measure) if measure.harness.is_none());
        let benchmarks = plan.items.iter().filter(|item| item.skip.is_none()).filter(sampled).count();
        Self(Mutex::new(Rest { time: budget, benchmarks: u32::try_from(benchmarks).unwrap_or(u32::MAX) }))
    }

    /// What the next benchmark may use: what it asks for, but no more than an equal share of what is left, so that the
    /// first ones leave something to the last.
    pub(super) fn allot(&self, asked: Option<Duration>) -> Duration {
        let mut rest = self.lock();
        let share = rest.time / rest.benchmarks.max(1);
        rest.benchmarks = rest.benchmarks.saturating_sub(1);
        asked.unwrap_or(SHARE).min(share)
    }

    pub(super) fn spend(&self, time: Duration) {
        let mut rest = self.lock();
        rest.time = rest.time.saturating_sub(time);
    }

    fn lock(&self) -> MutexGuard<'_, Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::{Purse, Rest};

    #[test]
    fn what_one_leaves_goes_to_those_after_it() {
        let seconds = Duration::from_secs;
        let purse = Purse(Mutex::new(Rest { time: seconds(12), benchmarks: 3 }));
        assert_eq!(purse.allot(None), seconds(4));
        purse.spend(seconds(2));
        assert_eq!(purse.allot(Some(seconds(3))), seconds(3));
        purse.spend(seconds(3));
        assert_eq!(purse.allot(None), seconds(7));
        purse.spend(seconds(9));
        assert_eq!(purse.allot(None), seconds(0));
    }
}
