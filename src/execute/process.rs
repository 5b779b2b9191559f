//! One supervised process: own group, output streamed, time limit, ended with everything that it started.

use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::cancel::Cancel;
use super::environment::Environment;
use super::log::Log;
use crate::host::memory_kills;
use crate::results::ExitStatus;

/// The number of SIGKILL, which no process can catch.
const KILL: i32 = 9;
/// How long a process group may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// How long output may still come from a group after its leader ended.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a signal for us may come after that for the command.
const ASKED_TOO: Duration = Duration::from_millis(300);
/// How often deadlines and the wish to stop are looked at.
const TICK: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub argv: &'a [String],
    pub cwd: &'a Path,
    pub env: &'a [(String, String)],
    pub secrets: &'a [String],
    pub timeout: Duration,
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub status: ExitStatus,
    pub duration: Duration,
    pub timed_out: bool,
    pub cancelled: bool,
    /// Processes of the group still held the output when the leader had ended, and were ended too.
    pub left_behind: bool,
    /// The system ended it, and ended a process because memory ran out meanwhile.
    pub out_of_memory: bool,
}

impl Ended {
    /// How it ended, for people.
    pub(super) fn ending(&self) -> String {
        match self.status.signal {
            Some(KILL) if self.out_of_memory => {
                format!(
                    "{}: the system killed it because memory ran out; give it more, or a smaller input",
                    self.status
                )
            }
            Some(KILL) if !self.timed_out && !self.cancelled => {
                format!("{}: it was killed from outside, as the system does where memory runs out", self.status)
            }
            _ => self.status.to_string(),
        }
    }

    /// Whether it returned zero by itself.
    pub(super) fn success(&self) -> bool {
        self.status.success() && !self.timed_out && !self.cancelled
    }
}

/// Where its output goes.
pub(super) enum Streams<'a> {
    /// Both streams to one sink, in the order in which they were written.
    Merged(&'a mut dyn Sink),
    /// Standard output to the first, standard error to the second.
    Split(&'a mut dyn Sink, &'a mut dyn Sink),
}

/// Takes output as it comes.
pub(super) trait Sink {
    fn take(&mut self, piece: &[u8]);
}

impl Sink for Log<'_> {
    fn take(&mut self, piece: &[u8]) {
        self.write(piece);
    }
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("the command is empty")]
    Empty,
    #[error("the folder `{0}` is not there; `working_dir` is relative to the pipeline file")]
    NoFolder(String),
    #[error("`{0}`: command not found; is it installed and on PATH?")]
    NotFound(String),
    #[error("`{0}` may not be executed: {1}")]
    Refused(String, io::Error),
    #[error("`{0}` could not be started: {1}")]
    Start(String, io::Error),
}

/// Runs a job to its end. Returns when its leader has ended and its output is closed, or when its group was killed.
pub(super) fn supervise(
    job: &Job<'_>,
    environment: &Environment,
    streams: Streams<'_>,
    cancel: &Cancel,
) -> Result<Ended, ProcessError> {
    supervise_fed(job, Stdio::null(), environment, streams, cancel)
}

/// The same with something on its standard input.
pub(super) fn supervise_fed(
    job: &Job<'_>,
    input: Stdio,
    environment: &Environment,
    streams: Streams<'_>,
    cancel: &Cancel,
) -> Result<Ended, ProcessError> {
    let program = job.argv.first().ok_or(ProcessError::Empty)?;
    let started = Instant::now();
    let kills = memory_kills();
    let (child, pipes) = start(job, input, program, environment, streams)?;
    let watched = Supervised { child, started, deadline: started + job.timeout, phase: Phase::Running };
    let ended = watched.run(pipes, cancel).map_err(|error| ProcessError::Start(program.clone(), error))?;
    let killed = ended.status.signal == Some(KILL) && !ended.timed_out && !ended.cancelled;
    Ok(Ended { out_of_memory: killed && memory_kills() > kills, ..ended })
}

struct Pipe<'a> {
    reader: PipeReader,
    sink: &'a mut dyn Sink,
}

