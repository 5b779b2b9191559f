//! `backsight run`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use super::diagnostic;
use super::output::{Console, Format, duration, print_json};
use super::progress::Progress;
use super::{slurm, written};
use crate::execute::Listener;
use crate::ops::load::{LoadError, Loaded};
use crate::ops::planning::PlanningError;
use crate::ops::run::{self, Answer, Base, Request, RunError, Share};
use crate::ops::shards::{self, Part};
use crate::ops::slurm as slurm_ops;
use crate::pipeline::{Diagnostic, StepDuration};
use crate::plan::{PlanError, Selection, SelectionError};
use crate::report;
use crate::results::{ExitCode, Kind};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pipeline file.
    #[arg(default_value = "backsight.yml")]
    pipeline: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// Only this part of a plan: `2/4`, or `2`.
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "plan", conflicts_with_all = ["only", "keep", "skip"])]
    shard: Option<(u32, Option<u32>)>,
    /// The plan, as `backsight plan --shards N --output FILE` wrote it; `env:NAME` for one in a variable.
    #[arg(long, value_name = "FILE", requires = "shard")]
    plan: Option<PathBuf>,
    /// Where the run's folder and the store go instead of `.backsight` beside the pipeline file.
    #[arg(long, value_name = "FOLDER", requires = "shard")]
    results: Option<PathBuf>,
    /// Where the steps are carried out: `local`, on this host; `slurm`, as jobs of a cluster.
    #[arg(long, value_enum, default_value_t, conflicts_with = "shard")]
    executor: Executor,
    /// With `--executor slurm`, follow the jobs of an earlier run whose process is gone: its id, the beginning of it, or
    /// `latest`.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["only", "keep", "skip", "shard"])]
    attach: Option<String>,
    #[command(flatten)]
    files: Files,
    /// How many test steps run side by side; default: the pipeline's `jobs`, or 1.
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Time for all benchmarks together, such as 90s or 10m; default: the pipeline's `budget`, or 5m.
    #[arg(long, value_parser = duration)]
    budget: Option<StepDuration>,
    /// Measure the benchmarks in pairs against this revision, checked out beside this one; default: on a change request,
    /// where it left its target. `main...` is where HEAD left main.
    #[arg(long, value_name = "REV", conflicts_with = "no_against")]
    against: Option<String>,
    /// Measure this revision alone, also on a change request.
    #[arg(long)]
    no_against: bool,
    /// What this run has to do with the results that hosts share: `read` is for jobs whose token is elsewhere.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    share: Sharing,
    /// Where the order of the measurements is drawn from; default: the clock.
    #[arg(long)]
    seed: Option<u64>,
    /// The report for people on standard error, or besides the results document on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where steps are carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    /// On this host.
    #[default]
    Local,
    /// As jobs of a Slurm cluster.
    Slurm,
}

/// What becomes of generated files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Compare generated files with those on disk and write none.
    #[arg(long)]
    pub(super) check: bool,
    /// Overwrite generated files that were changed by hand, and files that were not generated.
    #[arg(long, conflicts_with = "check")]
    pub(super) force: bool,
    /// Remove files that the lock file knows and nothing generates any more.
    #[arg(long, conflicts_with = "check")]
    pub(super) prune: bool,
}

/// Which steps.
#[derive(Debug, clap::Args)]
pub(super) struct Choice {
    /// Only steps of this kind; may be repeated.
    #[arg(long, value_enum, value_name = "KIND")]
    only: Vec<Section>,
    /// Only steps whose name or id matches; may be repeated.
    #[arg(short = 'k', long = "keep", value_name = "GLOB")]
    keep: Vec<String>,
    /// No steps whose name or id matches; may be repeated.
    #[arg(long, value_name = "GLOB")]
    skip: Vec<String>,
}

/// A section of the pipeline file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Section {
    /// Files from templates.
    Generations,
    /// Test commands.
    Tests,
    /// Things to measure.
    Benchmarks,
}

/// What a run has to do with shared results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Sharing {
    /// Read them, and add this run where the pipeline file says so.
    #[default]
    All,
    /// Only read them.
    Read,
    /// Neither.
    None,
}

impl Choice {
    pub(super) fn selection(&self) -> Result<Selection, SelectionError> {
        let kind = |section: &Section| match section {
            Section::Generations => Kind::Generation,
            Section::Tests => Kind::Test,
            Section::Benchmarks => Kind::Benchmark,
        };
        Selection::new(self.only.iter().map(kind).collect(), &self.keep, &self.skip)
    }
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    if args.executor == Executor::Slurm {
        return match slurm_request(args) {
            Ok(request) => slurm::lead(&request, args.attach.as_deref(), args.format, console),
            Err((text, code)) => {
                console.error(&text);
                code
            }
        };
    }
    if args.attach.is_some() {
        console.error("`--attach` follows jobs of a cluster: it goes with `--executor slurm`");
        return ExitCode::Usage;
    }
    let request = match request(args) {
        Ok(request) => request,
        Err((text, code)) => {
            console.error(&text);
            return code;
        }
    };
    carry_out(request, args.format, console)
}

