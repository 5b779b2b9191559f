//! A plan split for a cluster: by what its steps need, into jobs and arrays of jobs.
//!
//! Steps with the same needs share a job. What is repeated for models and targets becomes an array: a task for each, so that
//! the cluster can carry them out side by side. Where several jobs need generated files, one job makes them first: all of
//! them work in one folder.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::units::{self, Unit, Units};
use super::{Estimates, MOST_SHARDS, PlannedShard, Times};
use crate::pipeline::{Resources, StepDuration};
use crate::plan::{Item, Plan, Work};
use crate::results::Kind;

/// What each job gets beside the time of its steps: to start, to look at the host, to write its results.
const BESIDE: Duration = Duration::from_secs(300);

/// A job, or an array of jobs, for a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPlan {
    /// What it is for people.
    pub name: String,
    /// The shards that it carries out: more than one make an array, and their numbers follow each other.
    pub shards: Vec<u32>,
    /// What each needs; `time` is always there.
    pub resources: Resources,
    /// It begins when the first job of the plan has ended, which makes the files that it needs.
    pub after_first: bool,
}

/// The units of one job.
#[derive(Debug, Default)]
struct Bundle<'a> {
    /// The step that is repeated; empty for steps that are not.
    repeated: String,
    resources: Resources,
    units: Vec<&'a Unit>,
}

/// Splits a plan into shards, and says which of them make a job. `usual` is what steps need that do not say it; `budget` is
/// the time for all benchmarks together.
pub fn jobs(
    plan: &Plan,
    estimates: &Estimates,
    usual: &Resources,
    budget: Duration,
) -> (Vec<PlannedShard>, Times, Vec<JobPlan>) {
    let units = units::of(plan, &[], estimates);
    let bundles = bundles(plan, &units, usual);
    let per_task = per_task(&bundles);
    let parts: Vec<(usize, Vec<&Unit>)> = bundles
        .iter()
        .enumerate()
        .flat_map(|(at, bundle)| {
            let size = if bundle.repeated.is_empty() { bundle.units.len() } else { per_task };
            bundle.units.chunks(size.max(1)).map(move |part| (at, part.to_vec()))
        })
        .collect();
    let needing = parts.iter().filter(|(_, part)| part.iter().any(|unit| !unit.generations.is_empty())).count();
    let mut split = Split { plan, units: &units, usual, budget, shards: Vec::new(), jobs: Vec::new() };
    if needing > 1 {
        split.generations();
    }
    for (at, bundle) in bundles.iter().enumerate() {
        let own: Vec<&[&Unit]> = parts.iter().filter(|(of, _)| *of == at).map(|(_, part)| part.as_slice()).collect();
        split.job(bundle, &own, needing > 1);
    }
    split.finish()
}

/// Units by what they need, repeated steps apart.
fn bundles<'a>(plan: &Plan, units: &'a Units, usual: &Resources) -> Vec<Bundle<'a>> {
    let mut times: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for item in plan.items.iter().filter(|item| item.skip.is_none()) {
        *times.entry((item.kind, item.name.as_str())).or_default() += 1;
    }
    let mut bundles: Vec<Bundle<'_>> = Vec::new();
    for unit in units.groups.iter().flat_map(|group| &group.units) {
        let resources = Resources { time: None, ..needs(plan, unit).with(usual) };
        let only = match unit.items.as_slice() {
            [only] => plan.items.get(*only),
            _ => None,
        };
        let repeated = only.filter(|item| times.get(&(item.kind, item.name.as_str())).is_some_and(|n| *n > 1));
        let repeated = repeated.map(|item| format!("{}/{}", item.kind.section(), item.name)).unwrap_or_default();
        match bundles.iter_mut().find(|known| known.repeated == repeated && known.resources == resources) {
            Some(known) => known.units.push(unit),
            None => bundles.push(Bundle { repeated, resources, units: vec![unit] }),
        }
    }
    bundles
}

/// What a unit needs, the generations that come along included.
fn needs(plan: &Plan, unit: &Unit) -> Resources {
    let places = unit.items.iter().chain(&unit.generations);
    let items = places.filter_map(|at| plan.items.get(*at)).filter(|item| item.skip.is_none());
    items.fold(Resources::default(), |all, item| all.with(&item.resources))
}

/// How many units of a repeated step share a task, so that there are not more shards than a plan may have.
fn per_task(bundles: &[Bundle<'_>]) -> usize {
    let fixed = bundles.iter().filter(|bundle| bundle.repeated.is_empty()).count() + 1;
    let repeated = || bundles.iter().filter(|bundle| !bundle.repeated.is_empty()).map(|bundle| bundle.units.len());
    let room = MOST_SHARDS.saturating_sub(fixed).max(1);
    let fits = |size: &usize| repeated().map(|n| n.div_ceil(*size)).sum::<usize>() <= room;
    (1..=repeated().sum::<usize>().max(1)).find(fits).unwrap_or(usize::MAX)
}

struct Split<'a> {
    plan: &'a Plan,
    units: &'a Units,
    usual: &'a Resources,
    budget: Duration,
    shards: Vec<PlannedShard>,
    jobs: Vec<JobPlan>,
}

