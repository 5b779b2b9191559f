//! Runs a program whose input and output may be large: both flow while it runs, within a time limit, and it can be told
//! to stop. For short questions there is `ask`.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::ask::AskError;

/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How much is kept of standard error.
const COMPLAINT_BYTES: u64 = 64 * 1024;

/// What a program is held to.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    /// When it must have ended.
    pub(super) until: Instant,
    /// Asked again and again whether it is to stop.
    pub(super) stop: &'a (dyn Fn() -> bool + Sync),
}

/// What it came to.
pub(super) struct Flown<T> {
    /// What the reader made of its output.
    pub(super) read: T,
    /// Whether it ended with 0.
    pub(super) success: bool,
    /// The start of its standard error.
    pub(super) complaint: String,
}

const GOES_ON: u8 = 0;
const LATE: u8 = 1;
const STOPPED: u8 = 2;
const ENDED: u8 = 3;

/// A pipe that is read no longer than the program's fate allows: what a program leaves behind may hold it open.
struct Pipe<'a, R> {
    from: R,
    fate: &'a AtomicU8,
}

impl<R: Read + AsFd> Read for Pipe<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let span = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        loop {
            // Asked before the pipe is looked at: what was written until then is still read.
            let fate = self.fate.load(Ordering::SeqCst);
            match poll(&mut [PollFd::new(&self.from, PollFlags::IN)], Some(&span)) {
                Ok(0) if fate != GOES_ON => return Ok(0),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.from.read(buffer),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Runs the command, writes `input` to it and lets `read` take its output, at the same time. What `read` leaves is thrown
/// away.
pub(super) fn flow<T>(
    command: &mut Command,
    input: &[u8],
    limits: Limits<'_>,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> Result<Flown<T>, AskError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|source| AskError::Start { program: program.clone(), source })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let fate = AtomicU8::new(GOES_ON);
    let (over, waiting) = channel::<()>();
    let fate = &fate;
    let (read, complaint, status) = std::thread::scope(|scope| {
        scope.spawn(move || watch(&waiting, group, limits, fate));
        let complaint = scope.spawn(move || complaint(stderr.map(|from| Pipe { from, fate })));
        scope.spawn(move || {
            // A program that ends without reading is no error: its exit code tells.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        let read = match stdout {
            Some(from) => drained(Pipe { from, fate }, read),
            None => read(&mut io::empty()),
        };
        if read.is_err() {
            end(group);
        }
        let status = child.wait();
        // A reader that was first keeps its word.
        let _ = fate.compare_exchange(GOES_ON, ENDED, Ordering::SeqCst, Ordering::SeqCst);
        drop(over);
        (read, complaint.join().unwrap_or_default(), status)
    });
    match fate.load(Ordering::SeqCst) {
        LATE => return Err(AskError::TimedOut { program, seconds: started.elapsed().as_secs_f64().round() }),
        STOPPED => return Err(AskError::Stopped { program }),
        _ => {}
    }
    let unread = |source| AskError::Read { program: program.clone(), source };
    Ok(Flown { read: read.map_err(unread)?, success: status.map_err(unread)?.success(), complaint })
}

/// Ends the program when its time is over or it is to stop; returns when the other end of the channel is gone.
fn watch(waiting: &Receiver<()>, group: Option<Pid>, limits: Limits<'_>, fate: &AtomicU8) {
    loop {
        let left = limits.until.saturating_duration_since(Instant::now());
        let reason = match () {
            () if (limits.stop)() => STOPPED,
            () if left.is_zero() => LATE,
            () => GOES_ON,
        };
        if reason != GOES_ON {
            fate.store(reason, Ordering::SeqCst);
            end(group);
            return;
        }
        if waiting.recv_timeout(left.min(TICK)) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn complaint(stderr: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stderr) = stderr {
        // What could be read is what there is to tell.
        let _ = stderr.by_ref().take(COMPLAINT_BYTES).read_to_end(&mut bytes);
        let _ = io::copy(&mut stderr, &mut io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn end(group: Option<Pid>) {
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// What `read` makes of a pipe; the rest is thrown away, so that the writer does not wait.
fn drained<T>(mut pipe: impl Read, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
    let made = read(&mut pipe)?;
    io::copy(&mut pipe, &mut io::sink())?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Flown, Limits, flow};
    use crate::host::ask::AskError;

    fn run(script: &str, input: &[u8], time: Duration, stop: bool) -> Result<Flown<Vec<u8>>, AskError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let limits = Limits { until: Instant::now() + time, stop: &|| stop };
        flow(&mut command, input, limits, |output| {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).map(|_| bytes)
        })
    }

    #[test]
    fn more_than_a_pipe_holds_flows_both_ways() {
        let input = vec![b'x'; 3_000_000];
        let flown = run("cat; echo oh >&2; exit 3", &input, Duration::from_secs(20), false).unwrap();
        assert!(flown.read == input && !flown.success && flown.complaint == "oh\n");
    }

    #[test]
    fn what_hangs_or_is_unwanted_is_ended_with_its_children() {
        let started = Instant::now();
        let late = run("sleep 60 & sleep 60", b"", Duration::from_millis(100), false);
        assert!(matches!(late, Err(AskError::TimedOut { .. })));
        let stopped = run("sleep 60", b"", Duration::from_secs(60), true);
        assert!(matches!(stopped, Err(AskError::Stopped { .. })));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_reader_that_fails_ends_the_program() {
        let limits = Limits { until: Instant::now() + Duration::from_secs(60), stop: &|| false };
        let told = flow(&mut Command::new("yes"), b"", limits, |_| Err::<(), _>(std::io::Error::other("no")));
        assert!(matches!(told, Err(AskError::Read { .. })));
    }
}
