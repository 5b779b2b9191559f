//! Several runs of one plan, or of one pipeline on several hosts, to one document.
//!
//! What several legs carried out is kept apart: a step that more than one leg reports gets the leg's name, but for
//! generations that a plan sent along with what needs them. A leg that left no document, and a step that none reported, are
//! told and never green. The tests for changes of all legs are corrected together again (see `correct`).

mod correct;
mod gather;
mod rename;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::plan::ShardPlan;
use crate::results::{
    Basis, Case, Comparison, Document, Host, Leg, MetricChange, Remark, RemarkLevel, RunInfo, Status,
};
pub use correct::correct;
use gather::{Gathered, Taken};

/// The class key of a document whose legs ran on hosts of several classes: no host's, so that it is nobody's baseline.
pub const SEVERAL: &str = "several";

/// The names of so many steps are told.
const NAMED: usize = 5;

/// A document of legs in the making.
#[derive(Debug, Default)]
pub struct Joiner {
    gathered: Gathered,
    plan: Option<ShardPlan>,
    /// So many cases are kept; of more, those that did not fail are only counted.
    most_cases: usize,
}

/// What came of joining.
#[derive(Debug)]
pub struct Joined {
    /// The document. Its status and exit code are the caller's to judge.
    pub document: Document,
    /// Whether a leg or a step is missing.
    pub incomplete: bool,
    /// How many cases are counted and not listed.
    pub unlisted: u64,
    renames: Renames,
}

/// New names of steps, by leg and old name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames(BTreeMap<(usize, String), String>);

impl Renames {
    /// A case of a leg under the names of the joined document.
    pub fn of_case(&self, leg: usize, mut case: Case) -> Case {
        if !self.0.is_empty()
            && let Some(name) = self.0.get(&(leg, case.step.clone()))
        {
            case.step.clone_from(name);
        }
        case
    }
}

impl Joined {
    /// The names that steps got which several legs carried out.
    pub fn renames(&self) -> &Renames {
        &self.renames
    }
}

impl Joiner {
    /// One that has heard of no leg. With a plan, its shards are what is expected.
    pub fn new(plan: Option<ShardPlan>, most_cases: usize) -> Self {
        Self { gathered: Gathered::default(), plan, most_cases }
    }

    /// Takes in the document of a leg.
    pub fn take(&mut self, name: &str, document: Document) {
        let name = self.named(name, &document);
        self.gathered.take(name, document, self.most_cases);
    }

    /// The plan's name of a leg, otherwise its own.
    fn named(&self, name: &str, document: &Document) -> String {
        let index = document.run.shard.as_ref().map(|shard| shard.index);
        let planned = self.plan.iter().flat_map(|plan| &plan.shards).find(|shard| Some(shard.index) == index);
        planned.map_or_else(|| name.to_owned(), |shard| shard.name.clone())
    }

    /// Puts the document together. `None` where there was no leg and no plan.
    pub fn finish(self, id: Uuid, now: Timestamp) -> Option<Joined> {
        let plan = self.plan;
        let mut gathered = self.gathered;
        let mut document = match gathered.head.take() {
            Some(head) => *head,
            None => {
                let plan = plan.as_ref()?;
                Document::begun(id, now, plan.project.clone(), plan.pipeline.clone())
            }
        };
        let renames = gathered.rename();
        let mut lacking = Vec::new();
        if let Some(plan) = &plan {
            lacking = absent(plan, &gathered.legs, &gathered.reported);
            gathered.legs.extend(missing(plan, &gathered.legs));
        }
        let began = gathered.began.unwrap_or(now);
        let ended = gathered.ended.unwrap_or(now);
        document.run = RunInfo {
            id,
            started_at: began,
            duration_ns: u64::try_from(ended.duration_since(began).as_nanos()).unwrap_or_default(),
            status: Status::Running,
            selection: plan.as_ref().map_or(document.run.selection.clone(), |plan| plan.selection.clone()),
            shard: None,
            seed: None,
            ..document.run
        };
        document.tool = Document::begun(id, now, "", document.pipeline.clone()).tool;
        document.comparison = comparison(&mut gathered, document.run.against.is_some());
        let incomplete = !lacking.is_empty();
        document.remarks = lacking.into_iter().chain(gathered.remarks()).collect();
        let unlisted = gathered.unlisted;
        gathered.fill(&mut document);
        Some(Joined { document, incomplete, unlisted, renames })
    }
}

/// Shards of the plan that no leg is.
fn missing(plan: &ShardPlan, legs: &[Leg]) -> Vec<Leg> {
    let is_there = |index: u32| legs.iter().any(|leg| leg.shard == Some(index));
    let absent = plan.shards.iter().filter(|shard| !is_there(shard.index));
    absent
        .map(|shard| Leg {
            name: shard.name.clone(),
            shard: Some(shard.index),
            run: None,
            class_key: String::new(),
            status: Status::Lost,
            exit_code: None,
            duration_ns: 0,
            steps: shard.steps.len() as u64,
        })
        .collect()
}

