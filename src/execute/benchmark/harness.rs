//! Calls a harness that measures by itself, and reads its report.

use std::path::{Path, PathBuf};

use super::figures::summary;
use crate::execute::ended::Ended;
use crate::execute::files::{Found, written_since};
use crate::execute::log::Log;
use crate::execute::process::{Ended as Process, Job, Streams, supervise};
use crate::execute::{Emitter, Workshop};
use crate::harness::{Adapter, Parsed, adapter};
use crate::pipeline::{Harness, OutputSource};
use crate::plan::{Item, Measure};
use crate::results::{Benchmark, Event, RemarkLevel, StepStatus};

/// The largest report that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A harness step with what it works on.
pub(super) struct Call<'a> {
    pub item: &'a Item,
    pub measure: &'a Measure,
    pub harness: Harness,
    pub source: &'a OutputSource,
    pub workshop: &'a Workshop,
    pub emitter: &'a Emitter,
}

/// Runs the harness once and emits what it reports. What it reported before it failed is still a measurement: it is
/// read first, and then the failure is told.
pub(super) fn run(call: &Call<'_>, log: &mut Log<'_>) -> Ended {
    log.say(&format!("harness {}: {}", call.harness.as_str(), call.measure.run.display()));
    let (process, files) = match call.start(log) {
        Ok(started) => started,
        Err(ended) => return ended,
    };
    let read = files.and_then(|files| {
        let all = files.iter().map(|file| call.read(file)).collect::<Result<Vec<_>, _>>();
        all.map(|all| all.into_iter().flatten().collect::<Vec<_>>())
    });
    let found = read.as_ref().map_or(0, Vec::len);
    let problem =
        read.map(|all| all.into_iter().for_each(|benchmark| call.emitter.emit(Event::BenchmarkFinished { benchmark })));
    let timeout = call.item.timeout;
    let ended = match problem {
        _ if process.cancelled => Ended::cancelled(),
        _ if process.timed_out => {
            Ended::because(StepStatus::TimedOut, "timeout", format!("it took longer than {timeout:?}"))
        }
        _ if !process.success() => {
            let text = format!("the harness ended with {} after {found} benchmarks", process.status);
            Ended::because(StepStatus::Failed, "command_failed", text)
        }
        Err(text) => Ended::because(StepStatus::Errored, "unreadable_output", text),
        Ok(()) => Ended::new(StepStatus::Passed),
    };
    Ended { attempts: 1, exit: Some(process.status), ..ended }
}

/// Where the reports are, or why there are none.
type Reports = Result<Vec<PathBuf>, String>;

impl Call<'_> {
    fn start(&self, log: &mut Log<'_>) -> Result<(Process, Reports), Ended> {
        let Self { item, workshop, .. } = self;
        let masker = workshop.environment.masker();
        let not_kept =
            |error| Ended::because(StepStatus::Errored, "log", format!("the report cannot be kept: {error}"));
        let name = Workshop::log_name(item, "report");
        let mut report = Log::create(&workshop.run_dir, name, masker, Some(LARGEST)).map_err(not_kept)?;
        let (argv, cwd) = (self.measure.run.argv(), workshop.folder(item));
        let env = workshop.step_env(item, 1, &[]);
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets: &item.secrets, timeout: item.timeout };
        let since = std::time::SystemTime::now();
        let (environment, cancel) = (&workshop.environment, &workshop.cancel);
        let process = match self.source {
            OutputSource::Stdout => supervise(&job, environment, Streams::Split(&mut report, log), cancel),
            OutputSource::Stderr => supervise(&job, environment, Streams::Split(log, &mut report), cancel),
            OutputSource::Files(_) => supervise(&job, environment, Streams::Merged(log), cancel),
        };
        let process = process.map_err(|error| Ended::because(StepStatus::Errored, "not_started", error.to_string()))?;
        let (kept, error) = report.finish();
        let files = match (self.source, error) {
            (_, Some(error)) => return Err(not_kept(error)),
            (OutputSource::Files(pattern), None) => reports(&cwd, pattern, since),
            (OutputSource::Stdout | OutputSource::Stderr, None) => Ok(vec![workshop.run_dir.join(&kept.path)]),
        };
        Ok((process, files))
    }

    fn read(&self, file: &Path) -> Result<Vec<Benchmark>, String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let broken = |error: std::io::Error| format!("{name}: {error}");
        let size = file.metadata().map_err(broken)?.len();
        if size > LARGEST {
            return Err(format!("{name}: the report is larger than {} MiB", LARGEST >> 20));
        }
        let bytes = std::fs::read(file).map_err(broken)?;
        let parser = adapter(self.harness.as_str()).and_then(Adapter::benchmarks);
        let parser = parser.ok_or_else(|| format!("no reader for {}", self.harness.as_str()))?;
        let Parsed { benchmarks, warnings } = parser(&bytes).map_err(|error| format!("{name}: {error}"))?;
        for warning in warnings {
            let text = format!("{name}:{}: {}", warning.line, warning.text);
            self.emitter.remark(RemarkLevel::Warning, Some(&self.item.id), text);
        }
        Ok(benchmarks.into_iter().map(|benchmark| belonging(benchmark, self.item)).collect())
    }
}

fn reports(cwd: &Path, pattern: &str, since: std::time::SystemTime) -> Result<Vec<PathBuf>, String> {
    let Found { fresh, stale } = written_since(cwd, pattern, since)?;
    if fresh.is_empty() {
        let hint = match stale.len() {
            0 => String::new(),
            n => format!(" ({n} older files match and were left alone)"),
        };
        return Err(format!("the harness wrote no file that matches `{pattern}`{hint}"));
    }
    Ok(fresh)
}

/// The benchmark as one of this step, its samples described.
fn belonging(mut benchmark: Benchmark, item: &Item) -> Benchmark {
    benchmark.step = item.id.clone();
    benchmark.model = item.model.as_ref().map(|model| model.id.clone());
    benchmark.target = Some(item.target.clone());
    for metric in &mut benchmark.metrics {
        if metric.summary.is_none() {
            metric.summary = summary(&metric.samples);
        }
    }
    benchmark
}
