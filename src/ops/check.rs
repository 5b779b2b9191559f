//! Validates a pipeline file and makes its plan; runs nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::facts::facts;
use super::load::{Loaded, load};
use super::planning::{PlanningError, planned};
use super::targets::{Height, of_pipeline};
use crate::host;
use crate::plan::{self, Batch, Item, Plan, Selection};
use crate::results::{Change, Kind, Reason};

/// The most files of one generation that are listed by name.
const MOST_LISTED: usize = 10_000;

/// One entry of the plan, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The step's id.
    pub id: String,
    /// Its section.
    pub kind: Kind,
    /// Whether it would run.
    pub runs: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The command, or the template of a generation.
    pub command: String,
    /// How a benchmark's command is executed, where that is not as usual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manner: Vec<String>,
    /// The files a generation would write; of very many the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// How many files a generation would write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
    /// How many it leaves out, by rules and conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<usize>,
    /// Ids of the steps it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// The answer of `backsight check`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The project's name.
    pub project: String,
    /// The pipeline file.
    pub pipeline: String,
    /// The plan in order.
    pub steps: Vec<Row>,
    /// Targets of `require` that this host does not have.
    pub missing_targets: Vec<String>,
    /// Sentences about the plan.
    pub remarks: Vec<String>,
}

/// Checks the file at `path` with the variables of `env`.
///
/// # Errors
/// If the file is wrong or cannot be planned.
pub fn check(path: &Path, selection: &Selection, env: &BTreeMap<String, String>) -> Result<Checked, PlanningError> {
    let loaded = load(path)?;
    let (change, mut remarks) = if asks_for_change(&loaded) {
        host::change(&loaded.workspace, &|name| env.get(name).cloned())
    } else {
        (Change::default(), Vec::new())
    };
    // Nothing is started for a check: what devices and drivers say is enough.
    let probes = of_pipeline(&loaded, Height::Driver);
    let facts = facts(&loaded, &change, &probes, env, None);
    let (_, plan) = planned(loaded, &facts, selection)?;
    remarks.extend(plan.remarks.iter().cloned());
    Ok(Checked {
        project: facts.project,
        pipeline: path.display().to_string(),
        steps: rows(&plan),
        missing_targets: plan.missing_targets,
        remarks,
    })
}

/// Git is asked only if a condition could depend on its answer: a check takes milliseconds.
fn asks_for_change(loaded: &Loaded) -> bool {
    let pipeline = loaded.pipeline();
    pipeline.generations.iter().any(|step| step.common.condition.is_some())
        || pipeline.tests.iter().any(|step| step.common.condition.is_some())
        || pipeline.benchmarks.iter().any(|step| step.common.condition.is_some())
}

fn rows(plan: &Plan) -> Vec<Row> {
    let id = |at: &usize| plan.items.get(*at).map(|item| item.id.clone());
    plan.items
        .iter()
        .map(|item| Row {
            id: item.id.clone(),
            kind: item.kind,
            runs: item.skip.is_none(),
            reason: item.skip.clone(),
            command: item.work.display(),
            manner: match &item.work {
                plan::Work::Benchmark(measure) => measure.manner.display(&measure.metrics),
                plan::Work::Generate(_) | plan::Work::Test { .. } => Vec::new(),
            },
            outputs: match &item.work {
                plan::Work::Generate(batch) => batch.paths(MOST_LISTED),
                plan::Work::Test { .. } | plan::Work::Benchmark(_) => Vec::new(),
            },
            files: of_generation(item).map(|batch| batch.sums.0),
            left_out: of_generation(item).map(|batch| batch.sums.1).filter(|files| *files > 0),
            needs: item.needs.iter().filter_map(id).collect(),
        })
        .collect()
}

fn of_generation(item: &Item) -> Option<&Batch> {
    match &item.work {
        plan::Work::Generate(batch) => Some(batch),
        plan::Work::Test { .. } | plan::Work::Benchmark(_) => None,
    }
}
