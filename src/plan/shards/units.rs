//! What is shared out: steps that stay together, in groups by the runner they want.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Item, Plan};
use crate::results::Kind;

/// Where steps on some targets are executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// The target.
    pub target: String,
    /// Labels or tags of the runner.
    pub labels: Vec<String>,
}

/// How long steps take, as far as earlier runs tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estimates {
    /// Seconds by the step's id.
    pub known: BTreeMap<String, f64>,
    /// The time for all benchmarks of a run together, in seconds: what those take of which nothing is known.
    pub budget: f64,
}

/// Seconds that a test takes where nothing at all is known.
const TEST: f64 = 60.0;
/// Seconds that a generation takes where nothing at all is known.
const GENERATION: f64 = 5.0;
/// Nothing takes no time: shards of steps that take none would be told apart by nothing.
const SHORTEST: f64 = 0.001;

/// Steps that stay together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unit {
    /// Their places in the plan.
    pub(super) items: Vec<usize>,
    /// Their time, without that of the generations they need.
    pub(super) seconds: f64,
    /// The generations they need, by place in the plan.
    pub(super) generations: BTreeSet<usize>,
    /// How many of them are benchmarks.
    pub(super) benchmarks: usize,
}

/// The units that want one kind of runner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub(super) labels: Vec<String>,
    pub(super) targets: Vec<String>,
    pub(super) units: Vec<Unit>,
}

/// Everything that is to be shared out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Units {
    /// At least one, each with at least one unit, unless nothing runs.
    pub(super) groups: Vec<Group>,
    /// The time of each generation, by place in the plan.
    pub(super) generations: BTreeMap<usize, f64>,
    /// Places of steps that are not run anywhere.
    pub(super) skipped: Vec<usize>,
    pub(super) known: u64,
    pub(super) guessed: u64,
}

/// The target whose runner takes everything that has none of its own.
const USUAL: &str = "cpu";

/// Takes a plan apart.
pub(super) fn of(plan: &Plan, runners: &[Runner], estimates: &Estimates) -> Units {
    let seconds = Seconds::of(plan, estimates);
    let mut units = Units { known: seconds.known, guessed: seconds.guessed, ..Units::default() };
    let needed: BTreeSet<usize> =
        plan.items.iter().filter(|item| runs(item)).flat_map(|item| item.needs.clone()).collect();
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    let mut order: Vec<Vec<String>> = Vec::new();
    for unit in together(plan, &needed) {
        let Some(first) = unit.first().and_then(|at| plan.items.get(*at)) else { continue };
        if !unit.iter().filter_map(|at| plan.items.get(*at)).any(runs) {
            units.skipped.extend(unit);
            continue;
        }
        let target = if first.target.is_empty() { USUAL } else { &first.target };
        let labels = labels(runners, target);
        let group = groups.entry(labels.clone()).or_insert_with(|| {
            order.push(labels.clone());
            Group { labels, ..Group::default() }
        });
        if !group.targets.iter().any(|known| known == target) {
            group.targets.push(target.to_owned());
        }
        group.units.push(one(plan, unit, &seconds));
    }
    for (at, item) in plan.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Generation && runs(item)) {
        units.generations.insert(at, seconds.of_item(item));
    }
    units.groups = order.iter().filter_map(|labels| groups.remove(labels)).collect();
    if units.groups.is_empty() {
        let group =
            Group { labels: labels(runners, USUAL), targets: vec![USUAL.to_owned()], units: vec![Unit::default()] };
        units.groups.push(group);
    }
    units
}

fn runs(item: &Item) -> bool {
    item.skip.is_none()
}

fn labels(runners: &[Runner], target: &str) -> Vec<String> {
    let find = |target: &str| runners.iter().find(|runner| runner.target == target);
    find(target).or_else(|| find(USUAL)).map(|runner| runner.labels.clone()).unwrap_or_default()
}

/// Steps that stay together, by their places: those that need each other's work. Generations do not bind what needs them;
/// one that nothing needs stands alone.
fn together(plan: &Plan, needed: &BTreeSet<usize>) -> Vec<Vec<usize>> {
    let is_shared = |at: usize| plan.items.get(at).is_some_and(|item| item.kind == Kind::Generation);
    let mut heads: Vec<usize> = (0..plan.items.len()).collect();
    for (at, item) in plan.items.iter().enumerate().filter(|(at, _)| !is_shared(*at)) {
        for need in item.needs.iter().copied().filter(|need| !is_shared(*need)) {
            let (a, b) = (head(&mut heads, at), head(&mut heads, need));
            heads[a.max(b)] = a.min(b);
        }
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, item) in plan.items.iter().enumerate() {
        if item.kind != Kind::Generation || !needed.contains(&at) {
            sets.entry(head(&mut heads, at)).or_default().push(at);
        }
    }
    sets.into_values().collect()
}

fn head(heads: &mut [usize], mut at: usize) -> usize {
    while heads[at] != at {
        heads[at] = heads[heads[at]];
        at = heads[at];
    }
    at
}

fn one(plan: &Plan, items: Vec<usize>, seconds: &Seconds<'_>) -> Unit {
    let mut unit = Unit::default();
    for item in items.iter().filter_map(|at| plan.items.get(*at)).filter(|item| runs(item)) {
        unit.seconds += seconds.of_item(item);
        unit.benchmarks += usize::from(item.kind == Kind::Benchmark);
        let mut open = item.needs.clone();
        while let Some(need) = open.pop() {
            let Some(found) = plan.items.get(need).filter(|found| runs(found)) else { continue };
            if found.kind == Kind::Generation && unit.generations.insert(need) {
                open.extend(&found.needs);
            }
        }
    }
    unit.seconds = unit.seconds.max(SHORTEST);
    unit.items = items;
    unit
}

/// What each step is expected to take.
struct Seconds<'a> {
    estimates: &'a Estimates,
    usual: BTreeMap<Kind, f64>,
    known: u64,
    guessed: u64,
}

impl<'a> Seconds<'a> {
    fn of(plan: &Plan, estimates: &'a Estimates) -> Self {
        let running = || plan.items.iter().filter(|item| runs(item));
        let benchmarks = running().filter(|item| item.kind == Kind::Benchmark).count();
        let mut usual = BTreeMap::new();
        let (mut known, mut all) = (0, 0);
        for kind in [Kind::Generation, Kind::Test, Kind::Benchmark] {
            let of_kind = || running().filter(|item| item.kind == kind);
            let mut times: Vec<f64> = of_kind().filter_map(|item| estimates.known.get(&item.id)).copied().collect();
            known += times.len() as u64;
            all += of_kind().count() as u64;
            times.sort_unstable_by(f64::total_cmp);
            let otherwise = match kind {
                Kind::Generation => GENERATION,
                Kind::Test => TEST,
                Kind::Benchmark => estimates.budget / benchmarks.max(1) as f64,
            };
            usual.insert(kind, times.get(times.len() / 2).copied().unwrap_or(otherwise));
        }
        Self { estimates, usual, known, guessed: all - known }
    }

    fn of_item(&self, item: &Item) -> f64 {
        let usual = || self.usual.get(&item.kind).copied();
        self.estimates.known.get(&item.id).copied().or_else(usual).unwrap_or(SHORTEST).max(SHORTEST)
    }
}
