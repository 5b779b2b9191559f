//! Runs a test command, reads its JUnit or its exit code, and tells flaky from failed by running it again.

mod attempts;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use attempts::Attempts;

use super::ended::Ended;
use super::files::{Found, written_since};
use super::log::Log;
use super::process::{Ended as ProcessEnded, Job, Streams, supervise};
use super::{Emitter, Workshop, file_stem};
use crate::harness::junit;
use crate::plan::{Invocation, Item};
use crate::results::{Case, Event, Failure, Kind, Outcome, RemarkLevel, StepStatus};

/// The first attempt and the most retries that a pipeline may ask for.
const MOST_ATTEMPTS: u32 = 11;

/// Runs one test step, all its attempts.
pub(super) fn run(
    item: &Item,
    invocation: &Invocation,
    pattern: Option<&str>,
    retries: u32,
    workshop: &Workshop,
    emitter: &Emitter,
) -> Ended {
    let masker = workshop.environment.masker();
    let mut log = match Log::create(&workshop.run_dir, Workshop::log_name(item, "log"), masker, None) {
        Ok(log) => log,
        Err(error) => return Ended::because(StepStatus::Errored, "log", format!("the log cannot be written: {error}")),
    };
    let step = TestStep { item, invocation, pattern, workshop, emitter };
    let mut ended = step.all_attempts(retries, &mut log);
    for file in junit_files(&workshop.run_dir, &item.id) {
        // Ours to remove: its content is in the document, secrets masked, and in our own junit.xml. Until here it was
        // what a recovery had of the attempts that are not yet told.
        let _ = std::fs::remove_file(file);
    }
    let (log, error) = log.finish();
    if let Some(error) = error {
        emitter.remark(RemarkLevel::Error, Some(&item.id), format!("the log is incomplete: {error}"));
    }
    ended.log = Some(log);
    ended
}

struct TestStep<'a> {
    item: &'a Item,
    invocation: &'a Invocation,
    pattern: Option<&'a str>,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
}

/// What one attempt came to.
struct Attempt {
    process: ProcessEnded,
    failures: u64,
}

impl TestStep<'_> {
    fn all_attempts(&self, retries: u32, log: &mut Log<'_>) -> Ended {
        let mut attempts = Attempts::new(retries > 0);
        let mut number = 1;
        let last = loop {
            let attempt = self.attempt(number, log, &mut attempts);
            let again = attempt.as_ref().is_ok_and(|attempt| !attempt.process.success() || attempt.failures > 0);
            if !again || number > retries || self.workshop.cancel.is_asked() {
                break attempt;
            }
            number += 1;
        };
        // Also where the last attempt could not be started: the earlier ones have their results.
        let failed = attempts.finish(&mut |case| self.emitter.emit(Event::CaseFinished { case }));
        match last {
            Ok(last) => self.judge(&last, failed, number),
            Err(ended) => Ended { attempts: number, ..ended },
        }
    }

    fn judge(&self, last: &Attempt, failed: u64, attempts: u32) -> Ended {
        let process = &last.process;
        let ended = if process.cancelled {
            Ended::cancelled()
        } else if process.timed_out {
            let text = format!("stopped after {:?}; `timeout` sets the limit", self.item.timeout);
            Ended::because(StepStatus::TimedOut, "timeout", text)
        } else if failed > 0 || !process.success() {
            Ended::new(StepStatus::Failed)
        } else {
            Ended::new(StepStatus::Passed)
        };
        if process.left_behind {
            let text = "the command ended but left processes behind that held its output; they were ended";
            self.emitter.remark(RemarkLevel::Warning, Some(&self.item.id), text);
        }
        Ended { attempts, exit: Some(process.status), ..ended }
    }

    /// Runs the command once and takes in the cases it reports.
    fn attempt(&self, number: u32, log: &mut Log<'_>, attempts: &mut Attempts) -> Result<Attempt, Ended> {
        let at_ns = self.emitter.elapsed_ns();
        let (step, kind) = (self.item.id.clone(), Kind::Test);
        self.emitter.emit(Event::StepStarted { step, kind, attempt: number, at_ns });
        if number > 1 {
            log.say(&format!("attempt {number}"));
        }
        let junit = self.junit_file(number)?;
        let env = self.workshop.step_env(self.item, number, &[("BACKSIGHT_JUNIT", junit.display().to_string())]);
        let (argv, cwd) = (self.invocation.argv(), self.workshop.folder(self.item));
        let (secrets, timeout) = (&self.item.secrets, self.item.timeout);
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets, timeout };
        let since = SystemTime::now();
        let process = supervise(&job, &self.workshop.environment, Streams::Merged(log), &self.workshop.cancel)
            .map_err(|error| {
                let text = error.to_string();
                self.emit_own_case(Outcome::Errored, Some(text.clone()), None);
                Ended::because(StepStatus::Errored, "not_started", text)
            })?;
        attempts.begin();
        let mut take = |case: Case| {
            attempts.take(Case { step: self.item.id.clone(), ..case }, &mut |case| {
                self.emitter.emit(Event::CaseFinished { case });
            });
        };
        let read = self.read_reports(&cwd, &junit, since, &mut take);
        if let Some(case) = self.own_case(&process, &read, log) {
            take(case);
        }
        let failures = attempts.failures_now();
        Ok(Attempt { process, failures })
    }

    /// Where `$BACKSIGHT_JUNIT` points; nothing is there yet.
    fn junit_file(&self, attempt: u32) -> Result<PathBuf, Ended> {
        let folder = self.workshop.run_dir.join("junit");
        std::fs::create_dir_all(&folder).map_err(|error| {
            Ended::because(StepStatus::Errored, "log", format!("the folder for JUnit cannot be made: {error}"))
        })?;
        Ok(folder.join(format!("{}.{attempt}.xml", file_stem(&self.item.id))))
    }

    fn read_reports(&self, cwd: &Path, own: &Path, since: SystemTime, take: &mut dyn FnMut(Case)) -> Read {
        let files = match self.pattern {
            None if own.is_file() => vec![own.to_owned()],
            None if own.symlink_metadata().is_ok() => {
                return Read { problems: vec!["$BACKSIGHT_JUNIT is no regular file".into()], ..Read::default() };
            }
            None => return Read::default(),
            Some(pattern) => match written_since(cwd, pattern, since) {
                Ok(Found { fresh, .. }) if !fresh.is_empty() => fresh,
                Ok(Found { stale, .. }) => return Read::missing(pattern, stale.len()),
                Err(text) => return Read { problems: vec![text], ..Read::default() },
            },
        };
        let mut read = Read { files: files.len(), ..Read::default() };
        for file in &files {
            let shown = match self.pattern {
                // Its path differs from run to run, and the file is removed in the end.
                None => "$BACKSIGHT_JUNIT".to_owned(),
                Some(_) => file.strip_prefix(cwd).unwrap_or(file).display().to_string(),
            };
            if let Err(text) = read_junit(file, &mut |case| {
                read.cases += 1;
                read.failures += u64::from(case.outcome.is_failure());
                take(case);
            }) {
                read.problems.push(format!("{shown}: {text}"));
            }
        }
        read
    }

    /// The case that stands for the command itself: the only one where no JUnit was written, otherwise there only if
    /// something went wrong that no case tells.
    fn own_case(&self, process: &ProcessEnded, read: &Read, log: &Log<'_>) -> Option<Case> {
        let told = read.failures > 0;
        let (outcome, message) = if process.cancelled {
            (Outcome::Cancelled, "the run was stopped".to_owned())
        } else if process.timed_out {
            (Outcome::TimedOut, format!("stopped after {:?}", self.item.timeout))
        } else if !read.problems.is_empty() {
            (Outcome::Errored, read.problems.join("; "))
        } else if !process.status.success() && !told {
            let although = if read.files > 0 { ", although no case failed" } else { "" };
            (Outcome::Failed, format!("the command ended with {}{although}", process.status))
        } else if read.files > 0 && read.cases == 0 {
            (Outcome::Errored, "the command passed, but its JUnit holds no case: did it run any test?".into())
        } else if read.files == 0 {
            (Outcome::Passed, String::new())
        } else {
            return None;
        };
        let text = Some(log.tail()).filter(|tail| outcome != Outcome::Passed && !tail.is_empty());
        let mut case = self.case(outcome, Some(message).filter(|message| !message.is_empty()), text);
        case.duration_ns = u64::try_from(process.duration.as_nanos()).ok();
        Some(case)
    }

    fn case(&self, outcome: Outcome, message: Option<String>, text: Option<String>) -> Case {
        let mut case = Case { step: self.item.id.clone(), ..Case::new(&self.item.name, outcome) };
        if message.is_some() || text.is_some() {
            case.failures.push(Failure { message, kind: None, text });
        }
        case
    }

    fn emit_own_case(&self, outcome: Outcome, message: Option<String>, text: Option<String>) {
        self.emitter.emit(Event::CaseFinished { case: self.case(outcome, message, text) });
    }
}

