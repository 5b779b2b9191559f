//! `backsight history`: what the store holds, read as series over commits, by the real binary.

use std::path::Path;

use backsight::results::{History, Kind, Outcome as CaseOutcome};
use backsight::store::{OpenOptions, Places, SqliteStore, Store};

use crate::sandbox::{Outcome, Sandbox};
use crate::support::{add_benchmark, add_case, add_step, document};

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
fn a_trailer_on_the_branch_accepts_too() {
    let sandbox = Sandbox::new();
    let hashes = commits(&sandbox, 40, |nth| if nth < 20 { 1e6 } else { 1.2e6 } + noise(nth, 2e4));
    // The twentieth commit again, with a trailer, and all after it.
    git(&sandbox, &["checkout", "-q", "--detach", &hashes[19]]);
    let again = commit(&sandbox, "change 20\n\nBacksight-Accept: parse/* because it checks more");
    for nth in 21..40 {
        commit(&sandbox, &format!("change {nth}"));
    }
    git(&sandbox, &["checkout", "-q", "-B", "main"]);
    let told = sandbox.run(&["history"]);
    assert!(!told.stdout.contains("accepted by"), "its runs are of other commits: {}", told.stdout);
    let database = rusqlite::Connection::open(Places::of(&sandbox.work()).database()).unwrap();
    let line = git(&sandbox, &["rev-list", "--reverse", "main"]);
    for (old, new) in hashes.iter().zip(line.lines().skip(1)) {
        database.execute("UPDATE runs SET commit_hash = ?1 WHERE commit_hash = ?2", [new, old.as_str()]).unwrap();
    }
    assert!(line.contains(&again));
    let told = sandbox.run(&["history"]);
    assert!(told.stdout.contains("accepted by a <a@b>: it checks more"), "{}", told.stdout);
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

#[test]
fn the_digest_tells_what_changed_and_which_commits_did_it() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 80, stepped);
    // The runs are minutes apart, from September 2026 on.
    let told = sandbox.run(&["history", "--digest", "--days", "3660"]);
    told.says(0, &[]);
    assert!(told.stdout.contains("on main: 1 worse, 0 better, 0 accepted, in 80 runs of 2 series"), "{}", told.stdout);
    let range = format!("after {:09x}, until {:09x}", 0, 0);
    assert!(told.stdout.contains(&range), "hashes of these runs begin with zeros: {}", told.stdout);
    assert!(told.stdout.contains("parse/small wall_time: +10"), "{}", told.stdout);
    let told = sandbox.run(&["history", "--digest", "--days", "3660", "--format", "markdown"]);
    assert!(told.stdout.contains("- `parse/small` `wall_time`: +10"), "{}", told.stdout);
    sandbox.run(&["history", "--days", "3"]).says(2, &["--digest"]);
}

#[test]
fn other_formats_go_to_a_file() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 60, stepped);
    sandbox.run(&["history", "parse/small", "--output", "trend.svg"]).says(0, &["written to trend.svg"]);
    let picture = sandbox.read("trend.svg");
    crate::sandbox::assert_xml(&picture);
    assert!(picture.contains("prefers-color-scheme") && picture.contains("class=\"worse\""), "{picture}");
    sandbox.run(&["history", "-o", "all.html"]).says(0, &[]);
    assert_eq!(sandbox.read("all.html").matches("<svg").count(), 2);
    let told = sandbox.run(&["history", "--format", "csv"]);
    assert_eq!(told.stdout.lines().count(), 121);
    sandbox.run(&["history", "--format", "svg"]).says(2, &["an SVG holds one series, and 2 are meant"]);
    sandbox.run(&["history", "-o", "no/such/folder.svg", "parse/small"]).says(4, &["cannot write"]);
    let told = sandbox.run(&["history", "--last", "10", "--format", "json"]);
    assert!(json(&told).series.iter().all(|series| series.points.len() == 10));
    sandbox.run(&["history", "--last", "0"]).says(2, &[]);
}

