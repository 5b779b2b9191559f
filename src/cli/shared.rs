//! `backsight baseline push|pull|prune|compact|accept|rename|verify`: the results that all hosts share.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::output::{Format, duration};
use super::runs::{Stop, write_json};
use crate::host::Patience;
use crate::ops::accepted::{self, Acceptance};
use crate::ops::shared::{self, Prune, SharedError, Whereabouts};
use crate::ops::{load, run, when};
use crate::pipeline::{BaselineConfig, BaselineStore, StepDuration};
use crate::report::escape;
use crate::results::{Document, ExitCode};
use crate::store::{AcceptedKind, OpenOptions, Places, Reach, Shelf, SqliteStore};

/// So many files with something wrong are named; the rest is counted.
const NAMED: usize = 20;

/// Where shared results are, over what the pipeline file says.
#[derive(Debug, Args)]
pub(super) struct Shared {
    /// git (a branch) or file (a folder); default: the pipeline file's, otherwise git
    #[arg(long, value_enum)]
    store: Option<Place>,
    /// The git remote that holds the branch; default: the pipeline file's, otherwise origin
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// The branch that holds shared results; default: the pipeline file's, otherwise backsight-data
    #[arg(long, value_name = "NAME")]
    data_branch: Option<String>,
    /// With `--store file`, the folder, relative to the workspace
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// How long to go on trying: 30s, 2m
    #[arg(long, value_parser = duration, default_value = "2m", value_name = "TIME")]
    wait: StepDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// A branch of its own in the project's repository
    Git,
    /// A folder
    File,
}

