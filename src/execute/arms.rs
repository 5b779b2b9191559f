//! The two working copies of a paired measurement, as the engine is given them.
//!
//! Who makes them, and out of what, is no business of the engine: it renders the same commands in both, runs them there,
//! and compares.

use std::path::PathBuf;

/// The two working copies of a paired measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arms {
    /// The one compared with.
    pub base: Place,
    /// The one in question.
    pub head: Place,
}

/// One working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder that stands for the workspace (the pipeline file's folder) in this copy, absolute; equal length in both.
    pub workspace: PathBuf,
    /// Variables that differ between the arms, values of equal length: `CARGO_TARGET_DIR` where it is set outside,
    /// `TMPDIR`. `BACKSIGHT_WORKSPACE` is set by the engine from `workspace`.
    pub variables: Vec<(String, String)>,
}
