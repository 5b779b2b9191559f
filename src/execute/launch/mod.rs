//! Starts a measured process with as little as possible between the clock and the process.
//!
//! Everything that can be prepared is prepared once: argument and environment arrays, attributes, file actions. One run
//! is then `posix_spawn` (which shares our memory until the exec, so that our own size does not slow it), a wait that
//! does not reap, the clock, and `wait4` for what the kernel accounted to that process and its waited-for descendants.
//!
//! This module with its parts is the one place with `unsafe` code: the standard library neither reports resource usage
//! nor lets arrays be reused, and knows no counters. Each block says why it is sound.
#![allow(unsafe_code, reason = "posix_spawn, wait4 and perf events have no safe counterpart")]

mod counter;
mod prepared;
mod processors;
mod rank;
mod session;

use std::collections::BTreeMap;
use std::ffi::{CString, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpriority_process, kill_process_group, setpriority_pgrp, setpriority_process,
    waitid,
};

use super::watch::Watch;
use crate::results::ExitStatus;

pub(super) use counter::{Count, Countable, Counter, refusal};
use prepared::{Actions, Array, Attributes};
pub(super) use processors::Processors;
use session::{Raised, sessions_count};

/// What one run used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// From before the start to after the end, by the monotonic clock.
    pub wall: Duration,
    /// User time of the process and the descendants that it waited for.
    pub user: Duration,
    /// System time of them.
    pub system: Duration,
    /// Largest resident set of a single one of them, in bytes. Never below the launcher's own size.
    pub peak_memory: u64,
    /// Page faults that needed no reading from a disk.
    pub minor_faults: u64,
    /// Page faults that did.
    pub major_faults: u64,
    /// How often it gave the processor up by itself, to wait for something.
    pub voluntary_switches: u64,
    /// How often the processor was taken from it.
    pub involuntary_switches: u64,
    /// How it ended.
    pub status: ExitStatus,
    /// Whether its time limit ended it.
    pub timed_out: bool,
}

/// A command made ready to be started many times.
#[derive(Debug)]
pub struct Launcher {
    program: CString,
    argv: Array,
    envp: Array,
    attributes: Attributes,
    actions: Actions,
    pinned: Option<Processors>,
    priority: Option<i32>,
    own_session: bool,
    /// Held while this command may be started, if it goes first.
    raised: Option<Arc<Raised>>,
}

/// Why a command could not be made ready or started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such program.
    #[error("`{0}`: command not found; is it installed and on PATH?")]
    NotFound(String),
    /// A NUL byte cannot be passed on.
    #[error("the command or its environment holds a NUL byte")]
    Nul,
    /// The system's refusal.
    #[error("`{0}` could not be started: {1}")]
    Start(String, io::Error),
}

impl Launcher {
    /// Prepares `argv` to run in `cwd` with exactly `env`. Standard input and output are `/dev/null`; standard error
    /// goes to `stderr`, or to `/dev/null` too. The process leads its own group.
    ///
    /// # Errors
    /// If the program cannot be found or an argument cannot be passed.
    pub fn new(
        argv: &[String],
        env: &BTreeMap<String, String>,
        cwd: &Path,
        stderr: Option<BorrowedFd<'_>>,
    ) -> Result<Self, LaunchError> {
        Self::reading(argv, env, cwd, None, stderr)
    }

