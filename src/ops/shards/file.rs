//! The file of a plan: `plan.json`.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ops::files::write_whole;
use crate::plan::ShardPlan;

/// The largest plan that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is no plan of ours.
    #[error("{}:{line}:{column}: not a plan: {text}; `backsight plan --shards N --output FILE` writes one", path.display())]
    Wrong {
        /// As it was named.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        text: String,
    },
}

/// Reads a plan, within bounds.
///
/// # Errors
/// If it cannot be read or is none.
pub fn read(path: &Path) -> Result<ShardPlan, PlanFileError> {
    let io = |source| PlanFileError::Io { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > LARGEST {
        return Err(io(std::io::Error::other("larger than 64 MiB, which no plan is")));
    }
    serde_json::from_slice(&text).map_err(|error| PlanFileError::Wrong {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        text: error.to_string(),
    })
}

/// Writes a plan, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, plan: &ShardPlan) -> Result<(), PlanFileError> {
    let io = |source| PlanFileError::Io { path: path.to_owned(), source };
    let text = serde_json::to_vec_pretty(plan).map_err(|error| io(std::io::Error::other(error)))?;
    write_whole(path, &text).map_err(io)
}
