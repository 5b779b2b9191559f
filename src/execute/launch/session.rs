//! The rank of our session among the others of the host.
//!
//! Where Linux shares out processors by session first (autogroup), a nice value only counts among the processes of one
//! session. A measured command that is to go first needs both: its own nice value, and its session's. Giving each run a
//! session of its own would cost the launcher some 20 µs a run (a look-up in `/proc`), so the session in which we
//! run ourselves is raised once, for as long as a command may be started, and put back afterwards.

use std::sync::{Arc, Mutex, PoisonError, Weak};

const OURS: &str = "/proc/self/autogroup";

/// The session that is raised now, if one is.
static RAISED: Mutex<Weak<Raised>> = Mutex::new(Weak::new());

/// Our session, raised; dropped by the last who needs it, it is as it was.
#[derive(Debug)]
pub(super) struct Raised {
    before: i32,
}

impl Raised {
    /// Raises our session to `nice`, which is below zero; whoever came first decides. `None` where sessions have no rank,
    /// where it stands at or above that already (another process of ours may have done it), or where it is not permitted.
    pub(super) fn hold(nice: i32) -> Option<Arc<Self>> {
        let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = raised.upgrade() {
            return Some(held);
        }
        let before = rank(&std::fs::read_to_string(OURS).ok()?)?;
        if before <= nice || std::fs::write(OURS, nice.to_string()).is_err() {
            return None;
        }
        let held = Arc::new(Self { before });
        *raised = Arc::downgrade(&held);
        Some(held)
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        // Less is always allowed; there is nobody left to tell if it is not.
        let _ = std::fs::write(OURS, self.before.to_string());
    }
}

/// Whether Linux shares processors by session first.
pub(super) fn sessions_count() -> bool {
    std::fs::read("/proc/sys/kernel/sched_autogroup_enabled").is_ok_and(|told| told.starts_with(b"1"))
}

/// The nice value in `/autogroup-25 nice 0`.
fn rank(text: &str) -> Option<i32> {
    text.split_whitespace().skip_while(|word| *word != "nice").nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{OURS, Raised, rank};

    #[test]
    fn the_rank_is_read() {
        assert_eq!(rank("/autogroup-133402 nice -3\n"), Some(-3));
        assert_eq!((rank(""), rank("/autogroup-1"), rank("/autogroup-1 nice x")), (None, None, None));
    }

    #[test]
    fn the_session_is_raised_as_long_as_anyone_holds_it() {
        let now = || rank(&std::fs::read_to_string(OURS).ok()?);
        let (Some(before), Some(first)) = (now(), Raised::hold(-1)) else { return };
        let second = Raised::hold(-1);
        assert!(second.is_some() && now().is_some_and(|now| now <= -1));
        drop(first);
        assert!(now().is_some_and(|now| now <= -1));
        drop(second);
        assert!(now().is_some_and(|now| now == before || now < 0), "another test may hold it now");
    }
}
