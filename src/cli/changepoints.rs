//! `backsight changepoints`.

use std::io::BufWriter;
use std::path::PathBuf;

use super::output::Console;
use crate::ops::changepoints::{Known, changepoints};
use crate::results::ExitCode;

/// Arguments of `changepoints`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The series: CSV with the columns series_id, index and value, the rows of a series together and in order;
    /// `-` for standard input.
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// An earlier answer of this command on the same file: only the newest part of each series is read again. A series that
    /// it does not name had neither step nor drift.
    #[arg(long, value_name = "FILE", requires = "new")]
    known: Option<PathBuf>,
    /// How many values at the end of each series the earlier answer did not see.
    #[arg(long, value_name = "N", requires = "known")]
    new: Option<usize>,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    let known = args.known.as_deref().map(|path| Known::read(path, args.new.unwrap_or(1))).transpose();
    match known.and_then(|known| changepoints(&args.csv, known.as_ref(), &mut out)) {
        Ok(counts) => {
            for warning in &counts.warnings {
                console.complain(&format!("warning: {warning}"));
            }
            console.say(&format!(
                "{} series, {} values: {} steps, {} drifts",
                counts.series, counts.points, counts.steps, counts.drifts
            ));
            ExitCode::Passed
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
