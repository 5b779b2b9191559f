//! `backsight runs list|show|cancel|prune`: earlier and running runs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::output::Format;
use super::table::{self, Cell};
use crate::ops::runs::{self, Prune, RunRow, RunsError};
use crate::ops::when;
use crate::report::{self, escape, figures};
use crate::results::{Counts, Document, ExitCode, Kind, Status};
use crate::store::{Places, RunFacts, RunFilter};

/// How long `cancel` waits for the run to end.
const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// How much of a run id is shown: the part that tells the millisecond.
const SHORT_ID: usize = 13;

/// Arguments of `backsight runs`.
#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    /// The folder that the pipeline file stands in
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    #[command(subcommand)]
    action: RunsAction,
}

#[derive(Debug, Subcommand)]
enum RunsAction {
    /// List runs: those that go on, ended, or were lost; the newest first
    List(Box<ListArgs>),
    /// Show one run
    Show {
        /// Its id, the unique beginning of it, or `latest`
        #[arg(default_value = "latest")]
        id: String,
        /// Text, or the whole results document as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Ask a run that goes on to end; what it has found out is kept
    Cancel {
        /// Its id or the unique beginning of it; default: the newest run that goes on
        id: Option<String>,
    },
    /// Remove the folders of old runs; their results stay in the store
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only runs in this state (repeatable)
    #[arg(long, value_parser = parse_status)]
    status: Vec<Status>,
    /// Only runs of this branch
    #[arg(long)]
    branch: Option<String>,
    /// Only runs with a step of this kind: generations, tests, benchmarks (repeatable)
    #[arg(long, value_parser = parse_kind)]
    kind: Vec<Kind>,
    /// Only runs with a step, case or benchmark whose name matches this glob
    #[arg(long, short = 'k', value_name = "GLOB")]
    name: Option<String>,
    /// Only runs with a step on this target
    #[arg(long)]
    target: Option<String>,
    /// Only runs with a step for this model
    #[arg(long)]
    model: Option<String>,
    /// Only runs started at this time or later: 2026-11-01, or 3d for three days ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only runs started before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 30)]
    limit: u32,
    /// Text, or an array of objects as JSON
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct PruneArgs {
    /// Keep the folders of so many of the newest runs
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Remove only the folders of runs older than this: 30d, or a day
    #[arg(long, value_name = "TIME")]
    older: Option<String>,
}

fn parse_status(word: &str) -> Result<Status, String> {
    Status::parse(word)
        .ok_or_else(|| "a state is one of running, passed, failed, undecided, errored, cancelled, lost".to_owned())
}

fn parse_kind(word: &str) -> Result<Kind, String> {
    [Kind::Generation, Kind::Test, Kind::Benchmark]
        .into_iter()
        .find(|kind| kind.section().trim_end_matches('s') == word.trim_end_matches('s'))
        .ok_or_else(|| "a kind is one of generations, tests, benchmarks".to_owned())
}

/// Carries out `backsight runs`, writing data to `out` and prose to `err`.
pub(super) fn run(args: &RunsArgs, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    let places = Places::of(&args.workspace);
    let done = match &args.action {
        RunsAction::List(list) => list_runs(&places, list, out, err),
        RunsAction::Show { id, format } => show_run(&places, id, *format, out),
        RunsAction::Cancel { id } => cancel_run(&places, id.as_deref(), err),
        RunsAction::Prune(prune) => prune_runs(&places, prune, err),
    };
    finish(done, err)
}

/// Why a command of this file or its neighbours ended early.
pub(super) enum Stop {
    /// It failed: the message and what to return.
    Failed(String, ExitCode),
    /// The reader of our output went away, which is its right.
    Closed,
}

impl From<RunsError> for Stop {
    fn from(error: RunsError) -> Self {
        Self::Failed(error.to_string(), error.exit_code())
    }
}

impl From<when::WhenError> for Stop {
    fn from(error: when::WhenError) -> Self {
        Self::Failed(error.to_string(), ExitCode::Usage)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Failed(format!("cannot write the output: {error}"), ExitCode::Tool)
    }
}

impl From<serde_json::Error> for Stop {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

/// Reports how a command ended.
pub(super) fn finish(done: Result<ExitCode, Stop>, err: &mut impl Write) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(Stop::Closed) => ExitCode::Passed,
        Err(Stop::Failed(message, code)) => {
            let red = AnsiColor::Red.on_default().bold();
            // Where standard error is gone, too, the exit code is all that is left to say.
            let _ = writeln!(err, "{red}error{red:#}: {}", escape::line(&message));
            code
        }
    }
}

fn list_runs(places: &Places, args: &ListArgs, out: &mut impl Write, err: &mut impl Write) -> Result<ExitCode, Stop> {
    let now = Timestamp::now();
    let time = |text: &Option<String>| text.as_deref().map(|text| when::parse(text, now)).transpose();
    let filter = RunFilter {
        statuses: args.status.clone(),
        branch: args.branch.clone(),
        kinds: args.kind.clone(),
        name: args.name.clone(),
        target: args.target.clone(),
        model: args.model.clone(),
        since: time(&args.since)?,
        until: time(&args.until)?,
        limit: Some(args.limit),
    };
    let rows = runs::list(places, &filter)?;
    if args.format == Format::Json {
        write_json(out, &rows)?;
    } else if rows.is_empty() {
        writeln!(err, "no runs")?;
    } else {
        let heading = ["id", "started (UTC)", "status", "took", "branch", "commit", "tests", "benchmarks"];
        let rows: Vec<_> = rows.iter().map(|row| cells(row, now)).collect();
        table::write(out, &heading, &rows)?;
    }
    Ok(ExitCode::Passed)
}

/// Writes pretty JSON and a newline.
pub(super) fn write_json(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), Stop> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(writeln!(out)?)
}

