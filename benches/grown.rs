//! How long `backsight history` takes where each of 1,000 series has grown by one point, and on 100,000 runs. Prints
//! Markdown tables; `docs/measurements/history.md` keeps them.
//!
//! `cargo bench --bench grown` takes some minutes; `-- --quick` a tenth of it, to see that it works.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program: a failure ends it, and its output is its purpose"
)]

#[path = "../tests/it/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

use std::path::Path;
use std::time::Instant;

use backsight::ops::history::{Question, history};
use backsight::results::{Document, Kind, Outcome};
use backsight::store::{OpenOptions, Places, SqliteStore, Store};

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    grown(&folder.path().join("grown"), if quick { 100 } else { 1000 });
    many_runs(&folder.path().join("runs"), if quick { 10_000 } else { 100_000 });
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

fn row(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("| {name} | {} | {:.3} | {:.3} | {:.3} |", times.len(), at(0.0), at(0.5), at(1.0));
}

fn header(title: &str) {
    println!("\n{title}\n\n| what | n | min ms | median ms | max ms |\n|---|---|---|---|---|");
}

/// Noise of about 2 % that is the same in each execution.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let parts = (0..4).map(|at| ((x >> (at * 16)) & 0xffff) as f64 / 65_536.0 - 0.5);
    1.0 + 0.02 * parts.sum::<f64>() * 1.7
}

/// Three steps, at other places in each series.
fn value(run: i64, benchmark: i64) -> f64 {
    let steps = [150, 290, 410].iter().filter(|at| run >= **at + benchmark % 37).count();
    1e6 * 1.06_f64.powi(steps as i32) * noise((run as u64) << 20 | benchmark as u64)
}

fn ci_run(nth: i64, benchmarks: i64) -> Document {
    let mut document = support::document(nth);
    let step = support::add_step(&mut document, Kind::Benchmark, "criterion", None, None);
    for benchmark in 0..benchmarks {
        let value = value(nth, benchmark);
        support::add_benchmark(&mut document, &step, &format!("group/case_{benchmark}"), value, Vec::new());
    }
    document
}

fn fill(workspace: &Path, runs: i64, benchmarks: i64) {
    let mut store = SqliteStore::open(&Places::of(workspace).database(), &OpenOptions::default()).unwrap();
    for nth in 0..runs {
        store.save(&ci_run(nth, benchmarks)).unwrap();
    }
}

fn question(name: Option<&str>) -> Question {
    Question { benchmarks: name.into_iter().map(ToOwned::to_owned).collect(), last: 500, ..Question::default() }
}

fn grown(workspace: &Path, benchmarks: i64) {
    fill(workspace, 500, benchmarks);
    header(&format!("All change points of {benchmarks} series of 500 points"));
    let ask = || timed(|| history(workspace, &question(None), &|_| None).unwrap());
    let (first, told) = ask();
    let changes: usize = told.series.iter().map(|series| series.changes.len()).sum();
    row("nothing known yet", vec![first]);
    row("nothing new", (0..3).map(|_| ask().0).collect());
    let mut times = Vec::new();
    for nth in 500..524 {
        let mut store = SqliteStore::open(&Places::of(workspace).database(), &OpenOptions::default()).unwrap();
        store.save(&ci_run(nth, benchmarks)).unwrap();
        drop(store);
        times.push(ask().0);
    }
    let every: f64 = times.iter().sum::<f64>() / times.len() as f64;
    row("one point more in each, 24 times", times);
    println!("\n{changes} change points in 500 runs; {every:.0} ms on average for one point more.");
    // What was found step by step, against what is found at once.
    let steps = ask().1;
    std::fs::remove_file(Places::of(workspace).folder().join("courses.json")).unwrap();
    let once = ask().1;
    let places = |told: &backsight::results::SeriesHistory| {
        told.changes.iter().map(|change| change.until.clone()).collect::<Vec<_>>()
    };
    let differ = steps.series.iter().zip(&once.series).filter(|(a, b)| places(a) != places(b)).count();
    println!("{differ} of {benchmarks} series have other change points than when all is read at once.");
}

fn many_runs(workspace: &Path, runs: i64) {
    let mut store = SqliteStore::open(&Places::of(workspace).database(), &OpenOptions::default()).unwrap();
    for nth in 0..runs {
        let mut document = ci_run(nth, 1);
        let unit = support::add_step(&mut document, Kind::Test, "unit", None, None);
        support::add_case(&mut document, &unit, "parses", Outcome::Passed);
        store.save(&document).unwrap();
    }
    drop(store);
    header(&format!("The operation on a store of {runs} runs"));
    let told =
        |question: &Question| (0..5).map(|_| timed(|| history(workspace, question, &|_| None).unwrap()).0).collect();
    row("one benchmark, 500 points", told(&question(None)));
    row("tests, 200 runs", told(&Question { tests: true, last: 200, ..Question::default() }));
}
