//! What the base is, and why there are no working copies.

use std::path::PathBuf;

use crate::host::ask::AskError;
use crate::host::git::GitError;

/// Which commit the base is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// As git names revisions: a branch, a tag, a hash, `HEAD~1`.
    Named(String),
    /// The commit where the head left the named revision: written `main...`.
    MergeBase(String),
    /// A full hash that the surroundings know to be where the change starts.
    Start(String),
}

impl Revision {
    /// From the command line: `main...` is the commit where the head left `main`, anything else is a revision.
    pub fn parse(text: &str) -> Self {
        match text.strip_suffix("...") {
            Some(name) => Self::MergeBase(name.to_owned()),
            None => Self::Named(text.to_owned()),
        }
    }

    pub(super) fn name(&self) -> &str {
        let (Self::Named(name) | Self::MergeBase(name) | Self::Start(name)) = self;
        name
    }
}

/// Why there are no copies.
#[derive(Debug, thiserror::Error)]
pub enum CopiesError {
    /// Git refuses.
    #[error("{0}")]
    Git(String),
    /// There is no such commit, or no commit at all.
    #[error("the base `{name}` cannot be found: {reason}")]
    NoBase {
        /// As it was named.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The workspace is in no repository.
    #[error("{} is in no git repository, so there is no base to check out; `bench --vs COMMAND` needs none", .0.display())]
    NoRepository(PathBuf),
    /// A folder of the copies.
    #[error("{}: {source}; the working copies of both arms go there (XDG_CACHE_HOME moves them)", path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// New files that are too large to be put into a commit.
    #[error(
        "new files of {megabytes} MB lie in the work tree, more than git should be given for a measurement ({example}, ...); \
         add them to .gitignore, and name those that the benchmarks need with `--carry` or `baseline.carry`"
    )]
    TooLarge {
        /// All together.
        megabytes: u64,
        /// The largest.
        example: String,
    },
    /// The run was to stop.
    #[error("the run was stopped while the working copies were made")]
    Stopped {
        /// The signal that asked for it, where that is known.
        signal: Option<u32>,
    },
    /// Something that should be linked into both copies.
    #[error("carry: `{path}`: {reason}")]
    Carry {
        /// As it was named.
        path: String,
        /// Why not.
        reason: String,
    },
}

impl From<GitError> for CopiesError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Ask(AskError::Stopped { .. }) => Self::Stopped { signal: None },
            error => Self::Git(error.to_string()),
        }
    }
}

/// The beginning of a commit's name, for people.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
