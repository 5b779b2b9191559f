//! `backsight history`: what the store holds, read as series over commits, by the real binary.

use std::path::Path;

use backsight::results::{History, Kind};
use backsight::store::{OpenOptions, Places, SqliteStore, Store};

use crate::sandbox::{Outcome, Sandbox};
use crate::support::{add_benchmark, add_step, document};

fn store(folder: &Path) -> SqliteStore {
    SqliteStore::open(&Places::of(folder).database(), &OpenOptions::default()).unwrap()
}

/// Noise that is the same each time: within half of `scale`, no two alike.
fn noise(nth: i64, scale: f64) -> f64 {
    let mut x = (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x ^ (x >> 31)) % 10_000) as f64 / 10_000.0 * scale - scale / 2.0
}

/// Runs of `parse` whose time is what `value` says.
fn fill(sandbox: &Sandbox, runs: i64, value: impl Fn(i64) -> f64) {
    let mut store = store(&sandbox.work());
    for nth in 0..runs {
        let mut run = document(nth);
        let step = add_step(&mut run, Kind::Benchmark, "parse", None, None);
        add_benchmark(&mut run, &step, "small", value(nth), Vec::new());
        add_benchmark(&mut run, &step, "large", 5e6 + noise(nth + 1000, 1e5), Vec::new());
        store.save(&run).unwrap();
    }
}

/// A step of 10 % at the 40th run.
fn stepped(nth: i64) -> f64 {
    let level = if nth < 40 { 1e6 } else { 1.1e6 };
    level + noise(nth, 2e4)
}

fn json(outcome: &Outcome) -> History {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

#[test]
fn a_step_is_found_told_and_drawn() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 80, stepped);
    let told = sandbox.run(&["history", "parse/small"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("+10 %"), "{}", told.stdout);
    assert!(told.stdout.contains('▲') && told.stdout.contains('┊'), "{}", told.stdout);
    assert!(!told.stdout.contains('\u{1b}'), "no colour where there is no terminal");
    let history = json(&sandbox.run(&["history", "parse/small", "--format", "json"]));
    assert_eq!(history.branch.as_deref(), Some("main"));
    let [series] = history.series.as_slice() else { panic!("{history:?}") };
    assert_eq!((series.points.len(), series.changes.len()), (80, 1));
    let change = &series.changes[0];
    assert_eq!((change.index, change.worse), (40, true));
    assert_eq!(change.until, Some(format!("{:040x}", 40)));
    assert_eq!(change.after, Some(format!("{:040x}", 39)));
    assert!(change.low < 0.1 && 0.1 < change.high && change.low > 0.09, "{change:?}");
}
