//! One benchmark step while it is measured: its arms, what they reported, and what becomes of it in the end.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clock::Clocks;
use super::prepare::{Preparation, Unready};
use super::rig::Rig;
use super::side::{Failure, Setting, Side, Taken, described};
use crate::compare::Pair;
use crate::execute::ended::Ended;
use crate::execute::log::Log;
use crate::execute::{Place, Workshop};
use crate::results::{Arm, ColumnName, Dropped, Event, Kind, Metric, Reason, Record, RemarkLevel, StepStatus};

/// A benchmark step that can be measured.
pub(super) struct Bench<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) log: Log<'a>,
    head: Side<'a>,
    base: Option<Side<'a>>,
    /// Whether there was to be a base, and why there is none.
    pub(super) paired: bool,
    pub(super) no_base: Option<Reason>,
    pub(super) record: Record,
    /// What a harness reported in its last good call of the head, its own samples included.
    pub(super) whole: Vec<crate::results::Benchmark>,
    pub(super) stop: Option<Stop>,
    pub(super) suspended: Suspended,
    pub(super) timing: Timing,
    pub(super) short_of_time: Option<Duration>,
    /// Metrics of base and head that were counted apart from the timed runs.
    pub(super) counted: [Option<Metric>; 2],
    told: Telling,
}

/// Why the head is not measured any longer.
#[derive(Debug)]
pub(super) enum Stop {
    /// The run was to stop.
    Cancelled,
    /// Its command fails.
    Fails(Failure),
}

/// Pairs or runs that were dropped because the clocks parted.
#[derive(Debug, Default)]
pub(super) struct Suspended {
    pub(super) times: u32,
    pub(super) longest: Duration,
}

/// A step that is over.
#[derive(Debug)]
pub(in crate::execute) struct Finished {
    pub ended: Ended,
    pub timing: Timing,
}

/// When a step began and how much of the run's time it took.
#[derive(Debug, Clone, Copy)]
pub(in crate::execute) struct Timing {
    /// When its build, or its first run, began.
    pub began: Timestamp,
    /// Its own share of the time since.
    pub took: Duration,
}

#[derive(Debug)]
struct Telling {
    last: Instant,
    /// What telling costs: figures of many pairs take a while.
    cost: Duration,
}

/// How often the terminal hears of the progress.
const TELL: Duration = Duration::from_millis(200);
/// The most of the time that may go into telling is one in so many.
const TELLING: u32 = 50;

impl<'a> Bench<'a> {
    /// Builds the step in its place or places and makes its commands ready.
    pub(super) fn open(
        setting: Setting<'a>,
        preparation: &mut Preparation<'_>,
        base_first: bool,
        rig: &Rig,
    ) -> Result<Self, (Ended, Timing)> {
        let began = (Timestamp::now(), Instant::now());
        let Setting { item, workshop, emitter, .. } = setting;
        let at_ns = emitter.elapsed_ns();
        emitter.emit(Event::StepStarted { step: item.id.clone(), kind: Kind::Benchmark, attempt: 1, at_ns });
        let timing = |began: (Timestamp, Instant)| Timing { began: began.0, took: began.1.elapsed() };
        let name = Workshop::log_name(item, "log");
        let mut log = Log::create(&workshop.run_dir, name, workshop.environment.masker(), None).map_err(|error| {
            let text = format!("the log cannot be written: {error}");
            (Ended::because(StepStatus::Errored, "log", text), timing(began))
        })?;
        let opened = arms(setting, preparation, (base_first, rig), &mut log);
        let (head, base) = match opened {
            Ok(opened) => opened,
            Err(ended) => return Err((close_log(ended, log, setting), timing(began))),
        };
        log.say(&head.shown());
        let (base, no_base) = match base {
            Some(Ok(base)) => {
                log.say(&base.shown());
                (Some(base), None)
            }
            Some(Err(reason)) => (None, Some(reason)),
            None => (None, None),
        };
        let known = if setting.measure.harness.is_none() { Some(described(item)) } else { None };
        let mut bench = Self {
            setting,
            log,
            head,
            base,
            paired: workshop.arms.is_some(),
            no_base: None,
            record: known.map_or_else(Record::default, |known| Record::of(&known)),
            whole: Vec::new(),
            stop: None,
            suspended: Suspended::default(),
            timing: timing(began),
            short_of_time: None,
            counted: [None, None],
            told: Telling { last: Instant::now(), cost: Duration::ZERO },
        };
        if let Some(reason) = no_base {
            bench.drop_base(reason);
        }
        Ok(bench)
    }

    pub(super) fn has_base(&self) -> bool {
        self.base.is_some()
    }

