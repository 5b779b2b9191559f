//! One stream of events, many listeners.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::mask::Masker;
use crate::results::{Assembly, Document, Event, Remark, RemarkLevel};

/// Somebody who wants to know what happens. Called in the order of events, one at a time.
pub trait Listener: Send {
    /// Hears one event, secrets masked.
    fn hear(&mut self, event: &Event);
}

/// Takes events from all threads, masks them, tells the listeners, and folds them into the document.
pub struct Emitter {
    inner: Mutex<Inner>,
    masker: Masker,
    started: Instant,
}

struct Inner {
    listeners: Vec<Box<dyn Listener>>,
    assembly: Assembly,
}

impl std::fmt::Debug for Emitter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emitter").finish_non_exhaustive()
    }
}

impl Emitter {
    /// An emitter whose clock starts now. Listeners are told in this order.
    pub fn new(masker: Masker, listeners: Vec<Box<dyn Listener>>) -> Self {
        let inner = Mutex::new(Inner { listeners, assembly: Assembly::new() });
        Self { inner, masker, started: Instant::now() }
    }

    /// Tells an event.
    pub fn emit(&self, mut event: Event) {
        self.masker.mask_event(&mut event);
        let mut inner = self.lock();
        for listener in &mut inner.listeners {
            listener.hear(&event);
        }
        inner.assembly.hear(event);
    }

    /// Tells a sentence about the run or one step.
    pub fn remark(&self, level: RemarkLevel, step: Option<&str>, text: impl Into<String>) {
        let remark = Remark { level, step: step.map(str::to_owned), text: text.into() };
        self.emit(Event::Remarked { remark });
    }

    /// Nanoseconds since the run started.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Looks at the document so far; `None` before the run started.
    pub fn look<T>(&self, look: impl FnOnce(&Document) -> T) -> Option<T> {
        self.lock().assembly.document().map(look)
    }

    /// Ends the stream and gives the document.
    pub fn finish(self) -> Option<Document> {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner).assembly.finish()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
