//! Shared results: joins the store of this workspace with a shelf that all hosts use, a git branch or a folder.

mod error;
mod pull;
mod push;
mod tidy;
mod verify;

use std::path::{Path, PathBuf};

pub use error::SharedError;
pub use pull::{Pulled, Wanted, pull};
pub use push::{Pushed, add, all_new, push, record, runs};
pub use tidy::{Prune, Tidied, compact, prune};
pub use verify::{Verified, verify};

use crate::host::{DataRepository, Patience};
use crate::pipeline::{BaselineConfig, BaselineStore, PushPolicy};
use crate::results::{Document, Status};
use crate::store::{FolderShelf, GitShelf, Shelf};

/// The remote where none is named.
pub const REMOTE: &str = "origin";
/// The branch where none is named.
pub const DATA_BRANCH: &str = "backsight-data";

/// Where the shared results of a workspace are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// On a branch of a remote of the repository that the workspace lies in.
    Branch {
        /// The remote's name.
        remote: String,
        /// The branch's name.
        branch: String,
    },
    /// In a folder.
    Folder(PathBuf),
}

impl Whereabouts {
    /// Where the `baseline` section says; where it names no store, a CI job's are on the data branch, and others nowhere.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_a_run(config: &BaselineConfig, ci: bool, workspace: &Path) -> Result<Option<Self>, SharedError> {
        Self::of(config, if ci { BaselineStore::Git } else { BaselineStore::Sqlite }, workspace)
    }

    /// Where the `baseline` section says; `usual` where it names no store. `None` where nothing is shared.
    ///
    /// # Errors
    /// If it says `file` and names no folder.
    pub fn of(config: &BaselineConfig, usual: BaselineStore, workspace: &Path) -> Result<Option<Self>, SharedError> {
        let named = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
        match config.store.unwrap_or(usual) {
            BaselineStore::Sqlite => Ok(None),
            BaselineStore::Git => {
                let (remote, branch) = (named(&config.remote, REMOTE), named(&config.data_branch, DATA_BRANCH));
                let odd = [&remote, &branch].into_iter().find(|name| !crate::host::is_branch(name)).cloned();
                odd.map_or(Ok(Some(Self::Branch { remote, branch })), |name| Err(SharedError::Name(name)))
            }
            BaselineStore::File => {
                let folder = config.folder.as_deref().ok_or(SharedError::NoFolder)?;
                Ok(Some(Self::Folder(workspace.join(folder))))
            }
        }
    }

    /// Opens the shelf; a remote is not asked yet.
    ///
    /// # Errors
    /// If there is no such repository or remote.
    pub fn open<'a>(&self, workspace: &Path, patience: Patience<'a>) -> Result<Box<dyn Shelf + 'a>, SharedError> {
        Ok(match self {
            Self::Folder(path) => Box::new(FolderShelf::new(path)),
            Self::Branch { remote, branch } => {
                let repository =
                    DataRepository::open(workspace, remote, patience).map_err(crate::store::ShelfError::from)?;
                Box::new(GitShelf::new(repository, remote, branch, patience))
            }
        })
    }
}

/// Whether a run is one to be shared by this policy: it came to its end, and it is where the policy wants it.
pub fn is_to_be_shared(document: &Document, policy: PushPolicy) -> bool {
    let finished = matches!(document.run.status, Status::Passed | Status::Failed | Status::Undecided);
    let change = &document.change;
    let of_default = change.request.is_none() && change.branch.is_some() && change.branch == change.default_branch;
    finished
        && match policy {
            PushPolicy::DefaultBranch => of_default,
            PushPolicy::Always => true,
            PushPolicy::Never => false,
        }
}
