//! The paired measurement of two commands: pairs in drawn order, screening, then confirmation on fresh pairs.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::figures::{Columns, values};
use super::sampling::{direct, forget_own_peak, own_peak};
use crate::compare::{Decision, PairedTerms, Screen, decide, screen, unchanged};
use crate::execute::launch::{LaunchError, Launcher, Usage};
use crate::execute::log::Log;
use crate::execute::{Emitter, Watch, Workshop};
use crate::plan::{Invocation, Item};
use crate::report::figures::{change, interval};
use crate::results::{Arm, Benchmark, Direction, Event, ExitStatus, Iteration, Kind, Pairs, Reason, Validity};
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
    /// The base's command.
    pub base: &'a Invocation,
    /// The head's command.
    pub head: &'a Invocation,
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
    Start(&'static str, LaunchError),
    /// A command fails.
    #[error("{arm}: {HOPELESS} runs in a row failed, the last with {exit}{said}")]
    Fails {
        /// `base` or `head`.
        arm: &'static str,
        /// How its last run ended.
        exit: ExitStatus,
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
    let watch = Watch::start(workshop.cancel.clone())?;
    let mut work = Work {
        duel,
        workshop,
        emitter,
        watch,
        base: Side::open("base", Arm::Base, duel.base, duel.item, workshop)?,
        head: Side::open("head", Arm::Head, duel.head, duel.item, workshop)?,
        random: Random::new(duel.seed),
        iterations: Vec::new(),
        pairs: Vec::new(),
        told: Instant::now(),
    };
    log.write(format!("base: {}\nhead: {}\nseed: {}\n", work.base.shown, work.head.shown, duel.seed).as_bytes());
    emitter.emit(Event::StepStarted {
        step: duel.item.id.clone(),
        kind: Kind::Benchmark,
        attempt: 1,
        at_ns: emitter.elapsed_ns(),
    });
    forget_own_peak();
    work.warm_up()?;
    let decisions = work.stages()?;
    Ok(work.conclude(decisions))
}

/// One command, ready.
struct Side {
    name: &'static str,
    arm: Arm,
    launcher: Launcher,
    stderr: File,
    shown: String,
    columns: Columns,
    failures: u32,
}

impl Side {
    fn open(
        name: &'static str,
        arm: Arm,
        run: &Invocation,
        item: &Item,
        workshop: &Workshop,
    ) -> Result<Self, DuelError> {
        let cwd = workshop.folder(item);
        // Equal for both but for the command: an environment of another size moves the stack.
        let env = workshop.environment.whole(&workshop.step_env(item, 1, &[]), &item.secrets);
        let argv = direct(run, &env, &cwd).unwrap_or_else(|| run.argv());
        let stderr = tempfile::tempfile()?;
        let launcher =
            Launcher::new(&argv, &env, &cwd, Some(stderr.as_fd())).map_err(|error| DuelError::Start(name, error))?;
        let shown = shell_words::join(&argv);
        Ok(Self { name, arm, launcher, stderr, shown, columns: Columns::default(), failures: 0 })
    }
}

struct Work<'a> {
    duel: &'a Duel<'a>,
    workshop: &'a Workshop,
    emitter: &'a Emitter,
    watch: Watch,
    base: Side,
    head: Side,
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
            let mut usages: [Option<Usage>; 2] = [None, None];
            for (usage, arm) in usages.iter_mut().zip(order) {
                *usage = self.run(arm, false)?;
            }
            if order[0] == Arm::Head {
                usages.swap(0, 1);
            }
            if let [Some(base), Some(head)] = usages {
                self.keep(&base, &head);
            }
        }
    }

    /// A pair enters the statistics only if both its runs succeeded.
    fn keep(&mut self, base: &Usage, head: &Usage) {
        self.base.columns.push(base);
        self.head.columns.push(head);
        let cpu = |usage: &Usage| (usage.user + usage.system).as_secs_f64();
        let ratio = |head: f64, base: f64| {
            // A clock of microseconds can say zero; two zeros are equal, one is no ratio at all.
            if head > 0.0 && base > 0.0 { (head / base).ln() } else { 0.0 }
        };
        self.pairs.push([ratio(head.wall.as_secs_f64(), base.wall.as_secs_f64()), ratio(cpu(head), cpu(base))]);
    }

    /// One run; `None` if it failed.
    fn run(&mut self, arm: Arm, warm_up: bool) -> Result<Option<Usage>, DuelError> {
        let side = if arm == Arm::Base { &mut self.base } else { &mut self.head };
        let at_ns = self.emitter.elapsed_ns();
        let usage = side
            .launcher
            .run(&self.watch, self.duel.item.timeout)
            .map_err(|error| DuelError::Start(side.name, error))?;
        let good = usage.status.success() && !usage.timed_out;
        side.failures = if good { 0 } else { side.failures + 1 };
        if side.failures >= HOPELESS && !self.workshop.cancel.is_asked() {
            return Err(DuelError::Fails { arm: side.name, exit: usage.status, said: last_words(&mut side.stderr) });
        }
        let _ = side.stderr.set_len(0);
        let failed = (!good).then_some(usage.status);
        let iteration = Iteration { warm_up, failed, arm: Some(side.arm), ..Iteration::at(at_ns) };
        self.iterations.push(iteration.clone());
        let told = if good { values(&usage) } else { Vec::new() };
        self.emitter.emit(Event::SampleTaken { step: self.duel.item.id.clone(), iteration, values: told });
        Ok(good.then_some(usage))
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

    fn conclude(self, decisions: Vec<(Decision, Pairs)>) -> Outcome {
        let failed = self.iterations.iter().filter(|iteration| iteration.failed.is_some()).count();
        let validity = match (self.pairs.len(), failed) {
            (0, _) => Validity::Invalid { reason: Reason::new("no_sample", "no pair of runs succeeded") },
            (_, 0) => Validity::Valid,
            (n, failed) => {
                let text = format!("{failed} runs failed beside {n} complete pairs");
                Validity::Noisy { reason: Reason::new("runs_failed", text) }
            }
        };
        let floor = own_peak();
        let benchmark = Benchmark {
            step: self.duel.item.id.clone(),
            target: Some(self.duel.item.target.clone()),
            metrics: self.head.columns.into_metrics(floor),
            base: self.base.columns.into_metrics(floor),
            iterations: self.iterations,
            validity,
            ..Benchmark::new(&self.duel.item.name)
        };
        self.emitter.emit(Event::BenchmarkFinished { benchmark: benchmark.clone() });
        let named =
            DECIDING.iter().zip(decisions).map(|(name, (decision, pairs))| ((*name).to_owned(), decision, pairs));
        Outcome { benchmark, decisions: named.collect() }
    }
}

fn last_words(stderr: &mut File) -> String {
    use std::io::{Read, Seek};
    let mut text = Vec::new();
    let read = stderr.rewind().and_then(|()| Read::take(stderr, 64 << 10).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    match (read, last) {
        (Ok(_), Some(line)) => format!(": {}", line.trim()),
        _ => String::new(),
    }
}