#[test]
fn lines_of_work_and_classes_stand_apart() {
    let sandbox = Sandbox::new();
    {
        let mut store = store(&sandbox.work());
        for nth in 0..30 {
            let mut run = document(nth);
            let step = add_step(&mut run, Kind::Benchmark, "parse", None, None);
            add_benchmark(&mut run, &step, "small", 1e6 + noise(nth, 1e4), Vec::new());
            match nth % 3 {
                0 => run.change.branch = Some("topic".into()),
                // A fork's main is not ours.
                1 => {
                    run.change.request = Some(backsight::results::ChangeRequest {
                        number: 12,
                        target_branch: Some("main".into()),
                        source_branch: Some("main".into()),
                        from_fork: Some(true),
                        labels: Vec::new(),
                    });
                }
                _ => run.host.class_key = if nth % 2 == 0 { "aaaa" } else { "bbbb" }.into(),
            }
            store.save(&run).unwrap();
        }
    }
    let sizes = |words: &[&str]| {
        let history = json(&sandbox.run(&[&["history", "--format", "json"], words].concat()));
        history.series.iter().map(|series| (series.class_key.clone(), series.points.len())).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&[]), [("aaaa".to_owned(), 5), ("bbbb".to_owned(), 5)]);
    assert_eq!(sizes(&["--class", "aa"]), [("aaaa".to_owned(), 5)]);
    assert_eq!(sizes(&["--branch", "topic"]), [(crate::support::CLASS.to_owned(), 10)]);
    assert_eq!(sizes(&["--request", "12"]), [(crate::support::CLASS.to_owned(), 10)]);
    sandbox.run(&["history", "--branch", "topik"]).says(2, &["no run of branch `topik`", "did you mean topic"]);
    sandbox.run(&["history", "--request", "13"]).says(2, &["did you mean 12?"]);
    sandbox.run(&["history", "--class", "cc"]).says(2, &["aaaa"]);
    let told = sandbox.run(&["history"]);
    assert!(told.stdout.contains("host class"), "{}", told.stdout);
}

#[test]
fn what_is_not_there_is_said_with_what_comes_near() {
    let sandbox = Sandbox::new();
    sandbox.run(&["history"]).says(0, &["no results are stored here yet"]);
    sandbox.run(&["history", "x"]).says(2, &["no benchmark `x` is stored"]);
    assert!(json(&sandbox.run(&["history", "--format", "json"])).series.is_empty());
    drop(store(&sandbox.work()));
    sandbox.run(&["history"]).says(0, &[]);
    fill(&sandbox, 1, |_| 0.0);
    let told = sandbox.run(&["history", "parse/small"]);
    told.says(0, &[]);
    assert!(told.stdout.contains("0 ns"), "{}", told.stdout);
    sandbox.run(&["history", "parse/smal"]).says(2, &["did you mean parse/"]);
    sandbox.run(&["history", "--metric", "wal_time"]).says(2, &["no metric `wal_time`", "wall_time"]);
    sandbox.run(&["history", "a{b"]).says(2, &["no benchmark"]);
    sandbox.run(&["history", "--since", "yesterday"]).says(2, &["is not a time"]);
    sandbox.run(&["history", "--since", "2099-01-01"]).says(0, &["none of the runs of branch main measured"]);
    sandbox.write(".backsight/results.db", "this is no database at all, it is just some text that somebody wrote");
    sandbox.run(&["history"]).says(4, &["results.db"]);
}

#[test]
fn a_renamed_benchmark_goes_on() {
    use backsight::store::{Accepted, AcceptedKind, Contents, Entry, Reach, Taken};
    let sandbox = Sandbox::new();
    {
        let mut store = store(&sandbox.work());
        for nth in 0..40 {
            let mut run = document(nth);
            let step = add_step(&mut run, Kind::Benchmark, "parse", None, None);
            let name = if nth < 20 { "old" } else { "new" };
            add_benchmark(&mut run, &step, name, 1e6 + noise(nth, 1e4), Vec::new());
            store.save(&run).unwrap();
        }
        let kind = AcceptedKind::Rename { from: "parse/old".into(), to: "parse/new".into() };
        let one = Accepted::new(None, kind, String::new(), "A".into(), Reach::Commit("a".repeat(40)));
        let entry = Entry { path: one.path(), content: "x".into() };
        store.take_in("here", &[Taken { entry, what: Contents::Accepted(Box::new(one)) }]).unwrap();
    }
    let history = json(&sandbox.run(&["history", "parse/new", "--format", "json"]));
    assert_eq!(history.series[0].points.len(), 40);
    let told = sandbox.run(&["history"]);
    assert!(!told.stdout.contains("parse/old"), "the old name stands in the new one's series: {}", told.stdout);
}

