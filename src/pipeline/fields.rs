//! JSON Schemas of fields whose Rust type says less than the file format does: which targets there are, what a
//! variable may be called, what `when` may ask.
//!
//! A `format` named here is checked by [`accepts`]; the `pattern` beside it says the same to editors and to other
//! validators, which do not know our formats.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::scalars::{DURATION, Percent, SHARE, StepDuration};

/// The targets that a pipeline may name, in the order of documentation.
pub const TARGETS: [&str; 14] = [
    "cpu",
    "cuda",
    "tensorrt",
    "rocm",
    "migraphx",
    "openvino",
    "openvino-gpu",
    "openvino-npu",
    "coreml",
    "directml",
    "qnn",
    "webgpu",
    "webnn",
    "wasm",
];

/// The languages that generated files are parsed as.
pub const LANGUAGES: [&str; 9] = ["python", "rust", "javascript", "typescript", "tsx", "yaml", "json", "toml", "shell"];

/// Backsight's own rules of what must not be in a generated file.
pub const FORBIDDEN: [&str; 4] = ["mocked-subject", "random-metric", "empty-test", "unconditional-skip"];

/// What a rule's `when` may ask.
pub const RULE_KEYS: [&str; 6] = ["model", "family", "task", "target", "kind", "step"];

/// The format name of an environment variable's name.
pub(super) const VARIABLE: &str = "backsight-variable";
const DATE: &str = "date";
/// The format name of a branch or a remote.
const BRANCH: &str = "backsight-branch";
/// The format name of a range of numbers.
const RANGE: &str = "backsight-range";
/// The format name of a runner's label.
const LABEL: &str = "backsight-label";
/// The format name of an amount of memory.
const MEMORY: &str = "backsight-memory";
/// The format name of GPUs with their type.
const GPUS: &str = "backsight-gpus";
/// The format name of features that a node must have.
const CONSTRAINT: &str = "backsight-constraint";
/// The format name of a name that a cluster knows.
const CLUSTER: &str = "backsight-cluster";
/// The format name of a text on one line.
const LINE: &str = "backsight-line";
/// The format name of a reason code.
pub(super) const CODE: &str = "backsight-code";

/// Whether `text` is of that format; a format that is not ours accepts everything.
pub(super) fn accepts(format: &str, text: &str) -> bool {
    match format {
        DURATION => StepDuration::parse(text).is_some(),
        SHARE => Percent::parse(text).is_some(),
        VARIABLE => is_variable(text),
        DATE => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        BRANCH => is_branch(text),
        RANGE => is_range(text),
        LABEL => is_label(text),
        MEMORY => is_memory(text),
        GPUS => text.split_once(':').is_some_and(|(kind, n)| is_label(kind) && !kind.contains(':') && is_number(n, 3)),
        CONSTRAINT => is_constraint(text),
        CLUSTER => text.split(',').all(is_label),
        LINE => !text.is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control),
        CODE => text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_code_character),
        _ => true,
    }
}

/// A plain name of a branch or remote: nothing that git would read as more than a name.
fn is_branch(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(['.']) && !part.ends_with(".lock")
    };
    text.len() <= 200 && text.chars().all(plain) && !text.contains("..") && text.split('/').all(part)
}

/// What may be a label: nothing that a shell, YAML or an expression reads as more than a word.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    text.len() <= 100 && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(plain)
}

/// A whole number above zero with so many digits at most.
fn is_number(text: &str, digits: usize) -> bool {
    text.len() <= digits
        && text.starts_with(|c: char| ('1'..='9').contains(&c))
        && text.chars().all(|c| c.is_ascii_digit())
}

fn is_memory(text: &str) -> bool {
    text.strip_suffix(['K', 'M', 'G', 'T']).is_some_and(|number| is_number(number, 9))
}

/// Features with what Slurm joins them by; nothing that could be another argument.
fn is_constraint(text: &str) -> bool {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '&' | '|' | ',' | '*' | '(' | ')' | '[' | ']' | ':')
    };
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | '['))
        && text.chars().all(plain)
}

/// Two numbers with two dots between.
fn is_range(text: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    text.split_once("..").is_some_and(|(low, high)| number(low).zip(number(high)).is_some_and(|(low, high)| low < high))
}

fn is_code_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

/// The target that a word from elsewhere stands for: `gpu` is nearer to `cpu` in letters only.
pub(super) fn target_meant(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "gpu" | "nvidia" => Some("cuda"),
        "trt" => Some("tensorrt"),
        "amd" | "hip" => Some("rocm"),
        "metal" | "mps" | "apple" => Some("coreml"),
        "dml" => Some("directml"),
        _ => None,
    }
}

