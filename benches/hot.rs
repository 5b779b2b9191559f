//! The paths that every run takes or that large inputs stress, as `bench:` lines that Backsight reads itself.
//!
//!     cargo bench --bench hot
//!
//! `backsight.yml` at the root calls it with `harness: libtest`. Each line is the median of some batches, and the
//! median distance from it, scaled to a standard deviation under normal noise.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and stops where it cannot go on")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use backsight::compare::{Pair, Subject, SubjectMetric, Trial, TrialTerms};
use backsight::harness::{junit, libtest};
use backsight::results::Direction;
use backsight::{pipeline, stats};

const BATCHES: usize = 30;
/// Batches of the one that takes the better part of a second.
const FEW: usize = 5;
const BATCH: Duration = Duration::from_millis(20);
const CASES: usize = 1000;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("examples/quickstart/backsight.yml")).unwrap();
    bench("pipeline/quickstart", || pipeline::parse(&text).is_ok());
    let (base, head) = (noise(1, 60), noise(2, 60));
    bench("stats/log_shift_60", || stats::log_shift(&base, &head, 0.95));
    let xml = suite();
    bench("junit/1000_cases", || {
        let mut count = 0_u32;
        let totals = junit::read(xml.as_bytes(), &junit::Limits::default(), &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        assert!(totals.is_ok() && count as usize == CASES, "all cases are read");
        count
    });
    let lines = lines();
    bench("libtest/1000_lines", || libtest::parse(lines.as_bytes()).is_ok());
    let (base, head) = (noise(1, 100), noise(2, 100));
    batches("decision/1000_benchmarks_100_pairs", FEW, || decide(&base, &head));
}

/// All statistics of a paired run: 1,000 benchmarks of one metric, 40 pairs of screening and 60 of confirmation.
fn decide(base: &[f64], head: &[f64]) -> usize {
    let metric = SubjectMetric {
        name: "wall_time".into(),
        direction: Direction::Lower,
        limit: 0.001,
        floor: 0.0,
        countable: false,
    };
    let subject = Subject { metrics: vec![metric], budget: Some(Duration::from_secs(100)) };
    let terms = TrialTerms { false_alarms: 0.01, budget: Duration::from_secs(100_000), seed: 1 };
    let mut trial = Trial::new(vec![subject; 1000], terms);
    let (mut spent, mut turns) = (Duration::ZERO, vec![0_usize; 1000]);
    while let Some(at) = trial.next(spent) {
        let turn = turns[at] % base.len();
        turns[at] += 1;
        let pair = Pair {
            base: vec![base[turn]],
            head: vec![head[(turn + at) % head.len()]],
            head_first: turn.is_multiple_of(2),
        };
        trial.take(at, pair, Duration::from_secs(1));
        spent += Duration::from_secs(1);
    }
    trial.conclude().len()
}

fn bench<T>(name: &str, work: impl FnMut() -> T) {
    batches(name, BATCHES, work);
}

fn batches<T>(name: &str, batches: usize, mut work: impl FnMut() -> T) {
    let began = Instant::now();
    let mut calls = 0_u32;
    while began.elapsed() < BATCH {
        black_box(work());
        calls += 1;
    }
    let batches: Vec<f64> = (0..batches)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..calls {
                black_box(work());
            }
            began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .collect();
    let found = stats::summarise(&batches, 0.95).unwrap();
    println!("test {name} ... bench: {:.1} ns/iter (+/- {:.1})", found.median, found.spread);
}

/// Times that wander a little, the same in every run.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    (0..n).map(|_| 1e6 * (1.0 + 0.1 * next())).collect()
}

/// A suite as pytest writes it; every tenth case failed.
fn suite() -> String {
    let case = |n: usize| {
        let failure = if n.is_multiple_of(10) { "<failure message=\"1 != 2\">at line 7</failure>" } else { "" };
        format!("<testcase classname=\"tests.a\" name=\"test_{n}\" time=\"0.00{}\">{failure}</testcase>\n", n % 10)
    };
    let cases: String = (0..CASES).map(case).collect();
    format!("<testsuites><testsuite name=\"pytest\" tests=\"{CASES}\">\n{cases}</testsuite></testsuites>\n")
}

fn lines() -> String {
    (0..1000).map(|n| format!("test group/case_{n} ... bench: {} ns/iter (+/- {n})\n", 1000 + n)).collect()
}
