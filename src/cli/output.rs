//! What subcommands share. Where text goes: data to standard output, prose to standard error, style only where the stream is a terminal.

use std::io::{self, Write};

use serde::Serialize;

use crate::pipeline::{Percent, StepDuration};

/// How much is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    pub quiet: bool,
    pub verbose: bool,
}

/// The output of commands that a program might read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Console {
    pub(super) const fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose }
    }

    /// Prose, unless `--quiet`. Text may carry style; it is dropped where the stream does not want it.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            write_err(text);
        }
    }

    /// Prose that `--quiet` does not silence.
    pub(super) fn complain(self, text: &str) {
        write_err(text);
    }

    /// An error of the tool or its user, in the form of all our messages.
    pub(super) fn error(self, text: &str) {
        self.complain(&format!("error: {text}"));
    }
}

fn write_err(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "{}", text.trim_end_matches('\n'));
}

/// Text to standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// A value as JSON to standard output.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A time span given on the command line.
pub(super) fn duration(text: &str) -> Result<StepDuration, String> {
    StepDuration::parse(text).ok_or_else(|| "wants a duration such as 30s, 10m or 1h".to_owned())
}

/// A share given on the command line.
pub(super) fn percent(text: &str) -> Result<Percent, String> {
    Percent::parse(text).ok_or_else(|| "wants a share such as 2%".to_owned())
}
