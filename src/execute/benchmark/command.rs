//! One command, ready to be executed again and again in one place, and what an execution used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use crate::execute::launch::{LaunchError, Launcher, Usage, find};
use crate::execute::{Place, Watch, Workshop};
use crate::plan::{Invocation, Item};
use crate::results::ExitStatus;

/// The most of what a failed execution said that goes to the log, in bytes.
const QUOTED: u64 = 256 << 10;

/// A command with its folder and environment.
#[derive(Debug)]
pub(super) struct Command {
    launcher: Launcher,
    stderr: File,
    shown: String,
}

/// What one execution used and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// (metric, value), in the document's units.
    pub values: Vec<(String, f64)>,
    pub status: ExitStatus,
    pub timed_out: bool,
}

impl Command {
    pub(super) fn open(run: &Invocation, item: &Item, place: &Place, workshop: &Workshop) -> Result<Self, LaunchError> {
        let cwd = place.folder(item);
        let env = workshop.environment.whole(&place.step_env(item, 1, &[]), &item.secrets);
        let argv = direct(run, &env, &cwd).unwrap_or_else(|| run.argv());
        let stderr = tempfile::tempfile().map_err(|error| LaunchError::Start(run.display(), error))?;
        let launcher = Launcher::new(&argv, &env, &cwd, Some(stderr.as_fd()))?;
        Ok(Self { launcher, stderr, shown: shell_words::join(&argv) })
    }

    /// The command as it is started.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Executes it once, to its end.
    pub(super) fn once(&mut self, watch: &Watch, timeout: Duration) -> Result<Reading, LaunchError> {
        self.empty_stderr();
        let usage = self.launcher.run(watch, timeout)?;
        Ok(Reading { values: values(&usage), status: usage.status, timed_out: usage.timed_out })
    }

    /// What the last execution wrote on standard error.
    pub(super) fn said(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        // Without it the failure is still told, only not in the command's own words.
        let _ = self.stderr.rewind().and_then(|()| Read::take(&mut self.stderr, QUOTED).read_to_end(&mut text));
        text
    }

    /// Each execution starts with an empty file, so that the disk does not fill up.
    fn empty_stderr(&mut self) {
        if self.stderr.metadata().is_ok_and(|facts| facts.len() > 0) {
            let _ = self.stderr.set_len(0).and_then(|()| self.stderr.rewind());
        }
    }
}

/// The figures of one run as (metric, value), in the document's units.
fn values(usage: &Usage) -> Vec<(String, f64)> {
    let ns = |time: Duration| time.as_nanos() as f64;
    vec![
        ("wall_time".into(), ns(usage.wall)),
        ("cpu_time".into(), ns(usage.user + usage.system)),
        ("user_time".into(), ns(usage.user)),
        ("system_time".into(), ns(usage.system)),
        ("peak_memory".into(), usage.peak_memory as f64),
    ]
}

/// The words of a command in string form that needs no shell: starting one would be measured with it.
fn direct(run: &Invocation, env: &BTreeMap<String, String>, cwd: &Path) -> Option<Vec<String>> {
    let Invocation::Shell { script, .. } = run else { return None };
    let plain = |c: char| c.is_ascii_alphanumeric() || " /._-+,:@%=^'\"".contains(c);
    if !script.chars().all(plain) {
        return None;
    }
    let words = shell_words::split(script).ok()?;
    let program = words.first().filter(|word| !word.contains('='))?;
    find(program, env.get("PATH").map_or("", String::as_str), cwd)?;
    Some(words)
}

/// Tells the kernel to count our peak resident size afresh (Linux; 5 as in proc_pid_clear_refs(5)).
pub(super) fn forget_own_peak() {
    // Where that is refused the floor is only higher than it need be.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Our own peak resident size in bytes. What we share with a child until its exec is counted as the child's peak, so
/// smaller sizes cannot be seen.
pub(super) fn own_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What starting and ending a process costs by itself: the median wall time in nanoseconds of `n` runs of `true`.
///
/// # Errors
/// If `true` cannot be run.
pub fn calibrate(n: u32, env: &BTreeMap<String, String>) -> Result<f64, LaunchError> {
    let system = |error: io::Error| LaunchError::Start("true".into(), error);
    let watch = Watch::start(crate::execute::Cancel::new()).map_err(system)?;
    let launcher = Launcher::new(&["true".to_owned()], env, Path::new("/"), None)?;
    let mut walls = Vec::new();
    for _ in 0..n {
        walls.push(launcher.run(&watch, Duration::from_secs(10))?.wall.as_nanos() as f64);
    }
    Ok(crate::stats::median(&walls).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::direct;
    use crate::pipeline::Shell;
    use crate::plan::Invocation;

    fn words(script: &str) -> Option<Vec<String>> {
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        direct(&Invocation::Shell { shell: Shell::Sh, script: script.into() }, &env, Path::new("/"))
    }

    #[test]
    fn a_plain_command_needs_no_shell() {
        assert_eq!(words("sleep 0.1").unwrap(), ["sleep", "0.1"]);
        assert_eq!(words("env 'a b'").unwrap(), ["env", "a b"]);
    }

    #[test]
    fn whatever_a_shell_would_read_goes_to_the_shell() {
        for script in [
            "sleep $X",
            "a | b",
            "sleep 1 > x",
            "X=1 sleep 1",
            "cd /",
            "ls *",
            "sleep 1 &",
            "echo `x`",
            "~/x",
            "exit 3",
        ] {
            assert_eq!(words(script), None, "{script}");
        }
    }
}
