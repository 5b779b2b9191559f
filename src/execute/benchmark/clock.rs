//! Tells whether the host slept, or its clock jumped, while something was measured.

use std::time::Duration;

/// A difference between the clocks from which a pair is dropped: far above what reading two clocks takes.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Two clocks, read one after the other: they run alike, but only the second one runs while the host is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    monotonic: Duration,
    boottime: Duration,
}

impl Clocks {
    /// Both clocks now.
    #[cfg(target_os = "linux")]
    pub(super) fn read() -> Self {
        use rustix::time::{ClockId, Timespec, clock_gettime};
        let since = |time: Timespec| {
            Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
        };
        let read = |clock| since(clock_gettime(clock));
        Self { monotonic: read(ClockId::Monotonic), boottime: read(ClockId::Boottime) }
    }

    /// Elsewhere there is no second clock to compare with.
    #[cfg(not(target_os = "linux"))]
    pub(super) const fn read() -> Self {
        Self { monotonic: Duration::ZERO, boottime: Duration::ZERO }
    }

    /// How long the host was suspended between two readings; `None` where the clocks ran alike.
    pub(super) fn suspended(self, until: Self) -> Option<Duration> {
        let awake = until.monotonic.saturating_sub(self.monotonic);
        let passed = until.boottime.saturating_sub(self.boottime);
        Some(passed.abs_diff(awake)).filter(|apart| *apart > TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clocks;

    fn at(monotonic: u64, boottime: u64) -> Clocks {
        Clocks { monotonic: Duration::from_millis(monotonic), boottime: Duration::from_millis(boottime) }
    }

    #[test]
    fn only_clocks_that_part_tell_of_a_suspension() {
        assert_eq!(at(1000, 5000).suspended(at(1400, 5401)), None);
        assert_eq!(at(1000, 5000).suspended(at(1400, 5500)), None);
        assert_eq!(at(1000, 5000).suspended(at(1400, 65_400)), Some(Duration::from_secs(60)));
        assert_eq!(at(1000, 5000).suspended(at(9000, 5400)), Some(Duration::from_millis(7600)), "a clock that jumped");
        let before = Clocks::read();
        std::thread::sleep(Duration::from_millis(120));
        assert_eq!(before.suspended(Clocks::read()), None, "sleeping is not being suspended");
    }
}