#[test]
fn tests_have_a_history_too() {
    let sandbox = Sandbox::new();
    {
        let mut store = store(&sandbox.work());
        for nth in 0..60 {
            let mut run = document(nth);
            // Two runs of each commit.
            run.change.commit = Some(format!("{:040x}", 0xabc_0000_0000_u64 + nth as u64 / 2));
            let unit = add_step(&mut run, Kind::Test, "unit", None, None);
            let flaky = if nth % 10 == 0 { CaseOutcome::Failed } else { CaseOutcome::Passed };
            add_case(&mut run, &unit, "net::sometimes", flaky);
            add_case(
                &mut run,
                &unit,
                "parse::broken",
                if nth >= 50 { CaseOutcome::Failed } else { CaseOutcome::Passed },
            );
            add_case(&mut run, &unit, "parse::fine", CaseOutcome::Passed);
            add_case(&mut run, &unit, "parse::slow", CaseOutcome::Passed);
            add_case(&mut run, &unit, "gpu::never", CaseOutcome::Skipped);
            run.cases[2].duration_ns = Some(1_000_000);
            let time = if nth < 40 { 200_000_000 } else { 400_000_000 };
            run.cases[3].duration_ns = Some(time + (nth as u64 * 7919) % 9_000_000);
            store.save(&run).unwrap();
        }
    }
    let history = json(&sandbox.run(&["history", "--tests", "--format", "json"]));
    let tests = history.tests.unwrap();
    assert_eq!((tests.runs, tests.total, tests.method.as_str()), (60, 4, "wilson"));
    let titles: Vec<&str> = tests.cases.iter().map(|case| case.title.as_str()).collect();
    assert_eq!(titles, ["parse::broken", "net::sometimes", "parse::slow", "parse::fine"]);
    let since = tests.cases[0].failing_since.as_ref().unwrap();
    assert_eq!((since.commit.clone(), since.runs), (Some(format!("{:040x}", 0xabc_0000_0019_u64)), 10));
    assert_eq!(since.after, Some(format!("{:040x}", 0xabc_0000_0018_u64)));
    let flaky = tests.cases[1].flake_rate.unwrap();
    assert_eq!((tests.cases[1].flaky, tests.cases[1].runs, tests.cases[1].failed), (6, 60, 6));
    assert!((flaky.low - 0.047).abs() < 2e-3 && (flaky.high - 0.201).abs() < 2e-3, "{flaky:?}");
    let slower = tests.cases[2].slower.as_ref().unwrap();
    assert_eq!(slower.until, Some(format!("{:040x}", 0xabc_0000_0014_u64)));
    let told = sandbox.run(&["history", "--tests"]);
    for word in ["4 tests in 60 runs", "failing now (1)", "flaky (1)", "6 of 60", "10.0 %", "newly slow (1)", "slowest"]
    {
        assert!(told.stdout.contains(word), "lacks {word}: {}", told.stdout);
    }
    let one = json(&sandbox.run(&["history", "--tests", "net::*", "--last", "20", "--format", "json"])).tests.unwrap();
    assert_eq!((one.cases.len(), one.runs, one.cases[0].flaky), (1, 20, 2));
    sandbox.run(&["history", "--tests", "net::sometime"]).says(2, &["no test `net::sometime`", "net::sometimes"]);
}

/// A step whose JUnit has one failing and one passing case, in quarantine until this day.
fn quarantine(run: &str, until: &str) -> String {
    format!(
        "version: 1
tests: [{{ name: unit, run: '{run}' }}]
quarantine:
  - {{ pattern: 'net::*', owner: ada, reason: the mock server drops connections, until: {until} }}
"
    )
}

