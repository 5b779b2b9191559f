//! `backsight generate`: the generations of a pipeline alone.

use std::path::PathBuf;

use super::output::{Console, Format};
use super::run::{Files, carry_out, environment};
use crate::ops::run::{self, Base, Request, Share};
use crate::plan::Selection;
use crate::results::{ExitCode, Kind};

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pipeline file.
    #[arg(default_value = "backsight.yml")]
    pipeline: PathBuf,
    /// Only generations whose name or id matches; may be repeated.
    #[arg(short = 'k', long = "keep", value_name = "GLOB")]
    keep: Vec<String>,
    /// No generations whose name or id matches; may be repeated.
    #[arg(long, value_name = "GLOB")]
    skip: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// The report for people on standard error, or besides the results document on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let selection = match Selection::new(vec![Kind::Generation], &args.keep, &args.skip) {
        Ok(selection) => selection,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Usage;
        }
    };
    let cancel = match run::cancel_on_signals() {
        Ok(cancel) => cancel,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Tool;
        }
    };
    let request = Request {
        pipeline: args.pipeline.clone(),
        selection,
        part: None,
        results: None,
        check_only: args.files.check,
        force: args.files.force,
        prune: args.files.prune,
        jobs: None,
        budget: None,
        seed: None,
        base: Base::Nothing,
        share: Share::All,
        env: environment(),
        cancel,
    };
    carry_out(request, args.format, console)
}
