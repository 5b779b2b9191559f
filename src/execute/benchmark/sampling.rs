//! The measuring loop of a command: warm-up, then samples until the budget is spent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::{Columns, values};
use super::purse::Purse;
use crate::execute::ended::Ended;
use crate::execute::launch::{LaunchError, Launcher, Usage, find};
use crate::execute::log::Log;
use crate::execute::{Emitter, Watch, Workshop};
use crate::plan::{Invocation, Item, Measure};
use crate::results::{Benchmark, Event, ExitStatus, Iteration, Reason, RemarkLevel, StepStatus, Validity};

/// Samples taken as long as they fit into [`STRETCH`] times the budget: the fewest with a 95 % interval.
const FEWEST: usize = 6;
/// How far a benchmark may go beyond its budget for the fewest samples.
const STRETCH: u32 = 3;
/// Samples after which more add nothing that the eye or a test could see.
const MOST: usize = 1000;
/// Failures in a row after which nothing more is tried.
const HOPELESS: u32 = 3;
/// How often the terminal hears of the progress.
const TELL: Duration = Duration::from_millis(100);

/// Measures a command.
pub(super) fn run(
    item: &Item,
    measure: &Measure,
    purse: &Purse,
    workshop: &Workshop,
    emitter: &Emitter,
    log: &mut Log<'_>,
) -> Ended {
    let mut session = match Session::open(item, measure, workshop, emitter) {
        Ok(session) => session,
        Err(error) => return Ended::because(StepStatus::Errored, "not_started", error.to_string()),
    };
    log.say(&format!("measured: {}", session.shown));
    let budget = purse.allot(measure.budget);
    let started = Instant::now();
    let outcome = session.sample(measure, budget, log);
    purse.spend(started.elapsed());
    session.conclude(outcome, budget, log)
}

/// Why sampling ended.
enum Outcome {
    Enough,
    BudgetSpent,
    Cancelled,
    Hopeless(ExitStatus, bool),
    Broken(LaunchError),
}

struct Session<'a> {
    item: &'a Item,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    launcher: Launcher,
    watch: Watch,
    stderr: File,
    shown: String,
    columns: Columns,
    iterations: Vec<Iteration>,
    failures: u32,
    told: Instant,
}

impl<'a> Session<'a> {
    fn open(
        item: &'a Item,
        measure: &Measure,
        workshop: &'a Workshop,
        emitter: &'a Emitter,
    ) -> Result<Self, LaunchError> {
        let cwd = workshop.folder(item);
        let own = workshop.step_env(item, 1, &[]);
        let env = workshop.environment.whole(&own, &item.secrets);
        let argv = direct(&measure.run, &env, &cwd).unwrap_or_else(|| measure.run.argv());
        let system = |error: io::Error| LaunchError::Start(measure.run.display(), error);
        let stderr = tempfile::tempfile().map_err(system)?;
        let launcher = Launcher::new(&argv, &env, &cwd, Some(stderr.as_fd()))?;
        forget_own_peak();
        Ok(Self {
            item,
            workshop,
            emitter,
            launcher,
            watch: Watch::start(workshop.cancel.clone()).map_err(system)?,
            stderr,
            shown: shell_words::join(&argv),
            columns: Columns::default(),
            iterations: Vec::new(),
            failures: 0,
            told: Instant::now(),
        })
    }

    fn sample(&mut self, measure: &Measure, budget: Duration, log: &mut Log<'_>) -> Outcome {
        for done in 0..measure.warm_up {
            self.tell("warm-up", u64::from(done), Some(u64::from(measure.warm_up)));
            if let Some(outcome) = self.once(true, log) {
                return outcome;
            }
        }
        let started = Instant::now();
        loop {
            let elapsed = started.elapsed();
            let n = self.columns.len();
            let enough = match measure.samples {
                Some(wanted) => n >= wanted as usize,
                None => n >= MOST || (n >= FEWEST && elapsed >= budget),
            };
            if enough {
                return Outcome::Enough;
            }
            if n > 0 && measure.samples.is_none() && elapsed >= budget * STRETCH {
                return Outcome::BudgetSpent;
            }
            self.tell("sampling", n as u64, measure.samples.map(u64::from));
            if let Some(outcome) = self.once(false, log) {
                return outcome;
            }
        }
    }

    /// One execution; `Some` if it was the last.
    fn once(&mut self, warm_up: bool, log: &mut Log<'_>) -> Option<Outcome> {
        let at_ns = self.emitter.elapsed_ns();
        let usage = match self.launcher.run(&self.watch, self.item.timeout) {
            Ok(usage) => usage,
            Err(error) => return Some(Outcome::Broken(error)),
        };
        let cancelled = self.workshop.cancel.is_asked();
        if cancelled && !usage.status.success() {
            return Some(Outcome::Cancelled);
        }
        let good = usage.status.success() && !usage.timed_out;
        let failed = (!good).then_some(usage.status);
        let iteration = Iteration { at_ns, warm_up, failed, arm: None };
        self.keep(&usage, iteration, good);
        if !good {
            self.quote_stderr(log, &usage);
            if self.failures >= HOPELESS || usage.timed_out {
                return Some(Outcome::Hopeless(usage.status, usage.timed_out));
            }
        }
        self.empty_stderr();
        cancelled.then_some(Outcome::Cancelled)
    }

