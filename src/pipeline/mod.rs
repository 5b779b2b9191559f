//! The text of `backsight.yml` to a [`Pipeline`], with positions, validation and help.
//!
//! Pure: the caller reads the file and renders what is wrong with it. The types of `grammar.rs` are the one source of
//! truth: the JSON Schema is generated from them, the checker walks the YAML tree along that schema and reports
//! *every* violation with its place, and only a tree without violations becomes a [`Pipeline`].

mod diagnostic;
mod grammar;
mod meaning;
mod models;
mod scalars;
mod shape;
mod tree;

use std::collections::BTreeMap;

pub use diagnostic::{Diagnostic, Span};
pub use grammar::{
    BaselineConfig, BenchmarkStep, Command, Common, ForEach, Gate, GenerationStep, Harness, MetricName, MissingPolicy,
    Model, ModelSource, OutputSource, Pipeline, Retries, Rule, RuleAction, Shell, TestStep,
};
pub use models::parse_models;
pub use scalars::{Percent, StepDuration};
pub use shape::schema;

use tree::{Node, Value};

/// A pipeline with the places of its entries.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What the file says.
    pub pipeline: Pipeline,
    /// Where it says it.
    pub positions: Positions,
}

/// Where the entries of the lists stand in the text.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    entries: BTreeMap<(String, usize), Span>,
}

impl Positions {
    /// The first line of an entry, such as the third of `tests`.
    pub fn of(&self, section: &str, index: usize) -> Option<Span> {
        self.entries.get(&(section.to_owned(), index)).cloned()
    }

    fn new(root: &Node, text: &str) -> Self {
        let Value::Map(sections) = &root.value else { return Self::default() };
        let lists = sections.iter().filter_map(|(key, node)| match &node.value {
            Value::List(items) => Some((key, items)),
            _ => None,
        });
        let entries = lists.flat_map(|(key, items)| {
            items.iter().enumerate().map(|(at, item)| ((key.text.clone(), at), first_line(&item.span, text)))
        });
        Self { entries: entries.collect() }
    }
}

fn first_line(span: &Span, text: &str) -> Span {
    let rest = text.get(span.clone()).unwrap_or_default();
    span.start..span.start + rest.find('\n').unwrap_or(rest.len())
}

/// Reads a pipeline file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text. A file that is not YAML has one error.
pub fn parse(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let root = tree::read(text, &mut found).map_err(|error| vec![error])?;
    if matches!(root.value, Value::Null) {
        let told = Diagnostic::error("empty", "the file is empty", 0..0);
        return Err(vec![told.help("the smallest useful file is:\n  version: 1\n  benchmarks:\n    - run: ./app")]);
    }
    shape::check(&root, text, &schema(), &mut found);
    let pipeline = if found.is_empty() { typed(&root, text, &mut found) } else { None };
    found.sort_by_key(|error| (error.span.start, error.span.end));
    found.dedup();
    match pipeline {
        Some(pipeline) if found.is_empty() => Ok(Parsed { pipeline, positions: Positions::new(&root, text) }),
        _ => Err(found),
    }
}

fn typed(root: &Node, text: &str, found: &mut Vec<Diagnostic>) -> Option<Pipeline> {
    let mut json = root.to_json();
    env_as_written(&mut json, root, text);
    match serde_json::from_value::<Pipeline>(json) {
        Ok(mut pipeline) => {
            meaning::check(&mut pipeline, root, found);
            Some(pipeline)
        }
        // The schema and the types come from one source, so this needs a value that only serde refuses.
        Err(error) => {
            found.push(Diagnostic::error("value", error.to_string(), root.span.start..root.span.start));
            None
        }
    }
}

/// Values of `env` are text, and `PORT: 8080` or `DEBUG: true` mean what is written.
fn env_as_written(json: &mut serde_json::Value, root: &Node, text: &str) {
    let rewrite = |json: Option<&mut serde_json::Value>, node: Option<&Node>| {
        let (Some(serde_json::Value::Object(map)), Some(node)) = (json, node) else { return };
        for (name, value) in map.iter_mut().filter(|(_, value)| !value.is_string()) {
            let source = node.get(name).and_then(|node| text.get(node.span.clone())).unwrap_or_default();
            *value = serde_json::Value::String(source.to_owned());
        }
    };
    rewrite(json.get_mut("env"), root.get("env"));
    for section in ["generations", "tests", "benchmarks"] {
        let Some(serde_json::Value::Array(steps)) = json.get_mut(section) else { continue };
        for (at, step) in steps.iter_mut().enumerate() {
            let node = root.get(section).and_then(|list| list.item(at));
            rewrite(step.get_mut("env"), node.and_then(|node| node.get("env")));
        }
    }
}

#[cfg(test)]
mod tests;
