//! The phase in which everything is measured: builds, warm-ups, rounds, conclusions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bench::{Bench, Finished, Stop, Timing};
use super::prepare::Preparation;
use super::rig::Rig;
use super::side::Setting;
use super::turns::{SHARE, Turn, Turns, Wish, divide};
use super::verdicts::{Decided, Surroundings, conclude};
use super::vigil::Since;
use crate::compare::{Pair, Stage, Subject, SubjectMetric, Trial, TrialTerms};
use crate::execute::ended::Ended;
use crate::execute::{Emitter, Place, Workshop};
use crate::plan::{Item, Measure};
use crate::report;
use crate::results::{Arm, ColumnName, Measured, MetricChange, Reason, RemarkLevel, StepStatus};
use crate::stats::Random;

/// Pairs tried before the first complete one; a command that spoils so many is not to be compared.
const TRIES: u32 = 10;

/// What a phase of benchmarks is held to.
#[derive(Debug, Clone, Copy)]
pub(in crate::execute) struct Phase<'a> {
    pub workshop: &'a Workshop,
    pub emitter: &'a Emitter,
    /// Time for all runs together; builds and warm-ups do not count.
    pub budget: Duration,
    /// The chance of calling any change of the phase when there is none.
    pub false_alarms: f64,
    /// Where all orders are drawn from.
    pub seed: u64,
}

/// Measures these steps together. `finish` hears of each step's end as soon as it is known; the rows are those of the
/// comparison with the base.
pub(in crate::execute) fn measure(
    phase: Phase<'_>,
    steps: &[(&Item, &Measure)],
    preparation: &mut Preparation<'_>,
    finish: &mut dyn FnMut(usize, Finished),
) -> Vec<MetricChange> {
    let rig = match Rig::open(phase.workshop.cancel.clone()) {
        Ok(rig) => rig,
        Err(error) => {
            let text = format!("the system gives no thread: {error}");
            for at in 0..steps.len() {
                let ended = Ended::because(StepStatus::Errored, "not_started", text.clone());
                finish(at, Finished { ended, timing: Timing::none() });
            }
            return Vec::new();
        }
    };
    let mut rounds = Rounds {
        phase,
        rig,
        since: Since::now(None),
        benches: Vec::new(),
        random: Random::new(phase.seed),
        last: Instant::now(),
    };
    rounds.compare_environments(steps);
    rounds.open(steps, preparation, finish);
    // What the builds did to the host says nothing of the measurement.
    rounds.since = Since::now(phase.workshop.devices.as_ref());
    rounds.warm_up();
    let first = rounds.first_pairs();
    rounds.measure(first, finish)
}

struct Rounds<'a> {
    phase: Phase<'a>,
    rig: Rig,
    /// The state of the host when the first execution began.
    since: Since<'a>,
    /// With the step's place.
    benches: Vec<(usize, Bench<'a>)>,
    random: Random,
    /// The end of the last turn: the pause after it belongs to the next.
    last: Instant,
}

/// A first pair, which tells what there is to compare.
struct First {
    bench: usize,
    pair: Pair,
    took: Duration,
}

/// Who is who in the turns.
struct Cast {
    /// Per subject of the trial its bench, and what is compared of it.
    subjects: Vec<(usize, Vec<(usize, ColumnName)>)>,
    /// Per single its bench.
    singles: Vec<usize>,
    /// First pairs that the trial has not asked for yet, by subject.
    waiting: BTreeMap<usize, (Pair, Duration)>,
    /// Time and number of each subject's pairs.
    spent: Vec<(Duration, u32)>,
}

impl<'a> Rounds<'a> {
    /// An environment of another size moves the stack, which can make a difference of some per cent by itself.
    fn compare_environments(&self, steps: &[(&Item, &Measure)]) {
        let (Some(arms), Some((item, _))) = (&self.phase.workshop.arms, steps.first()) else { return };
        let size = |place: &Place| {
            let variables = place.step_env(item, 1, &[]);
            variables.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        };
        let apart = size(&arms.base).abs_diff(size(&arms.head));
        if apart > 0 {
            let text = format!(
                "the environments of base and head differ in size by {apart} bytes; that alone can change the speed of \
                 a program"
            );
            self.phase.emitter.remark(RemarkLevel::Warning, None, text);
        }
    }