    fn keep(&mut self, usage: &Usage, iteration: Iteration, good: bool) {
        if good && !iteration.warm_up {
            self.columns.push(usage);
        }
        self.failures = if good { 0 } else { self.failures + 1 };
        self.iterations.push(iteration.clone());
        let values = if good { values(usage) } else { Vec::new() };
        self.emitter.emit(Event::SampleTaken { step: self.item.id.clone(), iteration, values });
    }

    fn tell(&mut self, doing: &str, done: u64, total: Option<u64>) {
        if done > 0 && self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let figure = self.columns.wall_so_far().map(|ns| format!("{ns}"));
        let (step, doing) = (self.item.id.clone(), doing.to_owned());
        self.emitter.emit(Event::Progress { step, doing, done, total, figure });
    }

    /// What the failed run said on standard error goes to the log.
    fn quote_stderr(&mut self, log: &mut Log<'_>, usage: &Usage) {
        log.say(&format!("run {} failed: {}", self.iterations.len(), usage.status));
        let mut text = Vec::new();
        let read = self.stderr.rewind().and_then(|()| Read::take(&mut self.stderr, 256 << 10).read_to_end(&mut text));
        if read.is_ok() {
            log.write(&text);
        }
    }

    /// The next run starts with an empty file, so that the disk does not fill up.
    fn empty_stderr(&mut self) {
        let written = self.stderr.metadata().is_ok_and(|facts| facts.len() > 0);
        if written {
            let _ = self.stderr.set_len(0).and_then(|()| self.stderr.rewind());
        }
    }

    fn conclude(self, outcome: Outcome, budget: Duration, log: &mut Log<'_>) -> Ended {
        let attempts = u32::try_from(self.iterations.len()).unwrap_or(u32::MAX);
        let failed = self.iterations.iter().filter(|iteration| iteration.failed.is_some()).count();
        let (n, id) = (self.columns.len(), self.item.id.clone());
        let validity = validity(&outcome, n, failed);
        let emitter = self.emitter;
        let benchmark = Benchmark {
            step: id.clone(),
            model: self.item.model.as_ref().map(|model| model.id.clone()),
            target: Some(self.item.target.clone()),
            metrics: self.columns.into_metrics(own_peak()),
            iterations: self.iterations,
            validity,
            ..Benchmark::new(&self.item.name)
        };
        emitter.emit(Event::BenchmarkFinished { benchmark });
        if matches!(outcome, Outcome::BudgetSpent) && n < FEWEST {
            let text = format!("only {n} samples fit into its budget of {budget:.1?}; raise `budget` for an interval");
            emitter.remark(RemarkLevel::Warning, Some(&id), text);
        }
        let ended = match outcome {
            Outcome::Cancelled => Ended::cancelled(),
            Outcome::Broken(error) => Ended::because(StepStatus::Errored, "not_started", error.to_string()),
            Outcome::Hopeless(exit, true) => {
                let text = format!("one run took longer than {:?}", self.item.timeout);
                Ended { exit: Some(exit), ..Ended::because(StepStatus::TimedOut, "timeout", text) }
            }
            Outcome::Hopeless(exit, false) => {
                let last = log.tail().lines().last().unwrap_or_default().to_owned();
                let text = format!("{HOPELESS} runs in a row failed, the last with {exit}: {last}");
                Ended { exit: Some(exit), ..Ended::because(StepStatus::Failed, "command_failed", text) }
            }
            Outcome::Enough | Outcome::BudgetSpent => Ended::new(StepStatus::Passed),
        };
        Ended { attempts, ..ended }
    }
}

fn validity(outcome: &Outcome, n: usize, failed: usize) -> Validity {
    let reason = |code: &str, text: String| Reason::new(code, text);
    match outcome {
        _ if n == 0 => Validity::Invalid { reason: reason("no_sample", "no run succeeded".into()) },
        Outcome::Cancelled => Validity::Noisy { reason: reason("cancelled", format!("stopped after {n} samples")) },
        Outcome::Hopeless(..) | Outcome::Broken(_) => {
            Validity::Invalid { reason: reason("command_failed", format!("{failed} runs failed")) }
        }
        Outcome::Enough | Outcome::BudgetSpent if failed > 0 => {
            Validity::Noisy { reason: reason("runs_failed", format!("{failed} of {} runs failed", n + failed)) }
        }
        Outcome::Enough | Outcome::BudgetSpent => Validity::Valid,
    }
}

/// The words of a command in string form that needs no shell: starting one would be measured with it.
pub(super) fn direct(run: &Invocation, env: &BTreeMap<String, String>, cwd: &Path) -> Option<Vec<String>> {
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
    let system = |error| LaunchError::Start("true".into(), error);
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