fn cells(row: &RunRow, now: Timestamp) -> Vec<Cell> {
    let facts = &row.facts;
    let took = match facts.status {
        Status::Running => figures::time(now.duration_since(facts.started_at).as_nanos() as f64),
        Status::Lost if facts.duration_ns == 0 => "-".to_owned(),
        _ => figures::time(facts.duration_ns as f64),
    };
    let status = match row.pid {
        Some(pid) => format!("{} ({pid})", facts.status.as_str()),
        None => facts.status.as_str().to_owned(),
    };
    vec![
        short_id(facts).into(),
        minute(facts.started_at).into(),
        Cell::styled(status, style(facts.status)),
        took.into(),
        branch(facts).into(),
        commit(facts).into(),
        tests(&facts.counts).into(),
        count(facts.counts.benchmarks).into(),
    ]
}

/// The part of the id that tells two runs apart.
pub(super) fn short_id(facts: &RunFacts) -> String {
    facts.id.to_string().chars().take(SHORT_ID).collect()
}

/// The instant to the minute.
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The branch, and the change request where there is one.
pub(super) fn branch(facts: &RunFacts) -> String {
    let branch = facts.branch.as_deref().unwrap_or("-");
    facts.request.map_or_else(|| branch.to_owned(), |number| format!("{branch} (#{number})"))
}

/// The short commit, with `*` where the tree was dirty.
pub(super) fn commit(facts: &RunFacts) -> String {
    let commit = facts.commit.as_deref().unwrap_or("-");
    let mark = if facts.dirty == Some(true) { "*" } else { "" };
    format!("{}{mark}", commit.get(..9).unwrap_or(commit))
}

fn tests(counts: &Counts) -> String {
    let parts = [
        (counts.passed, "passed"),
        (counts.failed + counts.errored, "failed"),
        (counts.flaky, "flaky"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "cancelled"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn count(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

fn style(status: Status) -> Style {
    let color = match status {
        Status::Passed => AnsiColor::Green,
        Status::Running => AnsiColor::Cyan,
        Status::Failed | Status::Errored => AnsiColor::Red,
        Status::Undecided | Status::Cancelled | Status::Lost => AnsiColor::Yellow,
    };
    color.on_default()
}

fn show_run(places: &Places, id: &str, format: Format, out: &mut impl Write) -> Result<ExitCode, Stop> {
    let document = runs::show(places, id)?;
    match format {
        Format::Json => write_json(out, &document)?,
        Format::Text => write_document(out, &document)?,
    }
    Ok(ExitCode::Passed)
}

/// A run as it was shown when it ended, with what identifies it and its host.
pub(super) fn write_document(out: &mut impl Write, document: &Document) -> Result<(), Stop> {
    let facts = RunFacts::from(document);
    let (status, class) = (style(facts.status), escape::line(&facts.class_key));
    let word = facts.status.as_str();
    let started = minute(facts.started_at);
    writeln!(out, " run {} of {started} UTC on host class {class}: {status}{word}{status:#}", facts.id)?;
    Ok(write!(out, "{}", report::terminal(document, None))?)
}

fn cancel_run(places: &Places, id: Option<&str>, err: &mut impl Write) -> Result<ExitCode, Stop> {
    let cancelled = runs::cancel(places, id, CANCEL_WAIT)?;
    let (run, pid) = (cancelled.run, cancelled.pid);
    if cancelled.ended {
        writeln!(err, "run {run} ended; `backsight runs show {run}` shows what it had")?;
    } else {
        writeln!(err, "run {run} (process {pid}) was asked to end and is still writing what it has")?;
    }
    Ok(ExitCode::Passed)
}

fn prune_runs(places: &Places, args: &PruneArgs, err: &mut impl Write) -> Result<ExitCode, Stop> {
    let now = Timestamp::now();
    let before = args.older.as_deref().map(|text| when::parse(text, now)).transpose()?;
    let removed = runs::prune(places, Prune { keep: args.keep, before }, now)?;
    writeln!(err, "removed {} run folders", removed.len())?;
    Ok(ExitCode::Passed)
}
