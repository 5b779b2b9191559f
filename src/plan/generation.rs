//! A generation step to a batch, and the one list of all files that any batch writes.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use minijinja::Value;
use serde_json::{Map, Value as Json, json};

use super::batch::{Axes, Batch, BatchFacts, Cell, CellError, Expander, Product};
use super::completion::Completion;
use super::prompts::Prompts;
use super::rows::Rows;
use super::{Clash, Facts, Item, PlanError, Work};
use crate::pipeline::{GenerationStep, Verify};
use crate::results::{Kind, Reason};
use crate::templating::{Set, engine, slug};

/// The most clashes that one message lists.
const MOST_CLASHES: usize = 20;

/// What generations read beside their templates, under the names that the pipeline file has for it.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Template sets.
    pub sets: std::collections::BTreeMap<String, Arc<Set>>,
    /// What files of `data` say.
    pub data: std::collections::BTreeMap<String, Json>,
    /// Rows.
    pub rows: std::collections::BTreeMap<String, Arc<Rows>>,
    /// Prompts.
    pub prompts: std::collections::BTreeMap<String, Arc<Prompts>>,
}

/// The batch of a step. An error names the key that is wrong.
pub(super) fn batch(step: &GenerationStep, axes: Axes, facts: &Facts) -> Result<Batch, (&'static str, String)> {
    let set = match &step.set {
        Some(name) => Some(
            facts.sources.sets.get(name).cloned().ok_or_else(|| ("set", format!("the set `{name}` was not read")))?,
        ),
        None => None,
    };
    let data = step.data.iter().filter_map(|(name, path)| Some((name.clone(), facts.sources.data.get(path)?.clone())));
    let ladder = step.verify.as_ref().map(Verify::ladder);
    let of_set = || set.as_ref().and_then(|set| set.manifest.verify.clone());
    let values = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect::<Map<_, _>>()
    };
    Ok(Batch {
        step: step.common.name.clone(),
        completion: completion(step, facts)?,
        products: products(step, set.as_deref())?,
        ladder: ladder.or_else(of_set).unwrap_or_default(),
        set,
        axes,
        with: step.with.clone(),
        data: data.collect(),
        when: step.when.clone(),
        plain: matches!(step.verify, Some(Verify::Shell(_) | Verify::Args(_))),
        shell: step.common.shell,
        facts: BatchFacts {
            project: facts.project.clone(),
            run_id: facts.run_id.clone(),
            env: values(&facts.env),
            job: job(facts),
        },
        sums: (0, 0),
    })
}

fn job(facts: &Facts) -> Map<String, Json> {
    let job = json!({
        "ci": facts.ci,
        "provider": facts.provider,
        "branch": facts.branch,
        "default_branch": facts.default_branch,
        "change_request": facts.change_request,
        "os": facts.os,
        "arch": facts.arch,
    });
    if let Json::Object(job) = job { job } else { Map::new() }
}

fn completion(step: &GenerationStep, facts: &Facts) -> Result<Option<Arc<Completion>>, (&'static str, String)> {
    let Some(settings) = &step.completion else { return Ok(None) };
    let wrong = |text: String| ("completion", text);
    let prompts = facts.sources.prompts.get(&settings.prompts).cloned();
    let prompts = prompts.ok_or_else(|| wrong(format!("the prompts `{}` were not read", settings.prompts)))?;
    let completion = Completion::new(settings, prompts, facts.program.clone()).map_err(wrong)?;
    Ok(Some(Arc::new(completion)))
}

/// Where the answers go unless the step says it: a file for each model, target and prompt.
fn answers(step: &GenerationStep) -> String {
    let mut output = format!("generated/{}", slug(&step.common.name));
    if step.common.for_each.is_some() {
        output.push_str("/{{ model.slug }}");
    }
    if step.common.targets.len() > 1 {
        output.push_str("/{{ target }}");
    }
    output + "/{{ prompt.slug }}.txt"
}

