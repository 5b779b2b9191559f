//! What all commands share that one thread measures: the watch over them, and the account of their memory.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use super::memory::MemoryGroup;
use crate::execute::launch::{LaunchError, Launcher};
use crate::execute::{Cancel, Watch};

/// The longest that one run of `true` may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What one thread measures with. It and the subjects made for it stay in the thread that opened them: control groups
/// and counters belong to that thread.
#[derive(Debug)]
pub struct Rig {
    pub(super) watch: Watch,
    /// The group that counts memory, or why there is none.
    pub(super) memory: Result<MemoryGroup, String>,
    thread: PhantomData<*const ()>,
}

impl Rig {
    /// Makes everything ready. `cancel` ends whatever runs.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn open(cancel: Cancel) -> io::Result<Self> {
        forget_own_peak();
        Ok(Self { watch: Watch::start(cancel)?, memory: MemoryGroup::open(), thread: PhantomData })
    }

    /// Who measures peak memory, and the size in bytes below which it cannot be told.
    pub(super) fn memory_source(&self) -> (&'static str, Option<u64>) {
        match &self.memory {
            Ok(group) => (group.source(), Some(group.resolution())),
            Err(_) => ("rusage", own_peak()),
        }
    }
}

/// Tells the kernel to count our peak resident size afresh (Linux; 5 as in proc_pid_clear_refs(5)).
fn forget_own_peak() {
    // Where that is refused the floor is only higher than it need be.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Our own peak resident size in bytes. What we share with a child until its exec is counted as the child's peak, so
/// smaller sizes cannot be seen.
fn own_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What starting and ending a process costs by itself: the median wall time in nanoseconds of `n` runs of `true`.
///
/// # Errors
/// If `true` cannot be run.
pub fn calibrate(n: u64, env: &BTreeMap<String, String>) -> Result<f64, LaunchError> {
    let system = |error| LaunchError::Start("true".into(), error);
    let watch = Watch::start(Cancel::new()).map_err(system)?;
    let launcher = Launcher::new(&["true".to_owned()], env, Path::new("/"), None)?;
    let mut walls = Vec::new();
    for _ in 0..n {
        walls.push(launcher.run(&watch, LONGEST)?.wall.as_nanos() as f64);
    }
    Ok(crate::stats::median(&walls).unwrap_or(0.0))
}
