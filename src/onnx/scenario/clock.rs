//! The time that queries are measured by.

use std::time::{Duration, Instant};

/// How long before a wanted instant a thread wakes up by itself: what the system's timers are late by, usually.
const EARLY: Duration = Duration::from_micros(100);

/// A clock that can be waited for.
pub trait Clock: Sync {
    /// The time since it was started.
    fn now(&self) -> Duration;
    /// Comes back at that time, or at once if it has passed.
    fn wait_until(&self, at: Duration);
}

/// The monotonic clock of the system.
#[derive(Debug, Clone, Copy)]
pub struct RealClock(Instant);

impl RealClock {
    /// Starts at nothing.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait_until(&self, at: Duration) {
        if let Some(long) = at.checked_sub(self.now() + EARLY) {
            std::thread::sleep(long);
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