    /// Whether a harness measures, of which one call is enough where there is no base.
    pub(super) fn is_harness(&self) -> bool {
        self.setting.measure.harness.is_some()
    }

    /// One more run of an arm, told when its figures' fate is known.
    fn run(&mut self, arm: Arm, rig: &Rig) -> Option<Taken> {
        let at_ns = self.setting.emitter.elapsed_ns();
        let cancel = &self.setting.workshop.cancel;
        let side = match arm {
            Arm::Base => self.base.as_mut()?,
            Arm::Head => &mut self.head,
        };
        let taken = side.once(rig, cancel, &mut self.log, at_ns);
        if taken.is_none() {
            self.stop = Some(Stop::Cancelled);
        }
        taken
    }

    /// Runs each arm once, in this order, without counting it.
    pub(super) fn warm_up(&mut self, order: [Arm; 2], rig: &Rig) {
        for arm in order {
            if self.stop.is_some() || (arm == Arm::Base && self.base.is_none()) {
                continue;
            }
            if let Some(mut taken) = self.run(arm, rig) {
                taken.iteration.warm_up = true;
                self.keep(arm, taken);
            }
        }
    }

    /// A pair in this order; `None` if it cannot be used. The second run is spared where the first has failed.
    pub(super) fn pair(&mut self, order: [Arm; 2], rig: &Rig) -> Option<Pair> {
        let before = Clocks::read();
        let first = self.run(order[0], rig)?;
        let second = if first.failure.is_none() { self.run(order[1], rig) } else { None };
        let complete = second.as_ref().is_some_and(|second| second.failure.is_none());
        let slept = before.suspended(Clocks::read());
        let dropped = if let Some(slept) = slept {
            self.suspended.count(slept);
            Some(Dropped::Suspended)
        } else {
            (!complete).then_some(Dropped::Partner)
        };
        let mut rows = [Vec::new(), Vec::new()];
        for (arm, taken) in order.into_iter().zip([Some(first), second]) {
            let Some(mut taken) = taken else { continue };
            taken.iteration.dropped = dropped.filter(|_| taken.failure.is_none());
            rows[usize::from(arm == Arm::Head)] = self.keep(arm, taken);
        }
        let [base, head] = rows;
        (dropped.is_none() && self.stop.is_none()).then_some(Pair { base, head, head_first: order[0] == Arm::Head })
    }

    /// One run of the head alone; tells whether it gave a sample.
    pub(super) fn single(&mut self, rig: &Rig) -> bool {
        let before = Clocks::read();
        let Some(mut taken) = self.run(Arm::Head, rig) else { return false };
        if let (Some(slept), None) = (before.suspended(Clocks::read()), &taken.failure) {
            self.suspended.count(slept);
            taken.iteration.dropped = Some(Dropped::Suspended);
        }
        if let Some(failure) = taken.failure.as_mut().filter(|_| self.setting.measure.harness.is_some()) {
            failure.last = true;
        }
        let good = taken.iteration.counts();
        self.keep(Arm::Head, taken);
        good
    }

    /// Records a run and tells it; gives its values by column.
    fn keep(&mut self, arm: Arm, taken: Taken) -> Vec<f64> {
        let Taken { iteration, values, mut block, failure } = taken;
        if self.is_harness() && arm == Arm::Head && (failure.is_none() || self.whole.is_empty()) {
            self.whole.clone_from(&block);
        }
        for metric in block.iter_mut().flat_map(|benchmark| &mut benchmark.metrics) {
            (metric.samples, metric.summary) = (Vec::new(), None);
        }
        let row = self.record.take(iteration.clone(), &block);
        let benchmarks = if self.is_harness() { block } else { Vec::new() };
        let step = self.setting.item.id.clone();
        self.setting.emitter.emit(Event::SampleTaken { step, iteration, values, benchmarks });
        if let Some(failure) = failure.filter(|failure| failure.last) {
            match arm {
                Arm::Base => self.drop_base(failure.reason),
                Arm::Head => self.stop = Some(Stop::Fails(failure)),
            }
        }
        row
    }

    /// Counts what is counted apart, in each arm; a failure is a remark, for the timed runs stand.
    pub(super) fn count(&mut self, rig: &Rig) {
        if self.stop.is_some() || self.setting.workshop.cancel.is_asked() {
            return;
        }
        if !self.head.is_counted_apart() {
            return;
        }
        self.tell("counting instructions", 0, None, |_| None);
        let base = self.base.as_mut().map(|base| base.count(rig));
        let head = Some(self.head.count(rig));
        for (place, counted) in self.counted.iter_mut().zip([base, head]) {
            match counted.transpose() {
                Ok(metric) => *place = metric.flatten(),
                Err(error) => {
                    let text = format!("instructions: {error}");
                    self.setting.emitter.remark(RemarkLevel::Warning, Some(&self.setting.item.id), text);
                }
            }
        }
    }

