//! The paired measurement of two commands: pairs in drawn order, screening, then confirmation on fresh pairs.

use std::time::{Duration, Instant};

use super::figures::Columns;
use super::rig::Rig;
use super::subject::{CountError, Reading, Setup, Subject, SubjectError};
use super::vigil::{Since, Vigil};
use crate::compare::{Decision, PairedTerms, Screen, decide, screen, unchanged};
use crate::execute::log::Log;
use crate::execute::{Emitter, Workshop};
use crate::plan::{Invocation, Item, Measure};
use crate::report::figures::{change, interval};
use crate::results::{Arm, Benchmark, Direction, Event, Iteration, Kind, Metric, Pairs, Reason, RemarkLevel, Validity};
use crate::stats::{Random, signed_rank};

/// The share of the budget that screening gets.
const SCREENING: f64 = 0.4;
/// Pairs taken in each stage whatever the budget: fewer cannot reject anything at 1 % over two metrics.
const FEWEST: usize = 12;
/// Pairs of a stage after which more add nothing.
const MOST: usize = 2000;
/// Failed runs in a row after which nothing more is tried.
const HOPELESS: u32 = 3;
/// How often the terminal hears of the progress.
const TELL: Duration = Duration::from_millis(200);
/// The metrics that decide, with their columns' names.
const DECIDING: [&str; 2] = ["wall_time", "cpu_time"];

