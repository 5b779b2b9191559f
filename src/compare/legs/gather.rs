//! Everything that the legs found, side by side, until their names are known to be apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::rename::{self, split};
use super::{Renames, host, is_listed, rename_rows, taken};
use crate::results::{
    Benchmark, Case, Comparison, Counts, Document, Generation, Host, Kind, Leg, Quarantined, Remark, Step, StepStatus,
    Toolchain, UnlistedGenerations,
};

/// Something with the leg it is of.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub(super) leg: usize,
    pub(super) what: T,
}

/// What was taken in so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The first document, emptied: what is the same in all.
    pub(super) head: Option<Box<Document>>,
    pub(super) legs: Vec<Leg>,
    /// The ids of all steps that some leg reported, under their own names.
    pub(super) reported: BTreeSet<String>,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) unlisted: u64,
    steps: Vec<Taken<Step>>,
    cases: Vec<Taken<Case>>,
    generations: Vec<Generation>,
    unlisted_generations: Vec<UnlistedGenerations>,
    benchmarks: Vec<Taken<Benchmark>>,
    quarantine: Vec<Taken<Quarantined>>,
    hosts: Vec<Host>,
    toolchains: Vec<Toolchain>,
    remarks: Vec<Taken<Remark>>,
    /// Whether the leg is a part of a plan.
    planned: Vec<bool>,
    counts: Counts,
    /// The leg of each comparison.
    compared: Vec<usize>,
}

impl Gathered {
    pub(super) fn take(&mut self, name: String, mut document: Document, most_cases: usize) {
        let leg = self.legs.len();
        let run = document.run.clone();
        self.legs.push(Leg {
            name,
            shard: run.shard.as_ref().map(|shard| shard.index),
            run: Some(run.id),
            class_key: document.host.class_key.clone(),
            status: run.status,
            exit_code: Some(run.exit_code),
            duration_ns: run.duration_ns,
            steps: document.steps.len() as u64,
        });
        self.planned.push(run.shard.is_some());
        let ended = run.started_at.checked_add(Duration::from_nanos(run.duration_ns)).unwrap_or(run.started_at);
        self.began = Some(self.began.map_or(run.started_at, |known| known.min(run.started_at)));
        self.ended = Some(self.ended.map_or(ended, |known| known.max(ended)));
        self.count(&document.counts);
        for case in std::mem::take(&mut document.cases) {
            if is_listed(&case, self.cases.len(), most_cases) {
                self.cases.push(Taken { leg, what: case });
            } else {
                self.unlisted += 1;
            }
        }
        self.reported.extend(document.steps.iter().map(|step| step.id.clone()));
        self.steps.extend(taken(leg, std::mem::take(&mut document.steps)));
        self.benchmarks.extend(taken(leg, std::mem::take(&mut document.benchmarks)));
        self.quarantine.extend(taken(leg, std::mem::take(&mut document.quarantine)));
        self.remarks.extend(taken(leg, std::mem::take(&mut document.remarks)));
        self.take_generations(&mut document);
        if let Some(mut comparison) = document.comparison.take() {
            // The leg's own share of the budget, as that of the whole.
            let share = run.shard.map(|shard| shard.error_share).filter(|share| *share > 0.0);
            comparison.false_alarms = comparison.false_alarms.map(|error| error / share.unwrap_or(1.0));
            self.comparisons.push(comparison);
            self.compared.push(leg);
        }
        if !self.hosts.iter().any(|known| known.class_key == document.host.class_key) {
            self.hosts.push(std::mem::take(&mut document.host));
        }
        for tool in std::mem::take(&mut document.toolchains) {
            if !self.toolchains.contains(&tool) {
                self.toolchains.push(tool);
            }
        }
        document.measuring = None;
        match &mut self.head {
            None => self.head = Some(Box::new(document)),
            Some(head) => head.run.against = head.run.against.take().or(document.run.against),
        }
    }

    /// The files of a generation are told once, by the leg that saw the worst of it.
    fn take_generations(&mut self, document: &mut Document) {
        let bad = |generations: &[Generation], step: &str| {
            generations.iter().filter(|one| one.step == step && !one.state.is_right()).count()
        };
        let steps: BTreeSet<String> = document.generations.iter().map(|one| one.step.clone()).collect();
        let known: BTreeSet<String> = self.generations.iter().map(|one| one.step.clone()).collect();
        let keep =
            |step: &str| !known.contains(step) || bad(&document.generations, step) > bad(&self.generations, step);
        let kept: BTreeSet<String> = steps.into_iter().filter(|step| keep(step)).collect();
        self.generations.retain(|one| !kept.contains(&one.step));
        self.unlisted_generations.retain(|one| !kept.contains(&one.step));
        let of = |step: &String| kept.contains(step) || !known.contains(step);
        self.generations.extend(std::mem::take(&mut document.generations).into_iter().filter(|one| of(&one.step)));
        let unlisted = std::mem::take(&mut document.unlisted_generations);
        self.unlisted_generations.extend(unlisted.into_iter().filter(|one| of(&one.step)));
    }

    fn count(&mut self, counts: &Counts) {
        let all = &mut self.counts;
        all.tests += counts.tests;
        all.passed += counts.passed;
        all.failed += counts.failed;
        all.errored += counts.errored;
        all.skipped += counts.skipped;
        all.flaky += counts.flaky;
        all.cancelled += counts.cancelled;
        all.benchmarks += counts.benchmarks;
    }

