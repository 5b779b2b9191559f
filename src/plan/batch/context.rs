//! What the template of one file sees: few values of its own, everything else shared between all files.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::plan::rows::Rows;

/// What all files of a batch see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub project: Value,
    pub run: Value,
    pub step: Value,
    pub env: Value,
    pub data: Value,
    /// Files of earlier generations, by step.
    pub generated: Value,
    /// The facts of the job, for conditions.
    pub job: Value,
}

/// The values of one file. What is undefined is not there at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub shared: Arc<Shared>,
    pub number: Value,
    pub model: Value,
    pub target: Value,
    pub matrix: Value,
    pub row: Value,
    pub prompt: Value,
    pub inputs: Value,
    pub items: Value,
    pub output: Value,
    /// Whether the facts of the job are visible.
    pub condition: bool,
}

/// A row of a CSV file: its cells are looked up when a template asks for them.
#[derive(Debug)]
pub(super) struct Row {
    pub rows: Arc<Rows>,
    pub number: usize,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let column = self.rows.columns()?.iter().position(|name| name == key)?;
        Some(Value::from(self.rows.cell(self.number, column)?.as_ref()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.rows.columns().into_iter().flatten().map(|name| Value::from(name.as_str())).collect())
    }
}

const NAMES: [&str; 15] = [
    "project",
    "run",
    "step",
    "env",
    "data",
    "generated",
    "number",
    "model",
    "target",
    "matrix",
    "row",
    "prompt",
    "inputs",
    "items",
    "output",
];

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let value = match key {
            "project" => &self.shared.project,
            "run" => &self.shared.run,
            "step" => &self.shared.step,
            "env" => &self.shared.env,
            "data" => &self.shared.data,
            "generated" => &self.shared.generated,
            "number" => &self.number,
            "model" => &self.model,
            "target" => &self.target,
            "matrix" => &self.matrix,
            "row" => &self.row,
            "prompt" => &self.prompt,
            "inputs" => &self.inputs,
            "items" => &self.items,
            "output" => &self.output,
            _ if self.condition => return self.shared.job.get_attr(key).ok().filter(|value| !value.is_undefined()),
            _ => return None,
        };
        Some(value.clone()).filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let known = NAMES.iter().filter(|name| self.get_value_by_str(name).is_some());
        Enumerator::Values(known.map(|name| Value::from(*name)).collect())
    }
}
