//! Why an operation on shared results could not be done.

use thiserror::Error;

use crate::host::DataError;
use crate::ops::report::ReportError;
use crate::ops::runs::RunsError;
use crate::results::ExitCode;
use crate::store::{ShelfError, StoreError};

/// Why an operation on shared results could not be done.
#[derive(Debug, Error)]
pub enum SharedError {
    /// The shelf.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The store of this workspace.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run that was named.
    #[error(transparent)]
    Run(#[from] ReportError),
    /// `store: file` without a folder.
    #[error("`baseline.store: file` needs `baseline.folder`, the folder that holds the shared results")]
    NoFolder,
    /// `store: sqlite` shares nothing.
    #[error("`baseline.store: sqlite` shares nothing; set it to `git` or `file`, or give --store")]
    NotShared,
    /// A remote or a branch.
    #[error("`{0}` is no name of a remote or a branch")]
    Name(String),
    /// A run that did not end by itself.
    #[error("run {run} did not finish ({status}), so it can be no baseline")]
    Unfinished {
        /// The run.
        run: String,
        /// How it ended.
        status: &'static str,
    },
    /// A document that no file can hold, or a text that is too long.
    #[error("{what} cannot be shared: {reason}")]
    Unfit {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// A commit that cannot be found, or an acceptance without one.
    #[error("{0}")]
    Commit(String),
    /// A pattern that is no glob.
    #[error("`{pattern}` is no pattern ({detail}); `*` stands for any text, `[abc]` for one of these characters")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl SharedError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Run(ReportError::Runs(RunsError::NotFound { .. } | RunsError::Ambiguous { .. }))
            | Self::NoFolder
            | Self::NotShared
            | Self::Name(_)
            | Self::Unfinished { .. }
            | Self::Commit(_)
            | Self::Pattern { .. }
            | Self::Shelf(ShelfError::Git(DataError::NoRepository(_) | DataError::NoRemote(_))) => ExitCode::Usage,
            Self::Shelf(_) | Self::Store(_) | Self::Run(_) | Self::Unfit { .. } => ExitCode::Tool,
        }
    }
}
