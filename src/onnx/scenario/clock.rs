//! The time that queries are measured by.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long before a wanted instant a thread wakes up and waits awake: as long as the system was seen to be late, within
/// these, in nanoseconds. A busy system is late by more than an idle one, and waiting awake takes a processor.
const EARLY: std::ops::RangeInclusive<u64> = 100_000..=2_000_000;

/// A clock that can be waited for.
pub trait Clock: Sync {
    /// The time since it was started.
    fn now(&self) -> Duration;
    /// Comes back at that time, or at once if it has passed.
    fn wait_until(&self, at: Duration);
}

/// The monotonic clock of the system.
#[derive(Debug)]
pub struct RealClock {
    began: Instant,
    /// How long before an instant a thread wakes up, in nanoseconds.
    early: AtomicU64,
}

impl RealClock {
    /// Starts at nothing.
    pub fn start() -> Self {
        Self { began: Instant::now(), early: AtomicU64::new(*EARLY.start() * 2) }
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait_until(&self, at: Duration) {
        let early = self.early.load(Relaxed);
        if let Some(wake) = at.checked_sub(Duration::from_nanos(early))
            && let Some(long) = wake.checked_sub(self.now())
        {
            std::thread::sleep(long);
            let late = u64::try_from(self.now().saturating_sub(wake).as_nanos()).unwrap_or(u64::MAX);
            // At once as early as it was late and half as much again; slowly later while it is punctual.
            let next = late.saturating_mul(3) / 2;
            self.early.store(next.max(early - early / 64).clamp(*EARLY.start(), *EARLY.end()), Relaxed);
        }
        while self.now() < at {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::time::Duration;

    use super::Clock;
    use crate::onnx::scenario::Service;

    /// A clock that only goes when something takes time.
    #[derive(Debug, Default)]
    pub(crate) struct Simulated(AtomicU64);

    impl Clock for Simulated {
        fn now(&self) -> Duration {
            Duration::from_nanos(self.0.load(SeqCst))
        }

        fn wait_until(&self, at: Duration) {
            self.0.fetch_max(u64::try_from(at.as_nanos()).unwrap(), SeqCst);
        }
    }

    /// A service that takes a fixed time, but for one query.
    pub(crate) struct Slow<'a> {
        clock: &'a Simulated,
        takes: Duration,
        stall: Option<(usize, Duration)>,
        asked: usize,
    }

    impl<'a> Slow<'a> {
        pub(crate) fn of(clock: &'a Simulated, takes: Duration) -> Self {
            Self { clock, takes, stall: None, asked: 0 }
        }

        pub(crate) fn stalls_at(self, query: usize, time: Duration) -> Self {
            Self { stall: Some((query, time)), ..self }
        }
    }

    impl Service for Slow<'_> {
        fn query(&mut self) -> Result<(), (&'static str, String)> {
            self.asked += 1;
            let stall = self.stall.filter(|(query, _)| *query == self.asked).map_or(Duration::ZERO, |(_, time)| time);
            self.clock.wait_until(self.clock.now() + self.takes + stall);
            Ok(())
        }
    }
}
