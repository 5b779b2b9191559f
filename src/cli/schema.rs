//! `backsight schema`: prints the JSON Schema of a format to standard output.

use super::output::print;
use super::written;
use crate::ops::schema::{Format, published, schema_text};
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
    /// The results document, `results.json`.
    Results,
    /// The pipeline file, `backsight.yml`.
    Pipeline,
    /// What `backsight history --format json` writes.
    History,
    /// What `backsight matrix --format json` writes.
    Matrix,
    /// What `backsight hardware --format json` writes.
    Hardware,
    /// What `backsight plan --shards N` writes.
    Plan,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> ExitCode {
    let format = match args.format {
        Name::Results => Format::Results,
        Name::Pipeline => Format::Pipeline,
        Name::History => Format::History,
        Name::Matrix => Format::Matrix,
        Name::Hardware => Format::Hardware,
        Name::Plan => Format::Plan,
    };
    // A debug build makes them anew: so the files in `schemas/` are written.
    written(if cfg!(debug_assertions) { print(&schema_text(format)) } else { print(published(format)) })
}
