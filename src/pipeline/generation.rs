//! What a pipeline file says of a generation: what is rendered, for what, where it goes, and how far it is verified.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::completion::{CompletionStep, GenerationKind};
use super::fields;
use super::step::{Command, Common};

/// An entry of `generations`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationStep {
    /// What all steps have.
    #[serde(flatten)]
    pub common: Common,
    /// What it is; default: what its keys say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GenerationKind>,
    /// Instead of a template: a model that is asked; each answer is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Box<CompletionStep>>,
    /// The template file, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Instead: a template set, one of Backsight's own by its name, or a folder with a `templates.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub set: Option<String>,
    /// The inputs of the set; texts in it are templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// The file to write, relative to the workspace; a template. A set says itself what it writes; one that writes a
    /// single file can be given another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The folder below which a set writes. Default: the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// More to repeat for: names with lists of values, each combination once; templates see `matrix.NAME`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "fields::matrix")]
    pub matrix: Map<String, Value>,
    /// More to repeat for: the rows of a CSV file, the lines of a JSON lines file, or the entries of a list in a JSON, YAML
    /// or TOML file; templates see `row`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Files that templates see as values: `data.NAME` is what the YAML, JSON, TOML or CSV file of that name says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "fields::files")]
    pub data: BTreeMap<String, String>,
    /// A condition for each file, on `model`, `target`, `matrix`, `row`, `data` and the facts of `if`; where it does not
    /// hold, the file is not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// One file for everything that the step is repeated for: the template sees `items`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub many_to_one: bool,
    /// How far each file is verified: a command that must succeed, or the rungs of a ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// How a generated file is verified. In commands, `{{ output }}` in list form, `$BACKSIGHT_OUTPUT` in a string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Verify {
    /// A command for the shell: the rung `run` alone.
    Shell(#[schemars(length(min = 1))] String),
    /// Program and arguments: the rung `run` alone.
    Args(#[schemars(length(min = 1))] Vec<String>),
    /// Rung by rung.
    Ladder(Box<Ladder>),
}

impl Verify {
    /// The ladder that is meant.
    pub fn ladder(&self) -> Ladder {
        match self {
            Self::Shell(text) => Ladder { run: Some(Command::Shell(text.clone())), ..Ladder::default() },
            Self::Args(words) => Ladder { run: Some(Command::Args(words.clone())), ..Ladder::default() },
            Self::Ladder(ladder) => ladder.as_ref().clone(),
        }
    }
}

/// The rungs that each file climbs, in this order; the first that fails ends it for the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    /// Whether the file must parse: `true` for the language of its ending, or a language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse: Option<ParseRung>,
    /// What must not be in it: rules of Backsight by name, or one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbid: Vec<Forbidden>,
    /// What is under test, for `forbid: [mocked-subject]`: names of modules or packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// A linter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lint: Option<Command>,
    /// A command that imports or compiles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Command>,
    /// A command that collects the tests in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect: Option<Command>,
    /// A command that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Command>,
    /// How many files are verified by commands at the same time. Default: as many as there are processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
}

/// Whether, and as what, a file must parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ParseRung {
    /// As what its ending says, or not at all.
    ByEnding(bool),
    /// As this language.
    Language(#[schemars(schema_with = "fields::language")] String),
}

/// An entry of `forbid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Forbidden {
    /// A rule of Backsight.
    BuiltIn(#[schemars(schema_with = "fields::forbidden")] String),
    /// One's own.
    Own(OwnRule),
}

/// A rule of one's own: what a query of tree-sitter finds is forbidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRule {
    /// Its name in reports.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The language it is for; files of others pass.
    #[schemars(schema_with = "fields::language")]
    pub language: String,
    /// A query of tree-sitter: what it captures is found.
    #[schemars(length(min = 1))]
    pub query: String,
    /// What to tell people.
    #[schemars(length(min = 1))]
    pub message: String,
}
