//! Peak memory of a whole tree of processes, by a control group of our own where the system lets us have one.
//!
//! The figure of a run is what the group held at its peak beyond what it held when the run began: caches that earlier
//! runs left behind are not the run's. With version 1 the thread that starts the runs sits in the group, so that each
//! child begins in it; with version 2 the C library starts the child inside it. Either way nothing happens between the
//! clock and the command.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::execute::launch::Processors;
use crate::host;

/// The kernel charges memory to a group in batches of this many pages for each processor.
const BATCH_PAGES: u64 = 64;
/// Processors whose batches are counted into the resolution: a program on more of them at once is large anyway.
const BATCHES: u64 = 4;
/// Tasks that are brought out of a group at its end.
const MOST_LEFT: usize = 10_000;
/// How our groups are called; the process's id and a number follow.
const PREFIX: &str = "backsight-";

/// Numbers the groups of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A control group whose peak is read.
#[derive(Debug)]
pub(super) struct MemoryGroup {
    folder: PathBuf,
    peak: File,
    usage: File,
    way: Way,
    resolution: u64,
}

/// How runs come into the group.
#[derive(Debug)]
enum Way {
    /// The thread with this id sits in it from the first run on, and goes back by a line in this file.
    Thread { id: i32, home: PathBuf, inside: Cell<bool> },
    /// They are started inside this folder.
    Start(File),
}

/// What the group held when a run began, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl MemoryGroup {
    /// A group for the runs that this thread starts; the error says why there is none.
    pub(super) fn open() -> Result<Self, String> {
        let second = Self::version_2(&host::groups(""));
        second.or_else(|second| Self::version_1(&host::groups("memory")).map_err(|first| format!("{second}; {first}")))
    }

    /// Below our own group, or beside it: a group with processes may not hand controllers down.
    fn version_2(groups: &[PathBuf]) -> Result<Self, String> {
        let mut why = "no control group of version 2 that counts memory".to_owned();
        for parent in groups.iter().rev().take(2) {
            let made = Made::below(parent).map_err(|error| format!("version 2: {error}"));
            let group = made.and_then(|made| {
                let peak = made.open("memory.peak", true).map_err(|_| "version 2: no `memory.peak` of our own")?;
                // Kernels since 6.12 begin a new peak for whoever writes; older ones never forget one.
                (&peak).write_all(b"r").map_err(|_| "version 2: this kernel cannot begin a new peak; 6.12 can")?;
                let usage = made.open("memory.current", false).map_err(|error| error.to_string())?;
                let folder = File::open(&made.0).map_err(|error| error.to_string())?;
                Ok(Self { peak, usage, way: Way::Start(folder), folder: made.keep(), resolution: resolution() })
            });
            match group {
                Ok(group) => return Ok(group),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    fn version_1(groups: &[PathBuf]) -> Result<Self, String> {
        let own = groups.last().ok_or("no control group of version 1 that counts memory")?;
        forget_the_dead(own);
        let said = |error: io::Error| format!("version 1: {error}");
        let made = Made::below(own).map_err(said)?;
        let peak = made.open("memory.max_usage_in_bytes", true).map_err(said)?;
        let usage = made.open("memory.usage_in_bytes", false).map_err(said)?;
        let id = rustix::thread::gettid().as_raw_nonzero().get();
        let way = Way::Thread { id, home: own.join("tasks"), inside: Cell::new(false) };
        let group = Self { peak, usage, way, folder: made.keep(), resolution: resolution() };
        group.mark().map_err(said)?;
        group.go_home();
        Ok(group)
    }

    /// Who measured, as the metric tells it.
    pub(super) const fn source(&self) -> &'static str {
        match self.way {
            Way::Thread { .. } => "cgroup_v1",
            Way::Start(_) => "cgroup_v2",
        }
    }

    /// The size in bytes up to which sizes cannot be told apart.
    pub(super) const fn resolution(&self) -> u64 {
        self.resolution
    }

    /// The folder that runs must be started in; `None` where this thread sits in it.
    pub(super) fn folder(&self) -> Option<BorrowedFd<'_>> {
        match &self.way {
            Way::Thread { .. } => None,
            Way::Start(folder) => Some(folder.as_fd()),
        }
    }

    /// Begins a new peak.
    pub(super) fn mark(&self) -> io::Result<Mark> {
        match &self.way {
            Way::Thread { id, inside, .. } => {
                // Not before: what a build leaves running would begin here too.
                if !inside.get() {
                    fs::write(self.folder.join("tasks"), id.to_string())?;
                    inside.set(true);
                }
                self.peak.write_all_at(b"0", 0)?;
            }
            Way::Start(_) => (&self.peak).write_all(b"r")?,
        }
        Ok(Mark(number(&self.usage)?))
    }

    /// The bytes held at the peak since the mark, beyond what was held then; at least the resolution.
    pub(super) fn peak_since(&self, mark: Mark) -> io::Result<u64> {
        Ok(number(&self.peak)?.saturating_sub(mark.0).max(self.resolution))
    }

    /// Brings this thread out of the group, and whoever else began in it: threads that ours started, processes that a
    /// run left behind.
    fn go_home(&self) {
        let Way::Thread { home, inside, .. } = &self.way else { return };
        if inside.replace(false) {
            let tasks = fs::read_to_string(self.folder.join("tasks")).unwrap_or_default();
            for id in tasks.lines().take(MOST_LEFT) {
                let _ = fs::write(home, id);
            }
        }
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        self.go_home();
        // Where it is not empty after all, the next run that finds it empty removes it.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A new folder, removed again unless it is kept.
struct Made(PathBuf);

impl Made {
    fn below(parent: &Path) -> io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<File> {
        File::options().read(true).write(write).open(self.0.join(name))
    }

    fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir(&self.0);
        }
    }
}

