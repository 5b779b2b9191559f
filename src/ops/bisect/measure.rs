//! One measurement of a search: two commits in pairs, by the pipeline file of the work tree.

use std::path::PathBuf;
use std::time::Duration;

use crate::execute::{Emitter, Environment, Workshop, execute};
use crate::host::{self, Revision};
use crate::ops::against::{self, Side};
use crate::ops::devices::asker;
use crate::ops::facts::facts;
use crate::ops::load::load;
use crate::ops::planning::{PlanningError, planned};
use crate::ops::run::new_seed;
use crate::ops::targets::{Height, of_pipeline};
use crate::plan::{Item, Plan, Selection, Work};
use crate::results::{Document, Kind, MetricChange, PipelineRef, Step, StepStatus, Verdict};

use super::state::Measured;
use super::{BisectError, Mark, Request};

/// What a measurement is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) limit: f64,
    pub(super) budget: Duration,
    pub(super) false_alarms: f64,
}

/// What came of it.
pub(super) enum Outcome {
    Row(Box<MetricChange>),
    /// One of the two does not build or run.
    Skipped(String),
}

/// The benchmark, ready to be measured at any commit.
pub(super) struct Bench {
    pub(super) workspace: PathBuf,
    pub(super) sha256: String,
    pub(super) false_alarms: f64,
    /// The smallest change of the ends that matters.
    pub(super) limit: f64,
    carry: Vec<String>,
    secrets: Vec<String>,
    item: Item,
    benchmark: String,
}

impl Bench {
    pub(super) fn prepare(request: &Request) -> Result<Self, BisectError> {
        let loaded = load(&request.pipeline).map_err(PlanningError::from)?;
        let probes = of_pipeline(&loaded, Height::Operation);
        let (change, _) = host::change(&loaded.workspace, &|name| request.env.get(name).cloned());
        let facts = facts(&loaded, &change, &probes, &request.env, None);
        let (loaded, plan) = planned(loaded, &facts, &Selection::default())?;
        let item = wanted(plan, &request.benchmark)?;
        let Work::Benchmark(measure) = &item.work else {
            return Err(BisectError::NoBenchmark(format!("`{}` is no benchmark", request.benchmark)));
        };
        let pipeline = loaded.pipeline();
        Ok(Self {
            workspace: loaded.workspace.clone(),
            sha256: loaded.sha256.clone(),
            false_alarms: pipeline.gate.false_alarms.0.min(0.5),
            limit: measure.limit,
            carry: pipeline.baseline.carry.clone(),
            secrets: pipeline.secrets.clone(),
            item,
            benchmark: request.benchmark.clone(),
        })
    }

    /// Whether a row says that the head's values are larger: what `size` has as its sign.
    pub(super) fn is_worse(&self, row: &MetricChange) -> Option<bool> {
        row.change.map(|change| change > 0.0)
    }

    /// Measures the second commit against the first.
    pub(super) fn measure(
        &self,
        request: &Request,
        (base, head): (&str, &str),
        metric: Option<&str>,
        terms: Terms,
    ) -> Result<Outcome, BisectError> {
        let side = Side { revision: Revision::parse(base), named: base.to_owned(), carry: self.carry.clone() };
        let copies = against::copies_of(&self.workspace, &side, Some(head), &request.env, &request.cancel)?;
        let place = |source| BisectError::Place { path: std::env::temp_dir(), source };
        let run_dir = tempfile::tempdir().map_err(place)?;
        let workshop = Workshop {
            workspace: self.workspace.clone(),
            run_dir: run_dir.path().to_owned(),
            environment: Environment::new(request.env.clone(), &self.secrets),
            cancel: request.cancel.clone(),
            jobs: 1,
            check_only: false,
            force: false,
            prune: false,
            budget: terms.budget,
            arms: Some(copies.arms.clone()),
            others: Duration::ZERO,
            seed: new_seed(),
            false_alarms: terms.false_alarms,
            devices: asker(),
        };
        let mut item = self.item.clone();
        if let Work::Benchmark(measure) = &mut item.work {
            measure.limit = terms.limit;
            measure.budget = Some(terms.budget);
        }
        let plan =
            Plan { items: vec![item], generations: Vec::new(), missing_targets: Vec::new(), remarks: Vec::new() };
        let emitter = Emitter::new(workshop.environment.masker().clone(), Vec::new());
        let pipeline = PipelineRef { path: String::new(), sha256: self.sha256.clone() };
        let begun = Document::begun(uuid::Uuid::now_v7(), jiff::Timestamp::now(), "bisect", pipeline);
        emitter.emit(crate::results::Event::RunStarted { document: Box::new(begun), steps: 1 });
        let rows = execute(&plan, &workshop, &emitter).map_err(place)?;
        if request.cancel.is_asked() {
            return Err(BisectError::Stopped(request.cancel.signal()));
        }
        let failed = emitter.look(|document| failure(&document.steps)).flatten();
        self.outcome(rows, metric, failed)
    }

