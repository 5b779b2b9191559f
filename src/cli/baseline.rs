//! `backsight baseline`: what a run would be compared with, and the results that all hosts share.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::Format;
use super::runs::{Stop, branch, commit, finish, minute, short_id, write_document, write_json};
use super::shared::{self, SharedAction};
use super::table::{self, Cell};
use crate::ops::baseline::{self, BaselineError};
use crate::results::ExitCode;
use crate::store::{Places, RunFacts, StoreError};

/// Arguments of `backsight baseline`.
#[derive(Debug, Args)]
pub(super) struct BaselineArgs {
    /// The folder that the pipeline file stands in
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    #[command(subcommand)]
    action: BaselineAction,
}

#[derive(Debug, Subcommand)]
enum BaselineAction {
    #[command(flatten)]
    Shared(SharedAction),
    /// For each branch and class of hosts, the run that a later one would be compared with
    List {
        /// Only this project
        #[arg(long)]
        project: Option<String>,
        /// Text, or an array of objects as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show the baseline of one branch and class of hosts
    Show {
        /// The branch; needed where several have a baseline
        #[arg(long)]
        branch: Option<String>,
        /// The beginning of the class key; needed where several have a baseline
        #[arg(long, value_name = "KEY")]
        class: Option<String>,
        /// Text, or the whole results document as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

impl From<BaselineError> for Stop {
    fn from(error: BaselineError) -> Self {
        Self::Failed(error.to_string(), error.exit_code())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        BaselineError::from(error).into()
    }
}

/// Carries out `backsight baseline`, writing data to `out` and prose to `err`.
pub(super) fn run(args: &BaselineArgs, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    let places = Places::of(&args.workspace);
    let done = match &args.action {
        BaselineAction::Shared(action) => shared::run(&args.workspace, action, out, err),
        BaselineAction::List { project, format } => list(&places, project.as_deref(), *format, out, err),
        BaselineAction::Show { branch, class, format } => {
            show(&places, branch.as_deref(), class.as_deref(), *format, out)
        }
    };
    finish(done, err)
}

fn list(
    places: &Places,
    project: Option<&str>,
    format: Format,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let found = baseline::list(places, project)?;
    if format == Format::Json {
        write_json(out, &found)?;
    } else if found.is_empty() {
        writeln!(err, "no stored run can be a baseline yet; `backsight run` makes one")?;
    } else {
        let rows: Vec<_> = found.iter().map(cells).collect();
        table::write(out, &["branch", "host", "class", "run", "started (UTC)", "commit", "project"], &rows)?;
    }
    Ok(ExitCode::Passed)
}

fn cells(facts: &RunFacts) -> Vec<Cell> {
    vec![
        branch(facts).into(),
        facts.host.as_str().into(),
        facts.class_key.as_str().into(),
        short_id(facts).into(),
        minute(facts.started_at).into(),
        commit(facts).into(),
        facts.project.as_str().into(),
    ]
}

fn show(
    places: &Places,
    branch: Option<&str>,
    class: Option<&str>,
    format: Format,
    out: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let document = baseline::show(places, branch, class)?;
    match format {
        Format::Json => write_json(out, &document)?,
        Format::Text => write_document(out, &document)?,
    }
    Ok(ExitCode::Passed)
}