/// Carries out a run and tells of it.
pub(super) fn carry_out(request: Request, format: Format, console: Console) -> ExitCode {
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if !console.quiet {
        listeners.push(Box::new(Progress::new(console, std::io::stderr().is_terminal())));
    }
    match run::run(request, listeners) {
        Ok(answer) => tell(&answer, format, console),
        Err(RunError::Planning(error)) => tell_planning_error(&error, console),
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

/// `2/4`: the second of four parts; `2`: the second, of however many.
fn shard(text: &str) -> Result<(u32, Option<u32>), String> {
    let wrong = || format!("`{text}` is no part of a plan; write `2/4` for the second of four");
    let (index, count) = text.split_once('/').map_or((text, None), |(index, count)| (index, Some(count)));
    let index: u32 = index.trim().parse().map_err(|_| wrong())?;
    let count = count.map(|count| count.trim().parse::<u32>()).transpose().map_err(|_| wrong())?;
    if index == 0 || count.is_some_and(|count| index > count) { Err(wrong()) } else { Ok((index, count)) }
}

fn request(args: &Args) -> Result<Request, (String, ExitCode)> {
    let usage = |text: String| (text, ExitCode::Usage);
    let part = match (&args.plan, args.shard) {
        (Some(path), Some((index, count))) => {
            let plan = shards::read(path).map_err(|error| usage(error.to_string()))?;
            Some(Part::named(plan, index, count).map_err(|error| usage(error.to_string()))?)
        }
        _ => None,
    };
    let selection = match &part {
        Some(part) => part.selection(),
        None => args.choice.selection().map_err(|error| usage(error.to_string()))?,
    };
    let cancel = run::cancel_on_signals().map_err(|error| (error.to_string(), ExitCode::Tool))?;
    Ok(Request {
        pipeline: args.pipeline.clone(),
        selection,
        part,
        results: args.results.clone(),
        check_only: args.files.check,
        force: args.files.force,
        prune: args.files.prune,
        jobs: args.jobs.map(usize::from),
        budget: args.budget.map(|budget| budget.0),
        seed: args.seed,
        base: match &args.against {
            Some(revision) => Base::Revision(revision.clone()),
            None if args.no_against => Base::Nothing,
            None => Base::Usual,
        },
        share: match args.share {
            Sharing::All => Share::All,
            Sharing::Read => Share::Read,
            Sharing::None => Share::Nothing,
        },
        env: environment(),
        cancel,
    })
}

fn slurm_request(args: &Args) -> Result<slurm_ops::Request, (String, ExitCode)> {
    let cancel = run::cancel_on_signals().map_err(|error| (error.to_string(), ExitCode::Tool))?;
    Ok(slurm_ops::Request {
        pipeline: args.pipeline.clone(),
        selection: args.choice.selection().map_err(|error| (error.to_string(), ExitCode::Usage))?,
        arguments: passed_on(args),
        env: environment(),
        cancel,
    })
}

/// What each part of the run is told as this process was.
fn passed_on(args: &Args) -> Vec<String> {
    let flags = [
        ("--check", args.files.check),
        ("--force", args.files.force),
        ("--prune", args.files.prune),
        ("--no-against", args.no_against),
    ];
    let options = [
        ("--jobs", args.jobs.map(|jobs| jobs.to_string())),
        ("--budget", args.budget.map(|budget| budget.to_string())),
        ("--seed", args.seed.map(|seed| seed.to_string())),
        ("--against", args.against.clone()),
    ];
    let flags = flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned());
    flags.chain(options.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)))).collect()
}

/// Tells of a run: the report, where its files are, and what else there is to say.
pub(super) fn tell(answer: &Answer, format: Format, console: Console) -> ExitCode {
    let Answer { document, folder, files, notes, problems } = answer;
    let place = report::Place { folder: shown(folder), files: files.clone() };
    let text = report::terminal(document, Some(&place));
    if console.quiet && document.run.exit_code != ExitCode::Passed {
        console.complain(&text);
    } else {
        console.say(&format!("\n{text}"));
    }
    for note in notes {
        console.say(&format!("note: {note}"));
    }
    for problem in problems {
        console.error(problem);
    }
    let code = document.run.exit_code;
    match format {
        Format::Text => code,
        Format::Json => code.worst(written(print_json(document))),
    }
}

/// A path as it is shown: relative to where the user stands, if it is below.
pub(super) fn shown(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let relative = here.and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}

/// The variables of this process that are text.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Says why there is no plan, with the places in the file.
pub(super) fn tell_planning_error(error: &PlanningError, console: Console) -> ExitCode {
    match error {
        PlanningError::Load(LoadError::Wrong { path, text, diagnostics }) => {
            console.complain(&diagnostic::render(diagnostics, &path.display().to_string(), text, true));
        }
        PlanningError::Plan { loaded, source } => tell_plan_error(loaded, source, console),
        other => console.error(&other.to_string()),
    }
    error.exit_code()
}

fn tell_plan_error(loaded: &Loaded, error: &PlanError, console: Console) {
    let file = loaded.path.display().to_string();
    match error.place() {
        Some((section, index)) => {
            let span = loaded.parsed.positions.entry(section, index);
            let found = Diagnostic::error("plan", span, error.to_string());
            console.complain(&diagnostic::render(&[found], &file, &loaded.text, true));
        }
        None => console.error(&format!("{file}: {error}")),
    }
}