    fn outcome(
        &self,
        rows: Vec<MetricChange>,
        metric: Option<&str>,
        failed: Option<String>,
    ) -> Result<Outcome, BisectError> {
        let names: Vec<String> = rows.iter().map(|row| format!("{} {}", row.benchmark, row.metric)).collect();
        let step = self.item.id.strip_prefix("benchmarks/").unwrap_or(&self.item.id).to_owned();
        let ours =
            |row: &MetricChange| row.benchmark == self.benchmark || (self.benchmark == step && row.benchmark == step);
        let mut rows: Vec<MetricChange> =
            rows.into_iter().filter(|row| ours(row) && metric.is_none_or(|metric| row.metric == metric)).collect();
        // Where no metric was named, the one that decides, and of several the surest.
        rows.sort_by(|a, b| {
            let p = |row: &MetricChange| row.p.unwrap_or(0.0);
            a.beside.cmp(&b.beside).then(p(a).total_cmp(&p(b)))
        });
        match (rows.into_iter().next(), failed) {
            (_, Some(reason)) => Ok(Outcome::Skipped(reason)),
            (Some(row), None) if matches!(row.verdict, Verdict::NoBase | Verdict::Missing | Verdict::New) => {
                let why = row.note.clone().unwrap_or_else(|| "one of the two does not report it".into());
                Ok(Outcome::Skipped(why))
            }
            (Some(row), None) => Ok(Outcome::Row(Box::new(row))),
            (None, None) => {
                let text = format!("the step reports no `{}`; it has: {}", self.benchmark, names.join(", "));
                Err(BisectError::NoBenchmark(text))
            }
        }
    }
}

/// The step that has the benchmark: of this name, or of the beginning of it.
fn wanted(plan: Plan, benchmark: &str) -> Result<Item, BisectError> {
    let of = |item: &Item| item.id.strip_prefix("benchmarks/").unwrap_or(&item.id).to_owned();
    let mut all: Vec<Item> =
        plan.items.into_iter().filter(|item| item.kind == Kind::Benchmark && item.skip.is_none()).collect();
    let names = all.iter().map(of).collect::<Vec<_>>().join(", ");
    let fits = |item: &Item| {
        let name = of(item);
        benchmark.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // The longest: a step may be named as another one's benchmark begins.
    all.sort_by_key(|item| std::cmp::Reverse(item.id.len()));
    all.into_iter().find(fits).ok_or_else(|| {
        BisectError::NoBenchmark(format!("no benchmark step of the pipeline has `{benchmark}`; there are: {names}"))
    })
}

fn failure(steps: &[Step]) -> Option<String> {
    let failed = |step: &&Step| matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
    let step = steps.iter().find(failed)?;
    Some(step.reason.as_ref().map_or_else(|| "it does not run".to_owned(), |reason| reason.text.clone()))
}

/// What is kept of a row.
pub(super) fn told(row: &MetricChange, commit: String, mark: Mark) -> Measured {
    Measured { commit, mark, change: row.change, low: row.low, high: row.high, pairs: row.n.0, reason: None }
}
