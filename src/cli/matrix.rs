//! `backsight matrix`.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use jiff::Timestamp;

use super::output::Console;
use crate::ops::matrix::matrix;
use crate::report::{escape, matrix_html, matrix_markdown, matrix_reasons, matrix_text};
use crate::results::ExitCode;
use crate::store::Places;

/// Arguments of `matrix`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result files, ids of runs, or `latest`, the newest first; default: the stored runs.
    runs: Vec<String>,
    /// How many stored runs are looked at, the newest first.
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: u32,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The folder that the pipeline file stands in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For a page or a comment.
    Markdown,
    /// A page of its own.
    Html,
    /// For programs: `backsight schema matrix` describes it.
    Json,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let matrix = match matrix(&Places::of(&args.workspace), &args.runs, args.last) {
        Ok(matrix) => matrix,
        Err(error) => {
            console.error(&error.to_string());
            return error.exit_code();
        }
    };
    if matrix.models.is_empty() && args.format != Format::Json {
        console.say("no run with a model is stored; steps with `for_each: models` make one");
        return ExitCode::Passed;
    }
    let now = Timestamp::now();
    let text = match args.format {
        Format::Table => {
            let reasons: String =
                matrix_reasons(&matrix).iter().map(|line| format!("  {}\n", escape::line(line))).collect();
            let gap = if reasons.is_empty() { "" } else { "\n" };
            format!("{}{gap}{reasons}", matrix_text(&matrix, now))
        }
        Format::Markdown => matrix_markdown(&matrix, now),
        Format::Html => matrix_html(&matrix, now),
        Format::Json => match serde_json::to_string_pretty(&matrix) {
            Ok(text) => text + "\n",
            Err(error) => {
                console.error(&format!("the matrix cannot be written: {error}"));
                return ExitCode::Tool;
            }
        },
    };
    super::written(anstream::stdout().lock().write_all(text.as_bytes()))
}
