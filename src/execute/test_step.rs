//! Runs a test command, reads its report or its exit code, and tells flaky from failed by running it again.

mod attempts;
mod report;

use std::cell::RefCell;
use std::path::Path;
use std::time::SystemTime;

use attempts::Attempts;
pub use report::adopt_reports;
use report::{Both, WRITTEN};

use super::ended::Ended;
use super::log::Log;
use super::process::{Ended as ProcessEnded, Job, Streams, supervise};
use super::{Emitter, Workshop};
use crate::harness::outcome;
use crate::pipeline::{OutputSource, TestHarness};
use crate::plan::{Invocation, Item};
use crate::results::{Case, Event, Failure, Kind, Outcome, Reason, RemarkLevel, StepStatus};

/// The largest report that is kept of what a command prints, in bytes.
const LARGEST: u64 = 1 << 30;

/// Runs one test step, all its attempts.
pub(super) fn run(
    item: &Item,
    invocation: &Invocation,
    report: &(TestHarness, Option<OutputSource>),
    retries: u32,
    workshop: &Workshop,
    emitter: &Emitter,
) -> Ended {
    let masker = workshop.environment.masker();
    let mut log = match Log::create(&workshop.run_dir, Workshop::log_name(item, "log"), masker, None) {
        Ok(log) => log,
        Err(error) => return Ended::because(StepStatus::Errored, "log", format!("the log cannot be written: {error}")),
    };
    let step = TestStep { item, invocation, harness: report.0, source: report.1.as_ref(), workshop, emitter };
    let mut ended = step.all_attempts(retries, &mut log);
    for (file, _) in report::left(&workshop.run_dir, &item.id) {
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
    harness: TestHarness,
    source: Option<&'a OutputSource>,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
}

/// What one attempt came to.
struct Attempt {
    process: ProcessEnded,
    failures: u64,
    /// Why it cannot be done here, which is no failure.
    skipped: Option<Reason>,
}

impl TestStep<'_> {
    fn all_attempts(&self, retries: u32, log: &mut Log<'_>) -> Ended {
        let mut attempts = Attempts::new(retries > 0);
        let mut number = 1;
        let last = loop {
            let attempt = self.attempt(number, log, &mut attempts);
            let is_bad =
                |attempt: &Attempt| attempt.failures > 0 || (!attempt.process.success() && attempt.skipped.is_none());
            let again = attempt.as_ref().is_ok_and(is_bad);
            if !again || number > retries || self.workshop.cancel.is_asked() {
                break attempt;
            }
            number += 1;
        };
        // Also where the last attempt could not be started: the earlier ones have their results.
        let failed = attempts.finish(&mut |case| self.emit(case));
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
        } else if let Some(reason) = last.skipped.clone().filter(|_| failed == 0) {
            Ended { reason: Some(reason), ..Ended::new(StepStatus::Skipped) }
        } else if process.out_of_memory {
            Ended::because(StepStatus::Failed, "out_of_memory", process.ending())
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
        let folder = self.workshop.run_dir.join("junit");
        let cannot = |error| Ended::because(StepStatus::Errored, "log", format!("reports cannot be kept: {error}"));
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let name = |ending| report::name(&self.item.id, number, ending);
        let written = self.workshop.run_dir.join(name(WRITTEN));
        let masker = self.workshop.environment.masker();
        let mut printed = match self.source {
            Some(OutputSource::Stdout | OutputSource::Stderr) => {
                let kept = Log::create(&self.workshop.run_dir, name(self.harness.as_str()), masker, Some(LARGEST));
                Some(kept.map_err(cannot)?)
            }
            _ => None,
        };
        let since = SystemTime::now();
        let process = self.execute(number, &written, printed.as_mut(), log)?;
        let kept = match printed.map(Log::finish) {
            Some((_, Some(error))) => return Err(cannot(error)),
            Some((kept, None)) => self.workshop.run_dir.join(kept.path),
            None => written,
        };
        attempts.begin();
        let mut take = |case: Case| {
            attempts.take(Case { step: self.item.id.clone(), ..case }, &mut |case| self.emit(case));
        };
        let read = self.read_reports(&kept, since, &mut take);
        let skipped = self.skipped(&kept).filter(|_| !process.timed_out && !process.cancelled);
        if let Some(case) = self.own_case(&process, &read, log).filter(|_| skipped.is_none()) {
            take(case);
        }
        let failures = attempts.failures_now();
        Ok(Attempt { process, failures, skipped })
    }

    /// Runs the command; what it prints goes to the log, and what is its report to `printed` too.
    fn execute(
        &self,
        number: u32,
        written: &Path,
        printed: Option<&mut Log<'_>>,
        log: &mut Log<'_>,
    ) -> Result<ProcessEnded, Ended> {
        let env = self.workshop.step_env(self.item, number, &[("BACKSIGHT_JUNIT", written.display().to_string())]);
        let (argv, cwd) = (self.invocation.argv(), self.workshop.folder(self.item));
        let (secrets, timeout) = (&self.item.secrets, self.item.timeout);
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets, timeout };
        let (environment, cancel) = (&self.workshop.environment, &self.workshop.cancel);
        let process = match printed {
            None => supervise(&job, environment, Streams::Merged(log), cancel),
            Some(printed) => {
                let log = RefCell::new(log);
                let mut report = Both { log: &log, report: Some(printed) };
                let mut other = Both { log: &log, report: None };
                let streams = match self.source {
                    Some(OutputSource::Stderr) => Streams::Split(&mut other, &mut report),
                    _ => Streams::Split(&mut report, &mut other),
                };
                supervise(&job, environment, streams, cancel)
            }
        };
        process.map_err(|error| {
            let text = error.to_string();
            self.emit_own_case(Outcome::Errored, Some(text.clone()), None);
            Ended::because(StepStatus::Errored, "not_started", text)
        })
    }

    fn read_reports(&self, kept: &Path, since: SystemTime, take: &mut dyn FnMut(Case)) -> Read {
        let files = match report::files(self.source, kept, &self.workshop.folder(self.item), since) {
            Ok(files) => files,
            Err(text) => return Read { problems: vec![text], ..Read::default() },
        };
        let mut read = Read { files: files.len(), ..Read::default() };
        for (shown, file) in &files {
            let mut count = |case: Case| {
                read.cases += 1;
                read.failures += u64::from(case.outcome.is_failure());
                take(case);
            };
            match report::read(file, self.harness, &mut count) {
                Err(text) => read.problems.push(format!("{shown}: {text}")),
                Ok(warnings) => {
                    for warning in warnings {
                        let text = format!("{shown}: {warning}");
                        self.emitter.remark(RemarkLevel::Warning, Some(&self.item.id), text);
                    }
                }
            }
        }
        read
    }

    /// Why our own program says that it cannot be done here.
    fn skipped(&self, report: &Path) -> Option<Reason> {
        let told = self.invocation.is_own().then(|| std::fs::read(report).ok().and_then(|bytes| outcome(&bytes)))??;
        told.reason.filter(|_| told.status == "skipped")
    }

    /// The case that stands for the command itself: the only one where no report was written, otherwise there only if
    /// something went wrong that no case tells.
    fn own_case(&self, process: &ProcessEnded, read: &Read, log: &Log<'_>) -> Option<Case> {
        let told = read.failures > 0;
        let (outcome, message) = if process.cancelled {
            (Outcome::Cancelled, "the run was stopped".to_owned())
        } else if process.timed_out {
            (Outcome::TimedOut, format!("stopped after {:?}", self.item.timeout))
        } else if !read.problems.is_empty() {
            let how = if process.status.success() {
                String::new()
            } else {
                format!("the command ended with {}; ", process.ending())
            };
            (Outcome::Errored, format!("{how}{}", read.problems.join("; ")))
        } else if !process.status.success() && !told {
            let although = if read.files > 0 { ", although no case failed" } else { "" };
            (Outcome::Failed, format!("the command ended with {}{although}", process.ending()))
        } else if read.files > 0 && read.cases == 0 {
            (Outcome::Errored, "the command passed, but its report holds no case: did it run any test?".into())
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
        self.emit(self.case(outcome, message, text));
    }

    /// Tells a case; one that fails as a rule says that it must is skipped.
    fn emit(&self, mut case: Case) {
        if self.item.xfail.is_some() && case.outcome.is_failure() {
            case.outcome = Outcome::Skipped;
        }
        self.emitter.emit(Event::CaseFinished { case });
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
