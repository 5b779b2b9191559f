//! How a run is told to stop: one number shared by all who must hear it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The wish to stop, with the signal that brought it. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Debug, Default)]
struct State {
    signal: AtomicU32,
    times: AtomicU32,
}

impl Cancel {
    /// Nobody has asked to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. The first signal is the one remembered.
    pub fn ask(&self, signal: u32) {
        let _ = self.0.signal.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
        self.0.times.fetch_add(1, Ordering::SeqCst);
    }

    /// The signal that asked to stop, if any.
    pub fn signal(&self) -> Option<u32> {
        match self.0.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Whether somebody asked to stop.
    pub fn is_asked(&self) -> bool {
        self.signal().is_some()
    }

    /// Whether somebody asked more than once: no more waiting for processes to end politely.
    pub fn is_urgent(&self) -> bool {
        self.0.times.load(Ordering::SeqCst) > 1
    }
}
