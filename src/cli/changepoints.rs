//! `backsight changepoints`.

use std::io::BufWriter;
use std::path::PathBuf;

use super::output::Console;
use crate::ops::changepoints::changepoints;
use crate::results::ExitCode;

/// Arguments of `changepoints`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The series: CSV with the columns series_id, index and value, the rows of a series together and in order;
    /// `-` for standard input.
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    match changepoints(&args.csv, &mut out) {
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
