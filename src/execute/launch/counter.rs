//! A hardware counter of the kernel's perf events, for children that this thread starts.
//!
//! The counter belongs to the calling thread, is off in it, is inherited by each child and turned on by the child's
//! exec. So nothing of our own is counted, nothing has to be done between start and exec, and what a child and its
//! descendants counted is added to ours when they end.
//!
//! One system call is all that this takes, so there is no crate for it.
//!
//! Beside it stands a guard: a counter that is never on and is not inherited. Without one, a child's set of counters
//! is a plain copy of ours, and where the processor goes straight from us to the child the kernel saves time by
//! exchanging the two sets: the exec then turns on our own counter instead of the child's, and later children count
//! nothing. A set with something that is not inherited is no copy.

use std::fs::File;
use std::io::{self, Read};

/// What can be counted: the kernel's type and configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::execute) struct Countable {
    kind: u32,
    config: u64,
}

impl Countable {
    /// Instructions executed.
    pub(in crate::execute) const INSTRUCTIONS: Self = Self::hardware(1);
    /// Cycles of the processor.
    pub(in crate::execute) const CYCLES: Self = Self::hardware(0);
    /// Reads that the last cache did not have.
    pub(in crate::execute) const CACHE_MISSES: Self = Self::hardware(3);
    /// Branches that went another way than was foreseen.
    pub(in crate::execute) const BRANCH_MISSES: Self = Self::hardware(5);
    /// Page faults, which the kernel counts without hardware: there on every Linux, for tests.
    #[cfg(test)]
    pub(in crate::execute) const PAGE_FAULTS: Self = Self { kind: 1, config: 2 };

    const fn hardware(config: u64) -> Self {
        Self { kind: 0, config }
    }
}

/// A value with the times that tell how much of the run was really counted: where there are more counters than the
/// processor has, they take turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::execute) struct Count {
    value: u64,
    enabled: u64,
    running: u64,
}

impl Count {
    /// What was counted since `earlier`, scaled up to the whole time; `None` if it never was its turn.
    pub(in crate::execute) fn since(self, earlier: Self) -> Option<f64> {
        let value = self.value.saturating_sub(earlier.value) as f64;
        let enabled = self.enabled.saturating_sub(earlier.enabled) as f64;
        let running = self.running.saturating_sub(earlier.running) as f64;
        (running > 0.0).then(|| if running < enabled { (value * enabled / running).round() } else { value })
    }
}

/// An open counter. It counts children of the thread that opened it.
#[derive(Debug)]
pub(in crate::execute) struct Counter {
    counter: File,
    _guard: File,
}

impl Counter {
    /// Opens a counter of user-space events.
    ///
    /// # Errors
    /// The kernel's refusal; [`refusal`] puts it into words.
    pub(in crate::execute) fn open(what: Countable) -> io::Result<Self> {
        // First the guard, so that no child can start without it.
        let guard = open(what, DISABLED | USER_ONLY)?;
        Ok(Self { counter: open(what, DISABLED | USER_ONLY | INHERIT | ON_EXEC)?, _guard: guard })
    }

    /// The value so far.
    pub(in crate::execute) fn read(&self) -> io::Result<Count> {
        let mut bytes = [0; 24];
        (&self.counter).read_exact(&mut bytes)?;
        let mut words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_ne_bytes);
        let mut next = || words.next().unwrap_or_default();
        Ok(Count { value: next(), enabled: next(), running: next() })
    }
}

const DISABLED: u64 = 1;
const INHERIT: u64 = 1 << 1;
/// Neither kernel nor hypervisor.
const USER_ONLY: u64 = 1 << 5 | 1 << 6;
const ON_EXEC: u64 = 1 << 12;

/// The first version of `struct perf_event_attr`, which every kernel takes: 64 bytes.
#[cfg(target_os = "linux")]
#[repr(C)]
#[derive(Default)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
}

