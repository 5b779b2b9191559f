//! `backsight check`: is the file right, and what would be run?

use std::path::PathBuf;

use super::output::{Console, Format, print, print_json};
use super::run::{Choice, environment, tell_planning_error};
use super::written;
use crate::ops::check::{Checked, check};
use crate::report::escape;
use crate::results::ExitCode;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pipeline file.
    #[arg(default_value = "backsight.yml")]
    pipeline: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// A table for people, or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let selection = match args.choice.selection() {
        Ok(selection) => selection,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Usage;
        }
    };
    match check(&args.pipeline, &selection, &environment()) {
        Ok(checked) => match args.format {
            Format::Json => written(print_json(&checked)),
            Format::Text => written(print(&table(&checked))),
        },
        Err(error) => tell_planning_error(&error, console),
    }
}

fn table(checked: &Checked) -> String {
    let runs = checked.steps.iter().filter(|row| row.runs).count();
    let mut text = format!(
        "{}: {} is right; {runs} of {} steps would run here\n\n",
        escape::line(&checked.project),
        escape::line(&checked.pipeline),
        checked.steps.len()
    );
    let width = checked.steps.iter().map(|row| row.id.chars().count()).max().unwrap_or(0).min(60);
    for row in &checked.steps {
        let decision = match &row.reason {
            None => "run ".to_owned(),
            Some(_) => "skip".to_owned(),
        };
        let mut files = match row.files {
            None => String::new(),
            Some(1) => " → 1 file".to_owned(),
            Some(n) => format!(" → {n} files"),
        };
        if let Some(left_out) = row.left_out {
            files.push_str(&format!(", {left_out} left out"));
        }
        let command = row.command.lines().next().unwrap_or_default();
        let what = row
            .reason
            .as_ref()
            .map_or_else(|| format!("{}{files}", escape::cut(command, 80)), |reason| reason.text.clone());
        text.push_str(&format!("  {decision}  {:width$}  {}\n", escape::line(&row.id), escape::line(&what)));
        if row.runs && !row.manner.is_empty() {
            let manner = row.manner.join("; ");
            text.push_str(&format!("        {:width$}  {}\n", "", escape::line(&escape::cut(&manner, 200))));
        }
    }
    for target in &checked.missing_targets {
        text.push_str(&format!("\nrequired target `{}` is not available on this host\n", escape::line(target)));
    }
    for remark in &checked.remarks {
        text.push_str(&format!("\nnote: {}\n", escape::line(remark)));
    }
    text
}
