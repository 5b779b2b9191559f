//! What a pipeline file says of an `llm` step: a language model that generates, behind an endpoint or as a command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Percent, StepDuration, fields};

/// A language model to measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LlmStep {
    /// The base address of an OpenAI-compatible interface; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub endpoint: Option<String>,
    /// Instead: program and arguments, templates. `{prompt}`, `{max_tokens}` and `{seed}` are filled in; without `{prompt}`
    /// the prompt comes to its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The model, as the server calls it; a template. Default: the id of the model that the step is repeated for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// Which interface is spoken. Default `chat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<LlmApi>,
    /// The variable that holds the key; the step's `secrets` must list it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::variable_name")]
    pub api_key_env: Option<String>,
    /// So many requests at once; several numbers are measured one after the other. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 512)))]
    pub concurrency: Option<Vec<u32>>,
    /// Instead: so many requests arrive a second, at random times that do not wait for answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), inner(range(min = 0.001, max = 10_000)))]
    pub rate: Option<Vec<f64>>,
    /// Words of made prompts, most of them one token; several numbers are measured one after the other. Default 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 1_048_576)))]
    pub prompt_tokens: Option<Vec<u32>>,
    /// Instead: a file of prompts, lines of JSON, relative to the step's folder; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub prompts: Option<String>,
    /// The longest answer, in tokens. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_tokens: Option<u32>,
    /// A combination needs so many whole answers to be valid. Default 50; 10 for one call of a paired measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub requests: Option<u32>,
    /// And this time. Default 10 s, less where `budget` does not allow it; 1 s for one call of a paired measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<StepDuration>,
    /// After this time nothing more is sent, whatever is missing. Default: the part of `budget`, otherwise 5 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<StepDuration>,
    /// A combination in which a larger share of requests failed is invalid. Default 1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failed: Option<Percent>,
    /// Requests before each combination that are not measured. Default: as many as there are at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub warm_up: Option<u32>,
    /// The longest time of one request. Default 2 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<StepDuration>,
    /// The longest wait for the first or the next piece of an answer. Default 1 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<StepDuration>,
    /// Where prompts and arrivals are drawn from. Default: anew each time, so that no cache answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether the server is asked to tell usage. Default true; some servers refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<bool>,
    /// Further fields of each request's body; `null` takes one away.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// One of OpenAI's two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LlmApi {
    /// `/chat/completions`.
    Chat,
    /// `/completions`.
    Completions,
}

impl LlmApi {
    /// The word in the pipeline file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
        }
    }
}
