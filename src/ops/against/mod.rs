//! The two arms of a paired measurement, ready to be measured: working copies of base and head, the variables that differ
//! between them, and what the base's pipeline file holds the change to.

mod base_gate;
mod cache;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::execute::{Arms, Cancel, Place};
use crate::host::{CopiesError, Revision, Wanted, WorkingCopies, working_copies};
use crate::results::{Against, ExitCode};

pub(super) use base_gate::BaseGate;

/// Ignored files that are named where the head fails in its working copy.
const MOST_NAMED: usize = 8;

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The folder that is measured, in a repository.
    pub workspace: &'a Path,
    /// What the base is.
    pub base: Revision,
    /// Paths of the workspace that both working copies get as links.
    pub carry: &'a [String],
    /// The variables of this process.
    pub env: &'a BTreeMap<String, String>,
    /// How the work is told to stop.
    pub cancel: &'a Cancel,
}

/// Both arms. Letting go of it lets another run use their place, and takes them out of the repository's list.
#[derive(Debug)]
pub struct Paired {
    /// Where they are.
    pub arms: Arms,
    /// What they are, for the document.
    pub against: Against,
    /// Sentences for people.
    pub remarks: Vec<String>,
    copies: WorkingCopies,
}

/// Why there are no arms.
#[derive(Debug, thiserror::Error)]
pub enum AgainstError {
    /// The working copies could not be made.
    #[error(transparent)]
    Copies(#[from] CopiesError),
    /// There is no folder for them.
    #[error(
        "no folder outside the repository can hold the working copies; set XDG_CACHE_HOME to one that can be written"
    )]
    NoCache,
    /// A folder of an arm could not be made.
    #[error("{}: {source}; each working copy has a folder for temporary files there", path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The run was to stop.
    #[error("stopped while the working copies were made")]
    Stopped {
        /// The signal that asked for it.
        signal: u32,
    },
}

impl AgainstError {
    /// What the process returns for it: a base that is not there was named wrongly, all else is the surroundings' fault.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Copies(CopiesError::NoBase { .. } | CopiesError::NoRepository(_) | CopiesError::Carry { .. }) => {
                ExitCode::Usage
            }
            Self::Stopped { signal: 2 } => ExitCode::Interrupted,
            Self::Stopped { .. } => ExitCode::Terminated,
            Self::Copies(_) | Self::NoCache | Self::Place { .. } => ExitCode::Tool,
        }
    }
}

/// Makes both arms ready.
///
/// # Errors
/// If there is no such base, or the working copies cannot be made.
pub fn prepare(request: &Request<'_>) -> Result<Paired, AgainstError> {
    let cache = cache::folder(request.workspace, request.env).ok_or(AgainstError::NoCache)?;
    let stop = || request.cancel.is_asked();
    let base = request.base.clone();
    let wanted = Wanted { workspace: request.workspace, base, cache: &cache, carry: request.carry, stop: &stop };
    let mut copies = working_copies(&wanted).map_err(|error| match request.cancel.signal() {
        Some(signal) => AgainstError::Stopped { signal },
        None => error.into(),
    })?;
    let place = |arm: &str, workspace: &Path| {
        Ok::<Place, AgainstError>(Place {
            workspace: workspace.to_owned(),
            variables: variables(&copies.place, arm, request.env)?,
        })
    };
    let arms = Arms { base: place("base", &copies.base)?, head: place("head", &copies.head)? };
    let against = Against {
        revision: match &request.base {
            Revision::Named(name) | Revision::MergeBase(name) | Revision::Start(name) => name.clone(),
        },
        commit: copies.base_commit.clone(),
        merge_base: matches!(request.base, Revision::MergeBase(_)),
        dirty: copies.dirty,
    };
    let remarks = std::mem::take(&mut copies.remarks);
    Ok(Paired { arms, against, remarks, copies })
}

/// What must differ between the arms, in values of one length: a build folder that both would share, and temporary files.
fn variables(place: &Path, arm: &str, env: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, AgainstError> {
    let temporary = temporary(place, arm);
    let made = fs::create_dir_all(&temporary).and_then(|()| empty(&temporary));
    made.map_err(|source| AgainstError::Place { path: temporary.clone(), source })?;
    let mut all = vec![("TMPDIR".to_owned(), temporary.display().to_string())];
    if env.get("CARGO_TARGET_DIR").is_some_and(|folder| !folder.is_empty()) {
        let target = place.join(format!("{arm}-cargo-target"));
        all.push(("CARGO_TARGET_DIR".to_owned(), target.display().to_string()));
    }
    Ok(all)
}

fn temporary(place: &Path, arm: &str) -> PathBuf {
    place.join(format!("{arm}-tmp"))
}

/// Removes what earlier runs left in a folder.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
    }
    Ok(())
}

impl Paired {
    /// Whether both arms hold the same.
    pub fn is_one_commit(&self) -> bool {
        self.against.commit == self.copies.head_commit && !self.against.dirty
    }

    /// The base and the head in a few words.
    pub fn described(&self) -> String {
        let short = |commit: &str| commit.get(..9).unwrap_or(commit).to_owned();
        let base = short(&self.against.commit);
        let base = match (&self.against.revision, self.against.merge_base) {
            (name, true) => format!("{base} (where it left {name})"),
            (name, false) if !name.starts_with(&base) => format!("{base} ({name})"),
            _ => base,
        };
        let changed = if self.against.dirty { " with its uncommitted changes" } else { "" };
        format!("base {base} and head {}{changed}", short(&self.copies.head_commit))
    }

    /// What a head that fails in its working copy may miss: files of the workspace that git ignores.
    pub fn hint(&self, workspace: &Path) -> Option<String> {
        let mut names = self.copies.left_behind(workspace);
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        let first = names.first()?.clone();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!(
            "the head was built and run in a working copy, which lacks what git ignores: {}{more}; if the benchmark needs \
             one of them, make it in `build`, or link it into both arms with `baseline.carry: [{first}]` \
             (`bench --carry {first}`)",
            names.join(", ")
        ))
    }
}

impl Drop for Paired {
    fn drop(&mut self) {
        for arm in ["base", "head"] {
            // What stays is removed before the next measurement.
            let _ = empty(&temporary(&self.copies.place, arm));
        }
    }
}