const JUNIT: &str = "<testsuite name=\"s\" tests=\"2\"><testcase classname=\"net\" name=\"a\"><failure message=\"no\"/></testcase>\
<testcase classname=\"parse\" name=\"b\"/></testsuite>";

#[test]
fn a_quarantined_test_is_told_and_fails_nothing_until_its_day() {
    let run = "cp report.xml $BACKSIGHT_JUNIT; exit 1";
    let sandbox = Sandbox::with(&quarantine(run, "2099-01-01"));
    sandbox.write("report.xml", JUNIT);
    let told = sandbox.run(&["run"]);
    told.says(0, &[]);
    let shown = format!("{}{}", told.stdout, told.stderr);
    assert!(shown.contains("QUARANTINED") && shown.contains("ada: the mock server"), "{shown}");
    assert!(shown.contains("1 failure in quarantine") && !shown.contains("1 test failed"), "{shown}");
    let document = sandbox.document();
    assert_eq!((document.quarantine.len(), document.counts.failed), (1, 1));
    let report = sandbox.report("report.md");
    assert!(report.contains("In quarantine") && report.contains("`2099-01-01`"), "{report}");
    // Another failure beside it counts.
    sandbox.write("report.xml", JUNIT.replace("name=\"b\"/>", "name=\"b\"><failure/></testcase>"));
    sandbox.run(&["run"]).says(1, &[]);
    // When its day has come, it fails.
    let sandbox = Sandbox::with(&quarantine(run, "2020-01-01"));
    sandbox.write("report.xml", JUNIT);
    sandbox.run(&["run"]).says(1, &["the quarantine of `net::*` ended on 2020-01-01 (1 of its tests fail)"]);
}

#[test]
fn a_quarantine_never_excuses_a_crash() {
    for end in ["kill -SEGV $$", "exit 139"] {
        let sandbox = Sandbox::with(&quarantine(&format!("cp report.xml $BACKSIGHT_JUNIT; {end}"), "2099-01-01"));
        sandbox.write("report.xml", JUNIT);
        let told = sandbox.run(&["run"]);
        assert_eq!(told.code, 1, "{told:?}");
        assert!(format!("{}{}", told.stdout, told.stderr).contains("NOT EXCUSED"), "{told:?}");
    }
    // Cut off in the middle, as a process that died leaves it.
    let sandbox = Sandbox::with(&quarantine("cp report.xml $BACKSIGHT_JUNIT; exit 1", "2099-01-01"));
    sandbox.write("report.xml", &JUNIT[..JUNIT.len() - 40]);
    sandbox.run(&["run"]).says(1, &[]);
    sandbox.write("backsight.yml", quarantine("true", "soon"));
    sandbox.run(&["check"]).says(2, &["soon"]);
}

#[test]
fn a_change_cannot_excuse_its_own_failures() {
    let sandbox = Sandbox::with("version: 1\ntests: [{ name: unit, run: 'true' }]\n");
    git(&sandbox, &["init", "-q", "-b", "main"]);
    sandbox.write(".gitignore", ".backsight\n");
    git(&sandbox, &["add", "-A"]);
    let base = commit(&sandbox, "base");
    git(&sandbox, &["checkout", "-q", "-b", "change"]);
    sandbox.write("backsight.yml", quarantine("cp report.xml $BACKSIGHT_JUNIT; exit 1", "2099-01-01"));
    sandbox.write("report.xml", JUNIT);
    git(&sandbox, &["add", "-A"]);
    let head = commit(&sandbox, "a test that fails, and its excuse");
    let on_request = |base: &str| {
        let mut command = sandbox.command(&["run"]);
        command.env("CI", "true").env("GITLAB_CI", "true").env("CI_MERGE_REQUEST_IID", "7");
        command.env("CI_COMMIT_SHA", &head).env("CI_DEFAULT_BRANCH", "main");
        command.env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base).env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
        command.env("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "change");
        sandbox.finish(&mut command)
    };
    on_request(&base).says(1, &["a change cannot excuse its own failures"]);
    // Once it has arrived, it holds for all.
    sandbox.run(&["run"]).says(0, &[]);
}
