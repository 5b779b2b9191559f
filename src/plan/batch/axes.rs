//! What a generation is repeated for, and which combination a number stands for.

use std::sync::Arc;

use serde_json::Value;

use crate::pipeline::Model;
use crate::plan::rows::Rows;
use crate::results::Reason;

/// What a generation is repeated for. The combinations are numbered in this order, the last axis fastest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axes {
    /// Models; `None` where the step is not repeated for models.
    pub models: Option<Arc<Vec<Model>>>,
    /// Targets, at least one.
    pub targets: Vec<String>,
    /// Why a pair of model and target is left out, models outermost.
    pub left_out: Vec<Option<LeftOut>>,
    /// The matrix, in the order of the file.
    pub matrix: Vec<(String, Vec<Value>)>,
    /// Rows.
    pub rows: Option<Arc<Rows>>,
    /// The rows are the prompts of a completion.
    pub prompts: bool,
}

/// Why something is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The reason.
    pub reason: Reason,
    /// It holds on every host: what was made before is an orphan. Otherwise it may well be made elsewhere.
    pub everywhere: bool,
}

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The model's number.
    pub model: Option<usize>,
    /// The target's number.
    pub target: usize,
    /// For each name of the matrix, the number of its value.
    pub matrix: Vec<usize>,
    /// The row's number.
    pub row: Option<usize>,
}

impl Axes {
    /// How many combinations there are.
    pub fn len(&self) -> usize {
        let models = self.models.as_ref().map_or(1, |models| models.len());
        let rows = self.rows.as_ref().map_or(1, |rows| rows.len());
        let matrix = self.matrix.iter().map(|(_, values)| values.len());
        matrix.chain([self.targets.len(), rows]).fold(models, usize::saturating_mul)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The combination of a number below [`Self::len`].
    pub fn at(&self, number: usize) -> Position {
        let mut rest = number;
        let mut take = |size: usize| {
            let size = size.max(1);
            let part = rest % size;
            rest /= size;
            part
        };
        let row = self.rows.as_ref().map(|rows| take(rows.len()));
        let mut matrix: Vec<usize> = self.matrix.iter().rev().map(|(_, values)| take(values.len())).collect();
        matrix.reverse();
        let target = take(self.targets.len());
        let model = self.models.as_ref().map(|models| take(models.len()));
        Position { model, target, matrix, row }
    }

    /// Why a combination is left out for its model and target.
    pub fn left_out(&self, position: &Position) -> Option<&LeftOut> {
        let pair = position.model.unwrap_or(0) * self.targets.len() + position.target;
        self.left_out.get(pair).and_then(Option::as_ref)
    }

    /// A combination's model.
    pub fn model(&self, position: &Position) -> Option<&Model> {
        self.models.as_ref()?.get(position.model?)
    }

    /// A combination's target.
    pub fn target(&self, position: &Position) -> &str {
        self.targets.get(position.target).map_or("", String::as_str)
    }

    /// The id of a prompt.
    fn prompt(&self, row: usize) -> Option<String> {
        let row = self.rows.as_ref().filter(|_| self.prompts)?.at(row).ok()?;
        row.get("id")?.as_str().map(str::to_owned)
    }

    /// A combination for people: `bert on cuda, opset 17, row 3`.
    pub fn describe(&self, position: &Position) -> String {
        let mut parts = Vec::new();
        parts.extend(self.model(position).map(|model| format!("model {}", model.id)));
        if self.targets.len() > 1 || self.target(position) != "cpu" {
            parts.push(format!("target {}", self.target(position)));
        }
        for ((name, values), at) in self.matrix.iter().zip(&position.matrix) {
            if let Some(value) = values.get(*at) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                parts.push(format!("{name} {text}"));
            }
        }
        parts.extend(position.row.map(|row| match self.prompt(row) {
            Some(id) => format!("prompt {id}"),
            None => format!("row {}", row + 1),
        }));
        parts.join(", ")
    }
}
