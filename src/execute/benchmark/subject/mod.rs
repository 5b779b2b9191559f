//! One command, ready to be executed again and again in one folder with one environment.
//!
//! [`Subject::once`] is the one place where a timed execution happens, and [`Subject::count`] the one where
//! instructions are counted apart from it; the loops decide when, and what the figures mean.

mod callgrind;
mod counters;
mod ready;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use super::rig::Rig;
use crate::execute::launch::{LaunchError, Launcher, Usage};
use crate::pipeline::MetricName;
use crate::results::{ExitStatus, Metric};

pub use callgrind::ReportError;
use counters::Counters;
pub use ready::Setup;
pub(in crate::execute) use ready::{FIRST, first_is_permitted};

/// Executions under callgrind that show a count to be deterministic if they agree.
const COUNTED: usize = 2;
/// Executions under callgrind where the first do not agree.
const MOST_COUNTED: usize = 5;
/// How many times the time limit an execution under callgrind may take.
const SLOWER: u32 = 50;
/// How much of what a failed execution wrote on standard error is kept, in bytes.
const SAID: u64 = 256 << 10;

/// A command made ready.
#[derive(Debug)]
pub struct Subject {
    launcher: Launcher,
    prepare: Option<Launcher>,
    cleanup: Option<Launcher>,
    stdin: Option<File>,
    stderr: File,
    counters: Counters,
    callgrind: Option<Callgrind>,
    shown: String,
    remarks: Vec<String>,
    thread: PhantomData<*const ()>,
}

/// The same command under callgrind.
#[derive(Debug)]
struct Callgrind {
    launcher: Launcher,
    reports: tempfile::TempDir,
}

/// Which of the commands of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The one before.
    Prepare,
    /// The measured one.
    Run,
    /// The one after.
    Cleanup,
}

/// What one execution used, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// (metric, value) in the document's units; empty if the measured command was not started.
    pub values: Vec<(String, f64)>,
    /// How the part that failed ended, otherwise the command.
    pub status: ExitStatus,
    /// Whether its time limit ended it.
    pub timed_out: bool,
    /// From before the command's start to after its end; zero if it was not started.
    pub wall: Duration,
    /// The part that failed, otherwise the command.
    pub part: Part,
}

