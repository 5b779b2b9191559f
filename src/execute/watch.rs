//! Ends a measured process that outstays its time, or all of them when the run is to stop, without a timer in the
//! measuring loop itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::cancel::Cancel;

/// How often the watch looks: seldom enough not to disturb what it watches.
const LOOK: Duration = Duration::from_millis(50);
/// How long a group may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// A thread that looks after one process group at a time.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    active: Mutex<Option<Active>>,
    over: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Active {
    group: Pid,
    deadline: Instant,
    asked: Option<Instant>,
    timed_out: bool,
}

impl Watch {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(cancel: Cancel) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { active: Mutex::new(None), over: AtomicBool::new(false) });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || theirs.look(&cancel))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Puts a group under watch until [`Watch::disarm`].
    pub(super) fn arm(&self, group: Pid, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        *self.shared.lock() = Some(Active { group, deadline, asked: None, timed_out: false });
    }

    /// Ends the watch; must be called before the group's leader is reaped. Tells whether its time had run out.
    pub(super) fn disarm(&self) -> bool {
        self.shared.lock().take().is_some_and(|active| active.timed_out)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, cancel: &Cancel) {
        while !self.over.load(Ordering::Relaxed) {
            std::thread::park_timeout(LOOK);
            let now = Instant::now();
            if let Some(active) = self.lock().as_mut() {
                active.press(now, cancel);
            }
        }
    }
}

impl Active {
    fn press(&mut self, now: Instant, cancel: &Cancel) {
        match self.asked {
            None if now >= self.deadline || cancel.is_asked() => {
                self.timed_out = !cancel.is_asked();
                self.asked = Some(now);
                let _ = kill_process_group(self.group, Signal::TERM);
            }
            Some(at) if now >= at + GRACE || cancel.is_urgent() => {
                let _ = kill_process_group(self.group, Signal::KILL);
            }
            None | Some(_) => {}
        }
    }
}
