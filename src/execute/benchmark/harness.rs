//! Calls a harness that measures by itself, and reads its report.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::execute::files::{Found, is_fresh, written_since};
use crate::execute::folder::{FileBelow, files_below, load_tree};
use crate::execute::log::Log;
use crate::execute::process::{Ended as Process, Job, Streams, supervise};
use crate::execute::{Emitter, Place, Workshop};
use crate::harness::{Head, Outcome, Parsed, TREES, Tree, adapter, detect, outcome};
use crate::pipeline::{Harness, OutputSource};
use crate::plan::{Invocation, Item};
use crate::results::{Benchmark, Reason, RemarkLevel, Validity};

/// The largest report that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A harness in one place, to be called again and again.
pub(super) struct Call<'a> {
    pub item: &'a Item,
    pub run: &'a Invocation,
    pub harness: Harness,
    pub source: &'a OutputSource,
    pub place: Place,
    pub workshop: &'a Workshop,
    pub emitter: &'a Emitter,
    /// The ending of the report's file: each arm keeps its last one.
    pub ending: &'static str,
    /// What was odd has been told: each call would say it again.
    pub told: bool,
}

/// What one call came to. What a harness reported before it failed is still there.
pub(super) struct Called {
    /// How the process ended.
    pub process: Process,
    /// What it reported, or why that cannot be read.
    pub report: Result<Vec<Benchmark>, String>,
    /// Of our own program, what it says became of it.
    pub outcome: Option<Outcome>,
}

/// Where the reports are, or why there are none.
type Reports = Result<Vec<Report>, String>;

/// Something to read.
enum Report {
    File(PathBuf),
    /// A tool's folder, and what of it was written by this call.
    Folder(PathBuf, Tree, Vec<FileBelow>),
}

impl Call<'_> {
    /// Calls it once. The error says why it could not be started.
    pub(super) fn once(&mut self, log: &mut Log<'_>) -> Result<Called, String> {
        let (process, files) = self.start(log)?;
        let outcome = self.outcome(&files).filter(|_| !process.success());
        let report = files.and_then(|files| {
            let all = files.iter().map(|file| self.read(file)).collect::<Result<Vec<_>, _>>();
            all.map(|all| all.into_iter().flatten().collect::<Vec<_>>())
        });
        self.told = true;
        Ok(Called { process, report, outcome })
    }

    fn start(&self, log: &mut Log<'_>) -> Result<(Process, Reports), String> {
        let Self { item, workshop, .. } = self;
        let masker = workshop.environment.masker();
        let not_kept = |error: std::io::Error| format!("the report cannot be kept: {error}");
        let name = Workshop::log_name(item, self.ending);
        let mut report = Log::create(&workshop.run_dir, name, masker, Some(LARGEST)).map_err(not_kept)?;
        let (argv, cwd) = (self.run.argv(), self.place.folder(item));
        // One call of many need not last as long as one that stands alone.
        let paired = [("BACKSIGHT_PAIRED", "1".to_owned())];
        let own: &[(&str, String)] = if workshop.arms.is_some() { &paired } else { &[] };
        let env = self.place.step_env(item, 1, own);
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets: &item.secrets, timeout: item.timeout };
        let since = SystemTime::now();
        let (environment, cancel) = (&workshop.environment, &workshop.cancel);
        let process = match self.source {
            OutputSource::Stdout => supervise(&job, environment, Streams::Split(&mut report, log), cancel),
            OutputSource::Stderr => supervise(&job, environment, Streams::Split(log, &mut report), cancel),
            OutputSource::Files(_) => supervise(&job, environment, Streams::Merged(log), cancel),
        };
        let process = process.map_err(|error| error.to_string())?;
        let (kept, error) = report.finish();
        let files = match (self.source, error) {
            (_, Some(error)) => return Err(not_kept(error)),
            (OutputSource::Files(pattern), None) => self.reports(&cwd, pattern, since),
            (OutputSource::Stdout | OutputSource::Stderr, None) => {
                Ok(vec![Report::File(workshop.run_dir.join(&kept.path))])
            }
        };
        Ok((process, files))
    }

    /// What our own program says became of it; another's report is not asked.
    fn outcome(&self, files: &Reports) -> Option<Outcome> {
        match files.as_deref() {
            Ok([Report::File(path)]) if self.run.is_own() => {
                let small = path.metadata().is_ok_and(|facts| facts.len() <= LARGEST);
                small.then(|| std::fs::read(path).ok().and_then(|bytes| outcome(&bytes)))?
            }
            _ => None,
        }
    }

    fn read(&self, report: &Report) -> Result<Vec<Benchmark>, String> {
        let path = match report {
            Report::File(path) | Report::Folder(path, ..) => path,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parsed = match report {
            Report::File(path) => self.parsed(path),
            Report::Folder(path, tree, found) => load_tree(path, *tree, found)
                .map_err(|error| error.to_string())
                .and_then(|files| (tree.read)(&files).map_err(|error| error.to_string())),
        };
        let Parsed { benchmarks, warnings } = parsed.map_err(|error| format!("{name}: {error}"))?;
        for warning in warnings.into_iter().filter(|_| !self.told) {
            let text = format!("{name}:{}: {}", warning.line, warning.text);
            self.emitter.remark(RemarkLevel::Warning, Some(&self.item.id), text);
        }
        Ok(benchmarks.into_iter().map(|benchmark| belonging(benchmark, self.item)).collect())
    }

    fn parsed(&self, file: &Path) -> Result<Parsed, String> {
        let broken = |error: std::io::Error| error.to_string();
        let size = file.metadata().map_err(broken)?.len();
        if size > LARGEST {
            return Err(format!("the report is larger than {} MiB", LARGEST >> 20));
        }
        let bytes = std::fs::read(file).map_err(broken)?;
        let known = match self.harness {
            Harness::Auto => detect(&Head::new(&bytes)).map_err(|error| error.in_pipeline())?,
            named => adapter(named.as_str()).ok_or_else(|| format!("no reader for {}", named.as_str()))?,
        };
        known.parse(&bytes).map_err(|error| error.to_string())
    }

    /// What this call has written: files, or of a tool's folder what it needs.
    fn reports(&self, cwd: &Path, pattern: &str, since: SystemTime) -> Reports {
        let folder = cwd.join(pattern);
        let Found { fresh, stale } = if folder.is_dir() {
            let found = files_below(&folder).map_err(|error| error.to_string())?;
            let of_harness = |tree: &&Tree| self.harness == Harness::Auto || tree.adapter.name == self.harness.as_str();
            let has_files = |tree: &&Tree| found.iter().any(|(name, _)| (tree.wants)(name));
            let (fresh, stale): (Vec<_>, Vec<_>) = found.iter().cloned().partition(|(_, path)| is_fresh(path, since));
            if let Some(tree) = TREES.iter().filter(of_harness).find(has_files)
                && fresh.iter().any(|(name, _)| (tree.wants)(name))
            {
                return Ok(vec![Report::Folder(folder, *tree, fresh)]);
            }
            let paths = |files: Vec<FileBelow>| files.into_iter().map(|(_, path)| path).collect();
            Found { fresh: paths(fresh), stale: paths(stale) }
        } else {
            written_since(cwd, pattern, since)?
        };
        if fresh.is_empty() {
            let hint = match stale.len() {
                0 => String::new(),
                n => format!(" ({n} older files match and were left alone)"),
            };
            return Err(format!("the harness wrote no file that matches `{pattern}`{hint}"));
        }
        Ok(fresh.into_iter().map(Report::File).collect())
    }
}

