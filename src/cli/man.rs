//! `backsight man`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Arguments, Console, written};
use crate::results::ExitCode;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The subcommand whose page is printed, such as `runs list`; without one, the page of backsight.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all subcommands into this folder instead.
    #[arg(short, long, value_name = "FOLDER", conflicts_with = "command")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    // Built first: subcommands then know their full names and the options that hold everywhere.
    let mut all = Arguments::command().disable_help_subcommand(true);
    all.build();
    let Some(folder) = &args.output else { return print(&all, &args.command, console) };
    match fs::create_dir_all(folder).and_then(|()| write(&all, folder)) {
        Ok(()) => ExitCode::Passed,
        Err(error) => {
            console.error(&format!("{}: the pages cannot be written: {error}", folder.display()));
            ExitCode::Tool
        }
    }
}

fn print(all: &Command, names: &[String], console: Console) -> ExitCode {
    let found = names.iter().try_fold(all, |command, name| command.find_subcommand(name).ok_or(name));
    match found {
        // As it is, also where it goes to a terminal: control characters are roff's own.
        Ok(command) => written(std::io::stdout().lock().write_all(&page(command))),
        Err(name) => {
            console.error(&format!("`{name}` is no subcommand; `backsight --help` lists them"));
            ExitCode::Usage
        }
    }
}

fn page(command: &Command) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(command.clone()).manual("Backsight").render(&mut text);
    text
}

/// The page of a command and of each one below it that is shown.
fn write(command: &Command, folder: &Path) -> std::io::Result<()> {
    let name = Man::new(command.clone()).get_filename();
    fs::write(folder.join(name), page(command))?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| write(below, folder))
}