    /// The same with standard input. All runs share the descriptor's position: rewind it before each.
    ///
    /// # Errors
    /// As [`Launcher::new`].
    pub fn reading(
        argv: &[String],
        env: &BTreeMap<String, String>,
        cwd: &Path,
        stdin: Option<BorrowedFd<'_>>,
        stderr: Option<BorrowedFd<'_>>,
    ) -> Result<Self, LaunchError> {
        let name = argv.first().cloned().unwrap_or_default();
        let path = env.get("PATH").map_or("", String::as_str);
        let program = find(&name, path, cwd).ok_or_else(|| LaunchError::NotFound(name.clone()))?;
        let program = CString::new(program.into_os_string().into_encoded_bytes()).map_err(|_| LaunchError::Nul)?;
        let pairs = env.iter().map(|(key, value)| format!("{key}={value}"));
        let start = |error| LaunchError::Start(name.clone(), error);
        let folder = CString::new(cwd.as_os_str().as_encoded_bytes()).map_err(|_| LaunchError::Nul)?;
        Ok(Self {
            program,
            argv: Array::new(argv.iter().cloned())?,
            envp: Array::new(pairs)?,
            attributes: Attributes::new().map_err(start)?,
            actions: Actions::new(&folder, stdin, stderr).map_err(start)?,
            pinned: None,
            priority: None,
            own_session: false,
            raised: None,
        })
    }

    /// Runs may use these processors only.
    pub(super) fn pin(&mut self, processors: Processors) {
        self.pinned = Some(processors);
    }

    /// Runs have this nice value, from -20 (first) to 19 (last). Where Linux shares out processors by session first
    /// (autogroup), a nice value only counts among one's own: below zero our session is raised with it for as long as the
    /// launcher lives; above zero each run has a session of its own, so that nothing else is held back.
    pub(super) fn set_priority(&mut self, nice: i32) {
        self.priority = Some(nice);
        self.own_session = nice > 0 && sessions_count() && self.attributes.own_session().is_ok();
        self.raised = if nice < 0 { Raised::hold(nice) } else { None };
    }

    /// The nice value that runs inherit: one below zero. Another could not be laid down again without a permission.
    fn first(&self) -> Option<i32> {
        self.priority.filter(|nice| *nice < 0)
    }

    /// Runs start inside this control group of version 2.
    ///
    /// # Errors
    /// If the C library cannot do that: glibc can since 2.39.
    pub(super) fn start_in(&mut self, group: BorrowedFd<'_>) -> io::Result<()> {
        self.attributes.start_in(group.as_raw_fd())
    }

    /// Runs it once, to its end.
    ///
    /// # Errors
    /// If it cannot be started or waited for.
    pub fn run(&self, watch: &Watch, timeout: Duration) -> Result<Usage, LaunchError> {
        self.run_once(watch, timeout)
            .map_err(|error| LaunchError::Start(self.program.to_string_lossy().into_owned(), error))
    }

    fn run_once(&self, watch: &Watch, timeout: Duration) -> io::Result<Usage> {
        let mut child: libc::pid_t = 0;
        // A child begins where the thread that starts it may run, so it never runs anywhere else.
        let pinned = self.pinned.as_ref().map(Processors::hold).transpose()?;
        rank::take(self.first());
        let started = Instant::now();
        // SAFETY: every pointer comes from a value owned by self that outlives the call; both arrays end with a null
        // pointer (see `Array::new`); attributes and actions were initialised by their constructors.
        check(unsafe {
            libc::posix_spawn(
                &raw mut child,
                self.program.as_ptr(),
                self.actions.0.as_ref(),
                self.attributes.0.as_ref(),
                self.argv.pointers.as_ptr(),
                self.envp.pointers.as_ptr(),
            )
        })?;
        drop(pinned);
        let group = Pid::from_raw(child).ok_or_else(|| io::Error::other("the system gave no process id"))?;
        watch.arm(group, timeout);
        if let Some(nice) = self.priority.filter(|nice| *nice >= 0) {
            // A child that has ended already needs no priority.
            let _ = setpriority_pgrp(Some(group), nice);
            if self.own_session {
                let _ = std::fs::write(format!("/proc/{child}/autogroup"), nice.to_string());
            }
        }
        wait_for_end(group)?;
        let wall = started.elapsed();
        let timed_out = watch.disarm();
        // What it left behind would run beside the next measurement. The leader is a zombie until it is reaped, so the
        // group's number cannot have been given to another.
        let _ = kill_process_group(group, Signal::KILL);
        let (status, usage) = reap(child)?;
        Ok(Usage {
            wall,
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
            peak_memory: peak_bytes(&usage),
            minor_faults: number(usage.ru_minflt),
            major_faults: number(usage.ru_majflt),
            voluntary_switches: number(usage.ru_nvcsw),
            involuntary_switches: number(usage.ru_nivcsw),
            status,
            timed_out,
        })
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        rank::take(None);
    }
}

