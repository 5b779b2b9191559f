//! `backsight compare`.

use std::path::PathBuf;

use super::output::{Console, Format, percent, print, print_json};
use super::written;
use crate::ops::compare::{Compared, compare};
use crate::pipeline::Percent;
use crate::report::{change_line, escape};
use crate::results::ExitCode;
use crate::store::Places;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The base: a results.json, a run id or the beginning of one, or `latest`.
    base: String,
    /// The head, named in the same way.
    head: String,
    /// The smallest change that matters.
    #[arg(long, value_parser = percent, default_value = "2%")]
    limit: Percent,
    /// The workspace whose runs are meant.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
    /// A table for people, or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    match compare(&Places::of(&args.workspace), &args.base, &args.head, args.limit.0) {
        Ok(compared) => match args.format {
            Format::Json => written(print_json(&compared.comparison)),
            Format::Text => written(print(&table(&compared))),
        },
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

fn table(compared: &Compared) -> String {
    let comparison = &compared.comparison;
    let mut text = format!("base {}   head {}\n", compared.base.run.id, compared.head.run.id);
    if let Some(note) = &comparison.note {
        text.push_str(&format!("{}\n", escape::line(note)));
    }
    text.push('\n');
    for row in &comparison.rows {
        text.push_str(&format!("  {}\n", change_line(row)));
    }
    let lists = [
        ("newly failing", &comparison.newly_failing),
        ("still failing", &comparison.still_failing),
        ("fixed", &comparison.fixed),
        ("no longer there", &comparison.vanished),
    ];
    for (word, list) in lists {
        for (step, name) in list {
            text.push_str(&format!("  {word}: {}  {}\n", escape::line(step), escape::line(name)));
        }
    }
    if comparison.rows.is_empty() && lists.iter().all(|(_, list)| list.is_empty()) {
        text.push_str("  nothing moved that both runs have\n");
    }
    text
}
