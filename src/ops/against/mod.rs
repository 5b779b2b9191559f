//! `--against`: the base's and the head's working copies for a paired measurement, and the terms that the base sets.

mod base_gate;
mod cache;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::execute::{Arms, Cancel, Emitter, Place};
use crate::host::{CopiesError, Revision, Wanted, WorkingCopies, working_copies};
use crate::results::{Against, ExitCode, Kind, Step, StepStatus};

pub use base_gate::{Held, held_to};

/// Ignored files and folders that are named.
const NAMED: usize = 5;

/// What stands for the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The revision.
    pub revision: Revision,
    /// As it was named.
    pub named: String,
    /// Paths that git ignores and both copies need.
    pub carry: Vec<String>,
}

impl Side {
    /// From the command line.
    pub fn parse(text: &str, carry: Vec<String>) -> Self {
        Self { revision: Revision::parse(text), named: text.to_owned(), carry }
    }

    /// Where a change request starts.
    pub fn start(revision: Revision, carry: Vec<String>) -> Self {
        let named = match &revision {
            Revision::Named(name) | Revision::Start(name) => name.clone(),
            Revision::MergeBase(name) => format!("{name}..."),
        };
        Self { revision, named, carry }
    }
}

/// The two copies, ready.
#[derive(Debug)]
pub struct Copies {
    /// Where both arms work.
    pub arms: Arms,
    /// What the document says of them.
    pub told: Against,
    /// Sentences for people.
    pub remarks: Vec<String>,
    /// Others stay out of the copies as long as this lives.
    held: WorkingCopies,
}

impl Copies {
    /// Both arms in a few words.
    pub fn described(&self) -> String {
        let short = |commit: &str| commit.get(..9).unwrap_or(commit).to_owned();
        let Against { named, base, head, changed } = &self.told;
        let named = if named.starts_with(&short(base)) { String::new() } else { format!(" ({named})") };
        let changed = if *changed { " with its uncommitted changes" } else { "" };
        format!("base {}{named} and head {}{changed}", short(base), short(head))
    }

    /// Whether both arms hold the same.
    pub fn is_one_commit(&self) -> bool {
        self.told.base == self.told.head && !self.told.changed
    }

    /// A sentence for a head that could not be built or run: what its copy lacks because git ignores it.
    pub fn left_behind(&self, workspace: &Path) -> Option<String> {
        let names = self.held.left_behind(workspace);
        let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        let example = shown.first()?;
        Some(format!(
            "git ignores {}{more}, which the head's working copy lacks; let `build` make what a benchmark needs, or link it \
             with `--carry {example}` or `baseline.carry: [{example}]`",
            shown.join(", ")
        ))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        for folder in ["base", "head"].map(|arm| temporary(&self.held.place, arm)) {
            // What stays is removed before the next measurement.
            let _ = emptied(&folder);
        }
    }
}

/// The code that the process returns for it: a base that cannot be found is a mistake of the command line.
pub const fn exit_code(error: &CopiesError) -> ExitCode {
    match error {
        CopiesError::Git(_) | CopiesError::Place { .. } => ExitCode::Tool,
        CopiesError::NoBase { .. }
        | CopiesError::NoRepository(_)
        | CopiesError::TooLarge { .. }
        | CopiesError::Carry { .. } => ExitCode::Usage,
        CopiesError::Stopped { signal: None | Some(2) } => ExitCode::Interrupted,
        CopiesError::Stopped { signal: Some(_) } => ExitCode::Terminated,
    }
}

/// Makes the copies of the repository that `workspace` lies in.
///
/// # Errors
/// If there is no such commit, or the copies cannot be made.
pub fn copies(
    workspace: &Path,
    side: &Side,
    env: &BTreeMap<String, String>,
    cancel: &Cancel,
) -> Result<Copies, CopiesError> {
    copies_of(workspace, side, None, env, cancel)
}

/// The same with this commit, full hash, as the head; `None` for the work tree as it is.
///
/// # Errors
/// As [`copies`].
pub fn copies_of(
    workspace: &Path,
    side: &Side,
    head: Option<&str>,
    env: &BTreeMap<String, String>,
    cancel: &Cancel,
) -> Result<Copies, CopiesError> {
    let cache = cache::folder(workspace, env).ok_or_else(|| CopiesError::Place {
        path: PathBuf::from("backsight/arms"),
        source: std::io::Error::other("no folder outside the repository can be written"),
    })?;
    let stop = || cancel.is_asked();
    let base = side.revision.clone();
    let wanted = Wanted { workspace, base, head, cache: &cache, carry: &side.carry, stop: &stop };
    let mut held = working_copies(&wanted).map_err(|error| match error {
        CopiesError::Stopped { .. } => CopiesError::Stopped { signal: cancel.signal() },
        error => error,
    })?;
    let place = |arm: &str, workspace: &Path| -> Result<Place, CopiesError> {
        let mut variables = vec![("TMPDIR".to_owned(), emptied(&temporary(&held.place, arm))?)];
        // One folder for both would let the second build overwrite what the first arm runs.
        if env.get("CARGO_TARGET_DIR").is_some_and(|folder| !folder.is_empty()) {
            let target = held.place.join(format!("{arm}-cargo")).to_string_lossy().into_owned();
            variables.push(("CARGO_TARGET_DIR".to_owned(), target));
        }
        Ok(Place { workspace: workspace.to_owned(), variables })
    };
    let arms = Arms { base: place("base", &held.base)?, head: place("head", &held.head)? };
    let told = Against {
        named: side.named.clone(),
        base: held.base_commit.clone(),
        head: held.head_commit.clone(),
        changed: held.dirty,
    };
    Ok(Copies { arms, told, remarks: std::mem::take(&mut held.remarks), held })
}

/// Whether a benchmark of the run could not be built or run.
pub(super) fn any_failed(emitter: &Emitter) -> bool {
    let failed = |step: &Step| {
        step.kind == Kind::Benchmark
            && matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut)
    };
    emitter.look(|document| document.steps.iter().any(failed)).unwrap_or(false)
}

fn temporary(place: &Path, arm: &str) -> PathBuf {
    place.join(format!("{arm}-tmp"))
}

/// A folder of its own for temporary files, without what an earlier run left.
fn emptied(folder: &Path) -> Result<String, CopiesError> {
    let io = |source| CopiesError::Place { path: folder.to_owned(), source };
    if folder.symlink_metadata().is_ok() {
        fs::remove_dir_all(folder).map_err(io)?;
    }
    fs::create_dir(folder).map_err(io)?;
    Ok(folder.to_string_lossy().into_owned())
}