#[derive(Debug, Subcommand)]
pub(super) enum SharedAction {
    /// Add runs to the shared results; nothing there is ever overwritten
    Push {
        /// Ids, beginnings of them, result files, or `latest`
        #[arg(value_name = "RUN", default_value = "latest", conflicts_with = "all_new")]
        runs: Vec<String>,
        /// All finished runs of this workspace that are not there yet
        #[arg(long)]
        all_new: bool,
        /// Only runs that `backsight run` would add itself: by `baseline.push` of the pipeline file, or of the default branch
        #[arg(long, conflicts_with = "all_new")]
        by_rule: bool,
        #[command(flatten)]
        shared: Shared,
        /// Text, or an object as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Read what is new among the shared results into the store of this workspace
    Pull {
        #[command(flatten)]
        shared: Shared,
        /// Text, or an object as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Remove old runs from the shared results
    ///
    /// The newest run of the default branch stays for each class of hosts. On a git branch the removed files stay in its
    /// history, and take room there, until `--squash` replaces that.
    Prune {
        #[command(flatten)]
        rule: PruneArgs,
        #[command(flatten)]
        tidy: Tidy,
    },
    /// Drop the raw samples of old runs; summaries stay
    ///
    /// On a git branch the full files stay in its history, and take room there, until `--squash` replaces that.
    Compact {
        /// Only runs older than this: 90d, or a day
        #[arg(long, value_name = "TIME", default_value = "90d")]
        older_than: String,
        #[command(flatten)]
        tidy: Tidy,
    },
    /// Accept a change that is wanted: the gate lets it pass, and the report says who accepted it and why
    ///
    /// It holds for comparisons that lead over the commit (HEAD where none is given), or for one change request. It is kept
    /// with the shared results, so it takes the right to write there.
    Accept {
        /// The names of benchmarks, as a glob: `parse/*`
        pattern: String,
        /// Why the change is wanted
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        reach: ReachArgs,
        #[command(flatten)]
        shared: Shared,
    },
    /// Say that a benchmark goes on under another name
    Rename {
        /// The benchmark as reports called it
        old: String,
        /// As they call it now
        new: String,
        #[command(flatten)]
        reach: ReachArgs,
        #[command(flatten)]
        shared: Shared,
    },
    /// Read every file of the shared results and name those with something wrong
    Verify {
        #[command(flatten)]
        shared: Shared,
        /// Text, or an object as JSON
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct PruneArgs {
    /// Keep so many of the newest runs of each branch or change request and class of hosts
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Remove only runs older than this: 90d, or a day
    #[arg(long, value_name = "TIME")]
    older_than: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Tidy {
    /// Replace the branch's history by one commit: a forced push, refused if anybody else was first
    #[arg(long)]
    squash: bool,
    #[command(flatten)]
    shared: Shared,
    /// Text, or an object as JSON
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ReachArgs {
    /// From this commit on: a hash, a branch, a tag; default: HEAD
    #[arg(long, value_name = "REV", conflicts_with = "request")]
    commit: Option<String>,
    /// For this change request, whatever its commits become
    #[arg(long, value_name = "NUMBER")]
    request: Option<u64>,
    /// Who accepts it; default: the user of git's settings
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

impl From<SharedError> for Stop {
    fn from(error: SharedError) -> Self {
        Self::Failed(error.to_string(), error.exit_code())
    }
}

/// Carries out one of these commands, writing data to `out` and prose to `err`.
pub(super) fn run(
    workspace: &Path,
    action: &SharedAction,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let places = Places::of(workspace);
    match action {
        SharedAction::Push { runs, all_new, by_rule, shared, format } => {
            let mut named = if *all_new { Vec::new() } else { shared::runs(&places, runs)? };
            if *by_rule && !shared.leaves(workspace, &mut named)? {
                writeln!(err, "nothing is added: it is no run that the pipeline file's `baseline` shares")?;
                return Ok(ExitCode::Passed);
            }
            let pushed = shared.with(workspace, |shelf| match all_new {
                true => shared::all_new(shelf, &places),
                false => shared::push(shelf, &named, &[]),
            })?;
            let text =
                format!("{} added to {}, {} there already", count(pushed.added, "run"), pushed.place, pushed.there);
            tell(out, err, *format, &pushed, &text, &[])?;
            Ok(ExitCode::Passed)
        }
        SharedAction::Pull { shared, format } => pull(workspace, shared, *format, out, err),
        SharedAction::Prune { rule, tidy } => {
            let before = rule.older_than.as_deref().map(|text| when::parse(text, Timestamp::now())).transpose()?;
            let rule = Prune { keep: rule.keep, before };
            tidied(workspace, tidy, "removed", |shelf| shared::prune(shelf, rule), out, err)
        }
        SharedAction::Compact { older_than, tidy } => {
            let before = when::parse(older_than, Timestamp::now())?;
            tidied(workspace, tidy, "compacted", |shelf| shared::compact(shelf, before), out, err)
        }
        SharedAction::Accept { pattern, reason, reach, shared } => {
            let kind = AcceptedKind::Change { pattern: pattern.clone() };
            accept(workspace, kind, reason, reach, shared, err)
        }
        SharedAction::Rename { old, new, reach, shared } => {
            let kind = AcceptedKind::Rename { from: old.clone(), to: new.clone() };
            accept(workspace, kind, "renamed", reach, shared, err)
        }
        SharedAction::Verify { shared, format } => {
            let found = shared.with(workspace, shared::verify)?;
            let (runs, accepted) = (count(found.runs, "sound run"), count(found.accepted, "accepted change"));
            let wrong = count(found.problems.len(), "file");
            let text = format!("{}: {runs}, {accepted}, {wrong} with something wrong", found.place);
            tell(out, err, *format, &found, &text, &found.problems)?;
            Ok(if found.problems.is_empty() { ExitCode::Passed } else { ExitCode::Tool })
        }
    }
}

fn pull(
    workspace: &Path,
    shared: &Shared,
    format: Format,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let mut store = SqliteStore::open(&Places::of(workspace).database(), &OpenOptions::default())?;
    let pulled = shared.with(workspace, |shelf| shared::pull(shelf, &mut store, &|_| None))?;
    for notice in &pulled.notices {
        writeln!(err, "note: {notice}")?;
    }
    let (runs, accepted) = (count(pulled.runs, "new run"), count(pulled.accepted, "accepted change"));
    let text = format!("{runs} and {accepted} read from {} ({} there)", pulled.place, count(pulled.files, "file"));
    tell(out, err, format, &pulled, &text, &pulled.skipped)?;
    Ok(ExitCode::Passed)
}

fn accept(
    workspace: &Path,
    kind: AcceptedKind,
    reason: &str,
    reach: &ReachArgs,
    shared: &Shared,
    err: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let wanted = Acceptance {
        kind,
        reason: reason.to_owned(),
        commit: reach.commit.clone(),
        request: reach.request,
        author: reach.author.clone(),
    };
    let made = accepted::accept(workspace, wanted)?;
    let place = shared.with(workspace, |shelf| shared::record(shelf, &made))?;
    let holds = match &made.reach {
        Reach::Commit(commit) => format!("from {} on", commit.get(..12).unwrap_or(commit)),
        Reach::Request(number) => format!("for change request {number}"),
    };
    writeln!(err, "{}", escape::line(&format!("accepted {holds}, by {}, on {place}", made.author)))?;
    Ok(ExitCode::Passed)
}

fn tidied(
    workspace: &Path,
    tidy: &Tidy,
    done: &str,
    work: impl FnOnce(&mut dyn Shelf) -> Result<shared::Tidied, SharedError>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<ExitCode, Stop> {
    let tidied = tidy.shared.with(workspace, |shelf| {
        let tidied = work(shelf)?;
        if tidy.squash {
            shelf.squash(&format!("Results of {} runs", tidied.left))?;
        }
        Ok(tidied)
    })?;
    let mut text =
        format!("{} {done} on {}, {} left as they were", count(tidied.changed, "run"), tidied.place, tidied.left);
    if tidy.squash {
        text.push_str("; the history of the branch was replaced by one commit");
    } else if tidied.changed > 0 && tidied.place.starts_with("branch") {
        text.push_str("; the old files stay in the branch's history until --squash replaces that");
    }
    tell(out, err, tidy.format, &tidied, &text, &tidied.skipped)?;
    Ok(ExitCode::Passed)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The answer: an object on standard output, or sentences on standard error.
fn tell(
    out: &mut impl Write,
    err: &mut impl Write,
    format: Format,
    answer: &impl serde::Serialize,
    text: &str,
    wrong: &[(String, String)],
) -> Result<(), Stop> {
    if format == Format::Json {
        return write_json(out, answer);
    }
    for (path, reason) in wrong.iter().take(NAMED) {
        writeln!(err, "{}: {}", escape::line(path), escape::line(reason))?;
    }
    if wrong.len() > NAMED {
        writeln!(err, "... and {} more", wrong.len() - NAMED)?;
    }
    writeln!(err, "{}", escape::line(text))?;
    Ok(())
}

impl Shared {
    /// Opens the shelf for some work; a signal ends it.
    pub(super) fn with<T>(
        &self,
        workspace: &Path,
        work: impl FnOnce(&mut dyn Shelf) -> Result<T, SharedError>,
    ) -> Result<T, Stop> {
        let config = self.config(workspace)?;
        let found = Whereabouts::of(&config, BaselineStore::Git, workspace)?.ok_or(SharedError::NotShared)?;
        let cancel = run::cancel_on_signals()?;
        let stop = || cancel.is_asked();
        let until = Instant::now() + self.wait.0.max(Duration::from_secs(1));
        let mut shelf = found.open(workspace, Patience { until, stop: &stop })?;
        work(shelf.as_mut()).map_err(|error| match cancel.signal() {
            Some(2) => Stop::Failed(error.to_string(), ExitCode::Interrupted),
            Some(_) => Stop::Failed(error.to_string(), ExitCode::Terminated),
            None => error.into(),
        })
    }

    /// Leaves of these runs those that the pipeline file's rule adds; whether any is left.
    fn leaves(&self, workspace: &Path, runs: &mut Vec<Document>) -> Result<bool, Stop> {
        let config = self.config(workspace)?;
        let rule = config.push.unwrap_or_default();
        runs.retain(|run| config.store != Some(BaselineStore::Sqlite) && shared::is_to_be_shared(run, rule));
        Ok(!runs.is_empty())
    }

    /// What the pipeline file says, with the options over it. No pipeline file is needed.
    fn config(&self, workspace: &Path) -> Result<BaselineConfig, Stop> {
        let file = workspace.join("backsight.yml");
        let mut config = match load::load(&file) {
            Ok(loaded) => loaded.pipeline().baseline.clone(),
            Err(load::LoadError::Missing { .. }) => BaselineConfig::default(),
            Err(error) => {
                let text = format!("{error}; `backsight check` shows what is wrong");
                return Err(Stop::Failed(text, error.exit_code()));
            }
        };
        match self.store {
            Some(Place::Git) => config.store = Some(BaselineStore::Git),
            Some(Place::File) => config.store = Some(BaselineStore::File),
            None => {}
        }
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        config.remote = self.remote.clone().or(config.remote);
        config.data_branch = self.data_branch.clone().or(config.data_branch);
        config.folder = self.folder.as_ref().map(text).or(config.folder);
        Ok(config)
    }
}