/// What is measured against what.
#[derive(Debug)]
pub struct Duel<'a> {
    /// The step it is told as; its command is the head.
    pub item: &'a Item,
    /// How both commands are executed; its own command is the head.
    pub measure: &'a Measure,
    /// The base's command.
    pub base: &'a Invocation,
    /// Time for both stages.
    pub budget: Duration,
    /// Runs of each before the first pair.
    pub warm_up: u32,
    /// Where the order inside the pairs is drawn from.
    pub seed: u64,
    /// What the decision is held to.
    pub terms: PairedTerms,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Both arms' samples.
    pub benchmark: Benchmark,
    /// Per deciding metric its name, the decision, and the pairs behind it; empty if there was no pair.
    pub decisions: Vec<(String, Decision, Pairs)>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum DuelError {
    /// A command could not be started.
    #[error("{0}: {1}")]
    Start(&'static str, SubjectError),
    /// A command fails.
    #[error("{arm}: {HOPELESS} runs in a row failed, the last with {exit}{said}")]
    Fails {
        /// `base` or `head`.
        arm: &'static str,
        /// How its last run ended.
        exit: String,
        /// The last line it wrote on standard error, after a colon.
        said: String,
    },
    /// The system refuses something.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Carries out the measurement. An interrupted one gives what it has, without a decision.
///
/// # Errors
/// If a command cannot be started, or fails again and again.
pub fn duel(duel: &Duel<'_>, workshop: &Workshop, emitter: &Emitter, log: &mut Log<'_>) -> Result<Outcome, DuelError> {
    let rig = Rig::open(workshop.cancel.clone())?;
    let mut work = Work {
        duel,
        workshop,
        emitter,
        base: Side::open("base", Arm::Base, duel.base, duel, workshop, &rig)?,
        head: Side::open("head", Arm::Head, &duel.measure.run, duel, workshop, &rig)?,
        rig,
        since: Since::now(),
        random: Random::new(duel.seed),
        iterations: Vec::new(),
        pairs: Vec::new(),
        told: Instant::now(),
    };
    let (base, head) = (work.base.subject.shown(), work.head.subject.shown());
    log.write(format!("base: {base}\nhead: {head}\nseed: {}\n", duel.seed).as_bytes());
    emitter.emit(Event::StepStarted {
        step: duel.item.id.clone(),
        kind: Kind::Benchmark,
        attempt: 1,
        at_ns: emitter.elapsed_ns(),
    });
    let vigil = Vigil::default();
    vigil.begin(&workshop.environment, emitter);
    work.head.subject.remarks().into_iter().for_each(|text| {
        emitter.remark(RemarkLevel::Warning, Some(&duel.item.id), text);
    });
    work.warm_up()?;
    let decisions = work.stages()?;
    let counted = [work.count(Arm::Base), work.count(Arm::Head)];
    vigil.end(emitter);
    Ok(work.conclude(decisions, counted))
}

/// One command, ready.
struct Side {
    name: &'static str,
    arm: Arm,
    subject: Subject,
    columns: Columns,
    failures: u32,
}

impl Side {
    fn open(
        name: &'static str,
        arm: Arm,
        run: &Invocation,
        duel: &Duel<'_>,
        workshop: &Workshop,
        rig: &Rig,
    ) -> Result<Self, DuelError> {
        // Equal for both but for the command: an environment of another size moves the stack.
        let subject = Subject::open(&Setup::of(duel.item, duel.measure, run, workshop), rig)
            .map_err(|error| DuelError::Start(name, error))?;
        Ok(Self { name, arm, subject, columns: Columns::default(), failures: 0 })
    }
}

struct Work<'a> {
    duel: &'a Duel<'a>,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    base: Side,
    head: Side,
    rig: Rig,
    since: Since,
    random: Random,
    iterations: Vec<Iteration>,
    /// Log ratios of the complete pairs, one column a deciding metric.
    pairs: Vec<[f64; DECIDING.len()]>,
    told: Instant,
}

impl Work<'_> {
    fn warm_up(&mut self) -> Result<(), DuelError> {
        for done in 0..self.duel.warm_up {
            self.tell("warm-up", u64::from(done), 0);
            for arm in [Arm::Base, Arm::Head] {
                self.run(arm, true)?;
            }
        }
        Ok(())
    }

    /// Both stages; `None` if the wish to stop came first.
    fn stages(&mut self) -> Result<Vec<(Decision, Pairs)>, DuelError> {
        let terms = self.duel.terms;
        self.sample("screening", self.duel.budget.mul_f64(SCREENING), 0)?;
        let screening = self.pairs.len();
        let screened: Vec<Screen> = (0..DECIDING.len()).map(|at| screen(&self.column(at, 0), terms)).collect();
        let all_unchanged: Option<Vec<_>> = screened
            .iter()
            .map(|screened| match screened {
                Screen::Unchanged(told) => Some(unchanged(told, terms)),
                Screen::Open => None,
            })
            .collect();
        if let Some(decisions) = all_unchanged {
            let pairs = Pairs { screening: screening as u64, confirmation: 0 };
            return Ok(decisions.into_iter().map(|decision| (decision, pairs)).collect());
        }
        self.sample("confirmation", self.duel.budget.mul_f64(1.0 - SCREENING), screening)?;
        if self.workshop.cancel.is_asked() {
            return Ok(Vec::new());
        }
        let fresh: Vec<Vec<f64>> = (0..DECIDING.len()).map(|at| self.column(at, screening)).collect();
        let metrics: Vec<_> = fresh.iter().map(|ratios| (Direction::Lower, ratios.as_slice())).collect();
        let confirmation = (self.pairs.len() - screening) as u64;
        let pairs = Pairs { screening: screening as u64, confirmation };
        Ok(decide(&metrics, terms).into_iter().flatten().map(|decision| (decision, pairs)).collect())
    }

    fn column(&self, metric: usize, from: usize) -> Vec<f64> {
        self.pairs.iter().skip(from).filter_map(|pair| pair.get(metric)).copied().collect()
    }

    /// Pairs until the time is over.
    fn sample(&mut self, stage: &str, time: Duration, from: usize) -> Result<(), DuelError> {
        let started = Instant::now();
        loop {
            let n = self.pairs.len() - from;
            if n >= MOST || (n >= FEWEST && started.elapsed() >= time) || self.workshop.cancel.is_asked() {
                return Ok(());
            }
            self.tell(stage, n as u64, from);
            let order = if self.random.coin() { [Arm::Base, Arm::Head] } else { [Arm::Head, Arm::Base] };
            let mut readings: [Option<Reading>; 2] = [None, None];
            for (reading, arm) in readings.iter_mut().zip(order) {
                *reading = self.run(arm, false)?;
            }
            if order[0] == Arm::Head {
                readings.swap(0, 1);
            }
            if let [Some(base), Some(head)] = readings {
                self.keep(&base, &head);
            }
        }
    }

    /// A pair enters the statistics only if both its runs succeeded.
    fn keep(&mut self, base: &Reading, head: &Reading) {
        self.base.columns.push(&base.values);
        self.head.columns.push(&head.values);
        let value = |reading: &Reading, wanted: &str| {
            reading.values.iter().find(|(name, _)| name == wanted).map_or(0.0, |(_, value)| *value)
        };
        // A clock of microseconds can say zero; two zeros are equal, one is no ratio at all.
        let ratio = |head: f64, base: f64| if head > 0.0 && base > 0.0 { (head / base).ln() } else { 0.0 };
        self.pairs.push(DECIDING.map(|metric| ratio(value(head, metric), value(base, metric))));
    }

    /// One run; `None` if it failed.
    fn run(&mut self, arm: Arm, warm_up: bool) -> Result<Option<Reading>, DuelError> {
        let side = if arm == Arm::Base { &mut self.base } else { &mut self.head };
        let at_ns = self.emitter.elapsed_ns();
        let reading =
            side.subject.once(&self.rig, self.duel.item.timeout).map_err(|error| DuelError::Start(side.name, error))?;
        let good = reading.good();
        side.failures = if good { 0 } else { side.failures + 1 };
        if side.failures >= HOPELESS && !self.workshop.cancel.is_asked() {
            let said = last_words(&side.subject.said());
            return Err(DuelError::Fails { arm: side.name, exit: reading.ending(), said });
        }
        let failed = (!good).then_some(reading.status);
        let iteration = Iteration { warm_up, failed, arm: Some(side.arm), ..Iteration::at(at_ns) };
        self.iterations.push(iteration.clone());
        let values = if good { reading.values.clone() } else { Vec::new() };
        self.emitter.emit(Event::SampleTaken { step: self.duel.item.id.clone(), iteration, values });
        Ok(good.then_some(reading))
    }

    /// Instructions, if they are counted apart; a failure is a remark, for the timed runs stand.
    fn count(&mut self, arm: Arm) -> Option<Metric> {
        let side = if arm == Arm::Base { &mut self.base } else { &mut self.head };
        if self.workshop.cancel.is_asked() {
            return None;
        }
        side.subject.count(&self.rig, self.duel.item.timeout).unwrap_or_else(|error: CountError| {
            let text = format!("instructions: {}: {error}", side.name);
            self.emitter.remark(RemarkLevel::Warning, Some(&self.duel.item.id), text);
            None
        })
    }

    /// The interval so far, for the eye only: it plays no part in the decision.
    fn tell(&mut self, doing: &str, done: u64, from: usize) {
        if done > 0 && self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let ratios = self.column(1, from);
        let figure = signed_rank(&ratios, 1.0 - self.duel.terms.false_alarms).map(|told| {
            let bounds = if told.low.is_finite() {
                format!(" [{}]", interval(told.low.exp_m1(), told.high.exp_m1()))
            } else {
                String::new()
            };
            format!("CPU time {}{bounds}", change(told.estimate.exp_m1()))
        });
        let (step, doing) = (self.duel.item.id.clone(), format!("{doing}, pairs"));
        self.emitter.emit(Event::Progress { step, doing, done, total: None, figure });
    }

    fn conclude(self, decisions: Vec<(Decision, Pairs)>, counted: [Option<Metric>; 2]) -> Outcome {
        let failed = self.iterations.iter().filter(|iteration| iteration.failed.is_some()).count();
        let validity = match (self.pairs.len(), failed) {
            (0, _) => Validity::Invalid { reason: Reason::new("no_sample", "no pair of runs succeeded") },
            (_, 0) => Validity::Valid,
            (n, failed) => {
                let text = format!("{failed} runs failed beside {n} complete pairs");
                Validity::Noisy { reason: Reason::new("runs_failed", text) }
            }
        };
        let conditions = self.since.conditions();
        let [base, head] = counted;
        let metrics = |columns: Columns, counted: Option<Metric>| {
            columns.into_metrics(&self.rig).into_iter().chain(counted).collect::<Vec<_>>()
        };
        let benchmark = Benchmark {
            step: self.duel.item.id.clone(),
            target: Some(self.duel.item.target.clone()),
            metrics: metrics(self.head.columns, head),
            base: metrics(self.base.columns, base),
            iterations: self.iterations,
            validity: validity.under(&conditions),
            conditions: Some(conditions),
            ..Benchmark::new(&self.duel.item.name)
        };
        self.emitter.emit(Event::BenchmarkFinished { benchmark: benchmark.clone() });
        let named =
            DECIDING.iter().zip(decisions).map(|(name, (decision, pairs))| ((*name).to_owned(), decision, pairs));
        Outcome { benchmark, decisions: named.collect() }
    }
}

fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}
