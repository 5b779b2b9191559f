//! Why a history could not be told.

use thiserror::Error;

use crate::ops::load::LoadError;
use crate::results::ExitCode;
use crate::store::StoreError;

/// Why a history could not be told.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pattern is no glob.
    #[error("`{pattern}` is not a glob ({detail}); write a name, or use * and ? in it")]
    Pattern {
        /// What was written.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Nothing of this name is stored.
    #[error("no {what} `{name}` is stored{}", near(candidates))]
    Unknown {
        /// What was looked for: a benchmark, a metric, a branch.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that come near, or all where there are few.
        candidates: Vec<String>,
    },
    /// The pipeline file cannot be read.
    #[error("{0}; `backsight check` shows what is wrong")]
    Pipeline(#[source] LoadError),
    /// Nobody says what the drift guard is to hold against what.
    #[error(
        "the drift guard lacks an anchor or a limit; give {lacks}, or `gate: {{ drift: {{ since: v1.0, limit: 3% }} }}` in backsight.yml"
    )]
    NoLimit {
        /// The option.
        lacks: &'static str,
    },
    /// The anchor is no revision of this repository.
    #[error("git knows no `{name}` here; name a tag, a branch or a commit, and fetch tags (`git fetch --tags`)")]
    Anchor {
        /// What was written.
        name: String,
    },
}

fn near(candidates: &[String]) -> String {
    if candidates.is_empty() { String::new() } else { format!("; did you mean {}?", candidates.join(", ")) }
}

impl HistoryError {
    /// What the process returns for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Pipeline(error) => error.exit_code(),
            Self::Store(StoreError::Glob { .. }) => ExitCode::Usage,
            Self::Store(_) => ExitCode::Tool,
            Self::Pattern { .. } | Self::Unknown { .. } | Self::Anchor { .. } | Self::NoLimit { .. } => ExitCode::Usage,
        }
    }
}
