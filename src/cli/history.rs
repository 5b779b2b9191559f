//! `backsight history`: benchmarks and tests over the commits of a branch.

mod cases;
mod tables;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;

use super::output::percent;
use super::runs::{Stop, finish, write_json};
use crate::ops::history::{self, HistoryError, Question};
use crate::ops::when;
use crate::pipeline::Percent;
use crate::report::{escape, figures, history as drawn};
use crate::results::{ExitCode, Guard, GuardState, History, SeriesHistory};

/// So many series are drawn where nobody says whether to draw.
const DRAWN: usize = 4;
/// Points of a series where nobody says how many, without and with a drift guard.
const USUAL: u32 = 500;
const GUARDED: u32 = 4096;
/// Runs of tests where nobody says how many.
const TESTED: u32 = 200;
/// The width of a plot where the terminal does not tell its own, and the widest.
const WIDTH: usize = 80;
const WIDEST: usize = 200;

/// Arguments of `backsight history`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of benchmarks, or globs for them: 'parse/*'; default: all
    #[arg(value_name = "BENCHMARK")]
    benchmarks: Vec<String>,
    /// The folder that the pipeline file stands in
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// Only this metric, or a glob: wall_time, '*' (repeatable); default: wall and CPU time, and all that harnesses report
    #[arg(long, value_name = "METRIC")]
    metric: Vec<String>,
    /// Only hosts whose class key begins so
    #[arg(long, value_name = "KEY")]
    class: Option<String>,
    /// Only this project
    #[arg(long)]
    project: Option<String>,
    /// The runs of this branch; default: the default branch
    #[arg(long, conflicts_with = "request")]
    branch: Option<String>,
    /// The runs of this change request instead
    #[arg(long, value_name = "NUMBER")]
    request: Option<u64>,
    /// At most so many points of each series, the newest; default: 500, with a drift guard 4096
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    last: Option<u32>,
    /// Only runs started at this time or later: 2026-11-01, or 30d for thirty days ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Drift guard: hold the sum of changes since a tag, a branch or a commit against the limit; `latest` is the latest tag.
    /// Exit 1 where it is exceeded, 3 where the figures cannot tell
    #[arg(long, value_name = "REV")]
    since_tag: Option<String>,
    /// The largest sum that the drift guard allows: 3%; default: that of the pipeline file
    #[arg(long, value_parser = percent, value_name = "SHARE")]
    limit: Option<Percent>,
    /// Drift guard with the anchor and limit of the pipeline file's `gate.drift`
    #[arg(long)]
    guard: bool,
    /// Tell of test cases: those that fail and since when, flake rates, newly slow and slowest ones; the names are then those
    /// of tests, and 200 runs are read unless `--last` says otherwise
    #[arg(long, conflicts_with_all = ["digest", "guard", "since_tag", "limit", "metric", "class"])]
    tests: bool,
    /// What changed of late and with which commits, instead of the table; text or Markdown
    #[arg(long)]
    digest: bool,
    /// How many days the digest tells of
    #[arg(long, value_name = "N", default_value_t = 7, requires = "digest", value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,
    /// Draw each series, or none; default: where there are few
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    plot: Plot,
    /// What to write; default: as the name of the output file ends, otherwise a table
    #[arg(long, value_enum)]
    format: Option<Shape>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Plot {
    /// Where there are few series
    Auto,
    /// Each series
    Always,
    /// None
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A table and plots for people
    Table,
    /// A picture of one series
    Svg,
    /// One page with a picture of each series
    Html,
    /// The digest as Markdown
    #[value(alias = "md")]
    Markdown,
    /// One row for each point
    Csv,
    /// The document backsight/history/1
    Json,
}

impl From<HistoryError> for Stop {
    fn from(error: HistoryError) -> Self {
        Self::Failed(error.to_string(), error.exit_code())
    }
}

/// Carries out `backsight history`, writing data to `out` and prose to `err`.
pub(super) fn run(args: &Args, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    let done = answer(args, out, err);
    finish(done, err)
}

fn answer(args: &Args, out: &mut impl Write, err: &mut impl Write) -> Result<ExitCode, Stop> {
    let shape = args.shape();
    let question = args.question()?;
    let history = history::history(&args.workspace, &question, &|name| std::env::var(name).ok())?;
    for note in &history.notes {
        writeln!(err, "note: {}", escape::line(note))?;
    }
    match &args.output {
        None => args.write(&history, shape, width(), out)?,
        Some(file) => {
            let mut bytes = anstream::StripStream::new(Vec::new());
            args.write(&history, shape, WIDTH, &mut bytes)?;
            save(file, &bytes.into_inner())?;
            writeln!(err, "written to {}", escape::line(&file.to_string_lossy()))?;
        }
    }
    Ok(history.guard.as_ref().map_or(ExitCode::Passed, |guard| judge(guard, err)))
}