/// Removes the groups that killed processes of ours left behind. A group that still holds a process stays.
fn forget_the_dead(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten().take(10_000) {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|id| id.parse::<u32>().is_ok() && !Path::new("/proc").join(id).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn resolution() -> u64 {
    let processors = Processors::allowed().map_or(1, |all| all.len() as u64);
    BATCH_PAGES * rustix::param::page_size() as u64 * processors.clamp(1, BATCHES)
}

fn number(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 32];
    let length = file.read_at(&mut bytes, 0)?;
    let text = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::{MemoryGroup, forget_the_dead};
    use crate::execute::{Cancel, Launcher, Watch};

    #[test]
    fn without_a_group_of_our_own_there_is_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let error = MemoryGroup::version_2(&[dir.path().to_owned()]).unwrap_err();
        assert!(error.contains("memory.peak"), "{error}");
        assert!(MemoryGroup::version_1(&[dir.path().to_owned()]).unwrap_err().contains("version 1"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "what was made for the trial is gone");
        assert!(MemoryGroup::version_2(&[]).unwrap_err().contains("no control group"));
        assert!(MemoryGroup::version_1(&[]).unwrap_err().contains("no control group"));
    }

    #[test]
    fn only_groups_of_the_dead_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let alive = format!("backsight-{}-0", std::process::id());
        for name in ["backsight-4294967295-0", "backsight-x", "other", &alive] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        forget_the_dead(dir.path());
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [alive.as_str(), "backsight-x", "other"].map(Into::<std::ffi::OsString>::into));
    }

    #[test]
    fn two_processes_at_once_count_together() {
        let group = match MemoryGroup::open() {
            Ok(group) => group,
            Err(reason) => return eprintln!("skipped: {reason}"),
        };
        let folder = group.folder.clone();
        let watch = Watch::start(Cancel::new()).unwrap();
        let env = std::env::vars().filter(|(name, _)| name == "PATH").collect();
        let peak = |script: &str| {
            let argv = ["sh".to_owned(), "-c".into(), script.into()];
            let mut launcher = Launcher::new(&argv, &env, Path::new("/"), None).unwrap();
            if let Some(folder) = group.folder() {
                launcher.start_in(folder).unwrap();
            }
            let mark = group.mark().unwrap();
            assert!(launcher.run(&watch, Duration::from_secs(60)).unwrap().status.success());
            group.peak_since(mark).unwrap()
        };
        let hold = "python3 -c 'x = bytearray(64 << 20); import time; time.sleep(0.7)'";
        let (one, two, none) = (peak(hold), peak(&format!("{hold} & {hold} & wait")), peak("true"));
        assert!(one > 64 << 20 && one < 96 << 20, "one: {one}");
        assert!(two > 128 << 20 && two < 192 << 20, "two: {two}");
        assert!(none >= group.resolution() && none < 8 << 20, "none: {none}");
        drop(group);
        assert!(!folder.exists());
    }
}
