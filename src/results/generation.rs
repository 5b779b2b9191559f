//! One generated file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;

/// What became of one output of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// Rendered and written: the file is new or differs from what was there.
    Written,
    /// Rendered; the file already had exactly this content.
    Unchanged,
    /// `--check`: the file differs from what the template gives now.
    Drifted,
    /// `--check`: the file is not there.
    Missing,
    /// It could not be rendered, or its path is refused.
    Failed,
}

/// One output of a generation step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generation {
    /// The id of the step.
    pub step: String,
    /// The template file, relative to the workspace.
    pub template: String,
    /// The output file, relative to the workspace.
    pub output: String,
    /// What became of it.
    pub state: GenerationState,
    /// SHA-256 of the rendered content, lower-case hexadecimal; absent where rendering failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size of the rendered content in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// A unified diff from the file on disk to the rendered content, cut at a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why it failed, with the template's name and line where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
