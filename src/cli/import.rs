//! `backsight import`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::output::Console;
use crate::ops::import::{Counts, Request, Source, import};
use crate::ops::load::{load, project_of};
use crate::results::ExitCode;
use crate::store::Places;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool that kept the history; without it the content tells.
    #[arg(long, value_name = "TOOL", value_parser = tools())]
    from: Option<Source>,
    /// Its files and folders: a `data.js`, exported JSON, asv's `results`, pytest-benchmark's `.benchmarks`.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The folder that the pipeline file stands in; the history goes into the store there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// The project; default: as `run` calls it.
    #[arg(long)]
    project: Option<String>,
    /// The branch of measurements that know none; it counts as the default branch.
    #[arg(long, default_value = "main")]
    branch: String,
    /// Put it under this class of hosts, where you know that it is the same hardware; default: a class of its own.
    #[arg(long, value_name = "KEY", value_parser = class_key)]
    class: Option<String>,
    /// Read and tell what would be imported, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

fn tools() -> impl TypedValueParser<Value = Source> {
    let names = Source::ALL.map(|source| PossibleValue::new(source.as_str()).help(source.title()));
    PossibleValuesParser::new(names)
        .try_map(|name| Source::ALL.into_iter().find(|source| source.as_str() == name).ok_or("no such tool"))
}

fn class_key(text: &str) -> Result<String, String> {
    let is_key = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then(|| text.to_lowercase()).ok_or_else(|| {
        "a class key has 16 hexadecimal digits; `backsight baseline list` shows those that are stored".into()
    })
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let named = || load(&args.workspace.join("backsight.yml")).ok().map(|loaded| loaded.project());
    let folder = || args.workspace.canonicalize().ok().map(|folder| project_of(&folder));
    let project = args.project.clone().or_else(named).or_else(folder).unwrap_or_else(|| "project".into());
    let request = Request {
        from: args.from,
        paths: args.paths.clone(),
        project,
        branch: args.branch.clone(),
        class_key: args.class.clone(),
        dry_run: args.dry_run,
    };
    match import(&Places::of(&args.workspace), &request) {
        Ok(counts) => {
            tell(&counts, &request, console);
            ExitCode::Passed
        }
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

fn tell(counts: &Counts, request: &Request, console: Console) {
    counts.told.iter().for_each(|text| console.say(text));
    for warning in &counts.warnings {
        console.complain(&format!("warning: {warning}"));
    }
    let span = counts.span.map(|(first, last)| {
        let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
        format!(", {} to {}", day(first), day(last))
    });
    let known = match counts.known {
        0 => String::new(),
        known => format!("; {known} were there already"),
    };
    let verb = if request.dry_run { "would be imported" } else { "imported" };
    console.say(&format!(
        "{} runs {verb} into `{}`: {} series, {} values{}{known}",
        counts.new,
        request.project,
        counts.series,
        counts.values,
        span.unwrap_or_default()
    ));
}
