//! `backsight completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, written};
use crate::results::ExitCode;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "backsight", &mut script);
    written(super::output::print(&String::from_utf8_lossy(&script)))
}
