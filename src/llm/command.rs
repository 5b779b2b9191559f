//! A command for each request, whose standard output is the answer as it is written.
//!
//! Words stand for tokens: a run of characters that are no white space, counted when its first byte comes. The first
//! piece of an answer is the first read that holds a word, its end is when the command has ended.

use std::fs::File;
use std::io::{self, PipeReader, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::prompts::Given;
use super::trace::{Piece, Said, Trace};
use crate::execute::Cancel;
use crate::report::escape;
use crate::results::Reason;

/// How often time limits and the wish to stop are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How long output may come after the command has ended, from what it left behind.
const DRAIN: Duration = Duration::from_millis(500);
/// The most of an answer, in bytes.
const LARGEST: usize = 64 << 20;
/// The most of an answer that is kept, in bytes.
const LARGEST_KEPT: usize = 8 << 20;
/// The end of standard error that is kept, in bytes.
const LAST_WORDS: usize = 2 << 10;

/// A command that answers a prompt.
#[derive(Debug, Clone)]
pub struct Command {
    argv: Vec<String>,
    max_tokens: u32,
    timeout: Duration,
    silence: Duration,
    cancel: Cancel,
}

impl Command {
    /// From program and arguments, in which `{prompt}`, `{max_tokens}` and `{seed}` are filled in. Without `{prompt}` the
    /// prompt comes to its standard input. `None` where there is no program.
    pub fn new(
        argv: Vec<String>,
        max_tokens: u32,
        timeout: Duration,
        silence: Duration,
        cancel: Cancel,
    ) -> Option<Self> {
        argv.first().filter(|program| !program.is_empty())?;
        Some(Self { argv, max_tokens, timeout, silence, cancel })
    }

    /// The program's name without its folders.
    pub fn program(&self) -> &str {
        self.argv.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default()
    }

    /// Runs it once, on this thread. Times count from `clock`.
    pub(super) fn ask(&self, prompt: &Given, seed: u64, clock: Instant, due: Option<Duration>) -> Trace {
        self.run(None, prompt, seed, clock, due)
    }

    /// Runs it once, on this thread, and keeps what it writes.
    pub(super) fn complete(&self, prompt: &Given, seed: u64, clock: Instant) -> Trace {
        self.run(Some(Vec::new()), prompt, seed, clock, None)
    }

    fn run(&self, kept: Option<Vec<u8>>, prompt: &Given, seed: u64, clock: Instant, due: Option<Duration>) -> Trace {
        let mut trace = Trace { sent: clock.elapsed(), ..Trace::default() };
        trace.due = due.unwrap_or(trace.sent);
        match self.start(&prompt.text(), seed) {
            Ok((child, out, err)) => {
                let mut running = Running {
                    command: self,
                    child,
                    pipes: [Some(out), Some(err)],
                    clock,
                    began: Instant::now(),
                    heard: Instant::now(),
                    words: Words::default(),
                    bytes: 0,
                    kept,
                    last_words: Vec::new(),
                };
                trace.failure = running.watch().err();
                let text = running.kept.take().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                trace.said = text.map(|text| Said { text, finish: None });
                trace.pieces = std::mem::take(&mut running.words.pieces);
            }
            Err(reason) => trace.failure = Some(reason),
        }
        trace.end = clock.elapsed();
        trace
    }

    fn start(&self, prompt: &str, seed: u64) -> Result<(Child, PipeReader, PipeReader), Reason> {
        let filled = |text: &String| {
            let text = text.replace("{max_tokens}", &self.max_tokens.to_string()).replace("{seed}", &seed.to_string());
            // Last, so that nothing in a prompt is filled in.
            text.replace("{prompt}", prompt)
        };
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Reason::new("not_started", "the command is empty"));
        };
        let wrong = |error: io::Error| {
            let hint = if error.kind() == io::ErrorKind::NotFound { "; is it installed and on PATH?" } else { "" };
            let text = format!("`{}` cannot be started: {error}{hint}", escape::line(program));
            Reason::new("not_started", text)
        };
        let takes_argument = arguments.iter().any(|argument| argument.contains("{prompt}"));
        let input = if takes_argument { Stdio::null() } else { file_of(prompt).map_err(wrong)?.into() };
        let pipe = || -> io::Result<(PipeReader, io::PipeWriter)> {
            let (reader, writer) = io::pipe()?;
            rustix::io::ioctl_fionbio(&reader, true)?;
            Ok((reader, writer))
        };
        let ((out, out_end), (err, err_end)) = (pipe().map_err(wrong)?, pipe().map_err(wrong)?);
        let mut command = std::process::Command::new(program);
        command.args(arguments.iter().map(filled)).stdin(input).stdout(out_end).stderr(err_end).process_group(0);
        let child = command.spawn().map_err(wrong)?;
        Ok((child, out, err))
    }
}

