//! The two working copies of a paired measurement: base and head, so alike that only their sources differ.

use std::path::PathBuf;

/// The two working copies of a paired measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arms {
    /// What is compared with.
    pub base: Place,
    /// What is judged.
    pub head: Place,
}

/// One working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder that stands for the workspace (the pipeline file's folder) in this copy, absolute; equal length in both.
    pub workspace: PathBuf,
    /// Variables that differ between the arms, values of equal length: BACKSIGHT_WORKSPACE is set by the engine from
    /// `workspace`; here CARGO_TARGET_DIR where it is set outside, TMPDIR, ...
    pub variables: Vec<(String, String)>,
}