fn products(step: &GenerationStep, set: Option<&Set>) -> Result<Vec<Product>, (&'static str, String)> {
    if let Some(completion) = &step.completion {
        return Ok(vec![Product {
            template: completion.prompts.clone(),
            output: step.output.clone().unwrap_or_else(|| answers(step)),
            when: None,
            many_to_one: false,
        }]);
    }
    let Some(set) = set else {
        return Ok(vec![Product {
            template: step.template.clone().unwrap_or_default(),
            output: step.output.clone().unwrap_or_default(),
            when: None,
            many_to_one: step.many_to_one,
        }]);
    };
    let outputs = &set.manifest.outputs;
    if step.output.is_some() && outputs.len() != 1 {
        let text = format!("the set `{}` writes {} files; say where with `into`", set.manifest.name, outputs.len());
        return Err(("output", text));
    }
    let below = |path: &str| match step.into.as_deref().map(|folder| folder.trim_end_matches('/')) {
        Some(folder) if !folder.is_empty() => format!("{folder}/{path}"),
        _ => path.to_owned(),
    };
    let product = |output: &crate::templating::SetOutput| Product {
        template: output.template.clone(),
        output: step.output.clone().unwrap_or_else(|| below(&output.path)),
        when: output.when.clone(),
        many_to_one: output.many_to_one || step.many_to_one,
    };
    Ok(outputs.iter().map(product).collect())
}

/// Every file that is written, by a hash of its path in lower case: two names that differ only in case are one file on the
/// file systems of macOS and Windows.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    owners: HashMap<u64, Owner, BuildHasherDefault<DefaultHasher>>,
    /// Files whose path somebody else has.
    again: Vec<(Owner, Owner)>,
    steps: usize,
}

/// Which step, and which of its files.
#[derive(Debug, Clone, Copy)]
struct Owner {
    step: u32,
    number: u32,
}

impl Outputs {
    /// Takes the files of a batch and counts them; where all are left out, says why.
    pub(super) fn take(&mut self, batch: &mut Batch, index: usize) -> Result<Option<Reason>, PlanError> {
        let step = u32::try_from(self.steps).unwrap_or(u32::MAX);
        self.steps += 1;
        let (mut made, mut left_out, mut last) = (0, 0, None);
        {
            let expander = open(batch).map_err(|error| wrong(error, index, &batch.step))?;
            for number in 0..batch.len() {
                let cell = expander.cell(number).map_err(|error| wrong(error, index, &batch.step))?;
                if let Some(reason) = cell.left_out {
                    left_out += 1;
                    last = Some(reason.reason);
                    continue;
                }
                made += 1;
                let owner = Owner { step, number: u32::try_from(number).unwrap_or(u32::MAX) };
                let key = self.owners.hasher().hash_one(normal(&cell.path));
                if let Some(first) = self.owners.get(&key) {
                    self.again.push((*first, owner));
                } else {
                    self.owners.insert(key, owner);
                }
            }
        }
        batch.sums = (made, left_out);
        Ok(last.filter(|_| made == 0))
    }

    /// Refuses files that would be written twice.
    pub(super) fn refuse_shared(&self, items: &[Item]) -> Result<(), PlanError> {
        let batches: Vec<(&Item, &Batch)> = items
            .iter()
            .filter(|item| item.kind == Kind::Generation)
            .filter_map(|item| match &item.work {
                Work::Generate(batch) => Some((item, batch.as_ref())),
                Work::Test { .. } | Work::Benchmark(_) => None,
            })
            .collect();
        let cell = |owner: &Owner| -> Option<(Cell, String)> {
            let (item, batch) = batches.get(owner.step as usize)?;
            let cell = open(batch).ok()?.cell(owner.number as usize).ok()?;
            let what = batch.context(&cell).unwrap_or_default();
            let who = if what.is_empty() { item.id.clone() } else { format!("{} for {what}", item.id) };
            Some((cell, who))
        };
        let mut clashes = Vec::new();
        for (first, second) in self.again.iter().take(MOST_CLASHES) {
            let (Some((first, by)), Some((second, again))) = (cell(first), cell(second)) else { continue };
            // Two paths may have one hash.
            if normal(&first.path) == normal(&second.path) {
                let first = if first.path == second.path { by } else { format!("{by} (as `{}`)", first.path) };
                clashes.push(Clash { path: second.path, first, second: again });
            }
        }
        let more = self.again.len().saturating_sub(MOST_CLASHES);
        if clashes.is_empty() { Ok(()) } else { Err(PlanError::SameOutput { clashes, more }) }
    }
}

fn open(batch: &Batch) -> Result<Expander<'_>, CellError> {
    Expander::new(batch, engine(), &Value::UNDEFINED).map(Expander::paths_only)
}

/// A path as file systems without case know it.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/").to_lowercase()
}

fn wrong(error: CellError, index: usize, name: &str) -> PlanError {
    let CellError { what, for_what, source } = error;
    let source = if for_what.is_empty() { source } else { super::TemplateError(format!("for {for_what}: {source}")) };
    PlanError::Template { section: Kind::Generation.section(), index, name: name.to_owned(), what, source }
}
