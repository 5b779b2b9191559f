//! `backsight bench`.

use std::io::IsTerminal;

use super::manner::MannerArgs;
use super::output::{Console, Format, duration, percent, print_json};
use super::progress::Progress;
use super::run::environment;
use super::written;
use crate::execute::Listener;
use crate::ops::against::Side;
use crate::ops::bench::{Base, Request, bench};
use crate::ops::run::{cancel_on_signals, new_seed};
use crate::pipeline::{Percent, Shell, StepDuration};
use crate::plan::Invocation;
use crate::report;
use crate::results::ExitCode;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The base: another command in one string, run by `sh` where it needs a shell.
    #[arg(long, value_name = "COMMAND", required_unless_present = "against", conflicts_with = "against")]
    vs: Option<String>,
    /// The base: the same command in another revision, checked out beside this one. `main...` is where HEAD left main.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// With --against: run once in each working copy before the measurement.
    #[arg(long, value_name = "COMMAND", conflicts_with = "vs")]
    build: Option<String>,
    /// With --against: a path that git ignores and both working copies need, linked into them; may be repeated.
    #[arg(long, value_name = "PATH", conflicts_with = "vs")]
    carry: Vec<String>,
    /// The head: program and arguments, after `--`.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// What the benchmark is called.
    #[arg(long, default_value = "command")]
    name: String,
    /// Time for the measurement.
    #[arg(long, value_parser = duration, default_value = "30s")]
    budget: StepDuration,
    /// The time limit of one run.
    #[arg(long, value_parser = duration, default_value = "10m")]
    timeout: StepDuration,
    /// The smallest change that matters.
    #[arg(long, value_parser = percent, default_value = "2%")]
    limit: Percent,
    /// The chance of calling any change where there is none.
    #[arg(long, value_parser = percent, default_value = "0.05%")]
    false_alarms: Percent,
    /// Runs of each command before the first pair.
    #[arg(long, default_value_t = 1)]
    warm_up: u32,
    /// Where the order of all runs is drawn from; default: the clock.
    #[arg(long)]
    seed: Option<u64>,
    /// The report for people, or besides the results document on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    manner: MannerArgs,
}

/// Runs the command.
pub(super) fn run(args: Args, console: Console) -> ExitCode {
    let format = args.format;
    let request = match request(args) {
        Ok(request) => request,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Tool;
        }
    };
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if !console.quiet {
        listeners.push(Box::new(Progress::new(console, std::io::stderr().is_terminal())));
    }
    match bench(request, listeners) {
        Ok(document) => {
            console.say(&format!("\n{}", report::terminal(&document, None)));
            let code = document.run.exit_code;
            match format {
                Format::Text => code,
                Format::Json => code.worst(written(print_json(&document))),
            }
        }
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

fn request(args: Args) -> std::io::Result<Request> {
    let (manner, metrics) = args.manner.read();
    let shell = |script: String| Invocation::Shell { shell: Shell::Sh, script };
    let base = match args.against {
        Some(revision) => Base::Revision { side: Side::parse(&revision, args.carry), build: args.build.map(shell) },
        None => Base::Command(shell(args.vs.unwrap_or_default())),
    };
    Ok(Request {
        base,
        head: Invocation::Args(args.command),
        name: args.name,
        folder: std::env::current_dir()?,
        budget: args.budget.0,
        timeout: args.timeout.0,
        warm_up: args.warm_up,
        seed: args.seed.unwrap_or_else(new_seed),
        manner,
        metrics,
        limit: args.limit.0,
        false_alarms: args.false_alarms.0,
        env: environment(),
        cancel: cancel_on_signals()?,
    })
}