/// A file with this text that has no name, to be read from its beginning.
fn file_of(text: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Counts words as they begin.
#[derive(Debug, Default)]
struct Words {
    inside: bool,
    so_far: u64,
    pieces: Vec<Piece>,
}

impl Words {
    fn take(&mut self, bytes: &[u8], at: Duration) {
        let before = self.so_far;
        for byte in bytes {
            let inside = !byte.is_ascii_whitespace();
            self.so_far += u64::from(inside && !self.inside);
            self.inside = inside;
        }
        if self.so_far > before {
            self.pieces.push(Piece { at, so_far: Some(self.so_far) });
        }
    }
}

struct Running<'a> {
    command: &'a Command,
    child: Child,
    pipes: [Option<PipeReader>; 2],
    clock: Instant,
    began: Instant,
    heard: Instant,
    words: Words,
    bytes: usize,
    /// The answer, where it is kept.
    kept: Option<Vec<u8>>,
    last_words: Vec<u8>,
}

impl Running<'_> {
    /// Reads until the command has ended, or ends it.
    fn watch(&mut self) -> Result<(), Reason> {
        let result = self.read_all();
        // The leader is not reaped yet, so the group's number cannot be another's. An error means that nobody is left.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let status = self.child.wait();
        result?;
        let said = String::from_utf8_lossy(&self.last_words);
        let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let said = escape::line(said.trim()).into_owned();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                let code = status.code().map_or_else(|| "exit_signal".into(), |code| format!("exit_{code}"));
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                return Err(Reason::new(code, format!("the command failed ({status}){said}")));
            }
            Err(error) => return Err(Reason::new("not_started", format!("the command was lost: {error}"))),
        }
        if self.words.so_far == 0 {
            return Err(Reason::new("empty_answer", "the command succeeded and wrote nothing to its standard output"));
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<(), Reason> {
        let mut buffer = vec![0; 16 << 10];
        let mut ended: Option<Instant> = None;
        loop {
            if ended.is_none() && self.has_ended() {
                ended = Some(Instant::now());
            }
            let drained = ended.is_some_and(|at| at.elapsed() >= DRAIN);
            if (ended.is_some() && self.pipes.iter().all(Option::is_none)) || drained {
                return Ok(());
            }
            if ended.is_none() {
                self.check_time()?;
            }
            self.wait().map_err(|error| Reason::new("not_started", format!("its output cannot be read: {error}")))?;
            self.drain(&mut buffer)?;
        }
    }

    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(Some(_)) | Err(_))
    }

    fn check_time(&self) -> Result<(), Reason> {
        let Command { timeout, silence, .. } = *self.command;
        let words = self.words.so_far;
        if self.command.cancel.is_asked() {
            return Err(Reason::new("cancelled", "the measurement was stopped"));
        }
        if self.began.elapsed() >= timeout {
            let code = if words == 0 { "timeout" } else { "endless" };
            let text = format!("the command was not over after {timeout:?} and {words} words; --timeout allows more");
            return Err(Reason::new(code, text));
        }
        if self.heard.elapsed() >= silence {
            let code = if words == 0 { "timeout" } else { "stalled" };
            let text = format!("nothing came for {silence:?} after {words} words; --silence allows more");
            return Err(Reason::new(code, text));
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        let open = self.pipes.iter().flatten();
        let mut fds: Vec<PollFd<'_>> = open.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)).collect();
        if fds.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
            return Ok(());
        }
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.as_nanos() as _ };
        match poll(&mut fds, Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn drain(&mut self, buffer: &mut [u8]) -> Result<(), Reason> {
        let [out, err] = &mut self.pipes;
        if let Some(bytes) = read(out, buffer) {
            self.heard = Instant::now();
            self.bytes += bytes.len();
            self.words.take(bytes, self.clock.elapsed());
            let most = if self.kept.is_some() { LARGEST_KEPT } else { LARGEST };
            if self.bytes > most {
                return Err(Reason::new("too_large", format!("the answer is larger than {} MiB", most >> 20)));
            }
            if let Some(kept) = &mut self.kept {
                kept.extend_from_slice(bytes);
            }
        }
        if let Some(bytes) = read(err, buffer) {
            self.last_words.extend_from_slice(bytes);
            let over = self.last_words.len().saturating_sub(LAST_WORDS);
            self.last_words.drain(..over);
        }
        Ok(())
    }
}

