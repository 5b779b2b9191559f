//! Works out the files of a batch, one by one, by number.

use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::Batch;
use super::axes::{LeftOut, Position};
use super::context::{Context, Row, Shared};
use crate::pipeline::{Command, Model};
use crate::plan::context::model_value;
use crate::plan::{Asked, Invocation, TemplateError};
use crate::results::Reason;
use crate::templating::{Inputs, describe};

/// A batch that can be asked for its files. Making one compiles the batch's templates: one for each thread.
#[derive(Debug)]
pub struct Expander<'b> {
    batch: &'b Batch,
    engine: Environment<'b>,
    shared: Arc<Shared>,
    models: Vec<(Value, Hash)>,
    inputs: Given,
    base: Sha256,
    /// Whether contexts are hashed: who only wants to know the paths need not wait for it.
    hashed: bool,
}

/// The beginning of a SHA-256: enough to tell contexts apart.
type Hash = [u8; 16];

/// The inputs of a set.
#[derive(Debug)]
enum Given {
    /// There is no set.
    Nothing,
    /// They are the same for all files.
    Same(Value),
    /// They hold templates.
    Each(Option<Inputs>),
}

/// One file of a batch.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its number.
    pub number: usize,
    /// Its product's number in the batch.
    pub product: usize,
    /// What it is made for; `None` for a file that is made of all.
    pub position: Option<Position>,
    /// Where it goes, relative to the workspace. Empty where the file is left out and its name cannot be known.
    pub path: String,
    /// Why it is not made.
    pub left_out: Option<LeftOut>,
    /// What its template sees.
    pub values: Value,
    /// What its template sees, the run's id aside, as a number.
    pub digest: Hash,
}

/// A file that cannot be worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{what}`{}: {source}", if for_what.is_empty() { String::new() } else { format!(" for {for_what}") })]
pub struct CellError {
    /// The key of the step.
    pub what: &'static str,
    /// Which of the files, for people.
    pub for_what: String,
    /// What is wrong.
    pub source: TemplateError,
}

impl<'b> Expander<'b> {
    /// Makes a batch ready. `generated` is what earlier generations made, by their names.
    ///
    /// # Errors
    /// If a template of the step, or the inputs of its set, cannot be understood.
    pub fn new(batch: &'b Batch, mut engine: Environment<'b>, generated: &Value) -> Result<Self, CellError> {
        let wrong = |what| move |source| CellError { what, for_what: String::new(), source };
        for (at, product) in batch.products.iter().enumerate() {
            let add = engine.add_template_owned(name_of("output", at), product.output.clone());
            add.map_err(|error| wrong("output")(of(&error)))?;
            if let Some(when) = &product.when {
                let text = condition(when);
                engine.add_template_owned(name_of("when", at), text).map_err(|error| wrong("when")(of(&error)))?;
            }
        }
        if let Some(when) = &batch.when {
            engine.add_template_owned("when", condition(when)).map_err(|error| wrong("when")(of(&error)))?;
        }
        let facts = &batch.facts;
        let shared = Shared {
            project: Value::from(facts.project.as_str()),
            run: Value::from_pairs([("id", facts.run_id.as_str())]),
            step: Value::from_pairs([("name", batch.step.as_str())]),
            env: Serde(&facts.env).into(),
            data: Serde(&batch.data).into(),
            generated: generated.clone(),
            job: Serde(&facts.job).into(),
        };
        let models = batch.axes.models.iter().flat_map(|models| models.iter()).map(|model| {
            let value = model_value(model);
            let hash = hash_of(&value);
            (Serde(value).into(), hash)
        });
        let models = models.collect();
        let mut base = Sha256::new();
        let columns = batch.axes.rows.as_ref().and_then(|rows| rows.columns()).unwrap_or_default();
        let parts = [facts.project.clone().into(), facts.env.clone().into(), batch.data.clone().into(), columns.into()];
        for part in &parts {
            base.update(hash_of(part));
        }
        let mut expander =
            Self { batch, engine, shared: Arc::new(shared), models, inputs: Given::Nothing, base, hashed: true };
        expander.inputs = expander.given().map_err(wrong("with"))?;
        Ok(expander)
    }