fn start<'a>(
    job: &Job<'_>,
    input: Stdio,
    program: &str,
    environment: &Environment,
    streams: Streams<'a>,
) -> Result<(Child, Vec<Pipe<'a>>), ProcessError> {
    if !job.cwd.is_dir() {
        return Err(ProcessError::NoFolder(job.cwd.display().to_string()));
    }
    let other = |error: io::Error| ProcessError::Start(program.to_owned(), error);
    let mut command = Command::new(program);
    command.args(&job.argv[1..]).current_dir(job.cwd).stdin(input).process_group(0);
    environment.apply(&mut command, job.env, job.secrets);
    let mut pipes = Vec::new();
    let mut pipe = |sink: &'a mut dyn Sink| -> io::Result<io::PipeWriter> {
        let (reader, writer) = io::pipe()?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        pipes.push(Pipe { reader, sink });
        Ok(writer)
    };
    match streams {
        Streams::Merged(log) => {
            let writer = pipe(log).map_err(other)?;
            command.stdout(writer.try_clone().map_err(other)?).stderr(writer);
        }
        Streams::Split(out, err) => {
            command.stdout(pipe(out).map_err(other)?).stderr(pipe(err).map_err(other)?);
        }
    }
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ProcessError::NotFound(program.to_owned()),
        io::ErrorKind::PermissionDenied => ProcessError::Refused(program.to_owned(), error),
        _ => other(error),
    })?;
    Ok((child, pipes))
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    /// SIGTERM was sent.
    Asked(Instant),
    /// SIGKILL was sent.
    Killed(Instant),
}

struct Supervised {
    child: Child,
    started: Instant,
    deadline: Instant,
    phase: Phase,
}

impl Supervised {
    fn run(mut self, mut pipes: Vec<Pipe<'_>>, cancel: &Cancel) -> io::Result<Ended> {
        let mut buffer = vec![0; 64 << 10];
        let (mut timed_out, mut cancelled, mut left_behind) = (false, false, false);
        let mut ended_at = None;
        loop {
            if ended_at.is_none() && self.has_ended() {
                ended_at = Some(Instant::now());
            }
            if pipes.is_empty() && ended_at.is_some() {
                break;
            }
            let now = Instant::now();
            if ended_at.is_none() && self.phase == Phase::Running {
                timed_out = now >= self.deadline;
                cancelled = cancel.is_asked() && !timed_out;
            }
            left_behind |= ended_at.is_some_and(|at| now >= at + DRAIN) && self.phase == Phase::Running;
            self.press(now, timed_out || cancelled || left_behind, cancel.is_urgent());
            if matches!(self.phase, Phase::Killed(at) if ended_at.is_some() && now >= at + DRAIN) {
                // Something outside the group holds the pipe: it is not ours to wait for.
                break;
            }
            wait_for_output(&pipes)?;
            pipes.retain_mut(|pipe| pipe.drain(&mut buffer));
        }
        let duration = ended_at.unwrap_or_else(Instant::now) - self.started;
        // The leader is still a zombie, so the group's number cannot have been given to another.
        self.signal(Signal::KILL);
        let status = self.child.wait()?;
        let status = ExitStatus { code: status.code(), signal: status.signal() };
        cancelled |= self.phase == Phase::Running && !timed_out && is_asked_too(status, cancel);
        Ok(Ended { status, duration, timed_out, cancelled, left_behind, out_of_memory: false })
    }