/// What is there; a closed pipe is put away.
fn read<'a>(pipe: &mut Option<PipeReader>, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    match pipe.as_mut()?.read(buffer) {
        Ok(0) => *pipe = None,
        Ok(n) => return buffer.get(..n),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        Err(_) => *pipe = None,
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Command, Words};
    use crate::execute::Cancel;
    use crate::llm::prompts::Given;
    use crate::llm::trace::Trace;
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(60);

    fn ask(argv: &[&str], timeout: Duration, silence: Duration, cancel: &Cancel) -> Trace {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let command = Command::new(argv, 8, timeout, silence, cancel.clone()).unwrap();
        command.ask(&Given::Text("two words".into()), 5, Instant::now(), None)
    }

    fn shell(script: &str) -> Trace {
        ask(&["sh", "-c", script], LONG, LONG, &Cancel::new())
    }

    fn code(trace: &Trace) -> &str {
        trace.failure.as_ref().map_or("ok", |reason| &reason.code)
    }

    #[test]
    fn words_are_counted_when_they_begin() {
        let mut words = Words::default();
        for piece in ["  ", "he", "llo", " you ", "there\n", "\n", "a b"] {
            words.take(piece.as_bytes(), Duration::ZERO);
        }
        assert_eq!(words.pieces.iter().filter_map(|piece| piece.so_far).collect::<Vec<_>>(), [1, 2, 3, 5]);
    }

    #[test]
    fn the_prompt_comes_to_standard_input_or_where_it_is_wanted() {
        let both = shell("read a b; echo $b $a");
        assert_eq!((code(&both), both.tokens()), ("ok", 2));
        let filled = ask(
            &["sh", "-c", "test \"$1 $2\" = 'two words 8:5'", "x", "{prompt}", "{max_tokens}:{seed}"],
            LONG,
            LONG,
            &Cancel::new(),
        );
        assert_eq!(code(&filled), "empty_answer");
    }

    #[test]
    fn an_answer_is_kept_whole_and_bounded() {
        let complete = |script: &str| {
            let argv = ["sh", "-c", script].map(str::to_owned).into();
            let command = Command::new(argv, 8, LONG, LONG, Cancel::new()).unwrap();
            command.complete(&Given::Text("two words".into()), 5, Instant::now())
        };
        assert_eq!(complete("cat; echo; printf ' \\377end\\n'").said.unwrap().text, "two words\n \u{fffd}end\n");
        assert_eq!(code(&complete("yes")), "too_large");
        assert_eq!(shell("echo a").said, None);
    }

    #[test]
    fn times_are_those_of_the_output() {
        let trace = shell("sleep 0.2; echo one; sleep 0.3; echo two three; sleep 0.1");
        assert_eq!((code(&trace), trace.tokens()), ("ok", 3));
        let (first, last) = (trace.first().unwrap(), trace.last().unwrap());
        assert!(first >= Duration::from_millis(190), "{first:?}");
        assert!(last - first >= Duration::from_millis(250), "{first:?} {last:?}");
        assert!(trace.end - last >= Duration::from_millis(80), "{:?} {last:?}", trace.end);
        assert_eq!(trace.gaps().len(), 2, "a gap with two words is divided");
    }

    #[test]
    fn failures_have_their_reason() {
        let failed = shell("echo some; echo 'cannot load model' >&2; exit 3");
        assert_eq!(code(&failed), "exit_3");
        assert!(failed.failure.unwrap().text.ends_with(": cannot load model"));
        assert_eq!(code(&shell("true")), "empty_answer");
        assert_eq!(code(&shell("kill -9 $$")), "exit_signal");
        assert_eq!(code(&ask(&["no-such-program-here"], LONG, LONG, &Cancel::new())), "not_started");
        let short = Duration::from_millis(300);
        assert_eq!(code(&ask(&["sleep", "60"], short, LONG, &Cancel::new())), "timeout");
        assert_eq!(
            code(&ask(&["sh", "-c", "while :; do echo a; sleep 0.05; done"], short, LONG, &Cancel::new())),
            "endless"
        );
        assert_eq!(code(&ask(&["sh", "-c", "echo a; sleep 60"], LONG, short, &Cancel::new())), "stalled");
    }

    #[test]
    fn a_wish_to_stop_ends_it_with_all_that_it_started() {
        let cancel = Cancel::new();
        cancel.ask(2);
        let began = Instant::now();
        assert_eq!(code(&ask(&["sh", "-c", "sleep 60 & wait"], LONG, LONG, &cancel)), "cancelled");
        let left = shell("sleep 60 & echo a");
        assert_eq!(code(&left), "ok");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
