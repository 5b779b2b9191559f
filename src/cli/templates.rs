//! `backsight templates list|show|new|validate|diff`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::output::{Console, Format, print, print_json};
use super::table::{self, Cell};
use super::{diagnostic, written};
use crate::ops::load::LoadError;
use crate::ops::templates::{
    self, Difference, Input, Origin, Row, Shown, TemplatesError, Trial, differences, list, show, start, validate,
};
use crate::pipeline::{Diagnostic, Severity};
use crate::report::escape;
use crate::results::ExitCode;

/// Arguments of `backsight templates`.
#[derive(Debug, Args)]
pub(super) struct TemplatesArgs {
    /// The folder that the pipeline file stands in
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List template sets: those that come with Backsight, and folders with a templates.yml
    List {
        /// Look below this folder; default: the workspace
        folder: Option<PathBuf>,
        /// A table for people, or JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show a set: what it makes, what it wants to know, where it lies
    Show {
        /// Its name, or its folder
        set: String,
        /// Text for people, or JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Write a new set that works; what is there is never overwritten
    New {
        /// Its name: small letters, digits and `-`
        name: String,
        /// Begin with a copy of this set
        #[arg(long, value_name = "SET")]
        from: Option<String>,
        /// The folder that the set's folder is made in
        #[arg(long = "in", value_name = "FOLDER", default_value = "templates")]
        into: PathBuf,
    },
    /// Check sets: manifest, templates, every name in them, and the example rendered
    Validate {
        /// Names or folders; default: every set in a folder below the workspace
        sets: Vec<String>,
        /// Keep the example's files in this folder; default: a temporary one
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
        /// Text for people, or JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show what two sets have that is not the same, as a unified diff; exit code 1 if there is anything
    Diff {
        /// A name or folder
        first: String,
        /// The other
        second: String,
    },
}

/// Runs the command.
pub(super) fn run(args: &TemplatesArgs, console: Console) -> ExitCode {
    let answer = match &args.action {
        Action::List { folder, format } => {
            list(folder.as_ref().unwrap_or(&args.workspace)).map(|rows| tell_list(&rows, *format))
        }
        Action::Show { set, format } => show(&args.workspace, set).map(|shown| match format {
            Format::Json => written(print_json(&shown)),
            Format::Text => written(print(&page(&shown))),
        }),
        Action::New { name, from, into } => {
            start(&args.workspace, name, from.as_deref(), into).map(|started| tell_started(&started, console))
        }
        Action::Validate { sets, into, format } => validated(args, sets, into.as_ref(), *format, console),
        Action::Diff { first, second } => {
            differences(&args.workspace, first, second).map(|found| tell_differences(&found, console))
        }
    };
    answer.unwrap_or_else(|error| tell_error(&error, console))
}

fn tell_error(error: &TemplatesError, console: Console) -> ExitCode {
    match error {
        TemplatesError::Load(LoadError::Wrong { path, text, diagnostics }) => {
            console.complain(&diagnostic::render(diagnostics, &path.display().to_string(), text, true));
        }
        other => console.error(&escape::line(&other.to_string())),
    }
    error.exit_code()
}

fn tell_list(rows: &[Row], format: Format) -> ExitCode {
    if format == Format::Json {
        return written(print_json(&rows));
    }
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let about = match &row.problem {
                Some(problem) => format!("cannot be used: {problem}"),
                None => row.description.clone(),
            };
            let about = escape::cut(&about, 110).into_owned();
            vec![(&row.name).into(), (&row.version).into(), row.origin.display().into(), about.into()]
        })
        .collect();
    let mut out = anstream::stdout().lock();
    written(table::write(&mut out, &["set", "version", "where", "what it makes"], &cells).and_then(|()| out.flush()))
}

fn page(shown: &Shown) -> String {
    let mut text = format!("{} {}\n{}\n\n", shown.name, shown.version, escape::block(&shown.description));
    text.push_str(&format!(
        "where: {}\nfiles: {}\n",
        escape::line(&shown.origin.display()),
        escape::line(&shown.files.join(", "))
    ));
    text.push_str("\ninputs\n");
    if shown.inputs.is_empty() {
        text.push_str("  none\n");
    }
    for input in &shown.inputs {
        text.push_str(&input_lines(input));
    }
    text.push_str("\noutputs\n");
    for output in &shown.outputs {
        text.push_str(&format!("  {}\n    from {}", escape::line(&output.path), escape::line(&output.template)));
        if output.many_to_one {
            text.push_str(", one file for all");
        }
        if let Some(when) = &output.when {
            text.push_str(&format!(", where {}", escape::line(when)));
        }
        text.push('\n');
    }
    if let Some(verify) = &shown.verify {
        text.push_str("\nverify\n");
        let rungs = serde_json::to_value(verify).unwrap_or_default();
        for (rung, what) in rungs.as_object().into_iter().flatten() {
            if !what.as_array().is_some_and(Vec::is_empty) {
                text.push_str(&format!("  {rung:8} {}\n", escape::line(&what.to_string())));
            }
        }
    }
    text
}

fn input_lines(input: &Input) -> String {
    let default = match &input.default {
        Some(default) => format!(", default {}", escape::cut(&default.to_string(), 60)),
        None if input.required => ", required".to_owned(),
        None => String::new(),
    };
    let head = format!("  {} ({}{default})\n", input.name, input.kind);
    let head = escape::block(&head);
    match input.description.as_str() {
        "" => head,
        about => format!("{head}    {}\n", escape::line(about)),
    }
}

fn tell_started(started: &templates::Started, console: Console) -> ExitCode {
    let folder = started.folder.display().to_string();
    let files: Vec<String> = started
        .files
        .iter()
        .map(|file| format!("{}\n", escape::line(&started.folder.join(file).display().to_string())))
        .collect();
    let code = written(print(&files.concat()));
    console.say(&format!(
        "written; `backsight templates validate {0}` tries it, and `set: {0}` in a generation uses it",
        escape::line(&folder)
    ));
    code
}

fn validated(
    args: &TemplatesArgs,
    sets: &[String],
    into: Option<&PathBuf>,
    format: Format,
    console: Console,
) -> Result<ExitCode, TemplatesError> {
    let named = if sets.is_empty() { below(args)? } else { sets.to_vec() };
    if named.is_empty() {
        console.error("there is no folder with a templates.yml below the workspace; name a set, or write one with `backsight templates new NAME`");
        return Ok(ExitCode::Usage);
    }
    let trials: Vec<Trial> = named
        .iter()
        .map(|name| validate(&args.workspace, name, into.map(PathBuf::as_path)))
        .collect::<Result<_, _>>()?;
    let right = trials.iter().all(Trial::passed);
    let code = match format {
        Format::Json => written(print_json(&trials.iter().map(told).collect::<Vec<_>>())),
        Format::Text => {
            trials.iter().for_each(|trial| tell_trial(trial, console));
            ExitCode::Passed
        }
    };
    Ok(if right { code } else { ExitCode::Usage })
}

fn below(args: &TemplatesArgs) -> Result<Vec<String>, TemplatesError> {
    let rows = list(&args.workspace)?;
    let folder = |row: Row| match row.origin {
        Origin::Folder { path } => {
            let path = path.strip_prefix(&args.workspace).map_or_else(|_| path.clone(), ToOwned::to_owned);
            Some(format!("./{}", path.display()))
        }
        Origin::BuiltIn => None,
    };
    Ok(rows.into_iter().filter_map(folder).collect())
}

fn tell_trial(trial: &Trial, console: Console) {
    for (source, found) in &trial.faults {
        console.complain(&diagnostic::render(found, &source.file, &source.text, true));
    }
    if !trial.passed() {
        return;
    }
    let files = match trial.made.len() {
        0 => "nothing was rendered".to_owned(),
        1 => "its example becomes 1 file".to_owned(),
        count => format!("its example becomes {count} files"),
    };
    console.say(&format!("{}: right; {files}", escape::line(&trial.set)));
    for made in &trial.made {
        console.say(&format!(
            "  {} ({} bytes, from {})",
            escape::line(&made.path),
            made.bytes,
            escape::line(&made.template)
        ));
    }
    for note in &trial.notes {
        console.say(&format!("  note: {}", escape::line(note)));
    }
}

/// One thing that is wrong, for programs.
#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    #[serde(flatten)]
    about: &'a Diagnostic,
}

fn told(trial: &Trial) -> serde_json::Value {
    let found = trial.faults.iter().flat_map(|(source, found)| {
        found.iter().map(|about| {
            let span = about.primary.span;
            Told { file: &source.file, line: span.line, column: span.column, about }
        })
    });
    let found: Vec<_> = found.collect();
    let errors = found.iter().filter(|one| one.about.severity == Severity::Error).count();
    json!({
        "set": trial.set,
        "passed": trial.passed(),
        "errors": errors,
        "findings": found,
        "outputs": trial.made,
        "notes": trial.notes,
    })
}

fn tell_differences(found: &[Difference], console: Console) -> ExitCode {
    if found.is_empty() {
        console.say("the sets are the same");
        return ExitCode::Passed;
    }
    let text: String = found.iter().map(|one| escape::block(&one.diff)).collect();
    match written(print(&text)) {
        ExitCode::Passed => ExitCode::Failed,
        other => other,
    }
}