impl Reading {
    /// Whether all parts succeeded, so that the values count.
    pub fn good(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// How it ended, for people: `exit 3`, `exit 1 in prepare`.
    pub fn ending(&self) -> String {
        match self.part {
            Part::Run => self.status.to_string(),
            Part::Prepare => format!("{} in prepare", self.status),
            Part::Cleanup => format!("{} in cleanup", self.status),
        }
    }
}

/// Why a command could not be made ready or executed.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The measured command.
    #[error(transparent)]
    Run(#[from] LaunchError),
    /// The command before or after it.
    #[error("{0}: {1}")]
    Around(&'static str, LaunchError),
    /// Its standard input.
    #[error("stdin: {}: {source}; the path is relative to the workspace", path.display())]
    Stdin {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A processor that is not there.
    #[error("pin: processor {asked} is not one that this process may use; it may use {allowed}")]
    Pin {
        /// The number in the file.
        asked: u16,
        /// The numbers that would do.
        allowed: String,
    },
    /// The system refuses something.
    #[error("the command cannot be made ready: {0}")]
    System(#[from] io::Error),
}

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// A command could not be executed.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// An execution failed.
    #[error("an execution under callgrind ended with {0}")]
    Failed(String),
    /// A report.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Subject {
    /// The command as it is executed, for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether instructions are counted in executions of their own.
    pub fn is_counted_apart(&self) -> bool {
        self.callgrind.is_some()
    }

    /// What is not as it was asked for: metrics that cannot be had here, a priority that is not permitted.
    pub fn remarks(&self) -> Vec<String> {
        let refused = |(metric, reason): &(MetricName, String)| {
            format!("{}: not available here: {reason}", crate::report::metric_word(metric.as_str()))
        };
        self.counters.refused.iter().map(refused).chain(self.remarks.iter().cloned()).collect()
    }

    /// Executes it once: what comes before, the command itself, what comes after. `rig` is the one that it was made
    /// for, and `timeout` holds for each part.
    ///
    /// # Errors
    /// If a part cannot be started; one that fails is told by the reading.
    pub fn once(&mut self, rig: &Rig, timeout: Duration) -> Result<Reading, SubjectError> {
        self.begin()?;
        let failed = around("prepare", self.prepare.as_ref(), rig, timeout)?;
        let reading = match failed {
            Some(usage) => Reading::of(Part::Prepare, &usage, Vec::new()),
            None => self.timed(rig, timeout)?,
        };
        self.end(reading, rig, timeout)
    }

    /// The metric `instructions` by callgrind, if that is where it comes from: from executions of their own, two if
    /// they agree. `timeout` is that of a plain execution.
    ///
    /// # Errors
    /// If an execution cannot be started, fails, or leaves no count.
    pub fn count(&mut self, rig: &Rig, timeout: Duration) -> Result<Option<Metric>, CountError> {
        let mut samples: Vec<f64> = Vec::new();
        while self.callgrind.is_some() && !enough(&samples) {
            samples.push(self.count_once(rig, timeout.saturating_mul(SLOWER))?);
        }
        Ok(super::figures::metric(MetricName::Instructions.as_str(), "callgrind", samples))
    }

    /// What the last execution wrote on standard error, its beginning if that is long.
    pub fn said(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let read = self.stderr.rewind().and_then(|()| Read::take(&mut self.stderr, SAID).read_to_end(&mut text));
        if read.is_ok() { text } else { Vec::new() }
    }

    /// Input from its beginning, and an empty file for what goes wrong, so that the disk does not fill up.
    fn begin(&mut self) -> io::Result<()> {
        if let Some(stdin) = &mut self.stdin {
            stdin.rewind()?;
        }
        // The standard library asks for all that statx knows, at three times the price.
        if rustix::fs::fstat(&self.stderr).is_ok_and(|facts| facts.st_size > 0) {
            self.stderr.set_len(0).and_then(|()| self.stderr.rewind())?;
        }
        Ok(())
    }

    fn timed(&self, rig: &Rig, timeout: Duration) -> Result<Reading, SubjectError> {
        let before = self.counters.read();
        let mark = rig.memory.as_ref().ok().map(|group| (group, group.mark()));
        let usage = self.launcher.run(&rig.watch, timeout)?;
        let peak = match mark {
            Some((group, mark)) => group.peak_since(mark?)?,
            None => usage.peak_memory,
        };
        Ok(Reading::of(Part::Run, &usage, values(&usage, peak, self.counters.since(&before))))
    }

    fn count_once(&mut self, rig: &Rig, timeout: Duration) -> Result<f64, CountError> {
        self.begin().map_err(SubjectError::from)?;
        let Some(callgrind) = &self.callgrind else { return Ok(f64::NAN) };
        let reading = match around("prepare", self.prepare.as_ref(), rig, timeout)? {
            Some(usage) => Reading::of(Part::Prepare, &usage, Vec::new()),
            None => {
                let usage = callgrind.launcher.run(&rig.watch, timeout).map_err(SubjectError::from)?;
                Reading::of(Part::Run, &usage, Vec::new())
            }
        };
        let counted = callgrind::collect(callgrind.reports.path());
        let reading = self.end(reading, rig, timeout)?;
        if reading.good() { Ok(counted? as f64) } else { Err(CountError::Failed(reading.ending())) }
    }

    /// Cleans up whatever happened; a failure of that counts if there was none before.
    fn end(&self, reading: Reading, rig: &Rig, timeout: Duration) -> Result<Reading, SubjectError> {
        let failed = around("cleanup", self.cleanup.as_ref(), rig, timeout)?;
        Ok(match failed {
            Some(usage) if reading.good() => {
                let failed = Reading::of(Part::Cleanup, &usage, reading.values);
                Reading { wall: reading.wall, ..failed }
            }
            Some(_) | None => reading,
        })
    }
}

impl Reading {
    fn of(part: Part, usage: &Usage, values: Vec<(String, f64)>) -> Self {
        let wall = if part == Part::Run { usage.wall } else { Duration::ZERO };
        Self { values, status: usage.status, timed_out: usage.timed_out, wall, part }
    }
}

/// Runs a command that is not measured; `Some` if it failed.
fn around(
    name: &'static str,
    launcher: Option<&Launcher>,
    rig: &Rig,
    timeout: Duration,
) -> Result<Option<Usage>, SubjectError> {
    let Some(launcher) = launcher else { return Ok(None) };
    let usage = launcher.run(&rig.watch, timeout).map_err(|error| SubjectError::Around(name, error))?;
    Ok(Some(usage).filter(|usage| !usage.status.success() || usage.timed_out))
}

/// Whether counts agree, or there are so many that they will not.
fn enough(samples: &[f64]) -> bool {
    let agree = samples.windows(2).all(|pair| pair[0] == pair[1]);
    samples.len() >= if agree { COUNTED } else { MOST_COUNTED }
}

/// The figures of one run as (metric, value), in the document's units and in its order.
fn values(usage: &Usage, peak_memory: u64, counted: Vec<(String, f64)>) -> Vec<(String, f64)> {
    let ns = |time: Duration| time.as_nanos() as f64;
    let named = |name: &str, value: f64| (name.to_owned(), value);
    let mut values = vec![
        named("wall_time", ns(usage.wall)),
        named("cpu_time", ns(usage.user + usage.system)),
        named("user_time", ns(usage.user)),
        named("system_time", ns(usage.system)),
        named("peak_memory", peak_memory as f64),
    ];
    values.extend(counted);
    values.extend([
        named("minor_faults", usage.minor_faults as f64),
        named("major_faults", usage.major_faults as f64),
        named("voluntary_switches", usage.voluntary_switches as f64),
        named("involuntary_switches", usage.involuntary_switches as f64),
    ]);
    values
}

#[cfg(test)]
mod tests;
