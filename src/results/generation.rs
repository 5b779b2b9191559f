//! One generated file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answered, Failure, Reason};

/// What became of one output of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// Rendered and written: the file is new or differs from what was there.
    Written,
    /// Rendered; the file already had exactly this content.
    Unchanged,
    /// `--check`: the file is as it was generated, and differs from what the template gives now.
    Drifted,
    /// `--check`: the file is not there.
    Missing,
    /// It could not be rendered, or its path is refused.
    Failed,
    /// The file is not as it was generated: changed by hand, or made by somebody else. It is left as it is.
    Edited,
    /// The lock file knows it, and nothing makes it any more. It is left as it is.
    Orphaned,
    /// It was an orphan, and was removed because that was asked for.
    Removed,
    /// It is not made; `reason` says why.
    Skipped,
}

impl GenerationState {
    /// The state in a word, for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Unchanged => "unchanged",
            Self::Drifted => "stale",
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::Edited => "edited",
            Self::Orphaned => "orphaned",
            Self::Removed => "removed",
            Self::Skipped => "skipped",
        }
    }

    /// The state in a sentence about the file.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Written => "was written",
            Self::Unchanged => "is as its template gives it",
            Self::Drifted => "differs from what its template gives now",
            Self::Missing => "is not there",
            Self::Failed => "could not be rendered",
            Self::Edited => "is not as it was generated",
            Self::Orphaned => "is made by nothing any more",
            Self::Removed => "was made by nothing any more and is removed",
            Self::Skipped => "is not made",
        }
    }

    /// Whether the file is as it should be.
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Written | Self::Unchanged | Self::Removed | Self::Skipped)
    }
}

/// One output of a generation step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generation {
    /// The id of the step.
    pub step: String,
    /// The template file, relative to the workspace; of a set, its name and the template in it; of a model's answer, the file
    /// of prompts.
    pub template: String,
    /// The output file, relative to the workspace.
    pub output: String,
    /// What became of it.
    pub state: GenerationState,
    /// Why: `template_changed`, `context_changed`, `hand_edited`, `unknown_file`, `orphaned`, or why it is not made; of a
    /// model's answer also `answer_changed`, `parameters_changed`, `prompt_changed`, or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What it is made for, where the step is repeated: `model bert, target cuda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
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
    /// How the model came to it, where a model was asked for it in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
}

impl Generation {
    /// Why it is not right, or not made: what failed, otherwise the reason.
    pub fn why(&self) -> Option<&str> {
        let failed = self.failure.as_ref().and_then(|failure| failure.message.as_deref().or(failure.text.as_deref()));
        failed.or_else(|| self.reason.as_ref().map(|reason| reason.text.as_str()))
    }

    /// A file of which nothing is known yet but its state.
    pub fn new(step: &str, template: &str, output: &str, state: GenerationState) -> Self {
        Self {
            step: step.to_owned(),
            template: template.to_owned(),
            output: output.to_owned(),
            state,
            reason: None,
            context: None,
            sha256: None,
            bytes: None,
            diff: None,
            failure: None,
            answer: None,
        }
    }
}

/// Generated files that are counted and not listed, so that a document of a hundred thousand files can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnlistedGenerations {
    /// The id of the step.
    pub step: String,
    /// What became of them.
    pub state: GenerationState,
    /// How many.
    pub files: u64,
}