    fn open(
        &mut self,
        steps: &[(&'a Item, &'a Measure)],
        preparation: &mut Preparation<'_>,
        finish: &mut dyn FnMut(usize, Finished),
    ) {
        let Phase { workshop, emitter, .. } = self.phase;
        for (at, (item, measure)) in steps.iter().enumerate() {
            let setting = Setting { item, measure, workshop, emitter };
            if workshop.cancel.is_asked() {
                finish(at, Finished { ended: Ended::cancelled(), timing: Timing::none() });
                continue;
            }
            match Bench::open(setting, preparation, self.random.coin(), &self.rig) {
                Ok(bench) => self.benches.push((at, bench)),
                Err((ended, timing)) => finish(at, Finished { ended, timing }),
            }
        }
    }

    fn order(&mut self) -> [Arm; 2] {
        if self.random.coin() { [Arm::Base, Arm::Head] } else { [Arm::Head, Arm::Base] }
    }

    fn warm_up(&mut self) {
        for at in 0..self.benches.len() {
            let order = self.order();
            let Some((_, bench)) = self.benches.get_mut(at).filter(|(_, bench)| !bench.is_harness()) else { continue };
            let began = Instant::now();
            let times = bench.setting.measure.warm_up;
            for done in 0..times {
                bench.tell("warm-up", u64::from(done), Some(u64::from(times)), |_| None);
                if bench.stop.is_none() {
                    bench.warm_up(order, &self.rig);
                }
            }
            bench.timing.took += began.elapsed();
        }
    }

    /// A pair of each that has a base, in drawn order: what both arms report is what can be compared.
    fn first_pairs(&mut self) -> Vec<First> {
        let mut places: Vec<usize> = (0..self.benches.len()).collect();
        self.random.shuffle(&mut places);
        self.last = Instant::now();
        let mut found = Vec::new();
        for bench in places {
            if let Some((pair, took)) = self.first_pair(bench) {
                found.push(First { bench, pair, took });
            }
        }
        found
    }

    fn first_pair(&mut self, at: usize) -> Option<(Pair, Duration)> {
        for _ in 0..TRIES {
            let order = self.order();
            let (_, bench) = self.benches.get_mut(at)?;
            if !bench.has_base() || bench.stop.is_some() || self.phase.workshop.cancel.is_asked() {
                return None;
            }
            bench.tell("first pair", 0, None, |_| None);
            let pair = bench.pair(order, &self.rig);
            let took = self.last.elapsed();
            self.last = Instant::now();
            bench.timing.took += took;
            if let Some(pair) = pair {
                return Some((pair, took));
            }
        }
        let text = format!("none of {TRIES} pairs was complete: a run of the base or of the head failed in each");
        self.benches.get_mut(at)?.1.drop_base(Reason::new("no_pair", text));
        None
    }

    /// Shares the time, lets all take their turns, and concludes.
    fn measure(mut self, first: Vec<First>, finish: &mut dyn FnMut(usize, Finished)) -> Vec<MetricChange> {
        let (mut turns, mut cast) = self.share(first);
        while !self.phase.workshop.cancel.is_asked() {
            match turns.next() {
                Some(Turn::Pair(subject)) => self.pair(subject, &mut turns, &mut cast),
                Some(Turn::Single(single)) => self.single(single, &mut turns, &cast),
                None => break,
            }
        }
        let surroundings = Surroundings { conditions: self.since.conditions(), floor: self.rig.memory_source().1 };
        for (_, bench) in &mut self.benches {
            let began = Instant::now();
            bench.count(&self.rig);
            bench.timing.took += began.elapsed();
        }
        self.conclude((turns, cast), &surroundings, finish)
    }