    /// Whether the leader has ended; it is not reaped.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(Some(_)) | Err(_))
    }

    /// Presses the group to end, first politely.
    fn press(&mut self, now: Instant, wanted: bool, urgent: bool) {
        match self.phase {
            Phase::Running if wanted => {
                self.signal(Signal::TERM);
                self.phase = Phase::Asked(now);
            }
            Phase::Asked(at) if urgent || now >= at + GRACE => {
                self.signal(Signal::KILL);
                self.phase = Phase::Killed(now);
            }
            Phase::Running | Phase::Asked(_) | Phase::Killed(_) => {}
        }
    }

    fn signal(&self, signal: Signal) {
        // An error means that the group is gone, which is what was wanted.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

/// Whether what ended the command ends us as well: a scheduler that ends a job asks all its processes at once, and ours may
/// hear of it a moment later.
fn is_asked_too(status: ExitStatus, cancel: &Cancel) -> bool {
    const ASKING: [i32; 3] = [1, 2, 15];
    let asked = |number: i32| ASKING.contains(&number);
    if !status.signal.is_some_and(asked) && !status.code.is_some_and(|code| asked(code - 128)) {
        return false;
    }
    let until = Instant::now() + ASKED_TOO;
    while !cancel.is_asked() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    cancel.is_asked()
}

/// Waits until there is output or a tick has passed.
fn wait_for_output(pipes: &[Pipe<'_>]) -> io::Result<()> {
    if pipes.is_empty() {
        std::thread::sleep(Duration::from_millis(1));
        return Ok(());
    }
    let mut fds: Vec<PollFd<'_>> =
        pipes.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.reader.as_fd(), PollFlags::IN)).collect();
    let tick = Timespec { tv_sec: 0, tv_nsec: TICK.as_nanos() as _ };
    match poll(&mut fds, Some(&tick)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Pipe<'_> {
    /// Takes what is there; `false` once the other side is closed.
    fn drain(&mut self, buffer: &mut [u8]) -> bool {
        match self.reader.read(buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.sink.take(&buffer[..n]);
                true
            }
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::{Ended, Job, ProcessError, Streams, supervise};
    use crate::execute::log::Log;
    use crate::execute::{Cancel, Environment, Masker};

    fn run(script: &str, timeout: Duration, cancel: &Cancel) -> (Result<Ended, ProcessError>, String) {
        let dir = tempfile::tempdir().unwrap();
        let masker = Masker::default();
        let mut log = Log::create(dir.path(), "log".into(), &masker, None).unwrap();
        let argv = ["sh".to_owned(), "-c".into(), script.into()];
        let job = Job { argv: &argv, cwd: Path::new("/"), env: &[("X".into(), "y".into())], secrets: &[], timeout };
        let ended = supervise(&job, &Environment::default(), Streams::Merged(&mut log), cancel);
        (ended, log.finish().0.tail)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_keeps_its_order_and_the_code_comes_back() {
        let (ended, tail) = run("echo out; echo err >&2; echo $X; exit 7", LONG, &Cancel::new());
        assert_eq!(ended.unwrap().status.code, Some(7));
        assert_eq!(tail, "out\nerr\ny");
    }

    #[test]
    fn a_time_out_ends_grandchildren_that_ignore_sigterm() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("alive");
        let script = format!("(trap '' TERM; sleep 8; touch {}) & wait", mark.display());
        let began = Instant::now();
        let (ended, _) = run(&script, Duration::from_millis(200), &Cancel::new());
        assert!(ended.unwrap().timed_out);
        std::thread::sleep(Duration::from_secs(9).saturating_sub(began.elapsed()));
        assert!(!mark.exists(), "the grandchild went on");
    }

    #[test]
    fn a_process_left_behind_does_not_hang_the_step() {
        let began = Instant::now();
        let (ended, _) = run("sleep 60 & exit 0", LONG, &Cancel::new());
        let ended = ended.unwrap();
        assert!(ended.success() && ended.left_behind);
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_wish_to_stop_ends_it() {
        let cancel = Cancel::new();
        let asker = cancel.clone();
        let helper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            asker.ask(2);
        });
        let (ended, _) = run("sleep 60", LONG, &cancel);
        helper.join().unwrap();
        let ended = ended.unwrap();
        assert!(ended.cancelled && !ended.timed_out);
        assert_eq!(ended.status.signal, Some(15));
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let masker = Masker::default();
        let start = |argv: &[String], cwd: &Path| {
            let mut log = Log::create(dir.path(), "log".into(), &masker, None).unwrap();
            let job = Job { argv, cwd, env: &[], secrets: &[], timeout: LONG };
            supervise(&job, &Environment::default(), Streams::Merged(&mut log), &Cancel::new()).unwrap_err().to_string()
        };
        assert!(start(&["no-such-program-here".into()], Path::new("/")).contains("command not found"));
        assert!(start(&["sh".into()], Path::new("/no/such/folder")).contains("is not there"));
        assert_eq!(start(&[], Path::new("/")), "the command is empty");
    }
}