/// The benchmark as one of this step. Values that are no numbers are left out of it, and it says so.
fn belonging(mut benchmark: Benchmark, item: &Item) -> Benchmark {
    benchmark.step = item.id.clone();
    benchmark.model = item.model.as_ref().map(|model| model.id.clone());
    benchmark.target = Some(item.target.clone());
    let usable = |value: f64| value.is_finite() && value >= 0.0;
    let odd: Vec<&str> =
        benchmark.metrics.iter().filter(|metric| !usable(metric.value)).map(|metric| metric.metric.as_str()).collect();
    if !odd.is_empty() {
        let text = format!("{} is negative or no number", odd.join(", "));
        benchmark.validity = Validity::Invalid { reason: Reason::new("odd_value", text) };
    }
    benchmark.metrics.retain(|metric| metric.value.is_finite());
    for metric in &mut benchmark.metrics {
        metric.samples.retain(|sample| sample.is_finite());
    }
    benchmark
}

#[cfg(test)]
mod tests {
    use super::belonging;
    use crate::plan::{Invocation, Item, Measure, Work};
    use crate::results::{Benchmark, Kind, Validity, command_block};

    fn item() -> Item {
        let measure = Measure {
            run: Invocation::Args(Vec::new()),
            vs: None,
            build: None,
            metrics: Vec::new(),
            budget: None,
            warm_up: 0,
            samples: None,
            harness: None,
            limit: 0.02,
            manner: Box::default(),
        };
        Item {
            id: "benchmarks/x".into(),
            kind: Kind::Benchmark,
            name: "x".into(),
            model: None,
            target: "cpu".into(),
            skip: None,
            needs: Vec::new(),
            env: Vec::new(),
            secrets: Vec::new(),
            working_dir: String::new(),
            timeout: std::time::Duration::ZERO,
            resources: crate::pipeline::Resources::default(),
            xfail: None,
            work: Work::Benchmark(measure),
        }
    }

    #[test]
    fn values_that_are_none_are_left_out_and_said() {
        let with = |values: &[(&str, f64)]| {
            let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            belonging(command_block(&Benchmark::new("b"), &values, None), &item())
        };
        assert_eq!(with(&[("a", 1.0), ("b", 0.0)]).validity, Validity::Valid);
        let odd = with(&[("a", f64::NAN), ("b", -1.0), ("c", f64::INFINITY), ("d", 2.0)]);
        let names: Vec<&str> = odd.metrics.iter().map(|metric| metric.metric.as_str()).collect();
        assert_eq!(names, ["b", "d"]);
        let Validity::Invalid { reason } = odd.validity else { panic!("{:?}", odd.validity) };
        assert_eq!(reason.text, "a, b, c is negative or no number");
    }
}
