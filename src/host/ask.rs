//! Runs a small program and keeps a bounded part of what it says, within a time limit.
//!
//! For questions to tools (`git`, `rustc --version`), not for steps: one thread, no pipes left open, and a program
//! that hangs or floods is ended with everything it started.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a program that has closed its output may take to end.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How much is kept of standard error.
const COMPLAINT_BYTES: usize = 8 * 1024;

/// What a program said.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Whether it ended with 0.
    pub(crate) success: bool,
    /// The start of its standard output, up to the limit.
    pub(crate) output: Vec<u8>,
    /// The start of its standard error.
    pub(crate) complaint: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The program is not there or may not be run.
    #[error("{program} cannot be started ({source}); install it or add it to PATH")]
    Start { program: String, source: std::io::Error },
    /// It did not end in time.
    #[error("{program} gave no answer within {seconds} s and was ended")]
    TimedOut { program: String, seconds: f64 },
    /// The run was to stop.
    #[error("{program} was ended because the run was to stop")]
    Stopped { program: String },
    /// Reading from it failed.
    #[error("the answer of {program} cannot be read ({source})")]
    Read { program: String, source: std::io::Error },
}

/// What a program that may take long is held to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Leash<'a> {
    /// Asked again and again whether it is to stop.
    pub(crate) stop: Option<&'a dyn Fn() -> bool>,
    /// A locked, empty file that it gets as standard input: the lock holds as long as it lives, even if we do not.
    pub(crate) hold: Option<&'a File>,
}

impl Leash<'_> {
    fn is_pulled(self) -> bool {
        self.stop.is_some_and(|stop| stop())
    }

    fn stdin(self) -> Stdio {
        self.hold.and_then(|file| file.try_clone().ok()).map_or_else(Stdio::null, Stdio::from)
    }
}

/// Runs the command, gives it `input` (small: it is written before anything is read) and gathers up to `limit` bytes
/// of its output. A program that says more is ended there; what it said so far is the answer.
pub(super) fn ask(command: &mut Command, input: &[u8], limit: usize, time: Duration) -> Result<Answer, AskError> {
    ask_leashed(command, input, limit, time, Leash::default())
}

/// As [`ask`], for a program that may take long.
pub(crate) fn ask_leashed(
    command: &mut Command,
    input: &[u8],
    limit: usize,
    time: Duration,
    leash: Leash<'_>,
) -> Result<Answer, AskError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stdin = if input.is_empty() { leash.stdin() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let deadline = Instant::now() + time;
    let mut child = command.spawn().map_err(|source| AskError::Start { program: program.clone(), source })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading is no error: its exit code tells.
        let _ = stdin.write_all(input);
    }
    let mut answer = Answer::default();
    let heard = listen(&mut child, &mut answer, limit, deadline, leash);
    let ended = match heard {
        Ok(true) => finish(&mut child, deadline.max(Instant::now() + LAST_BREATH)),
        _ => None,
    };
    match (heard, ended) {
        (Err(source), _) => {
            end(&mut child);
            Err(AskError::Read { program, source })
        }
        (Ok(_), Some(success)) => {
            answer.success = success;
            Ok(answer)
        }
        (Ok(_), None) => {
            end(&mut child);
            if leash.is_pulled() {
                return Err(AskError::Stopped { program });
            }
            if answer.output.len() >= limit {
                return Ok(answer);
            }
            Err(AskError::TimedOut { program, seconds: time.as_secs_f64() })
        }
    }
}

/// Reads both outputs until they are closed (true), or until the limit, the deadline or the wish to stop (false).
fn listen(
    child: &mut Child,
    answer: &mut Answer,
    limit: usize,
    deadline: Instant,
    leash: Leash<'_>,
) -> std::io::Result<bool> {
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else { return Ok(true) };
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || answer.output.len() >= limit || leash.is_pulled() {
            return Ok(false);
        }
        let left = if leash.stop.is_some() { left.min(TICK) } else { left };
        let (out_ready, err_ready) = wait_for(out_open.then_some(&out), err_open.then_some(&err), left)?;
        if out_ready {
            out_open = take(&mut out, &mut answer.output, limit)?;
        }
        if err_ready {
            err_open = take(&mut err, &mut answer.complaint, COMPLAINT_BYTES)?;
        }
    }
    Ok(true)
}

/// Which of the open pipes can be read without blocking, waiting at most `left` for the first.
fn wait_for(out: Option<&impl AsFd>, err: Option<&impl AsFd>, left: Duration) -> std::io::Result<(bool, bool)> {
    let mut waiting = Vec::with_capacity(2);
    waiting.extend(out.map(|fd| PollFd::new(fd, PollFlags::IN)));
    waiting.extend(err.map(|fd| PollFd::new(fd, PollFlags::IN)));
    let span = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut waiting, Some(&span)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut ready = waiting.iter().map(|fd| !fd.revents().is_empty());
    Ok((out.is_some() && ready.next().unwrap_or(false), err.is_some() && ready.next().unwrap_or(false)))
}

/// Reads what is there; keeps up to the limit and drops the rest. False at the end of the stream.
fn take(from: &mut impl Read, into: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
    let mut buffer = [0_u8; 8192];
    let read = match from.read(&mut buffer) {
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(true),
        read => read?,
    };
    let kept = read.min(limit.saturating_sub(into.len()));
    into.extend(buffer.iter().take(kept));
    Ok(read > 0)
}

/// Waits for the end of a program whose outputs are closed; it is then as good as over, so short naps do.
fn finish(child: &mut Child, deadline: Instant) -> Option<bool> {
    let mut nap = Duration::from_micros(50);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(nap),
            _ => return None,
        }
        nap = (nap * 2).min(Duration::from_millis(10));
    }
}

/// Ends the program with all it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    // One that is stuck in a driver cannot be reaped; waiting for it would hang as well.
    let _ = finish(child, Instant::now() + LAST_BREATH);
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{AskError, ask};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[test]
    fn hears_both_outputs_and_the_exit_code() {
        let answer = ask(&mut shell("cat; echo no >&2; exit 3"), b"hello", 100, Duration::from_secs(10)).unwrap();
        assert_eq!((answer.output.as_slice(), answer.complaint.as_slice()), (&b"hello"[..], &b"no\n"[..]));
        assert!(!answer.success);
    }

    #[test]
    fn ends_what_hangs_with_its_children() {
        let started = Instant::now();
        let found = ask(&mut shell("sleep 30 & sleep 30; true"), b"", 100, Duration::from_millis(200));
        assert!(matches!(found, Err(AskError::TimedOut { .. })), "{found:?}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn cuts_what_floods() {
        let answer = ask(&mut shell("yes"), b"", 1000, Duration::from_secs(10)).unwrap();
        assert_eq!(answer.output.len(), 1000);
        let answer = ask(&mut shell("yes | head -c 1000000 >&2"), b"", 10, Duration::from_secs(10)).unwrap();
        assert_eq!((answer.success, answer.complaint.len()), (true, 8192));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = ask(&mut Command::new("no-such-program-here"), b"", 1, Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().starts_with("no-such-program-here cannot be started"), "{error}");
    }
}
