//! `backsight history`: benchmarks and tests over the commits of a branch.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use jiff::Timestamp;

use super::output::percent;
use super::runs::{Stop, finish, write_json};
use super::table::{self, Cell};
use crate::ops::history::{self, HistoryError, Question};
use crate::ops::when;
use crate::pipeline::Percent;
use crate::report::{escape, figures};
use crate::results::{ExitCode, Guard, GuardRow, GuardState, History, SeriesHistory};

/// So many series are drawn where nobody says whether to draw.
const DRAWN: usize = 4;
/// Points of a series where nobody says how many, without and with a drift guard.
const USUAL: u32 = 500;
const GUARDED: u32 = 4096;
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
        let usual = if guarded { GUARDED } else { USUAL };
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
        })
    }

    fn write(&self, history: &History, shape: Shape, width: usize, out: &mut impl Write) -> Result<(), Stop> {
        match shape {
            Shape::Table => self.write_table(history, width, out)?,
            Shape::Json => write_json(out, history)?,
            Shape::Csv => write!(out, "{}", crate::report::history::csv(history))?,
            Shape::Html => write!(out, "{}", crate::report::history::html(history))?,
            Shape::Svg => write!(out, "{}", crate::report::history::svg(one(history)?))?,
        }
        Ok(())
    }

    fn write_table(&self, history: &History, width: usize, out: &mut impl Write) -> Result<(), Stop> {
        if history.series.is_empty() {
            return Ok(());
        }
        let classes = history.series.iter().any(|series| series.class_key != history.series[0].class_key);
        let mut heading =
            vec!["benchmark", "metric", "last", "against its level", "points", "changes", "the last of them"];
        if classes {
            heading.push("host class");
        }
        let rows: Vec<_> = history.series.iter().map(|series| cells(series, classes)).collect();
        table::write(out, &heading, &rows)?;
        if let Some(guard) = &history.guard {
            write_guard(history, guard, out)?;
        }
        let drawn = self.plot == Plot::Always || (self.plot == Plot::Auto && history.series.len() <= DRAWN);
        for series in &history.series {
            if drawn {
                writeln!(out, "\n{}", escape::line(&crate::report::history::heading(series)))?;
                write!(out, "{}", crate::report::history::plot(series, width))?;
                write_changes(series, out)?;
            }
        }
        Ok(())
    }
}

fn write_guard(history: &History, guard: &Guard, out: &mut impl Write) -> Result<(), Stop> {
    let value = |level: Option<f64>, row: &GuardRow| {
        let unit = history.series.get(row.series as usize).map_or("", |series| series.unit.as_str());
        level.map(|level| figures::value(level, unit)).unwrap_or_default()
    };
    let cells = |row: &GuardRow| {
        let style = match row.state {
            GuardState::Exceeded => AnsiColor::Red.on_default(),
            GuardState::Unsure => AnsiColor::Yellow.on_default(),
            GuardState::Within => Style::new(),
        };
        let interval = row.low.zip(row.high).map(|(low, high)| figures::interval(low, high)).unwrap_or_default();
        let mut note = row.note.clone().unwrap_or_default();
        if row.accepted > 0 {
            note = format!("without {} accepted {note}", row.accepted);
        }
        vec![
            Cell::from(&row.benchmark),
            Cell::from(&row.metric),
            value(row.then, row).into(),
            value(row.now, row).into(),
            row.change.map(figures::change).unwrap_or_default().into(),
            interval.into(),
            Cell::styled(row.state.as_str(), style),
            note.trim_end().into(),
        ]
    };
    writeln!(out)?;
    let rows: Vec<_> = guard.rows.iter().map(cells).collect();
    let then = format!("at {}", escape::cut(&guard.since, 24));
    table::write(out, &["benchmark", "metric", &then, "now", "sum", "interval", "", ""], &rows)?;
    Ok(())
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

fn cells(series: &SeriesHistory, classes: bool) -> Vec<Cell> {
    let last = series.points.last().map(|point| figures::value(point.value, &series.unit)).unwrap_or_default();
    let latest = series.changes.last();
    let told = latest.map(|change| crate::report::history::change_words(change, &series.unit)).unwrap_or_default();
    let style = latest.map_or(Style::new(), |change| style(change.worse, change.accepted.is_some()));
    let mut count = series.changes.len().to_string();
    if let Some(drift) = series.drift {
        let size = crate::report::history::size_words(drift.size, drift.relative, &series.unit);
        count = format!("{count}, drift {size}");
    }
    let mut cells = vec![
        Cell::from(&series.benchmark),
        Cell::from(&series.metric),
        last.into(),
        series.since_segment.map(figures::change).unwrap_or_default().into(),
        series.points.len().to_string().into(),
        count.into(),
        Cell::styled(told, style),
    ];
    if classes {
        cells.push(Cell::from(&series.class_key));
    }
    cells
}

fn style(worse: bool, accepted: bool) -> Style {
    match (worse, accepted) {
        (_, true) => Style::new().dimmed(),
        (true, false) => AnsiColor::Red.on_default(),
        (false, false) => AnsiColor::Green.on_default(),
    }
}

fn write_changes(series: &SeriesHistory, out: &mut impl Write) -> Result<(), Stop> {
    for change in &series.changes {
        let style = style(change.worse, change.accepted.is_some());
        let sign = match (change.worse, change.accepted.is_some()) {
            (true, false) => '▲',
            (false, false) => '▼',
            (true, true) => '△',
            (false, true) => '▽',
        };
        writeln!(out, "  {style}{sign} {}{style:#}", crate::report::history::change_words(change, &series.unit))?;
    }
    if let Some(drift) = series.drift {
        let size = crate::report::history::size_words(drift.size, drift.relative, &series.unit);
        writeln!(out, "  drifts: {size} over these points")?;
    }
    if let Some(period) = series.period {
        writeln!(out, "  comes and goes in periods of about {period:.0} points")?;
    }
    Ok(())
}