    /// The same for those who only want to know the paths: contexts have no digest.
    #[must_use]
    pub fn paths_only(self) -> Self {
        Self { hashed: false, ..self }
    }

    /// The engine, for the templates of the files.
    pub fn engine(&self) -> &Environment<'b> {
        &self.engine
    }

    /// A file by its number.
    ///
    /// # Errors
    /// If its path, its inputs or its condition cannot be worked out.
    pub fn cell(&self, number: usize) -> Result<Cell, CellError> {
        let gone = || CellError {
            what: "output",
            for_what: String::new(),
            source: TemplateError(format!("there is no file {number}")),
        };
        let (product, context) = self.batch.place(number).ok_or_else(gone)?;
        match context {
            Some(context) => self.single(number, product, context),
            None => self.joined(number, product),
        }
    }

    /// A file of one context.
    fn single(&self, number: usize, product: usize, context: usize) -> Result<Cell, CellError> {
        let position = self.batch.axes.at(context);
        let for_what = || self.batch.axes.describe(&position);
        let wrong = |what| move |source| (what, source);
        let left_out = self.batch.axes.left_out(&position).cloned();
        let made = (|| {
            let (values, digest) = self.values(context, &position).map_err(wrong("rows"))?;
            let values = self.with_inputs(values).map_err(wrong("with"))?;
            let left_out = match left_out.clone() {
                Some(left_out) => Some(left_out),
                None => self.excluded(product, &values).map_err(wrong("when"))?,
            };
            let path = self.path(product, &values).map_err(wrong("output"));
            let path = if left_out.is_some() { path.unwrap_or_default() } else { path? };
            let digest = match self.inputs {
                Given::Each(_) if self.hashed => {
                    let inputs = hash_of(&serde_json::to_value(&values.inputs).unwrap_or_default());
                    digest_of(Sha256::new_with_prefix(digest).chain_update(inputs))
                }
                _ => digest,
            };
            Ok((values, digest, left_out, path))
        })();
        match made {
            Ok((values, digest, left_out, path)) => {
                let values = Value::from_object(Context { output: Value::from(path.as_str()), ..values });
                Ok(Cell { number, product, position: Some(position), path, left_out, values, digest })
            }
            Err((what, source)) => match left_out {
                // What is left out anyway need not be understood.
                Some(_) => Ok(Cell {
                    number,
                    product,
                    position: Some(position),
                    path: String::new(),
                    left_out,
                    values: Value::UNDEFINED,
                    digest: Hash::default(),
                }),
                None => Err(CellError { what, for_what: for_what(), source }),
            },
        }
    }

    /// A file of all contexts.
    fn joined(&self, number: usize, product: usize) -> Result<Cell, CellError> {
        let mut items = Vec::new();
        let mut hasher = self.base.clone();
        for context in 0..self.batch.axes.len() {
            let position = self.batch.axes.at(context);
            if self.batch.axes.left_out(&position).is_some() {
                continue;
            }
            let wrong = |what| move |source| CellError { what, for_what: self.batch.axes.describe(&position), source };
            let position = self.batch.axes.at(context);
            let (values, digest) = self.values(context, &position).map_err(wrong.clone()("rows"))?;
            let values = self.with_inputs(values).map_err(wrong.clone()("with"))?;
            if self.excluded(product, &values).map_err(wrong.clone()("when"))?.is_some() {
                continue;
            }
            hasher.update(digest);
            // What an index links to: the file that the same step makes of this context alone.
            let output = match self.batch.products.iter().position(|product| !product.many_to_one) {
                Some(sibling) => Value::from(self.path(sibling, &values).map_err(wrong("output"))?),
                None => Value::UNDEFINED,
            };
            items.push(Value::from_object(Context { output, ..values }));
        }
        let wrong = |source| CellError { what: "output", for_what: String::new(), source };
        let inputs = match &self.inputs {
            Given::Same(inputs) => inputs.clone(),
            Given::Nothing | Given::Each(_) => Value::UNDEFINED,
        };
        let items = Value::from(items);
        let values = Context { shared: self.shared.clone(), items, inputs, ..Context::default() };
        let path = self.path(product, &values).map_err(wrong)?;
        let values = Value::from_object(Context { output: Value::from(path.as_str()), ..values });
        Ok(Cell { number, product, position: None, path, left_out: None, values, digest: digest_of(hasher) })
    }

    /// A command for a file, its templates expanded.
    ///
    /// # Errors
    /// The template engine's words.
    pub fn command(&self, command: &Command, cell: &Cell) -> Result<Invocation, TemplateError> {
        Invocation::of(command, self.batch.shell, &|word| self.text(word, cell))
    }

    /// A text for a file, its templates expanded.
    ///
    /// # Errors
    /// The template engine's words.
    pub fn text(&self, text: &str, cell: &Cell) -> Result<String, TemplateError> {
        if text.contains("{{") || text.contains("{%") {
            self.engine.render_str(text, cell.values.clone()).map_err(|error| of(&error))
        } else {
            Ok(text.to_owned())
        }
    }

    /// What a model is asked for a file of a completion; nothing for other files.
    ///
    /// # Errors
    /// The template engine's words.
    pub fn asked(&self, cell: &Cell) -> Result<Option<Asked<'b>>, TemplateError> {
        let prompt = cell.position.as_ref().and_then(|position| position.row);
        let Some((completion, prompt)) = self.batch.completion.as_deref().zip(prompt) else { return Ok(None) };
        completion.asked(prompt, self.model(cell), &|text| self.text(text, cell)).map(Some)
    }

    /// The model that a file is made for.
    pub fn model(&self, cell: &Cell) -> Option<&'b Model> {
        self.batch.axes.model(cell.position.as_ref()?)
    }

    fn values(&self, context: usize, position: &Position) -> Result<(Context, Hash), TemplateError> {
        let axes = &self.batch.axes;
        let mut hasher = Some(self.base.clone()).filter(|_| self.hashed);
        let mut hash = |part: &dyn Fn() -> Vec<u8>| {
            if let Some(hasher) = &mut hasher {
                hasher.update(part());
            }
        };
        let mut values =
            Context { shared: self.shared.clone(), number: Value::from(context + 1), ..Context::default() };
        if let Some((model, digest)) = position.model.and_then(|model| self.models.get(model)) {
            values.model = model.clone();
            hash(&|| digest.to_vec());
        }
        values.target = Value::from(axes.target(position));
        hash(&|| axes.target(position).as_bytes().to_vec());
        if !axes.matrix.is_empty() {
            let chosen = axes.matrix.iter().zip(&position.matrix);
            let chosen = chosen.filter_map(|((name, all), at)| Some((name.as_str(), all.get(*at)?)));
            let chosen: serde_json::Map<String, Json> =
                chosen.map(|(name, value)| (name.to_owned(), value.clone())).collect();
            hash(&|| serde_json::to_vec(&chosen).unwrap_or_default());
            values.matrix = Serde(chosen).into();
        }
        if let Some((rows, at)) = axes.rows.as_ref().zip(position.row) {
            if rows.columns().is_some() && !axes.prompts {
                hash(&|| rows.raw(at).trim_end().as_bytes().to_vec());
                values.row = Value::from_object(Row { rows: rows.clone(), number: at });
            } else {
                let row = rows.at(at).map_err(TemplateError)?;
                hash(&|| serde_json::to_vec(&row).unwrap_or_default());
                let seen = if axes.prompts { &mut values.prompt } else { &mut values.row };
                *seen = Serde(row).into();
            }
        }
        Ok((values, hasher.map(digest_of).unwrap_or_default()))
    }

    fn path(&self, product: usize, values: &Context) -> Result<String, TemplateError> {
        self.render(&name_of("output", product), values)
    }

    fn render(&self, name: &str, values: &Context) -> Result<String, TemplateError> {
        let template = self.engine.get_template(name).map_err(|error| of(&error))?;
        template.render(Value::from_object(values.clone())).map_err(|error| of(&error))
    }

    /// Why the step's condition or the set's leaves a file out.
    fn excluded(&self, product: usize, values: &Context) -> Result<Option<LeftOut>, TemplateError> {
        let own = self.batch.when.as_deref().map(|when| (when, "when".to_owned()));
        let of_set = self.batch.products.get(product).and_then(|product| product.when.as_deref());
        let of_set = of_set.map(|when| (when, name_of("when", product)));
        for (when, name) in own.into_iter().chain(of_set) {
            let seen = Context { condition: true, ..values.clone() };
            if self.render(&name, &seen)?.is_empty() {
                let reason = Reason::new("condition_false", format!("`when: {when}` does not hold"));
                return Ok(Some(LeftOut { reason, everywhere: true }));
            }
        }
        Ok(None)
    }

    fn given(&self) -> Result<Given, TemplateError> {
        let Some(set) = &self.batch.set else { return Ok(Given::Nothing) };
        let inputs = set.manifest.inputs.as_ref().map(Inputs::compile).transpose().map_err(TemplateError)?;
        let with = Json::Object(self.batch.with.clone());
        if has_template(&with) {
            return Ok(Given::Each(inputs));
        }
        Ok(Given::Same(Serde(checked(inputs.as_ref(), with)?).into()))
    }

    fn with_inputs(&self, mut values: Context) -> Result<Context, TemplateError> {
        values.inputs = match &self.inputs {
            Given::Nothing => return Ok(values),
            Given::Same(inputs) => inputs.clone(),
            Given::Each(inputs) => {
                let with = Json::Object(self.batch.with.clone());
                let seen = Value::from_object(values.clone());
                let expanded =
                    expanded(with, &|text| self.engine.render_str(text, seen.clone()).map_err(|error| of(&error)))?;
                Serde(checked(inputs.as_ref(), expanded)?).into()
            }
        };
        Ok(values)
    }
}

