//! Are two loops of 5.00 and 5.05 ms of CPU time told apart?
//!
//!     cargo bench --bench apart [-- SECONDS TRIALS]
//!
//! Both arms are this very program as `spin UNITS`; the work is counted in units, one per cent more of them in the head.
//! How many units make 5 ms is measured once, from the slope between two sizes. Then so many trials of so many seconds
//! each with the difference, and as many without, go through the product's own decision code with the limit at half a
//! per cent. Where valgrind is installed, the instructions of both are counted as well.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and stops where it cannot go on")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use backsight::compare::{Pair, Subject as Subjects, SubjectMetric, Trial, TrialDecision, TrialTerms};
use backsight::execute::{Cancel, Rig, Setup, Subject};
use backsight::pipeline::{CounterSource, MetricName};
use backsight::plan::{Invocation, Manner};
use backsight::results::{Direction, Verdict};
use backsight::stats::Random;

/// The time limit of one execution.
const LONG: Duration = Duration::from_secs(60);
/// The CPU time of the base's loop.
const LOOP_NS: f64 = 5.0e6;
/// How many more units the head has.
const MORE: f64 = 1.01;
/// The smallest change that matters.
const LIMIT: f64 = 0.005;
/// The metrics that decide.
const METRICS: [&str; 2] = ["cpu_time", "wall_time"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [name, units] = words.as_slice()
        && name == "spin"
    {
        return spin(units.parse().unwrap());
    }
    let seconds = words.first().map_or(30, |word| word.parse().unwrap());
    let trials: u64 = words.get(1).map_or(5, |word| word.parse().unwrap());
    let bench = Bench::new();
    let units = bench.calibrate();
    let more = (units as f64 * MORE).round() as u64;
    println!("{units} units of the loop make {:.2} ms; the head has {more}", LOOP_NS / 1e6);
    println!("{trials} trials of {seconds} s, limit {} %, at most 1 % false alarms\n", LIMIT * 100.0);
    println!("| head | decided by | estimate | interval | pairs | verdict |\n|---|---|---|---|---|---|");
    for (head, shown) in [(more, "5.05 ms"), (units, "5.00 ms")] {
        for seed in 0..trials {
            let decisions = bench.trial(units, head, seconds, seed);
            for (metric, decision) in METRICS.iter().zip(decisions) {
                tell(shown, metric, &decision.unwrap());
            }
        }
    }
    bench.count(units, more);
}

/// The work: nothing but arithmetic, so many turns of it.
fn spin(units: u64) {
    let mut state = black_box(0x9E37_79B9_7F4A_7C15_u64);
    for _ in 0..units {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}

struct Bench {
    rig: Rig,
    manner: Manner,
    env: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Self {
        let manner = Manner { source: CounterSource::Callgrind, ..Manner::default() };
        let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
        Self { rig: Rig::open(Cancel::new()).unwrap(), manner, env }
    }

    fn subject(&self, units: u64, metrics: &[MetricName]) -> Subject {
        let program = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let setup = Setup {
            run: &Invocation::Args(vec![program, "spin".into(), units.to_string()]),
            manner: &self.manner,
            metrics,
            workspace: PathBuf::from("/"),
            folder: PathBuf::from("/"),
            env: self.env.clone(),
        };
        Subject::open(&setup, &self.rig).unwrap()
    }

    fn values(&self, subject: &mut Subject) -> Vec<f64> {
        let reading = subject.once(&self.rig, LONG).unwrap();
        assert!(reading.good(), "{}", reading.ending());
        let value = |wanted: &str| reading.values.iter().find(|(name, _)| name == wanted).unwrap().1;
        METRICS.map(value).to_vec()
    }

    /// How many units make the loop's time: what starting the program costs is in both sizes, and falls out.
    fn calibrate(&self) -> u64 {
        const SMALL: u64 = 1_000_000;
        let (mut small, mut large) = (self.subject(SMALL, &[]), self.subject(5 * SMALL, &[]));
        let mut costs: Vec<f64> =
            (0..101).map(|_| (self.values(&mut large)[0] - self.values(&mut small)[0]) / (4 * SMALL) as f64).collect();
        costs.sort_by(f64::total_cmp);
        (LOOP_NS / costs[costs.len() / 2]).round() as u64
    }

    fn trial(&self, base: u64, head: u64, seconds: u64, seed: u64) -> Vec<Option<TrialDecision>> {
        let metric = |name: &str| SubjectMetric {
            name: name.into(),
            direction: Direction::Lower,
            limit: LIMIT,
            floor: 0.0,
            countable: false,
        };
        let subject = Subjects { metrics: METRICS.iter().map(|name| metric(name)).collect(), budget: None };
        let budget = Duration::from_secs(seconds);
        let mut trial = Trial::new(vec![subject], TrialTerms { false_alarms: 0.01, budget, seed });
        let (mut base, mut head) = (self.subject(base, &[]), self.subject(head, &[]));
        let mut random = Random::new(seed);
        let begun = Instant::now();
        while let Some(at) = trial.next(begun.elapsed()) {
            let started = Instant::now();
            let pair = if random.coin() {
                let base = self.values(&mut base);
                Pair { base, head: self.values(&mut head), head_first: false }
            } else {
                let head = self.values(&mut head);
                Pair { base: self.values(&mut base), head, head_first: true }
            };
            trial.take(at, pair, started.elapsed());
        }
        trial.conclude().remove(0)
    }

    fn count(&self, base: u64, head: u64) {
        let count = |units| {
            let mut subject = self.subject(units, &[MetricName::Instructions]);
            subject.count(&self.rig, LONG).unwrap().map(|metric| metric.samples)
        };
        match (count(base), count(head)) {
            (Some(base), Some(head)) => {
                let change = head[0] / base[0] - 1.0;
                println!("\ninstructions by callgrind: {base:?} and {head:?}, {:+.4} %", change * 100.0);
            }
            _ => println!("\nno callgrind here"),
        }
    }
}

fn tell(head: &str, metric: &str, decision: &TrialDecision) {
    let percent = |share: f64| format!("{:+.2} %", share * 100.0);
    let verdict = match decision.verdict {
        Verdict::Regressed => "regressed",
        Verdict::Improved => "improved",
        Verdict::Unchanged => "unchanged",
        _ => "inconclusive",
    };
    let pairs = decision.pairs.0 + decision.pairs.1;
    let interval = format!("{} to {}", percent(decision.low), percent(decision.high));
    println!("| {head} | {metric} | {} | {interval} | {pairs} | {verdict} |", percent(decision.change));
}