#[cfg(target_os = "linux")]
fn open(what: Countable, flags: u64) -> io::Result<File> {
    use std::os::fd::FromRawFd;
    /// Both times are read beside the value.
    const TIMES: u64 = 1 | 2;
    const CLOSE_ON_EXEC: u64 = 8;
    let attr = Attr { kind: what.kind, size: 64, config: what.config, read_format: TIMES, flags, ..Attr::default() };
    // SAFETY: the kernel reads `size` bytes of the structure, which is that large; what it returns is a new descriptor
    // that nobody else owns, or an error.
    unsafe {
        let fd = libc::syscall(libc::SYS_perf_event_open, &raw const attr, 0, -1, -1, CLOSE_ON_EXEC);
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
        Ok(File::from_raw_fd(fd))
    }
}

#[cfg(not(target_os = "linux"))]
fn open(_: Countable, _: u64) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Why a counter could not be opened, for people; `paranoid` is what `kernel.perf_event_paranoid` says.
pub(in crate::execute) fn refusal(error: &io::Error, paranoid: Option<&str>) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP) => {
            "this machine has no hardware counters for us, as most virtual machines".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => match paranoid.and_then(|level| level.trim().parse::<i32>().ok()) {
            Some(level) if level > 2 => {
                format!("the kernel forbids it: kernel.perf_event_paranoid is {level}, and 2 is needed")
            }
            _ => "the system forbids it; in a container, allow perf_event_open in its seccomp profile".to_owned(),
        },
        Some(libc::ENOSYS) => "this kernel has no perf events".to_owned(),
        _ if error.kind() == io::ErrorKind::Unsupported => "only Linux has perf events".to_owned(),
        _ => format!("the kernel refuses: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use super::{Count, Countable, Counter, refusal};
    use crate::execute::launch::Processors;
    use crate::execute::{Cancel, Launcher, Watch};

    #[test]
    fn counters_that_took_turns_are_scaled_up() {
        let count = |value, enabled, running| Count { value, enabled, running };
        assert_eq!(count(150, 20, 20).since(count(100, 10, 10)), Some(50.0));
        assert_eq!(count(150, 30, 20).since(count(100, 10, 10)), Some(100.0));
        assert_eq!(count(150, 30, 10).since(count(100, 10, 10)), None);
        assert_eq!(count(0, 0, 0).since(count(9, 9, 9)), None, "a counter never runs backwards");
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = |code, paranoid| refusal(&io::Error::from_raw_os_error(code), paranoid);
        assert!(said(libc::ENOENT, None).contains("no hardware counters"));
        assert!(said(libc::EACCES, Some("4\n")).contains("perf_event_paranoid is 4"));
        assert!(said(libc::EPERM, Some("2")).contains("seccomp"));
        assert!(said(libc::ENOSYS, None).contains("no perf events"));
        assert!(said(libc::EMFILE, None).contains("open files"));
    }

    /// With an event that needs no hardware: children are counted, and we are not.
    #[test]
    fn children_and_their_children_are_counted_from_their_exec_on() {
        // On one processor, it always goes straight from us to the child: see the guard.
        let last = Processors::allowed().unwrap().pop().unwrap();
        let _held = Processors::of(&[last]).hold().unwrap();
        let counter = match Counter::open(Countable::PAGE_FAULTS) {
            Ok(counter) => counter,
            Err(error) => return eprintln!("skipped: {}", refusal(&error, None)),
        };
        let before = counter.read().unwrap();
        let own: Vec<u8> = vec![1; 8 << 20];
        assert_eq!(counter.read().unwrap().value, before.value, "our own {} bytes are not counted", own.len());
        let watch = Watch::start(Cancel::new()).unwrap();
        let env = std::env::vars().filter(|(name, _)| name == "PATH").collect();
        let faults = |script: &str| {
            let argv = ["sh".to_owned(), "-c".into(), script.into()];
            let launcher = Launcher::new(&argv, &env, Path::new("/"), None).unwrap();
            let before = counter.read().unwrap();
            let usage = launcher.run(&watch, Duration::from_secs(60)).unwrap();
            (counter.read().unwrap().since(before).unwrap(), usage)
        };
        for _ in 0..20 {
            assert!(faults("true").0 > 20.0);
        }
        let (small, usage) = faults("true");
        assert!(small > 20.0 && small <= usage.minor_faults as f64, "{small} of {}", usage.minor_faults);
        let (large, _) = faults("sh -c 'sh -c true'; sh -c true");
        assert!(large > 2.0 * small, "{large} against {small}");
    }
}
