//! The command line: one file per subcommand with its arguments and exit code; each calls one operation of [`crate::ops`].
//!
//! Data goes to standard output, prose to standard error.

pub mod diagnostic;
pub mod schema;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
