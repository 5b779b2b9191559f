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

/// Commits in a repository of the workspace, the oldest first; each with a run of `parse/small` of this time. They are
/// stored in the wrong order, with clocks that go backwards.
fn commits(sandbox: &Sandbox, runs: i64, value: impl Fn(i64) -> f64) -> Vec<String> {
    git(sandbox, &["init", "-q", "-b", "main"]);
    sandbox.write(".gitignore", ".backsight\n");
    git(sandbox, &["add", "-A"]);
    commit(sandbox, "not measured");
    git(sandbox, &["tag", "v0"]);
    let hashes: Vec<String> = (0..runs).map(|nth| commit(sandbox, &format!("change {nth}"))).collect();
    let mut store = store(&sandbox.work());
    for (nth, hash) in hashes.iter().enumerate().rev() {
        let mut run = document(runs - nth as i64);
        run.change.commit = Some(hash.clone());
        let step = add_step(&mut run, Kind::Benchmark, "parse", None, None);
        add_benchmark(&mut run, &step, "small", value(nth as i64), Vec::new());
        store.save(&run).unwrap();
    }
    hashes
}

fn git(sandbox: &Sandbox, words: &[&str]) -> String {
    let output = sandbox
        .command_of("git", &[&["-c", "user.name=a", "-c", "user.email=a@b"][..], words].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn commit(sandbox: &Sandbox, message: &str) -> String {
    git(sandbox, &["commit", "-q", "--allow-empty", "-m", message]);
    git(sandbox, &["rev-parse", "HEAD"])
}

#[test]
fn points_stand_in_the_order_of_commits_whatever_the_clocks_say() {
    let sandbox = Sandbox::new();
    let hashes = commits(&sandbox, 60, |nth| if nth < 30 { 1e6 } else { 2e6 } + noise(nth, 1e4));
    let history = json(&sandbox.run(&["history", "--format", "json"]));
    let series = &history.series[0];
    let told: Vec<&str> = series.points.iter().filter_map(|point| point.commit.as_deref()).collect();
    assert_eq!(told, hashes.iter().map(String::as_str).collect::<Vec<_>>());
    let change = &series.changes[0];
    assert_eq!((change.until.as_ref(), change.commits), (Some(&hashes[30]), Some(1)));
    // Measured on every third commit alone, the range has three.
    let sandbox = Sandbox::new();
    let hashes = commits(&sandbox, 90, |nth| if nth < 45 { 1e6 } else { 2e6 } + noise(nth, 1e4));
    let database = rusqlite::Connection::open(Places::of(&sandbox.work()).database()).unwrap();
    for hash in hashes.iter().enumerate().filter(|(nth, _)| nth % 3 != 0).map(|(_, hash)| hash) {
        database.execute("UPDATE runs SET branch = 'elsewhere' WHERE commit_hash = ?1", [hash]).unwrap();
    }
    let history = json(&sandbox.run(&["history", "--format", "json"]));
    let change = &history.series[0].changes[0];
    assert_eq!(
        (history.series[0].points.len(), change.commits, change.until.as_ref()),
        (30, Some(3), Some(&hashes[45]))
    );
    let told = sandbox.run(&["history", "--plot", "never"]);
    assert!(told.stdout.contains("(3 commits)"), "{}", told.stdout);
}

#[test]
fn the_drift_guard_sees_what_no_step_shows() {
    let sandbox = Sandbox::new();
    // 0.1 % with each commit, in noise of 2 %.
    let hashes = commits(&sandbox, 90, |nth| 1e6 * (1.0 + 0.001 * nth as f64) + noise(nth, 2e4));
    git(&sandbox, &["tag", "v1.2", &hashes[9]]);
    let told = sandbox.run(&["history", "--since-tag", "v1.2", "--limit", "3%"]);
    told.says(1, &["since v1.2", "1 exceeded"]);
    assert!(told.stdout.contains("exceeded"), "{}", told.stdout);
    let history = json(&sandbox.run(&["history", "--since-tag", "latest", "--limit", "3%", "--format", "json"]));
    let guard = history.guard.unwrap();
    assert_eq!((guard.since.as_str(), &guard.commit), ("v1.2", &hashes[9]));
    let row = &guard.rows[0];
    let (low, high) = (row.low.unwrap(), row.high.unwrap());
    assert!(low > 0.05 && high < 0.1 && low < row.change.unwrap(), "{row:?}");
    sandbox.run(&["history", "--since-tag", "v1.2", "--limit", "20%"]).says(0, &["0 exceeded", "1 within"]);
    sandbox.run(&["history", "--since-tag", "v1.2", "--limit", "7.5%"]).says(3, &["1 unsure"]);
    // The pipeline file may say it; nothing else is asked of it.
    sandbox.write("backsight.yml", "version: 1\nbenchmarks: [{ run: 'true' }]\ngate: { drift: { limit: 3% } }\n");
    sandbox.run(&["history", "--guard"]).says(1, &["since v1.2"]);
    sandbox.run(&["history"]).says(0, &[]);
    sandbox.run(&["check"]).says(0, &[]);
}

#[test]
fn a_guard_that_cannot_tell_says_why() {
    let sandbox = Sandbox::new();
    commits(&sandbox, 16, |nth| 1e6 + noise(nth, 1e4));
    sandbox.run(&["history", "--since-tag", "v9", "--limit", "3%"]).says(2, &["git knows no `v9`", "fetch tags"]);
    git(&sandbox, &["tag", "-d", "v0"]);
    sandbox.run(&["history", "--since-tag", "latest", "--limit", "3%"]).says(2, &["git knows no `latest`"]);
    git(&sandbox, &["tag", "v0", "main~16"]);
    sandbox.run(&["history", "--since-tag", "--all", "--limit", "3%"]).says(2, &[]);
    sandbox.run(&["history", "--since-tag", "main"]).says(2, &["--limit"]);
    sandbox.run(&["history", "--guard", "--limit", "3%"]).says(2, &["--since-tag"]);
    let told = sandbox.run(&["history", "--since-tag", "main", "--limit", "3%"]);
    told.says(3, &["1 unsure"]);
    assert!(told.stdout.contains("nothing was measured since"), "{}", told.stdout);
    let told = sandbox.run(&["history", "--since-tag", "v0", "--limit", "3%"]);
    assert!(told.stdout.contains("no commit up to the anchor was measured"), "{}", told.stdout);
}

/// What `backsight baseline accept` leaves in the store, once it was pulled.
fn accept(sandbox: &Sandbox, pattern: &str, commit: &str) {
    use backsight::store::{Accepted, AcceptedKind, Contents, Entry, Reach, Taken};
    let kind = AcceptedKind::Change { pattern: pattern.into() };
    let one = Accepted::new(None, kind, "a better hash".into(), "Ada <ada@b>".into(), Reach::Commit(commit.into()));
    let entry = Entry { path: one.path(), content: "x".into() };
    let taken = Taken { entry, what: Contents::Accepted(Box::new(one)) };
    store(&sandbox.work()).take_in("here", &[taken]).unwrap();
}

#[test]
fn an_accepted_step_is_told_and_does_not_exceed() {
    let sandbox = Sandbox::new();
    let hashes = commits(&sandbox, 80, |nth| if nth < 40 { 1e6 } else { 1.2e6 } + noise(nth, 2e4));
    let words = ["history", "--since-tag", &hashes[5], "--limit", "5%"];
    sandbox.run(&words).says(1, &["1 exceeded"]);
    accept(&sandbox, "encode/*", &hashes[40]);
    accept(&sandbox, "parse/*", &hashes[60]);
    sandbox.run(&words).says(1, &["1 exceeded"]);
    accept(&sandbox, "parse/*", &hashes[40]);
    let told = sandbox.run(&words);
    told.says(0, &["1 within"]);
    assert!(told.stdout.contains("accepted by Ada <ada@b>: a better hash"), "{}", told.stdout);
    assert!(told.stdout.contains('△') && !told.stdout.contains('▲'), "{}", told.stdout);
}
