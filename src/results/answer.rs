//! A model's answer to one prompt, as the process that asks tells it to the one that keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reason;

/// What became of one prompt. A line of JSON of it is what `backsight llm complete` prints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The prompt's id.
    pub id: String,
    /// The answer; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why the answer ends, as the server says it: `stop`, `length`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Tokens of the prompt, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// From sending to the end of the answer, in seconds; of a request that was sent again, the last time.
    pub seconds: f64,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Reason>,
}

/// How a model came to the content of a generated file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// Why the answer ends, as the server says it: `stop`, `length` where it was cut at the limit of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Tokens of the prompt, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// From sending the request to the end of the answer, in nanoseconds.
    pub duration_ns: u64,
}

impl From<&Answer> for Answered {
    fn from(answer: &Answer) -> Self {
        let nanoseconds = (answer.seconds * 1e9).clamp(0.0, 1e18) as u64;
        Self {
            finish_reason: answer.finish_reason.clone(),
            prompt_tokens: answer.prompt_tokens,
            output_tokens: answer.output_tokens,
            duration_ns: nanoseconds,
        }
    }
}
