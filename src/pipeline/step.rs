//! What all steps of a pipeline have in common: names, conditions, repetition, environment, commands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::executors::Resources;
use super::{StepDuration, fields};

/// What all steps have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// The name, unique in its section; default: made from the command.
    #[serde(default)]
    pub name: String,
    /// A condition on simple facts, such as `ci and branch == "main"`; the step is skipped where it is false. Facts:
    /// `ci`, `provider`, `branch`, `default_branch`, `change_request`, `os`, `arch`, `target`, `model`, `env`.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Repeat the step for each model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Repeat the step for each of these targets; default: the host's `cpu` alone.
    #[serde(default)]
    #[schemars(schema_with = "fields::targets")]
    pub targets: Vec<String>,
    /// Names of steps that must have passed before; `section/name` where a name alone is ambiguous.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Environment of the step; list-form templates are allowed in values.
    #[serde(default)]
    #[schemars(schema_with = "fields::environment")]
    pub env: BTreeMap<String, String>,
    /// Names of secret environment variables that the step may see.
    #[serde(default)]
    #[schemars(schema_with = "fields::variable_names")]
    pub secrets: Vec<String>,
    /// The folder the command runs in, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// After this time the step's whole process group is ended. Default: 1 h for a test, 10 m for one execution of a
    /// benchmark, 5 m for one verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<StepDuration>,
    /// What the step needs where a cluster carries it out (`run --executor slurm`).
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Which shell runs commands in string form. Default `sh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
}

/// What a step is repeated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// Every model of `models`.
    Models,
}

/// The shell for commands in string form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// POSIX shell: `sh -e -c`.
    Sh,
    /// `bash -e -o pipefail -c`.
    Bash,
}

/// A command: a string for the shell (values only as environment variables), or a list run directly, in which
/// templates such as `{{ model.id }}` are safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Command {
    /// Given to the shell as it stands.
    Shell(#[schemars(length(min = 1))] String),
    /// Program and arguments, templates expanded in each.
    Args(#[schemars(length(min = 1))] Vec<String>),
}

impl Command {
    /// The command for people, templates as they stand.
    pub fn display(&self) -> String {
        match self {
            Self::Shell(text) => text.trim_end().to_owned(),
            Self::Args(words) => shell_words::join(words),
        }
    }
}
