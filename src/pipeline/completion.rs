//! What a pipeline file says of a generation whose files a model writes: who is asked, what, how, and what is expected of
//! the answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields;
use super::llm::LlmApi;
use super::scalars::{Percent, StepDuration};
use super::step::Command;

/// What a generation is, said plainly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationKind {
    /// Files rendered from a template or a set.
    Template,
    /// Files that a model writes.
    Completion,
}

/// A model that is asked, prompt by prompt; each answer is a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompletionStep {
    /// The base address of an OpenAI-compatible interface; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub endpoint: Option<String>,
    /// Instead: program and arguments, templates. `{prompt}`, `{max_tokens}` and `{seed}` are filled in; without `{prompt}`
    /// the prompt comes to its standard input. What it writes to its standard output is the answer.
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
    /// What the model is told before each prompt; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub system: Option<String>,
    /// The file of prompts, relative to the workspace: JSON lines, JSON, YAML or CSV; each with an `id` and a `prompt` or
    /// `messages`, and an `expect` of its own if it has one.
    #[schemars(length(min = 1))]
    pub prompts: String,
    /// The seed of each request. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 2_147_483_647))]
    pub seed: Option<u32>,
    /// The temperature. Default 0: the likeliest token each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub temperature: Option<f64>,
    /// Only the likeliest tokens that have this probability together. Default: what the server does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub top_p: Option<f64>,
    /// The longest answer, in tokens. Default 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_tokens: Option<u32>,
    /// Texts at which an answer ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub stop: Vec<String>,
    /// The longest time of one request. Default 2 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<StepDuration>,
    /// So many requests at once. Default 1: several at once may change what a server answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 512))]
    pub concurrency: Option<u32>,
    /// How often a request is sent again that the server did not take: a refused connection, a rate limit, a model that still
    /// loads. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 10))]
    pub retries: Option<u32>,
    /// Further fields of each request's body; `null` takes one away.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// What each answer must be like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// What another answer to the same request means. Default `tell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_change: Option<OnChange>,
}

/// What it means that a model answers the same request in another way than before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// The new answer is stored, and the diff is told.
    #[default]
    Tell,
    /// The stored answer stays, the diff is told, and the run fails.
    Fail,
}

/// What an answer must be like. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The answer is this text, white space at both ends aside; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// The answer holds this text, or each of these; templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Texts>,
    /// The answer matches this regular expression somewhere, or each of these; templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<Texts>,
    /// The answer is JSON, and this schema holds for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<Map<String, Value>>,
    /// The answer gives this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<ExpectedNumber>,
    /// A command that must succeed: the answer is its standard input, `$BACKSIGHT_OUTPUT` the file. Run only where all else
    /// holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// One.
    One(#[schemars(length(min = 1))] String),
    /// Several.
    Several(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

impl Texts {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// A number that an answer must give: exactly, or within a tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExpectedNumber {
    /// Exactly this one, the last number of the answer.
    Exactly(f64),
    /// With a tolerance, or found by a pattern.
    Within(Within),
}

/// A number with its tolerance: the larger one counts where both are given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The number, or a template that gives one, such as `{{ prompt.answer }}`.
    pub value: NumberSource,
    /// How far the answer's may be off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub absolute: Option<f64>,
    /// How far it may be off, as a share of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Percent>,
    /// A regular expression that finds the number: its first group, otherwise all that it matches. Default: the last number
    /// of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub pattern: Option<String>,
}

/// A number, or a text that gives one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NumberSource {
    /// The number.
    Number(f64),
    /// A template.
    Text(#[schemars(length(min = 1))] String),
}