    fn share(&mut self, first: Vec<First>) -> (Turns, Cast) {
        let mut cast = Cast { subjects: Vec::new(), singles: Vec::new(), waiting: BTreeMap::new(), spent: Vec::new() };
        let mut subjects = Vec::new();
        for First { bench: at, pair, took } in first {
            let Some((_, bench)) = self.benches.get(at) else { continue };
            let columns = bench.comparable(&pair);
            if columns.is_empty() {
                continue;
            }
            let limit = bench.setting.measure.limit;
            let metrics = columns.iter().map(|(_, name)| subject_metric(name, limit)).collect();
            subjects.push(Subject { metrics, budget: bench.setting.measure.budget });
            cast.waiting.insert(cast.subjects.len(), (picked(&pair, &columns), took));
            cast.subjects.push((at, columns));
            cast.spent.push((Duration::ZERO, 0));
        }
        let alone = |(at, (_, bench)): (usize, &(usize, Bench<'a>))| {
            // A harness of which base and head report nothing in common has told all there is.
            let told = bench.is_harness() && bench.has_base();
            (bench.stop.is_none() && !told && cast.subjects.iter().all(|(known, _)| *known != at)).then_some(at)
        };
        let singles: Vec<usize> = self.benches.iter().enumerate().filter_map(alone).collect();
        let sampled = singles.iter().filter(|at| self.is_sampled(**at)).count();
        let all = u32::try_from(subjects.len() + sampled).unwrap_or(u32::MAX).max(1);
        let part = |n: usize| self.phase.budget / all * u32::try_from(n).unwrap_or(u32::MAX);
        let budget = part(subjects.len());
        let wishes = self.wishes(&singles, part(sampled));
        cast.singles = singles;
        let terms = TrialTerms { false_alarms: self.phase.false_alarms, budget, seed: self.random.bits() };
        let trial = Trial::new(subjects, terms);
        (Turns::new((trial, budget), &wishes, self.random.bits()), cast)
    }

    /// Whether one without a base takes samples until its time is over.
    fn is_sampled(&self, at: usize) -> bool {
        self.benches.get(at).is_some_and(|(_, bench)| !bench.is_harness() && bench.setting.measure.samples.is_none())
    }

    fn wishes(&mut self, singles: &[usize], budget: Duration) -> Vec<Wish> {
        let sampled: Vec<usize> = singles.iter().copied().filter(|at| self.is_sampled(*at)).collect();
        let asked = |at: &usize| self.benches.get(*at).and_then(|(_, bench)| bench.setting.measure.budget);
        let asked: Vec<Duration> = sampled.iter().map(|at| asked(at).unwrap_or(SHARE)).collect();
        let shares: BTreeMap<usize, Duration> = sampled.into_iter().zip(divide(budget, &asked)).collect();
        let mut wishes = Vec::new();
        for at in singles {
            wishes.push(self.wish(*at, shares.get(at).copied().unwrap_or_default()));
        }
        wishes
    }

    fn wish(&mut self, at: usize, share: Duration) -> Wish {
        let Some((_, bench)) = self.benches.get_mut(at) else { return Wish::Exactly(0) };
        match bench.setting.measure.samples {
            // One call of a harness is enough: it decides itself how often it measures.
            _ if bench.is_harness() => Wish::Exactly(1),
            Some(samples) => Wish::Exactly((samples as usize).saturating_sub(bench.record.counted(Arm::Head))),
            None => {
                bench.short_of_time = Some(share);
                Wish::Within(share)
            }
        }
    }

    fn pair(&mut self, subject: usize, turns: &mut Turns, cast: &mut Cast) {
        let order = self.order();
        let Some((at, columns)) = cast.subjects.get(subject) else { return };
        let Some((_, bench)) = self.benches.get_mut(*at) else { return };
        let (pair, took) = match cast.waiting.remove(&subject) {
            Some((pair, took)) => (Some(pair), took),
            None => {
                tell_pairs(bench, subject, turns, columns);
                let pair = bench.pair(order, &self.rig).map(|pair| picked(&pair, columns));
                let took = self.last.elapsed();
                self.last = Instant::now();
                bench.timing.took += took;
                (pair, took)
            }
        };
        if let Some((spent, pairs)) = cast.spent.get_mut(subject) {
            *spent += took;
            *pairs += u32::from(pair.is_some());
        }
        turns.paired(subject, pair, took);
        let (stopped, fallen) = (bench.stop.is_some(), !bench.has_base());
        if stopped || fallen {
            turns.close(Turn::Pair(subject));
        }
        if fallen && !stopped {
            let (at, spent) = (*at, cast.spent.get(subject).map_or(Duration::ZERO, |(spent, _)| *spent));
            let asked = bench.setting.measure.budget.unwrap_or(SHARE);
            let share = self.phase.budget / u32::try_from(self.benches.len()).unwrap_or(u32::MAX).max(1);
            let wish = self.wish(at, asked.min(share).saturating_sub(spent));
            turns.add(wish);
            cast.singles.push(at);
        }
    }

    fn single(&mut self, single: usize, turns: &mut Turns, cast: &Cast) {
        let Some((_, bench)) = cast.singles.get(single).and_then(|at| self.benches.get_mut(*at)) else {
            return turns.close(Turn::Single(single));
        };
        let n = bench.record.counted(Arm::Head) as u64;
        let total = bench.setting.measure.samples.map(u64::from);
        if !bench.is_harness() {
            bench.tell("sampling", n, total, |bench| {
                let walls = bench.record.head("wall_time").unwrap_or_default();
                crate::stats::median(walls).map(|ns| format!("{ns}"))
            });
        }
        let good = bench.single(&self.rig);
        let took = self.last.elapsed();
        self.last = Instant::now();
        bench.timing.took += took;
        turns.sampled(single, good, took);
        if bench.stop.is_some() {
            turns.close(Turn::Single(single));
        }
    }

    fn conclude(
        mut self,
        (mut turns, cast): (Turns, Cast),
        surroundings: &Surroundings,
        finish: &mut dyn FnMut(usize, Finished),
    ) -> Vec<MetricChange> {
        let cancelled = self.phase.workshop.cancel.is_asked();
        let decisions = if cancelled { Vec::new() } else { turns.trial().conclude() };
        let mut decided = BTreeMap::new();
        for (((bench, columns), decisions), (spent, pairs)) in cast.subjects.into_iter().zip(decisions).zip(cast.spent)
        {
            decided.insert(bench, Decided { columns, decisions, spent, pairs });
        }
        let mut rows = Vec::new();
        for (number, (at, mut bench)) in std::mem::take(&mut self.benches).into_iter().enumerate() {
            if cancelled {
                bench.stop.get_or_insert(Stop::Cancelled);
            }
            let (finished, more) = conclude(bench, decided.get(&number), surroundings);
            rows.extend(more);
            finish(at, finished);
        }
        rows
    }
}

impl Timing {
    /// Of a step that never began.
    fn none() -> Self {
        Self { began: jiff::Timestamp::now(), took: Duration::ZERO }
    }
}

fn subject_metric(name: &ColumnName, limit: f64) -> SubjectMetric {
    let countable = Measured::find(&name.metric).is_some_and(|known| known.countable);
    SubjectMetric { name: name.metric.clone(), direction: name.direction, limit, floor: 0.0, countable }
}

/// The values of these columns.
fn picked(pair: &Pair, columns: &[(usize, ColumnName)]) -> Pair {
    let pick = |values: &[f64]| columns.iter().map(|(at, _)| values.get(*at).copied().unwrap_or(f64::NAN)).collect();
    Pair { base: pick(&pair.base), head: pick(&pair.head), head_first: pair.head_first }
}

/// The interval so far, for the eye only: it plays no part in any decision.
fn tell_pairs(bench: &mut Bench<'_>, subject: usize, turns: &mut Turns, columns: &[(usize, ColumnName)]) {
    let trial = turns.trial();
    let (screening, confirmation) = trial.pairs(subject);
    let doing = match trial.stage(subject) {
        Stage::Screening => "screening",
        Stage::Confirmation | Stage::Over => "confirming",
    };
    let several = columns.iter().any(|(_, name)| columns.first().is_some_and(|(_, first)| name.series != first.series));
    bench.tell(doing, (screening + confirmation) as u64, None, |_| {
        let so_far = trial.so_far(subject);
        let named = so_far.iter().zip(columns).map(|(told, (_, name))| (several.then_some(name.series.as_str()), told));
        report::so_far(named)
    });
}
