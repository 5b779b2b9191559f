//! The time that the benchmarks of a run may take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::plan::{Item, Plan, Work};

/// The longest that one benchmark samples when neither it nor the run says otherwise.
const SHARE: Duration = Duration::from_secs(10);

/// The time that all benchmarks of a run may still use.
#[derive(Debug)]
pub(in crate::execute) struct Purse {
    left_ns: AtomicU64,
    /// What a benchmark gets that asks for nothing.
    pub(super) share: Duration,
}

impl Purse {
    pub(in crate::execute) fn new(plan: &Plan, budget: Duration) -> Self {
        let sampled = |item: &&Item| matches!(&item.work, Work::Benchmark(measure) if measure.harness.is_none());
        let steps = plan.items.iter().filter(|item| item.skip.is_none()).filter(sampled).count().max(1);
        let share = (budget / u32::try_from(steps).unwrap_or(u32::MAX)).min(SHARE);
        Self { left_ns: AtomicU64::new(u64::try_from(budget.as_nanos()).unwrap_or(u64::MAX)), share }
    }

    pub(super) fn left(&self) -> Duration {
        Duration::from_nanos(self.left_ns.load(Ordering::Relaxed))
    }

    pub(super) fn spend(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.left_ns.store(self.left_ns.load(Ordering::Relaxed).saturating_sub(time), Ordering::Relaxed);
    }
}
