//! The text of `backsight.yml` to a [`Pipeline`], with positions, validation and help.
//!
//! Pure: the caller reads the file and renders what is wrong with it. The types of `grammar.rs` are the one source of
//! truth: the JSON Schema is generated from them, the checker walks the YAML tree along that schema and reports
//! *every* violation with its place, and only a tree without violations becomes a [`Pipeline`].
//!
//! The way of the text: `load` (YAML to a tree, within limits), `shape` (the tree against the schema), `semantics`
//! (what a schema cannot say). Each puts what it finds into one list, which is returned in the order of the file.

mod completion;
mod diagnostic;
mod executors;
mod fields;
mod generation;
mod grammar;
mod harness;
mod llm;
mod load;
mod model_types;
mod models;
mod onnx;
mod read;
mod scalars;
mod schema;
mod semantics;
mod shape;
mod shards;
mod step;
mod syntax;
mod tree;

mod wording;

pub use completion::{CompletionStep, Expect, ExpectedNumber, GenerationKind, NumberSource, OnChange, Texts, Within};
pub use diagnostic::{Diagnostic, Label, Severity, Span, nearest, quote, visible};
pub use executors::{ExecutorsConfig, Gpus, Resources, SlurmConfig};
pub use fields::{FORBIDDEN, LANGUAGES, RULE_KEYS, TARGETS};
pub use generation::{Forbidden, GenerationStep, Ladder, OwnRule, ParseRung, Verify};
pub use grammar::{
    BaselineConfig, BaselineStore, BenchmarkStep, CommentPolicy, CounterSource, DriftLimit, Gate, MetricName,
    MissingPolicy, Model, ModelSource, OutputSource, Pin, PinRule, Pipeline, PublishConfig, PushPolicy,
    QuarantineEntry, Retries, Rule, RuleAction, Stdin, TestStep,
};
pub use harness::{Harness, TestHarness};
pub use llm::{LlmApi, LlmStep};
pub use load::{MAX_BYTES, MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_NODES};
pub use models::parse_models;
pub use onnx::{OnnxInput, OnnxScenario, OnnxSettings, OnnxSize, OnnxStep, OnnxTolerance};
pub use read::{Read, read_as};
pub use scalars::{Percent, StepDuration};
pub use schema::{schema, schema_text};
pub use semantics::{CONDITION_FACTS, TEMPLATE_ROOTS};
pub use shards::{Labels, ShardsConfig};
pub use step::{Command, Common, ForEach, Shell};
pub use syntax::decode;
pub(crate) use syntax::explain as explain_yaml;
pub use tree::{Part, Positions};

use diagnostic::Findings;
use serde_json::Value;
use shape::Shape;
use tree::Node;

/// A pipeline file that was understood.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it says; every step has a name.
    pub pipeline: Pipeline,
    /// Where it says it, for later stages that find fault with a part.
    pub positions: Positions,
}

/// Reads a pipeline file.
///
/// # Errors
/// All that is wrong with it, in the order of the file; at most 50 findings and a line that counts the rest.
pub fn parse(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let parsed = match load::load(text, &mut findings) {
        Ok(root) => understand(root, text, &mut findings),
        Err(broken) => {
            findings.push(*broken);
            None
        }
    };
    match parsed {
        Some(parsed) if findings.is_empty() => Ok(parsed),
        _ => Err(findings.into_sorted()),
    }
}

/// Where the entries of a list in a file of YAML or JSON begin: their lines, from 1. Empty where it cannot be read.
pub fn lines_of_entries(text: &str) -> Vec<usize> {
    let mut findings = Findings::default();
    let Ok(Some(root)) = load::load(text, &mut findings) else { return Vec::new() };
    match &root.content {
        tree::Content::List(entries) => entries.iter().map(|entry| entry.head().line as usize).collect(),
        tree::Content::Scalar(_) | tree::Content::Map(_) => Vec::new(),
    }
}

/// Reads any document of YAML, within the limits of a pipeline file.
///
/// # Errors
/// What cannot be read, with its place.
pub fn yaml(text: &str) -> Result<Value, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    match load::load(text, &mut findings) {
        Ok(root) if findings.is_empty() => Ok(root.map_or(Value::Null, |root| root.to_json())),
        Ok(_) => Err(findings.into_sorted()),
        Err(broken) => {
            findings.push(*broken);
            Err(findings.into_sorted())
        }
    }
}

const SMALLEST: &str = "the smallest useful file is three lines:\nversion: 1\nbenchmarks:\n  - run: ./app";

fn understand(root: Option<Node>, text: &str, findings: &mut Findings) -> Option<Parsed> {
    let Some(root) = root.filter(|root| root.to_json() != Value::Null) else {
        findings.push(Diagnostic::error("empty-file", Span::START, "this pipeline file is empty").help(SMALLEST));
        return None;
    };
    if root.entries().is_none() {
        let message = format!("a pipeline file is a mapping (lines of `key: value`), found {}", wording::found(&root));
        findings.push(Diagnostic::error("wrong-type", root.head(), message).help(SMALLEST));
        return None;
    }
    if let Some(other) = other_version(&root) {
        // The rest is written for rules that this version does not know.
        findings.push(other);
        return None;
    }
    let schema = schema::to_check_with();
    let value = Shape::new(&schema, findings).document(&root)?;
    let complete = findings.is_empty();
    let mut pipeline = match serde_json::from_value::<Pipeline>(value) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            if complete {
                findings.push(Diagnostic::error("shape", root.head(), format!("this file cannot be read: {error}")));
            }
            return None;
        }
    };
    if complete {
        semantics::check(&mut pipeline, &root, text, findings);
    } else {
        semantics::check_values(&pipeline, &root, text, findings);
    }
    Some(Parsed { pipeline, positions: Positions::new(root) })
}

/// A version that is a number, but not ours.
fn other_version(root: &Node) -> Option<Diagnostic> {
    let version = &root.entry("version")?.value;
    let Value::Number(number) = version.to_json() else { return None };
    if number.as_f64() == Some(1.0) {
        return None;
    }
    let message = format!("this backsight reads version 1 of the pipeline format, the file says {number}");
    Some(Diagnostic::error("version", version.span, message).help("write `version: 1`, or use a newer backsight"))
}