fn name_of(what: &str, product: usize) -> String {
    format!("{what} {product}")
}

/// A condition as a template that renders to nothing where it does not hold.
fn condition(expression: &str) -> String {
    format!("{{% if ({expression}) %}}1{{% endif %}}")
}

fn of(error: &minijinja::Error) -> TemplateError {
    TemplateError(describe(error))
}

fn checked(inputs: Option<&Inputs>, mut value: Json) -> Result<Json, TemplateError> {
    if let Some(inputs) = inputs {
        inputs.check(&mut value).map_err(|wrong| TemplateError(wrong.join("; ")))?;
    }
    Ok(value)
}

fn has_template(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains("{{") || text.contains("{%"),
        Json::Array(items) => items.iter().any(has_template),
        Json::Object(entries) => entries.values().any(has_template),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn expanded(value: Json, render: &dyn Fn(&str) -> Result<String, TemplateError>) -> Result<Json, TemplateError> {
    Ok(match value {
        Json::String(text) if text.contains("{{") || text.contains("{%") => Json::String(render(&text)?),
        Json::Array(items) => {
            Json::Array(items.into_iter().map(|item| expanded(item, render)).collect::<Result<_, _>>()?)
        }
        Json::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Ok((key, expanded(value, render)?)));
            Json::Object(entries.collect::<Result<_, TemplateError>>()?)
        }
        other => other,
    })
}

fn hash_of(value: &Json) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(serde_json::to_vec(value).unwrap_or_default());
    digest_of(hasher)
}

fn digest_of(hasher: Sha256) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(&hasher.finalize()[..16]);
    hash
}