    /// Gives steps that several legs carried out the names of their legs. Generations that plans sent along stay one.
    pub(super) fn rename(&mut self) -> Renames {
        let mut seen: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for step in &self.steps {
            let sent = step.what.kind == Kind::Generation && self.planned.get(step.leg).copied().unwrap_or(false);
            if !sent {
                seen.entry(&step.what.id).or_default().insert(step.leg);
            }
        }
        let shared = seen.into_iter().filter(|(_, legs)| legs.len() > 1);
        let legs = &self.legs;
        let names = shared.flat_map(|(id, of)| {
            let name = move |leg: usize| legs.get(leg).map(|leg| leg.name.as_str()).unwrap_or_default();
            of.into_iter().map(move |leg| ((leg, id.to_owned()), rename::step(id, name(leg))))
        });
        let renames = Renames(names.collect());
        self.put(&renames);
        renames
    }

    fn put(&mut self, renames: &Renames) {
        let named = |leg: usize, id: &str| renames.0.get(&(leg, id.to_owned())).cloned();
        for Taken { leg, what } in &mut self.cases {
            if let Some(name) = named(*leg, &what.step) {
                what.step = name;
            }
        }
        for Taken { leg, what } in &mut self.quarantine {
            what.step = named(*leg, &what.step).unwrap_or_else(|| what.step.clone());
        }
        let mut series: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
        for Taken { leg, what } in &mut self.benchmarks {
            let Some(name) = named(*leg, &what.step) else { continue };
            let before = what.series();
            what.name = rename::benchmark(&what.step, &what.name, &name);
            what.step = name;
            series.entry(*leg).or_default().insert(before, what.series());
        }
        for (comparison, leg) in self.comparisons.iter_mut().zip(&self.compared) {
            rename_rows(&mut comparison.rows, series.get(leg).unwrap_or(&BTreeMap::new()));
            let lists = [
                &mut comparison.newly_failing,
                &mut comparison.still_failing,
                &mut comparison.fixed,
                &mut comparison.vanished,
            ];
            for (step, _) in lists.into_iter().flatten() {
                *step = named(*leg, step).unwrap_or_else(|| step.clone());
            }
        }
        for Taken { leg, what } in &mut self.steps {
            if let Some(name) = named(*leg, &what.id) {
                (what.name, what.id) = (split(&name).1.to_owned(), name);
            }
        }
    }

    /// What the legs remarked: what several say once, what one says with its name.
    pub(super) fn remarks(&mut self) -> Vec<Remark> {
        let mut times: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for remark in &self.remarks {
            times.entry(remark.what.text.clone()).or_default().insert(remark.leg);
        }
        let mut told = BTreeSet::new();
        let mut all = Vec::new();
        for Taken { leg, mut what } in std::mem::take(&mut self.remarks) {
            if !told.insert(what.text.clone()) {
                continue;
            }
            let legs = times.get(&what.text).map_or(1, BTreeSet::len);
            let name = self.legs.get(leg).map(|leg| leg.name.as_str()).unwrap_or_default();
            if legs == 1 && self.legs.len() > 1 && !name.is_empty() {
                what.text = format!("{name}: {}", what.text);
            }
            all.push(what);
        }
        all
    }

    /// Puts everything into the document.
    pub(super) fn fill(self, document: &mut Document) {
        let mut steps: Vec<Step> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for Taken { leg, what } in self.steps {
            let step = Step { leg: u32::try_from(leg).ok(), ..what };
            match places.get(&step.id).and_then(|at| steps.get_mut(*at)) {
                // A generation that was sent along with several shards: the worst of it counts.
                Some(known) if is_good(known.status) && !is_good(step.status) => *known = step,
                Some(_) => {}
                None => {
                    places.insert(step.id.clone(), steps.len());
                    steps.push(step);
                }
            }
        }
        steps.sort_by_key(|step| step.kind);
        let (host, hosts) = host(self.hosts);
        let wrong = |one: &&Generation| !one.state.is_right();
        let unlisted = |wanted: bool| {
            let of = self.unlisted_generations.iter().filter(|one| !wanted || !one.state.is_right());
            of.map(|one| one.files).sum::<u64>()
        };
        document.counts = Counts {
            generations: self.generations.len() as u64 + unlisted(false),
            generations_failed: self.generations.iter().filter(wrong).count() as u64 + unlisted(true),
            steps_skipped: steps.iter().filter(|step| step.status == StepStatus::Skipped).count() as u64,
            ..self.counts
        };
        document.steps = steps;
        document.cases = self.cases.into_iter().map(|taken| taken.what).collect();
        document.generations = self.generations;
        document.unlisted_generations = self.unlisted_generations;
        document.benchmarks = self.benchmarks.into_iter().map(|taken| taken.what).collect();
        document.quarantine = self.quarantine.into_iter().map(|taken| taken.what).collect();
        document.toolchains = self.toolchains;
        document.legs = self.legs;
        (document.host, document.hosts) = (host, hosts);
    }
}

const fn is_good(status: StepStatus) -> bool {
    matches!(status, StepStatus::Passed | StepStatus::Skipped)
}
