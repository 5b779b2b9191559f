//! `backsight schema`.

use super::output::print_json;
use super::written;
use crate::ops::schema::{Format, schema};
use crate::results::ExitCode;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which format.
    format: Name,
}

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// The results document, `backsight/results/1`.
    Results,
    /// The pipeline file, version 1.
    Pipeline,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> ExitCode {
    let format = match args.format {
        Name::Results => Format::Results,
        Name::Pipeline => Format::Pipeline,
    };
    written(print_json(&schema(format)))
}