/// Whether `text` can be the name of an environment variable.
pub(super) fn is_variable(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "const": 1 })
}

pub(super) fn targets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "enum": TARGETS } })
}

fn variable() -> Schema {
    json_schema!({
        "type": "string",
        "title": "variable name",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "format": VARIABLE,
        "examples": ["LOG_LEVEL", "HF_TOKEN"],
    })
}

pub(super) fn variable_name(_: &mut SchemaGenerator) -> Schema {
    variable()
}

pub(super) fn variable_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": variable() })
}

pub(super) fn environment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": variable(),
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

/// Names of values that templates see, with lists of them.
pub(super) fn matrix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": word(),
        "additionalProperties": { "type": "array", "minItems": 1 },
    })
}

/// Names of values that templates see, with the files that hold them.
pub(super) fn files(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": word(),
        "additionalProperties": { "type": "string", "minLength": 1 },
    })
}

fn word() -> Schema {
    json_schema!({
        "type": "string",
        "title": "name",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "format": VARIABLE,
        "examples": ["precision", "opset"],
    })
}

pub(super) fn language(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": LANGUAGES })
}

pub(super) fn forbidden(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": FORBIDDEN })
}

pub(super) fn rule_when(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "model": { "type": "string", "description": "A glob over the model's id." },
            "family": { "type": "string", "description": "A glob over the model's family." },
            "task": { "type": "string", "description": "A glob over the model's task." },
            "target": { "type": "string", "description": "A glob over the target." },
            "kind": { "type": "string", "enum": ["generations", "tests", "benchmarks"], "description": "The section." },
            "step": { "type": "string", "description": "A glob over the step's name." },
        },
    })
}

pub(super) fn date(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "day",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "format": DATE,
        "examples": ["2027-03-01"],
    })
}

/// The highest number of a processor that the system's own sets hold.
const LAST_PROCESSOR: u16 = 1023;

pub(super) fn pin(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "enum": ["none", "auto"] },
            {
                "type": "array",
                "minItems": 1,
                "items": { "type": "integer", "minimum": 0, "maximum": LAST_PROCESSOR },
            },
        ],
    })
}

pub(super) fn branch(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "name of a branch or remote",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_./-]*$",
        "format": BRANCH,
        "examples": ["backsight-data", "origin"],
    })
}

pub(super) fn code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "reason code",
        "pattern": "^[a-z][a-z0-9_]*$",
        "format": CODE,
        "examples": ["unsupported_op", "insufficient_memory"],
    })
}

/// A range of numbers, the upper one left out.
pub(super) fn number_range(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "range of numbers",
        "pattern": "^ *-?[0-9.eE+-]+ *\\.\\. *-?[0-9.eE+-]+ *$",
        "format": RANGE,
        "examples": ["0..30000", "-1.0..1.0"],
    })
}

/// Targets with labels of the runners that their steps ask for.
pub(super) fn runners(_: &mut SchemaGenerator) -> Schema {
    let label = json_schema!({
        "type": "string",
        "title": "label of a runner",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$",
        "format": LABEL,
        "examples": ["ubuntu-24.04", "self-hosted", "gpu"],
    });
    json_schema!({
        "type": "object",
        "propertyNames": { "type": "string", "enum": TARGETS },
        "additionalProperties": {
            "anyOf": [label, { "type": "array", "minItems": 1, "items": label }],
        },
    })
}

/// An amount of memory.
pub(super) fn memory(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "size of memory",
        "pattern": "^[1-9][0-9]{0,8}[KMGT]$",
        "format": MEMORY,
        "examples": ["512M", "32G"],
    })
}

/// GPUs: a number, or a type with a number.
pub(super) fn gpus(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 999 },
            {
                "type": "string",
                "title": "type and number of GPUs",
                "pattern": "^[A-Za-z0-9_][A-Za-z0-9_./-]*:[1-9][0-9]{0,2}$",
                "format": GPUS,
                "examples": ["a100:2"],
            },
        ],
    })
}

/// Features that a node must have.
pub(super) fn constraint(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "list of features",
        "pattern": "^[A-Za-z0-9_(\\[][A-Za-z0-9_.&|,*()\\[\\]:-]*$",
        "format": CONSTRAINT,
        "examples": ["a100", "intel&nvlink"],
    })
}

/// A name that a cluster knows: a partition, an account.
pub(super) fn cluster_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "name that the cluster knows",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.:/,-]*$",
        "format": CLUSTER,
        "examples": ["gpu", "normal"],
    })
}

/// A text on one line.
pub(super) fn line(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "title": "text on one line",
        "pattern": "^[^\\x00-\\x1f]+$",
        "format": LINE,
        "examples": ["/software/backsight/bin/backsight"],
    })
}