/// What the drift guard means for the build. Rows are told in the table; here is the sentence.
fn judge(guard: &Guard, err: &mut impl Write) -> ExitCode {
    let count = |state| guard.rows.iter().filter(|row| row.state == state).count();
    let (exceeded, unsure) = (count(GuardState::Exceeded), count(GuardState::Unsure));
    let since = escape::line(&guard.since);
    let limit = figures::change(guard.limit);
    // Where standard error is gone, the exit code is all that is left to say.
    let _ = writeln!(
        err,
        "since {since}, limit {limit}: {exceeded} exceeded, {unsure} unsure, {} within",
        guard.rows.len() - exceeded - unsure
    );
    if exceeded > 0 {
        ExitCode::Failed
    } else if unsure > 0 || guard.rows.is_empty() {
        ExitCode::Undecided
    } else {
        ExitCode::Passed
    }
}

fn save(file: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(format!("cannot write {}: {error}", file.display()), ExitCode::Tool);
    fs::write(file, bytes).map_err(failed)
}

/// The width of the terminal that standard output goes to, or the one that the environment tells.
fn width() -> usize {
    let told = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let set = || std::env::var("COLUMNS").ok()?.parse().ok();
    told.filter(|columns| *columns > 0).or_else(set).unwrap_or(WIDTH).clamp(20, WIDEST)
}

impl Args {
    fn shape(&self) -> Shape {
        let ending = || self.output.as_ref()?.extension()?.to_str().map(str::to_ascii_lowercase);
        self.format.or_else(|| Shape::from_str(&ending()?, true).ok()).unwrap_or(Shape::Table)
    }

    fn question(&self) -> Result<Question, Stop> {
        let since = self.since.as_deref().map(|text| when::parse(text, Timestamp::now())).transpose()?;
        let guarded = self.guard || self.since_tag.is_some() || self.limit.is_some();
        let limit = self.limit.map(|limit| limit.0);
        let guard = guarded.then(|| history::anchor(&self.workspace, self.since_tag.clone(), limit)).transpose()?;
        let usual = match (self.tests, guarded) {
            (true, _) => TESTED,
            (false, true) => GUARDED,
            (false, false) => USUAL,
        };
        Ok(Question {
            benchmarks: self.benchmarks.clone(),
            metrics: self.metric.clone(),
            class: self.class.clone(),
            project: self.project.clone(),
            branch: self.branch.clone(),
            request: self.request,
            last: self.last.unwrap_or(usual) as usize,
            since,
            guard,
            tests: self.tests,
        })
    }

    fn write(&self, history: &History, shape: Shape, width: usize, out: &mut impl Write) -> Result<(), Stop> {
        match shape {
            Shape::Table if self.tests => cases::write(history, out)?,
            Shape::Table if self.digest => write!(out, "{}", drawn::digest_text(history, self.digested()?))?,
            Shape::Markdown => write!(out, "{}", drawn::digest_markdown(history, self.digested()?))?,
            Shape::Table => tables::write(history, self.draws(history), width, out)?,
            Shape::Json => write_json(out, history)?,
            Shape::Csv => write!(out, "{}", drawn::csv(history))?,
            Shape::Html => write!(out, "{}", drawn::html(history))?,
            Shape::Svg => write!(out, "{}", drawn::svg(one(history)?))?,
        }
        Ok(())
    }

    fn draws(&self, history: &History) -> bool {
        self.plot == Plot::Always || (self.plot == Plot::Auto && history.series.len() <= DRAWN)
    }

    /// The beginning of the days that the digest tells of.
    fn digested(&self) -> Result<Timestamp, Stop> {
        Ok(when::parse(&format!("{}d", self.days), Timestamp::now())?)
    }
}

fn one(history: &History) -> Result<&SeriesHistory, Stop> {
    let told = |text: String| Stop::Failed(text, ExitCode::Usage);
    match history.series.as_slice() {
        [one] => Ok(one),
        [] => Err(told("there is no series to draw".to_owned())),
        several => Err(told(format!(
            "an SVG holds one series, and {} are meant; name the benchmark, --metric and --class, or write --format html",
            several.len()
        ))),
    }
}
