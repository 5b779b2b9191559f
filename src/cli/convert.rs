//! `backsight convert`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::output::Console;
use crate::harness::{ADAPTERS, adapter};
use crate::ops::convert::{Choice, Converted, convert};
use crate::results::ExitCode;

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The format, or `auto` to find it out from the content.
    #[arg(long, value_name = "NAME", default_value = AUTO, value_parser = names())]
    harness: String,
    /// The files; `-` or nothing for standard input.
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
}

/// The name that stands for none.
const AUTO: &str = "auto";

/// What `--harness` takes.
fn names() -> PossibleValuesParser {
    let formats = ADAPTERS.iter().map(|adapter| PossibleValue::new(adapter.name).help(adapter.title));
    PossibleValuesParser::new(std::iter::once(PossibleValue::new(AUTO).help("whatever the content is")).chain(formats))
}

/// Standard output, on Unix without the look for ends of lines in all that goes through it.
fn output() -> Box<dyn Write> {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned() {
        return Box::new(std::fs::File::from(own));
    }
    Box::new(std::io::stdout())
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let mut out = BufWriter::with_capacity(64 << 10, output());
    let choice = adapter(&args.harness).map_or(Choice::Auto, Choice::Named);
    let converted = convert(choice, &args.files, &mut out);
    let flushed = super::written(out.flush());
    match converted {
        Ok(Converted { found, warnings }) => {
            for sentence in found {
                console.say(&sentence);
            }
            for warning in warnings {
                console.complain(&format!("warning: {warning}"));
            }
            flushed
        }
        Err(error) => {
            let code = error.exit_code();
            if code != ExitCode::Passed {
                console.error(&error.to_string());
            }
            code
        }
    }
}
