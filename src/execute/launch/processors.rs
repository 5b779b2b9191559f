//! Which processors a child may use.

use std::io;

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A set of processors.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Processors(#[cfg(target_os = "linux")] CpuSet);

#[cfg(target_os = "linux")]
impl Processors {
    /// These processors, by their numbers; numbers that no system has are left out.
    pub(in crate::execute) fn of(numbers: &[usize]) -> Self {
        let mut set = CpuSet::new();
        numbers.iter().filter(|number| **number < CpuSet::MAX_CPU).for_each(|number| set.set(*number));
        Self(set)
    }

    /// The numbers of those that this thread may use.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(in crate::execute) fn allowed() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|number| set.is_set(*number)).collect())
    }

    /// Keeps this thread on them until the answer is dropped.
    pub(super) fn hold(&self) -> io::Result<Held> {
        let before = sched_getaffinity(None)?;
        sched_setaffinity(None, &self.0)?;
        Ok(Held(Self(before)))
    }
}

#[cfg(not(target_os = "linux"))]
impl Processors {
    pub(in crate::execute) fn of(_: &[usize]) -> Self {
        Self()
    }

    pub(in crate::execute) fn allowed() -> io::Result<Vec<usize>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn hold(&self) -> io::Result<Held> {
        Ok(Held(self.clone()))
    }
}

/// Where this thread may run again when this is dropped.
#[derive(Debug)]
pub(super) struct Held(Processors);

impl Drop for Held {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        // It was allowed before.
        let _ = sched_setaffinity(None, &self.0.0);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Processors;

    #[test]
    fn a_thread_is_where_it_was_afterwards() {
        let before = Processors::allowed().unwrap();
        let last = before.last().copied().unwrap();
        let held = Processors::of(&[last]).hold().unwrap();
        assert_eq!(Processors::allowed().unwrap(), [last]);
        drop(held);
        assert_eq!(Processors::allowed().unwrap(), before);
        assert!(Processors::of(&[usize::MAX]).hold().is_err(), "no processor is no place to run");
        assert_eq!(Processors::allowed().unwrap(), before);
    }
}
