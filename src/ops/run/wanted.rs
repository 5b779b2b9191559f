//! The plain types of a run: what is asked for, what came of it, and why nothing was run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::execute::{Arms, Cancel};
use crate::host::CopiesError;
use crate::ops::against;
use crate::ops::planning::PlanningError;
use crate::ops::shards::{Part, PartError};
use crate::plan::Selection;
use crate::results::{Document, ExitCode};
use crate::store::{FolderError, StoreError};

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// Which of its steps.
    pub selection: Selection,
    /// The part of a plan that this run is; `selection` has its steps.
    pub part: Option<Part>,
    /// Where the run's folder and the store are; the workspace's `.backsight` if `None`.
    pub results: Option<PathBuf>,
    /// Generations are only compared with the files on disk.
    pub check_only: bool,
    /// Generated files that were changed by hand are overwritten.
    pub force: bool,
    /// Files that nothing generates any more are removed.
    pub prune: bool,
    /// How many test steps run side by side; the pipeline's `jobs` if `None`.
    pub jobs: Option<usize>,
    /// Time for all benchmarks; the pipeline's `budget` if `None`.
    pub budget: Option<Duration>,
    /// Where the order of the measurements is drawn from; the clock if `None`.
    pub seed: Option<u64>,
    /// What the benchmarks are measured against.
    pub base: Base,
    /// What the run has to do with the results that hosts share.
    pub share: Share,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How the run is told to stop.
    pub cancel: Cancel,
}

/// What a run has to do with the results that hosts share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// It reads them, and is added to them where the pipeline file's rule says so.
    #[default]
    All,
    /// It only reads them: whoever has a token adds it later.
    Read,
    /// Neither.
    Nothing,
}

/// What the benchmarks of a run are measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The commit where the change left its target, on a change request; nothing otherwise.
    Usual,
    /// Nothing: each takes its samples alone, to be compared with the stored baseline.
    Nothing,
    /// A revision, as it was named.
    Revision(String),
    /// Working copies that are there already.
    Copies(Arms),
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    /// Everything found out.
    pub document: Document,
    /// The run's folder.
    pub folder: PathBuf,
    /// The files written into it.
    pub files: Vec<String>,
    /// What else to tell, such as where the results were shared.
    pub notes: Vec<String>,
    /// What could not be written or stored; the results themselves are in `document`.
    pub problems: Vec<String>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file or the plan.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The part of a plan.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The working copies of a paired measurement.
    #[error(transparent)]
    Copies(#[from] CopiesError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock of the run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The run's folder.
    #[error("{}: {source}; the run's files go there: is the workspace writable and the disk not full?", path.display())]
    Place {
        /// What could not be made.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system gives no threads.
    #[error("the run could not be started: {0}")]
    System(std::io::Error),
}

impl RunError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Planning(error) => error.exit_code(),
            Self::Part(_) => ExitCode::Usage,
            Self::Copies(error) => against::exit_code(error),
            Self::Store(_) | Self::Folder(_) | Self::Place { .. } | Self::System(_) => ExitCode::Tool,
        }
    }
}
