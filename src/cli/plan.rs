//! `backsight plan`: which of several jobs carries out which steps.

use std::path::PathBuf;

use super::output::{Console, print};
use super::run::{Choice, environment, tell_planning_error};
use super::written;
use crate::ops::run::cancel_on_signals;
use crate::ops::shards::{self, Count, Made, MakeError, Request};
use crate::plan::ShardPlan;
use crate::report::escape;
use crate::results::ExitCode;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pipeline file.
    #[arg(default_value = "backsight.yml")]
    pipeline: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// How many parts: a number, or `auto` for as many as the pipeline's `shards` asks for.
    #[arg(long, value_name = "N", default_value = "auto", value_parser = count)]
    shards: Count,
    /// Where the plan is written, for `run --shard` and `merge`.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What standard output gets: a table for people, the plan, GitHub's matrix on one line, or a child pipeline of GitLab.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// With `--format gitlab`, a file of YAML that defines the hidden jobs `.backsight` and `.backsight-merge`, which the
    /// jobs of the child pipeline extend; default: ours.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// With `--format gitlab`, the image of all jobs.
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// Do not look for shared results; the times then rest on the store of this workspace.
    #[arg(long)]
    no_pull: bool,
}

/// What standard output gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// The plan.
    Json,
    /// A matrix for `fromJSON`.
    Github,
    /// A child pipeline.
    Gitlab,
}

fn count(text: &str) -> Result<Count, String> {
    match text {
        "auto" => Ok(Count::Auto),
        _ => match text.parse() {
            Ok(n) if n > 0 => Ok(Count::Exactly(n)),
            _ => Err(format!("`{text}` is no number of shards; write a number above 0, or `auto`")),
        },
    }
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let made = match made(args) {
        Ok(made) => made,
        Err(Stop::Make(MakeError::Planning(error))) => return tell_planning_error(&error, console),
        Err(stop) => {
            console.error(&stop.to_string());
            return stop.exit_code();
        }
    };
    for remark in &made.remarks {
        console.say(&format!("note: {remark}"));
    }
    written(match args.format {
        Form::Text => print(&table(&made.plan)),
        Form::Json => serde_json::to_string_pretty(&made.plan).map_err(Into::into).and_then(|text| print(&text)),
        Form::Github => print(&shards::matrix(&made.plan)),
        Form::Gitlab => match child(args, &made.plan) {
            Ok(text) => print(&text),
            Err(text) => {
                console.error(&text);
                return ExitCode::Usage;
            }
        },
    })
}

fn child(args: &Args, plan: &ShardPlan) -> Result<String, String> {
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let jobs = args.base.as_ref().map(read).transpose()?;
    let child = shards::Child { jobs, image: args.image.clone(), env: environment() };
    shards::child_pipeline(plan, &child).map_err(|error| error.to_string())
}

/// Why there is no plan, or none that could be written.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error("{0}")]
    Selection(#[from] crate::plan::SelectionError),
    #[error(transparent)]
    Write(#[from] shards::PlanFileError),
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl Stop {
    const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Make(MakeError::Planning(error)) => error.exit_code(),
            Self::Selection(_) => ExitCode::Usage,
            Self::Make(MakeError::Store(_)) | Self::Write(_) | Self::System(_) => ExitCode::Tool,
        }
    }
}

fn made(args: &Args) -> Result<Made, Stop> {
    let made = shards::make(&Request {
        pipeline: args.pipeline.clone(),
        selection: args.choice.selection()?,
        count: args.shards,
        pull: !args.no_pull,
        env: environment(),
        cancel: cancel_on_signals()?,
    })?;
    if let Some(path) = &args.output {
        shards::write(path, &made.plan)?;
    }
    Ok(made)
}

fn table(plan: &ShardPlan) -> String {
    let steps: usize = plan.shards.iter().map(|shard| shard.steps.len()).sum();
    let times = &plan.times;
    let mut text = format!(
        "{}: {steps} steps in {} shards; the longest {}, all {}\n\n",
        escape::line(&plan.project),
        plan.shards.len(),
        span(times.longest_seconds),
        span(times.total_seconds)
    );
    let width = plan.shards.iter().map(|shard| shard.name.chars().count()).max().unwrap_or(0);
    for shard in &plan.shards {
        let runner = if shard.runner.is_empty() { String::new() } else { format!("  on {}", shard.runner.join(", ")) };
        text.push_str(&format!(
            "  {:>3}  {:width$}  {:>8}  {:>4} steps{runner}\n",
            shard.index,
            escape::line(&shard.name),
            span(shard.seconds),
            shard.steps.len()
        ));
    }
    if times.guessed > 0 {
        let of = times.known + times.guessed;
        text.push_str(&format!(
            "\n{} of {of} steps have no stored time; the median of the others stands in\n",
            times.guessed
        ));
    }
    text
}

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
