//! All files of one generation, worked out by number: models × targets × matrix × rows, times the templates of the step.
//!
//! A batch is plain data. Nothing of a single file is kept in it, so that a hundred thousand files take no more memory
//! than a thousand; an [`Expander`] works out any of them, on any thread.

mod axes;
mod context;
mod expander;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::completion::Completion;
use crate::pipeline::{Ladder, Shell};
use crate::templating::{Set, engine};

pub use axes::{Axes, LeftOut, Position};
pub use expander::{Cell, CellError, Expander};

/// The files of one generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The step's name.
    pub step: String,
    /// The model that writes the files, in place of templates.
    pub completion: Option<Arc<Completion>>,
    /// The templates, with what each writes; of a completion, the file of prompts.
    pub products: Vec<Product>,
    /// Where the templates come from; `None` for a file of the workspace.
    pub set: Option<Arc<Set>>,
    /// What the step is repeated for.
    pub axes: Axes,
    /// The inputs of the set, templates not yet expanded.
    pub with: Map<String, Value>,
    /// What the files of `data` say.
    pub data: Map<String, Value>,
    /// The condition for each file.
    pub when: Option<String>,
    /// How far each file is verified.
    pub ladder: Ladder,
    /// Only one command was asked for, in the short form.
    pub plain: bool,
    /// The shell for commands in string form.
    pub shell: Option<Shell>,
    /// What does not depend on the file.
    pub facts: BatchFacts,
    /// How many files are made, and how many are left out; known when the plan is made.
    pub sums: (usize, usize),
}

/// What the templates of a batch see that does not depend on the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchFacts {
    /// The project's name.
    pub project: String,
    /// The run's id. It is no part of the context's digest.
    pub run_id: String,
    /// The variables named under `env`.
    pub env: Map<String, Value>,
    /// The facts of the job, for conditions alone: a file must not depend on who makes it.
    pub job: Map<String, Value>,
}

/// A template and what it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The template: a file of the workspace, or a name in the set.
    pub template: String,
    /// Where its files go, relative to the workspace; a template.
    pub output: String,
    /// The set's own condition for each file.
    pub when: Option<String>,
    /// One file for everything.
    pub many_to_one: bool,
}

impl Batch {
    /// How many files there are at most: those that a condition or a rule leaves out included.
    pub fn len(&self) -> usize {
        let many = self.products.iter().filter(|product| product.many_to_one).count();
        (self.products.len() - many).saturating_mul(self.axes.len()).saturating_add(many)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a file is made for, for people: `model bert, target cuda`; `None` where the step is not repeated.
    pub fn context(&self, cell: &Cell) -> Option<String> {
        let position = cell.position.as_ref()?;
        Some(self.axes.describe(position)).filter(|text| !text.is_empty())
    }

    /// The paths of the files that are made, the first `most` of them.
    pub fn paths(&self, most: usize) -> Vec<String> {
        // Its templates were understood when the plan was made.
        let Ok(expander) = Expander::new(self, engine(), &minijinja::Value::UNDEFINED) else { return Vec::new() };
        let expander = expander.paths_only();
        let cells = (0..self.len()).filter_map(|number| expander.cell(number).ok());
        cells.filter(|cell| cell.left_out.is_none()).map(|cell| cell.path).take(most).collect()
    }

    /// The template for people: the file, or the name of the set.
    pub fn source(&self) -> &str {
        match &self.set {
            Some(set) => &set.manifest.name,
            None => self.products.first().map_or("", |product| &product.template),
        }
    }

    /// The product and the context of a file; without a context for one that is made of all.
    fn place(&self, number: usize) -> Option<(usize, Option<usize>)> {
        let single = |many| self.products.iter().enumerate().filter(move |(_, p)| p.many_to_one == many);
        let each = single(false).count();
        let of_contexts = each.saturating_mul(self.axes.len());
        if number < of_contexts {
            let (product, _) = single(false).nth(number % each)?;
            Some((product, Some(number / each)))
        } else {
            let (product, _) = single(true).nth(number - of_contexts)?;
            Some((product, None))
        }
    }
}

#[cfg(test)]
mod tests;
