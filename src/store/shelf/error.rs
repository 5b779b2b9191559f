//! What can go wrong with a shelf, each with its next step.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::host::DataError;

/// Why a shelf could not be read or changed.
#[derive(Debug, Error)]
pub enum ShelfError {
    /// Git itself, or our copy of the branch.
    #[error(transparent)]
    Git(#[from] DataError),
    /// The remote cannot be reached, or does not exist.
    #[error("{place} cannot be reached ({detail}); check the address of the remote and the network")]
    Unreachable {
        /// The branch and its remote.
        place: String,
        /// What git said.
        detail: String,
    },
    /// The remote wants to know who we are, and does not believe us.
    #[error(
        "{place} asks for credentials ({detail}); give the job a token that may read the repository (GitHub: \
         actions/checkout with persist-credentials; GitLab: a project access token in the remote's address)"
    )]
    Credentials {
        /// The branch and its remote.
        place: String,
        /// What git said.
        detail: String,
    },
    /// Reading is allowed, writing is not.
    #[error(
        "{place} may be read but not written ({detail}); the token of a change request from a fork never may, and pulling \
         works without; elsewhere give the job the right to write (GitHub: `permissions: contents: write`; GitLab: a \
         project access token with write_repository), or set `baseline.push: never`"
    )]
    ReadOnly {
        /// The branch and its remote.
        place: String,
        /// What git said.
        detail: String,
    },
    /// A rule of the remote refuses this branch.
    #[error(
        "the remote refuses to change {place} ({detail}); a branch protection or a hook stands before it: exempt the branch, \
         or name another as `baseline.data_branch`"
    )]
    Refused {
        /// The branch and its remote.
        place: String,
        /// What git said.
        detail: String,
    },
    /// Others were always first.
    #[error("{place} was changed by others {attempts} times before us; try again, or give it longer with `--wait`")]
    Contended {
        /// The branch and its remote.
        place: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The branch or folder holds something else.
    #[error(
        "{place} holds other files ({example}) and not Backsight's; name another as `baseline.data_branch` or `baseline.folder`"
    )]
    Foreign {
        /// The branch or folder.
        place: String,
        /// One of the files.
        example: String,
    },
    /// A later version of this program wrote it.
    #[error("{place} has a newer format ({mark}); use a newer backsight")]
    Newer {
        /// The branch or folder.
        place: String,
        /// The name of its mark.
        mark: String,
    },
    /// There is nothing to change.
    #[error("{place} is not there yet; `backsight baseline push` makes it")]
    Absent {
        /// The branch or folder.
        place: String,
    },
    /// Too much to be ours.
    #[error("{place} lists more than {limit} files or bytes of names; remove old ones with `backsight baseline prune`")]
    TooMany {
        /// The branch or folder.
        place: String,
        /// The limit.
        limit: usize,
    },
    /// The folder cannot be used.
    #[error("{}: {source}; the shared results go there (`baseline.folder`)", path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}