impl Split<'_> {
    /// The job that makes the files which the others need.
    fn generations(&mut self) {
        let all = self.units.groups.iter().flat_map(|group| &group.units);
        let items: BTreeSet<usize> = all.flat_map(|unit| unit.generations.clone()).collect();
        let unit = Unit { items: items.into_iter().collect(), ..Unit::default() };
        let resources = Resources { time: None, ..needs(self.plan, &unit).with(self.usual) };
        let bundle = Bundle { repeated: String::new(), resources, units: vec![&unit] };
        self.job(&bundle, &[&[&unit]], false);
        if let (Some(shard), Some(job)) = (self.shards.first_mut(), self.jobs.first_mut()) {
            "generations".clone_into(&mut shard.name);
            "generations".clone_into(&mut job.name);
        }
    }

    fn job(&mut self, bundle: &Bundle<'_>, parts: &[&[&Unit]], first_makes_files: bool) {
        let mut numbers = Vec::new();
        let mut longest = Duration::ZERO;
        let benchmarks: usize =
            self.units.groups.iter().flat_map(|group| &group.units).map(|unit| unit.benchmarks).sum();
        for part in parts {
            let mut places: Vec<usize> = part.iter().flat_map(|unit| unit.items.clone()).collect();
            places.sort_unstable();
            let along: BTreeSet<usize> = part.iter().flat_map(|unit| unit.generations.clone()).collect();
            let items: Vec<&Item> = places.iter().filter_map(|at| self.plan.items.get(*at)).collect();
            let all = along.iter().filter_map(|at| self.plan.items.get(*at)).chain(items.iter().copied());
            longest = longest.max(all.map(|item| self.time(item)).sum::<Duration>());
            let generating: f64 = along.iter().filter_map(|at| self.units.generations.get(at)).sum();
            let own: usize = part.iter().map(|unit| unit.benchmarks).sum();
            let index = u32::try_from(self.shards.len() + 1).unwrap_or(u32::MAX);
            numbers.push(index);
            self.shards.push(PlannedShard {
                index,
                name: named(&items),
                runner: Vec::new(),
                targets: targets(&items),
                seconds: part.iter().map(|unit| unit.seconds).sum::<f64>() + generating,
                error_share: own as f64 / benchmarks.max(1) as f64,
                steps: items.iter().map(|item| item.id.clone()).collect(),
            });
        }
        let time = longest.saturating_add(BESIDE).min(StepDuration::LONGEST.0);
        let name = if bundle.repeated.is_empty() || numbers.len() == 1 {
            self.shards.last().map(|shard| shard.name.clone()).unwrap_or_default()
        } else {
            bundle.repeated.clone()
        };
        let needs_files = parts.iter().flat_map(|part| part.iter()).any(|unit| !unit.generations.is_empty());
        let after_first = first_makes_files && needs_files;
        let resources = Resources { time: Some(StepDuration(time)), ..bundle.resources.clone() };
        self.jobs.push(JobPlan { name, shards: numbers, resources, after_first });
    }

    /// The time that a step may take.
    fn time(&self, item: &Item) -> Duration {
        if item.skip.is_some() {
            return Duration::ZERO;
        }
        if let Some(time) = item.resources.time.or(self.usual.time) {
            return time.0;
        }
        match &item.work {
            Work::Test { retries, .. } => item.timeout.saturating_mul(retries + 1),
            Work::Benchmark(measure) => item.timeout.saturating_add(measure.budget.unwrap_or(self.budget)),
            Work::Generate(_) => item.timeout,
        }
    }

    fn finish(mut self) -> (Vec<PlannedShard>, Times, Vec<JobPlan>) {
        let skipped = self.units.skipped.iter().filter_map(|at| self.plan.items.get(*at)).map(|item| item.id.clone());
        if let Some(first) = self.shards.first_mut() {
            first.steps.extend(skipped);
        }
        let longest = self.shards.iter().map(|shard| shard.seconds).fold(0.0, f64::max);
        let times = Times {
            known: self.units.known,
            guessed: self.units.guessed,
            total_seconds: self.shards.iter().map(|shard| shard.seconds).sum(),
            longest_seconds: longest,
            bound_seconds: longest,
        };
        (self.shards, times, self.jobs)
    }
}

fn named(items: &[&Item]) -> String {
    let name = |item: &&Item| item.id.split_once('/').map_or(item.id.as_str(), |(_, name)| name).to_owned();
    match items {
        [] => "nothing".to_owned(),
        [only] => name(only),
        [first, rest @ ..] => format!("{} and {} more", name(first), rest.len()),
    }
}

fn targets(items: &[&Item]) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for item in items {
        let target = if item.target.is_empty() { "cpu" } else { &item.target };
        if !targets.iter().any(|known| known == target) {
            targets.push(target.to_owned());
        }
    }
    targets
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
