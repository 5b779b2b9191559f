//! `backsight report`.

use std::path::PathBuf;

use super::output::{Console, print};
use super::run::{environment, shown};
use super::written;
use crate::ops::page::page;
use crate::ops::report::{Format, document, recover, render};
use crate::report::{Chat, Place, terminal};
use crate::results::ExitCode;
use crate::store::Places;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A results.json, a run id or the beginning of one, or `latest` (the default).
    run: Option<String>,
    /// Restore the run (or, if none is named, all runs) that was killed, from its journal.
    #[arg(long)]
    recover: bool,
    /// What to render.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// The workspace whose runs are meant.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
}

/// What to render.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// As after a run.
    #[default]
    Terminal,
    /// GitHub-flavoured Markdown.
    Markdown,
    /// One HTML file with plots of all samples, for a browser.
    Html,
    /// JUnit XML.
    Junit,
    /// The results document.
    Json,
    /// OpenMetrics text, also for GitLab's `artifacts:reports:metrics`.
    Openmetrics,
    /// GitLab's Code Quality report: failing tests and regressions.
    Codequality,
    /// GitLab's `artifacts:reports:annotations`: a link from the job to the run's files.
    JobLinks,
    /// One JSON object a line: the run, metrics with their comparison, test cases.
    JsonLines,
    /// A table of metrics with their comparison.
    Csv,
    /// An SVG with the verdict.
    Badge,
    /// A message for Slack.
    Slack,
    /// A message for Teams.
    Teams,
    /// A message for Discord.
    Discord,
    /// A message for a program.
    Webhook,
}

impl From<Shape> for Format {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Terminal => Self::Terminal,
            Shape::Markdown => Self::Markdown,
            Shape::Html => Self::Html,
            Shape::Junit => Self::Junit,
            Shape::Json => Self::Json,
            Shape::Openmetrics => Self::Openmetrics,
            Shape::Codequality => Self::Codequality,
            Shape::JobLinks => Self::JobLinks,
            Shape::JsonLines => Self::JsonLines,
            Shape::Csv => Self::Csv,
            Shape::Badge => Self::Badge,
            Shape::Slack => Self::Message(Chat::Slack),
            Shape::Teams => Self::Message(Chat::Teams),
            Shape::Discord => Self::Message(Chat::Discord),
            Shape::Webhook => Self::Message(Chat::Json),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let places = Places::of(&args.workspace);
    let result = if args.recover {
        restore(&places, args, console)
    } else {
        document(&places, args.run.as_deref().unwrap_or("latest")).map(|document| show(&document, args, console))
    };
    result.unwrap_or_else(|error| {
        console.error(&error.to_string());
        error.exit_code()
    })
}

fn show(document: &crate::results::Document, args: &Args, console: Console) -> ExitCode {
    if args.format == Shape::Html {
        let (page, error) = page(&args.workspace, document, &|name| std::env::var(name).ok());
        if let Some(error) = error {
            console.say(&format!("note: the page shows no history: {error}"));
        }
        return written(print(&page));
    }
    match render(document, args.format.into()) {
        Ok(text) => written(print(&text)),
        Err(error) => {
            console.error(&error.to_string());
            ExitCode::Tool
        }
    }
}

fn restore(places: &Places, args: &Args, console: Console) -> Result<ExitCode, crate::ops::report::ReportError> {
    let mut code = ExitCode::Passed;
    for run in recover(places, args.run.as_deref(), &environment())? {
        console.say(&format!("restored run {}", run.document.run.id));
        for problem in &run.problems {
            console.error(problem);
            code = code.worst(ExitCode::Tool);
        }
        code = code.worst(match args.format {
            Shape::Terminal => {
                let place = Place { folder: shown(&run.folder), files: run.files };
                written(print(&terminal(&run.document, Some(&place))))
            }
            _ => show(&run.document, args, console),
        });
    }
    Ok(code)
}