    /// Goes on without the base.
    pub(super) fn drop_base(&mut self, reason: Reason) {
        let text = format!("there is no base to compare with: {}", reason.text);
        self.setting.emitter.remark(RemarkLevel::Warning, Some(&self.setting.item.id), text);
        self.base = None;
        self.no_base = Some(reason);
    }

    /// The columns that are compared: those that this pair has in both arms.
    pub(super) fn comparable(&self, pair: &Pair) -> Vec<(usize, ColumnName)> {
        let both = |at: usize| {
            let value = |values: &[f64]| values.get(at).copied().is_some_and(f64::is_finite);
            value(&pair.base) && value(&pair.head)
        };
        let wanted = |name: &ColumnName| {
            let metrics = &self.setting.measure.metrics;
            self.is_harness() || metrics.iter().any(|metric| metric.as_str() == name.metric)
        };
        self.record.names().enumerate().filter(|(at, name)| both(*at) && wanted(name)).collect()
    }

    /// Tells how far it has come, if it is time; `figure` is only asked for then.
    pub(super) fn tell(
        &mut self,
        doing: &str,
        done: u64,
        total: Option<u64>,
        figure: impl FnOnce(&Self) -> Option<String>,
    ) {
        if done > 0 && self.told.last.elapsed() < TELL.max(self.told.cost * TELLING) {
            return;
        }
        let began = Instant::now();
        let figure = figure(self);
        let (step, doing) = (self.setting.item.id.clone(), doing.to_owned());
        self.setting.emitter.emit(Event::Progress { step, doing, done, total, figure });
        self.told = Telling { last: Instant::now(), cost: began.elapsed() };
    }
}

impl Suspended {
    fn count(&mut self, slept: Duration) {
        self.times += 1;
        self.longest = self.longest.max(slept);
    }
}

type Base<'a> = Option<Result<Side<'a>, Reason>>;

/// Prepares and opens head and base, in the drawn order.
fn arms<'a>(
    setting: Setting<'a>,
    preparation: &mut Preparation<'_>,
    (base_first, rig): (bool, &Rig),
    log: &mut Log<'_>,
) -> Result<(Side<'a>, Base<'a>), Ended> {
    let doing = |doing: &str| {
        let (step, doing) = (setting.item.id.clone(), doing.to_owned());
        setting.emitter.emit(Event::Progress { step, doing, done: 0, total: None, figure: None });
    };
    let mut open = |arm: Option<Arm>, place: &Place| {
        if setting.measure.build.is_some() {
            doing(if arm == Some(Arm::Base) { "building the base" } else { "building" });
        }
        let Setting { item, measure, .. } = setting;
        preparation.ready((item, measure), arm, place, log)?;
        Side::open(setting, arm, place.clone(), rig).map_err(|text| Unready {
            reason: Reason::new("not_started", text),
            exit: None,
            cancelled: false,
        })
    };
    let Some(arms) = &setting.workshop.arms else {
        return Ok((open(None, &setting.workshop.here()).map_err(ended)?, None));
    };
    let early = base_first.then(|| open(Some(Arm::Base), &arms.base));
    let head = open(Some(Arm::Head), &arms.head).map_err(ended)?;
    let base = early.unwrap_or_else(|| open(Some(Arm::Base), &arms.base));
    match base {
        Err(unready) if unready.cancelled => Err(Ended::cancelled()),
        Err(Unready { reason, .. }) => {
            let text = if reason.text.starts_with("base: ") { reason.text } else { format!("base: {}", reason.text) };
            Ok((head, Some(Err(Reason::new(reason.code, text)))))
        }
        Ok(base) => Ok((head, Some(Ok(base)))),
    }
}

fn ended(unready: Unready) -> Ended {
    let status = match &unready {
        Unready { cancelled: true, .. } => return Ended::cancelled(),
        // A command that returned something failed; one that could not be started is our error.
        Unready { exit: Some(_), .. } => StepStatus::Failed,
        Unready { exit: None, .. } => StepStatus::Errored,
    };
    Ended { reason: Some(unready.reason), exit: unready.exit, ..Ended::new(status) }
}

pub(super) fn close_log(mut ended: Ended, log: Log<'_>, setting: Setting<'_>) -> Ended {
    let (log, error) = log.finish();
    if let Some(error) = error {
        let text = format!("the log is incomplete: {error}");
        setting.emitter.remark(RemarkLevel::Error, Some(&setting.item.id), text);
    }
    ended.log = Some(log).filter(|log| log.bytes > 0);
    ended
}
