//! `backsight run --executor slurm`: a plan as jobs of a cluster, followed, and joined to one run.
//!
//! The jobs are parts of a plan as those of a CI's matrix are, so their documents are joined by the same code. Everything
//! that another process needs to go on lies in the run's folder.

mod begin;
mod collect;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use uuid::Uuid;

use super::load;
use super::merge::MergeError;
use super::run::Answer;
use super::runs::{self, RunsError};
use super::shards::{self, MakeError, PlanFileError};
use crate::distribute::slurm::{Folder, Follow, Job, Journal, Slurm, SlurmError, Told, submit};
use crate::execute::Cancel;
use crate::plan::Selection;
use crate::results::ExitCode;
use crate::store::{FolderError, Places, RunFolder, RunLock, StoreError};

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// Which of its steps.
    pub selection: Selection,
    /// What each part is told besides: options of `run`.
    pub arguments: Vec<String>,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How it is told to stop.
    pub cancel: Cancel,
}

/// What is told while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run has this id, by which it is found again.
    Begun {
        /// The run.
        run: Uuid,
        /// How many steps it has.
        steps: usize,
        /// In how many jobs.
        jobs: usize,
    },
    /// Something was odd about the plan.
    Note(String),
    /// What happens to the jobs.
    Jobs(Told),
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum LeadError {
    /// The plan.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The plan's file.
    #[error(transparent)]
    Plan(#[from] PlanFileError),
    /// A job was refused.
    #[error("{place}: {error}{}", hint(*.others))]
    Refused {
        /// File and line of what was asked for.
        place: String,
        /// Slurm's words.
        error: SlurmError,
        /// How many jobs were taken before, and are cancelled.
        others: usize,
    },
    /// Slurm does not answer any more; the jobs go on.
    #[error(
        "{error}; what was handed over goes on, and `backsight run --executor slurm --attach {run}` follows it again"
    )]
    Away {
        /// What it said at last.
        error: SlurmError,
        /// The run.
        run: Uuid,
    },
    /// Slurm.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// The joining.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run that is to be followed again.
    #[error(transparent)]
    Which(#[from] RunsError),
    /// The lock of the run's folder.
    #[error("{0}; it is still followed: `backsight runs list --status running` names the process")]
    Folder(#[from] FolderError),
    /// It is no run on a cluster, or none that is to be followed.
    #[error("{0}")]
    Attach(String),
    /// The run's folder.
    #[error("{}: {source}; the run's files go there: is the workspace writable and the disk not full?", path.display())]
    Place {
        /// What could not be made.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

fn hint(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; the job that was taken before is cancelled".to_owned(),
        n => format!("; the {n} jobs that were taken before are cancelled"),
    }
}

impl LeadError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Make(MakeError::Planning(error)) => error.exit_code(),
            Self::Refused { error: SlurmError::Refused { .. }, .. } | Self::Plan(_) | Self::Attach(_) => {
                ExitCode::Usage
            }
            Self::Which(error) => error.exit_code(),
            Self::Merge(error) => error.exit_code(),
            _ => ExitCode::Tool,
        }
    }
}

/// A run that is led: its folder is there and locked.
struct Lead {
    folder: Folder,
    journal: Journal,
    _lock: RunLock,
}

/// Hands the steps of a pipeline to Slurm, follows them and joins what they found.
///
/// # Errors
/// If the plan is wrong, Slurm takes a job not, or nobody answers.
pub fn run(request: &Request, tell: &mut dyn FnMut(Event)) -> Result<Answer, LeadError> {
    let lead = begin::begin(request, tell)?;
    carry_on(lead, request, tell)
}

/// Goes on with a run whose leader is dead: by its id, the beginning of one, or `latest`.
///
/// # Errors
/// If there is no such run, another process follows it, or nobody answers.
pub fn attach(request: &Request, which: &str, tell: &mut dyn FnMut(Event)) -> Result<Answer, LeadError> {
    let places = Places::of(&load::workspace_of(&request.pipeline));
    let run = named(&places, which)?;
    let path = places.run(run);
    if !Folder::is_one(&path) {
        let text = format!("run {run} was not handed to Slurm; `--attach` follows those of `--executor slurm` only");
        return Err(LeadError::Attach(text));
    }
    if path.join("results.json").is_file() {
        let text = format!("run {run} is over and its results are here: `backsight report {run}` shows them");
        return Err(LeadError::Attach(text));
    }
    let folder = Folder::of(&path);
    let plan = shards::read(&folder.plan())?;
    let lock = RunLock::hold(&path, Timestamp::now(), &plan.project)?;
    let journal = Journal::open(&folder)?;
    let steps = plan.shards.iter().map(|shard| shard.steps.len()).sum();
    tell(Event::Begun { run, steps, jobs: journal.batch.jobs.len() });
    carry_on(Lead { folder, journal, _lock: lock }, request, tell)
}

fn named(places: &Places, which: &str) -> Result<Uuid, LeadError> {
    if which != "latest" {
        return Ok(runs::resolve(places, which)?);
    }
    let all = RunFolder::all(&places.runs())?;
    let newest = all.into_iter().rev().find(|folder| Folder::is_one(&folder.path));
    let none = || LeadError::Attach("no run of this workspace was handed to Slurm".to_owned());
    newest.map(|folder| folder.run).ok_or_else(none)
}

fn carry_on(mut lead: Lead, request: &Request, tell: &mut dyn FnMut(Event)) -> Result<Answer, LeadError> {
    let slurm = Slurm;
    let run = lead.journal.batch.run;
    let mut told = |told| tell(Event::Jobs(told));
    let refused =
        submit(slurm, &lead.folder, &mut lead.journal, &request.cancel, &mut told).map_err(|error| away(error, run))?;
    if let Some((job, error)) = refused.filter(|_| !request.cancel.is_asked()) {
        return Err(give_up(lead, &job, error, &mut told));
    }
    let follow = Follow { slurm, folder: &lead.folder, journal: &lead.journal, cancel: &request.cancel };
    let ends = follow.follow(&mut told).map_err(|error| away(error, run))?;
    collect::collect(&lead, &ends, request)
}

/// Jobs that were handed over go on where nobody answers any more.
fn away(error: SlurmError, run: Uuid) -> LeadError {
    if error.passes() { LeadError::Away { error, run } } else { LeadError::Slurm(error) }
}

/// A job was not taken: those before it are cancelled, since their results alone would be none of the pipeline's.
fn give_up(lead: Lead, job: &Job, error: SlurmError, told: &mut dyn FnMut(Told)) -> LeadError {
    let run = lead.journal.batch.run;
    let others = lead.journal.ids.len();
    if others == 0 {
        drop(lead.journal);
        // Empty of results as it is, it would be listed as a run that was lost.
        let _ = std::fs::remove_dir_all(lead.folder.path());
        return match error {
            SlurmError::Refused { .. } => LeadError::Refused { place: job.place.clone(), error, others },
            error => LeadError::Slurm(error),
        };
    }
    if error.passes() {
        return LeadError::Away { error, run };
    }
    let cancel = Cancel::new();
    cancel.ask(15);
    let follow = Follow { slurm: Slurm, folder: &lead.folder, journal: &lead.journal, cancel: &cancel };
    if let Err(error) = follow.follow(told) {
        told(Told::Trouble(error.to_string()));
    }
    let _ = std::fs::remove_dir_all(lead.folder.path());
    LeadError::Refused { place: job.place.clone(), error, others }
}