fn wait_for_end(pid: Pid) -> io::Result<()> {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

fn reap(pid: libc::pid_t) -> io::Result<(ExitStatus, libc::rusage)> {
    let mut status: c_int = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for writes for the whole call.
    let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    if reaped != pid {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: an all-zero rusage is valid, and wait4 has filled it in.
    let usage = unsafe { usage.assume_init() };
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
    Ok((ExitStatus { code, signal }, usage))
}

fn peak_bytes(usage: &libc::rusage) -> u64 {
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit
}

fn number(count: libc::c_long) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_usec).unwrap_or(0) * 1000)
}

fn check(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// Whether a child may have this nice value, tried on this thread where it would take a permission.
///
/// # Errors
/// The system's refusal.
pub(super) fn may_have_priority(nice: i32) -> io::Result<()> {
    let ours = getpriority_process(None)?;
    if nice < ours {
        setpriority_process(None, nice)?;
        // Back to less is always allowed.
        setpriority_process(None, ours)?;
    }
    Ok(())
}

/// The program's file: as `execvp` would find it, made absolute because the child changes its folder first.
pub(super) fn find(name: &str, path: &str, cwd: &Path) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        let file = cwd.join(name);
        return file.is_file().then_some(file);
    }
    path.split(':').map(|folder| cwd.join(folder).join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read, Seek};
    use std::os::fd::AsFd;
    use std::path::Path;
    use std::time::Duration;

    use super::{LaunchError, Launcher, Usage};
    use crate::execute::{Cancel, Watch};

    fn env() -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".into(), std::env::var("PATH").unwrap()), ("X".into(), "y".into())])
    }

    fn run(script: &str, timeout: Duration) -> Usage {
        let watch = Watch::start(Cancel::new()).unwrap();
        let argv = ["sh".to_owned(), "-c".into(), script.into()];
        Launcher::new(&argv, &env(), Path::new("/"), None).unwrap().run(&watch, timeout).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn usage_is_of_the_child_and_never_zero() {
        let usage = run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done", LONG);
        assert!(usage.status.success());
        let cpu = usage.user + usage.system;
        assert!(cpu > Duration::from_millis(1) && cpu <= usage.wall + Duration::from_millis(5), "{usage:?}");
        assert!(usage.peak_memory > 100_000);
    }

    #[test]
    fn folder_environment_and_standard_error_are_as_given() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let watch = Watch::start(Cancel::new()).unwrap();
        let argv = ["sh".to_owned(), "-c".into(), "pwd >&2; env | grep -v ^_ | grep -v PWD | sort >&2; cat >&2".into()];
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("X".into(), "y".into())]);
        let launcher = Launcher::new(&argv, &env, dir.path(), Some(file.as_fd())).unwrap();
        assert!(launcher.run(&watch, LONG).unwrap().status.success());
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        let real = dir.path().canonicalize().unwrap();
        let want = format!("{}\nPATH=/usr/bin:/bin\nX=y\n", real.display());
        assert!(text.starts_with(&want[..want.len() - 1]), "{text}");
    }

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(run("exit 3", LONG).status.code, Some(3));
        assert_eq!(run("kill -9 $$", LONG).status.signal, Some(9));
        let late = run("sleep 30", Duration::from_millis(100));
        assert!(late.timed_out && late.wall < Duration::from_secs(20), "{late:?}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let start = |name: &str| Launcher::new(&[name.to_owned()], &env(), Path::new("/"), None).unwrap_err();
        assert!(matches!(start("no-such-program-here"), LaunchError::NotFound(_)));
        assert!(matches!(start("./no/such"), LaunchError::NotFound(_)));
        assert!(matches!(start(""), LaunchError::NotFound(_)));
    }
}
