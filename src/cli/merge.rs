//! `backsight merge`: what several jobs found, as one run.

use std::path::PathBuf;

use super::output::{Console, Format};
use super::run::tell;
use crate::ops::merge::{Request, merge};
use crate::ops::run::cancel_on_signals;
use crate::results::ExitCode;

/// Arguments of `merge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results of jobs: `results.json` files, or folders that hold them, such as downloaded artifacts.
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// The plan that the jobs are parts of: a part without results is told, and never green.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Without a plan, how many jobs must have left results.
    #[arg(long, value_name = "N", conflicts_with = "plan")]
    expect: Option<usize>,
    /// The pipeline file; the joined run goes into its folder's `.backsight`.
    #[arg(long, value_name = "FILE", default_value = "backsight.yml")]
    pipeline: PathBuf,
    /// Do not add the run to the shared results.
    #[arg(long)]
    no_push: bool,
    /// The report for people on standard error, or besides the results document on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let cancel = match cancel_on_signals() {
        Ok(cancel) => cancel,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Tool;
        }
    };
    let request = Request {
        sources: args.sources.clone(),
        plan: args.plan.clone(),
        expect: args.expect,
        pipeline: args.pipeline.clone(),
        push: !args.no_push,
        cancel,
    };
    match merge(&request) {
        Ok(answer) => tell(&answer, args.format, console),
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}