/// What was read of a command's reports.
#[derive(Default)]
struct Read {
    files: usize,
    cases: u64,
    failures: u64,
    problems: Vec<String>,
}

impl Read {
    fn missing(pattern: &str, stale: usize) -> Self {
        let hint = match stale {
            0 => String::new(),
            n => format!("; {n} older files match and were left alone"),
        };
        let text = format!("the command wrote no JUnit that matches `{pattern}`{hint}");
        Self { problems: vec![text], ..Self::default() }
    }
}

/// The JUnit files that a step's command has written to `$BACKSIGHT_JUNIT`, by attempt.
fn junit_files(run_dir: &Path, step: &str) -> Vec<PathBuf> {
    let name = |attempt: u32| run_dir.join("junit").join(format!("{}.{attempt}.xml", file_stem(step)));
    (1..=MOST_ATTEMPTS).map(name).filter(|file| file.is_file()).collect()
}

/// Takes in what a step that was killed had written to `$BACKSIGHT_JUNIT`, its attempts joined, without the first `told`
/// cases, which are known already; then removes the files. What cannot be read of a file that a killed process was
/// writing is lost with that process.
pub fn adopt_junit(run_dir: &Path, step: &str, told: usize, on_case: &mut dyn FnMut(Case)) {
    let files = junit_files(run_dir, step);
    let mut attempts = Attempts::new(true);
    for file in &files {
        attempts.begin();
        let mut take = |case: Case| attempts.take(Case { step: step.to_owned(), ..case }, &mut |_| {});
        let _ = read_junit(file, &mut take);
    }
    let mut known = told;
    attempts.finish(&mut |case| {
        if known == 0 {
            on_case(case);
        }
        known = known.saturating_sub(1);
    });
    for file in &files {
        let _ = std::fs::remove_file(file);
    }
}

/// Reads one JUnit file; cases before a mistake are handed on.
fn read_junit(file: &Path, on_case: &mut dyn FnMut(Case)) -> Result<(), String> {
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut lend = |case: &Case| {
        on_case(case.clone());
        ControlFlow::Continue(())
    };
    junit::read(opened, &junit::Limits::default(), &mut lend).map(|_| ()).map_err(|error| error.to_string())
}
