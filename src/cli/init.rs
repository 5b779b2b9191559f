//! `backsight init`: writes a first pipeline file for the repository.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::ops::init::{InitError, Proposal, propose, write};
use crate::results::ExitCode;

/// Write a first backsight.yml that fits this repository
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder of the project
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Replace a file that is there already
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Print the file instead of writing it
    #[arg(long)]
    print: bool,
}

/// Carries the command out: the file's text goes to `out` where it is asked for, all prose to `prose`.
///
/// # Errors
/// [`InitError`] where the folder cannot be read or the file not be written; [`exit_code`] says what that means for
/// the process. A closed output is no error.
pub(super) fn run(args: &InitArgs, out: &mut dyn Write, prose: &mut dyn Write) -> Result<ExitCode, InitError> {
    let proposal = propose(&args.folder)?;
    let written = if args.print { None } else { Some(write(&args.folder, &proposal, args.force)?) };
    let _ = tell(&proposal, prose);
    let _ = match written {
        None => out.write_all(proposal.text.as_bytes()),
        Some(path) => writeln!(prose, "{} is written. See what it would run: backsight check", path.display()),
    };
    Ok(ExitCode::Passed)
}

/// What an error means for the process.
pub(super) const fn exit_code(error: &InitError) -> ExitCode {
    match error {
        InitError::Folder { .. } | InitError::Exists { .. } => ExitCode::Usage,
        InitError::Write { .. } => ExitCode::Tool,
    }
}

fn tell(proposal: &Proposal, prose: &mut dyn Write) -> io::Result<()> {
    if proposal.found.is_empty() {
        return writeln!(prose, "Nothing was recognised; the file holds examples to start from.");
    }
    for found in &proposal.found {
        writeln!(prose, "{}: {}", found.place, found.so)?;
    }
    Ok(())
}
