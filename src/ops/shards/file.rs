//! The file of a plan: `plan.json`.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
    /// The variable holds none.
    #[error("variable {name}: not a plan: {text}; `backsight plan --format gitlab` writes it into its child pipeline")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong.
        text: String,
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

/// Why a plan cannot be packed into a variable, or read from one.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It cannot be written as text.
    #[error("the plan cannot be written: {0}")]
    Write(#[from] serde_json::Error),
    /// It is too long.
    #[error(
        "the plan takes {0} bytes, too many for a variable of a child pipeline: split the pipeline file, or plan a part of it with -k"
    )]
    Long(usize),
}

/// What a plan in a variable is named by: `env:BACKSIGHT_PLAN`.
const VARIABLE: &str = "env:";

/// A plan as one word.
pub(super) fn packed(plan: &ShardPlan) -> Result<String, PackError> {
    let text = serde_json::to_vec(plan)?;
    Ok(STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&text, 9)))
}

/// The plan in a word.
pub(super) fn unpacked(word: &str) -> Result<ShardPlan, String> {
    let bytes = STANDARD.decode(word.trim()).map_err(|error| error.to_string())?;
    let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX);
    let text =
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&bytes, limit).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Reads a plan, within bounds: a file, or with `env:NAME` a variable of this process.
///
/// # Errors
/// If it cannot be read or is none.
pub fn read(path: &Path) -> Result<ShardPlan, PlanFileError> {
    if let Some(name) = path.to_str().and_then(|path| path.strip_prefix(VARIABLE)) {
        let variable = |text| PlanFileError::Variable { name: name.to_owned(), text };
        let word = std::env::var(name).map_err(|_| variable("it is not set".to_owned()))?;
        return unpacked(&word).map_err(variable);
    }
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