/// What of the plan nobody reported: whole legs, and steps of legs that are there.
fn absent(plan: &ShardPlan, legs: &[Leg], reported: &BTreeSet<String>) -> Vec<Remark> {
    let error = |text: String| Remark { level: RemarkLevel::Error, step: None, text };
    let count = plan.shards.len();
    let mut remarks = Vec::new();
    for shard in &plan.shards {
        let n = shard.steps.len();
        let steps = if n == 1 { "its step was".to_owned() } else { format!("its {n} steps were") };
        if !legs.iter().any(|leg| leg.shard == Some(shard.index)) {
            let name = if shard.name.is_empty() { String::new() } else { format!(" ({})", shard.name) };
            remarks.push(error(format!(
                "shard {}/{count}{name} left no results: {steps} not checked; look at its job, and run it again",
                shard.index
            )));
            continue;
        }
        let lost: Vec<&str> = shard.steps.iter().filter(|id| !reported.contains(*id)).map(String::as_str).collect();
        if !lost.is_empty() {
            let more = if lost.len() > NAMED { format!(" and {} more", lost.len() - NAMED) } else { String::new() };
            let named = lost.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            remarks.push(error(format!("shard {}/{count} did not report {named}{more}: it ended before", shard.index)));
        }
    }
    remarks
}

/// The comparisons of all legs as one, corrected again.
fn comparison(gathered: &mut Gathered, against: bool) -> Option<Comparison> {
    let comparisons = std::mem::take(&mut gathered.comparisons);
    let paired = comparisons.iter().any(|one| one.basis == Basis::Paired);
    let error = comparisons.iter().filter_map(|one| one.false_alarms).fold(f64::INFINITY, f64::min);
    let mut notes: Vec<String> = Vec::new();
    let legs = comparisons.len();
    let mut all: Option<Comparison> = None;
    for one in comparisons {
        let note = if one.basis == Basis::Paired { None } else { one.note.clone() };
        notes.extend(note.filter(|note| !notes.contains(note)));
        match &mut all {
            None => all = Some(one),
            Some(all) => extend(all, one),
        }
    }
    let mut all = all?;
    if paired {
        all.basis = Basis::Paired;
        all.baseline = None;
        let what = if against { "base and head" } else { "both" };
        let told = format!(
            "{what} in pairs in random order, in {legs} legs, each on a host of its own; the error budget is that of all legs \
             together"
        );
        notes.insert(0, told);
    }
    notes.truncate(3);
    all.note = Some(notes.join("; ")).filter(|note| !note.is_empty());
    all.false_alarms = Some(error).filter(|error| error.is_finite());
    if let Some(error) = all.false_alarms {
        correct(&mut all.rows, error, legs);
    }
    Some(all)
}

fn extend(all: &mut Comparison, one: Comparison) {
    all.rows.extend(one.rows);
    all.newly_failing.extend(one.newly_failing);
    all.still_failing.extend(one.still_failing);
    all.fixed.extend(one.fixed);
    all.vanished.extend(one.vanished);
    all.baseline = all.baseline.take().or(one.baseline);
}

/// The hosts of the legs: one where all are of its class.
fn host(hosts: Vec<Host>) -> (Host, Vec<Host>) {
    match hosts.as_slice() {
        [] => (Host::default(), hosts),
        [only] => (only.clone(), Vec::new()),
        [first, ..] => {
            let targets: BTreeSet<String> = hosts.iter().flat_map(|host| host.targets.iter().cloned()).collect();
            let mut several = Host { class_key: SEVERAL.to_owned(), arch: first.arch.clone(), ..Host::default() };
            several.cpu.brand = Some(format!("{} kinds of hosts", hosts.len()));
            several.targets = targets.into_iter().collect();
            (several, hosts)
        }
    }
}

fn is_listed(case: &Case, listed: usize, most: usize) -> bool {
    case.outcome.is_failure() || case.outcome == crate::results::Outcome::Flaky || listed < most
}

fn taken<T>(leg: usize, all: Vec<T>) -> impl Iterator<Item = Taken<T>> {
    all.into_iter().map(move |what| Taken { leg, what })
}

/// Rows by the names of their benchmarks.
fn rename_rows(rows: &mut [MetricChange], names: &BTreeMap<String, String>) {
    for row in rows {
        if let Some(name) = names.get(&row.benchmark) {
            row.benchmark.clone_from(name);
        }
    }
}

#[cfg(test)]
mod tests;
