//! How long a large store takes to give the history of one benchmark, and the latest baseline of all. Prints a Markdown
//! table; `docs/measurements/history.md` keeps one.
//!
//! `cargo bench --bench history` fills a store with 2,500,000 points (500 runs of 5,000 benchmarks), which takes half a
//! minute; `-- --quick` a twentieth of that, to see that it works.
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

use backsight::results::{Document, Kind};
use backsight::store::{BaselineQuery, OpenOptions, SeriesFilter, SqliteStore, Store};

const BENCHMARKS: i64 = 5_000;
/// The points of a history that are asked for.
const LAST: usize = 500;

fn main() {
    let runs = if std::env::args().any(|argument| argument == "--quick") { 25 } else { 500 };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("full.db");
    let mut store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    for nth in 0..runs {
        store.save(&run(nth)).unwrap();
    }
    drop(store);
    println!(
        "| {} points: {runs} runs of {BENCHMARKS} benchmarks | n | median ms | 95 % ms | max ms |",
        runs * BENCHMARKS
    );
    println!("|---|---|---|---|---|");
    histories(&path);
    baselines(&path);
}

fn run(nth: i64) -> Document {
    let mut document = support::document(nth);
    let step = support::add_step(&mut document, Kind::Benchmark, "criterion", None, None);
    for benchmark in 0..BENCHMARKS {
        let value = 1e6 + ((nth * 7_919 + benchmark * 104_729) % 10_007) as f64;
        support::add_benchmark(
            &mut document,
            &step,
            &format!("group_{}/case_{benchmark}", benchmark % 40),
            value,
            Vec::new(),
        );
    }
    document
}

/// By name, as a command asks: find the series, then its points.
fn histories(path: &Path) {
    let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
    let all = store.series(&SeriesFilter::default()).unwrap();
    let chosen: Vec<_> = (0..300).map(|index| &all[index * 37 % all.len()]).collect();
    let warm = chosen.iter().map(|series| timed(|| store.history(series, LAST).unwrap().len()));
    row(&format!("history of one benchmark, its last {LAST} points, store kept open"), warm.collect());
    drop(store);
    let cold = chosen.iter().take(60).map(|series| {
        let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
        timed(|| store.history(series, LAST).unwrap().len())
    });
    row("the same, first question after opening", cold.collect());
    let named = chosen.iter().take(60).map(|series| {
        timed(|| {
            let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
            let filter = SeriesFilter {
                benchmark: Some(series.benchmark.clone()),
                metric: Some(series.metric.clone()),
                ..SeriesFilter::default()
            };
            store.series(&filter).unwrap().iter().map(|series| store.history(series, LAST).unwrap().len()).sum()
        })
    });
    row("opening, finding it among all by its name, and its history", named.collect());
}

/// Which run it is, and all that it measured.
fn baselines(path: &Path) {
    let query = BaselineQuery {
        project: "demo".into(),
        class_key: support::CLASS.into(),
        branch: Some("main".into()),
        with_benchmarks: true,
        ..BaselineQuery::default()
    };
    let times = (0..60).map(|_| {
        timed(|| {
            let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
            let facts = store.baseline(&query).unwrap().unwrap();
            store.load(facts.id).unwrap().unwrap().benchmarks.len()
        })
    });
    row(&format!("opening, and the latest baseline of {BENCHMARKS} benchmarks"), times.collect());
}

/// Milliseconds; what was found must not be nothing.
fn timed(work: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    assert!(work() > 0);
    start.elapsed().as_secs_f64() * 1e3
}

fn row(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("| {name} | {} | {:.2} | {:.2} | {:.2} |", times.len(), at(0.5), at(0.95), at(1.0));
}
