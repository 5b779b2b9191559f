//! The store: what is saved comes back, by id, by filter, as a baseline and as a history, with several writers too.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use backsight::ops::baseline::{Wanted, choose};
use backsight::results::{ChangeRequest, Document, Kind, Outcome, Reason, Status, Validity};
use backsight::store::{OpenOptions, RunFacts, RunFilter, SeriesFilter, SqliteStore, Store};
use rusqlite::Connection;

use crate::support::{CLASS, add_benchmark, add_case, add_step, document};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("results.db"), &OpenOptions::default()).unwrap()
}

fn count(folder: &Path, sql: &str) -> i64 {
    Connection::open(folder.join("results.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn rich(nth: i64) -> Document {
    let mut document = document(nth);
    let unit = add_step(&mut document, Kind::Test, "unit", None, None);
    add_case(&mut document, &unit, "parses", Outcome::Passed);
    add_case(&mut document, &unit, "names with \u{0}, 'quotes' and \n lines", Outcome::Failed);
    let bench = add_step(&mut document, Kind::Benchmark, "encode", Some("minilm"), Some("cpu"));
    add_benchmark(&mut document, &bench, "encode", 1e6 + nth as f64, vec![1e6, 1.1e6, 0.9e6]);
    document
}

#[test]
fn a_saved_run_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let saved = rich(1);
    open(folder.path()).save(&saved).unwrap();
    let store = open(folder.path());
    assert_eq!(store.load(saved.run.id).unwrap().as_ref(), Some(&saved));
    assert_eq!(store.load(document(2).run.id).unwrap(), None);
    assert_eq!(store.runs(&RunFilter::default()).unwrap(), [RunFacts::from(&saved)]);
    store.verify().unwrap();
}

#[test]
fn saving_a_run_again_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let first = rich(1);
    store.save(&rich(0)).unwrap();
    store.save(&first).unwrap();
    store.save(&first).unwrap();
    let mut second = document(1);
    second.run.status = Status::Lost;
    let bench = add_step(&mut second, Kind::Benchmark, "decode", None, None);
    add_benchmark(&mut second, &bench, "decode", 5.0, Vec::new());
    store.save(&second).unwrap();
    assert_eq!(store.load(first.run.id).unwrap(), Some(second));
    assert_eq!(count(folder.path(), "SELECT count(*) FROM runs"), 2);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM steps"), 3);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM outcomes"), 2);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM points"), 2);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM history WHERE benchmark = 'decode'"), 1);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM case_history WHERE outcome = 'failed'"), 1);
}

#[test]
fn the_store_and_the_filter_in_memory_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut documents: Vec<_> = (0..70).map(|nth| if nth % 3 == 0 { rich(nth) } else { document(nth) }).collect();
    for (nth, document) in documents.iter_mut().enumerate() {
        document.change.branch = (nth % 5 > 0).then(|| format!("branch-{}", nth % 5));
        document.run.status = if nth % 4 == 0 { Status::Failed } else { Status::Passed };
        store.save(document).unwrap();
    }
    let all = RunFilter::default();
    let at = |nth: usize| Some(documents[nth].run.started_at);
    let filters = [
        all.clone(),
        RunFilter { statuses: vec![Status::Failed, Status::Lost], ..all.clone() },
        RunFilter { branch: Some("branch-2".into()), ..all.clone() },
        RunFilter { kinds: vec![Kind::Benchmark], ..all.clone() },
        RunFilter { kinds: vec![Kind::Generation], ..all.clone() },
        RunFilter { kinds: vec![Kind::Test], target: Some("cpu".into()), ..all.clone() },
        RunFilter { target: Some("cpu".into()), model: Some("minilm".into()), ..all.clone() },
        RunFilter { name: Some("enc*".into()), ..all.clone() },
        RunFilter { name: Some("parse[rs]".into()), since: at(10), ..all.clone() },
        RunFilter { name: Some("tests/*".into()), until: at(10), ..all.clone() },
        RunFilter { name: Some("nothing".into()), ..all.clone() },
    ];
    for filter in filters {
        let found: Vec<_> = store.runs(&filter).unwrap().into_iter().map(|facts| facts.id).collect();
        let newest_first = documents.iter().rev().filter(|document| filter.matches(document).unwrap());
        let expected: Vec<_> = newest_first.map(|document| document.run.id).collect();
        assert_eq!(found, expected, "{filter:?}");
        let limited = store.runs(&RunFilter { limit: Some(3), ..filter.clone() }).unwrap();
        assert!(limited.iter().map(|facts| &facts.id).eq(expected.iter().take(3)), "{filter:?}");
    }
    let error = store.runs(&RunFilter { name: Some("a[".into()), ..all }).unwrap_err();
    assert!(error.to_string().starts_with("`a[` is not a glob"), "{error}");
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for nth in 0..3 {
        store.save(&document(nth)).unwrap();
    }
    let id = document(1).run.id.to_string();
    let ids = |prefix: &str| store.find(prefix, 10).unwrap().iter().map(|facts| facts.id).collect::<Vec<_>>();
    assert_eq!(ids(&id), [document(1).run.id]);
    assert_eq!(ids(&id.to_uppercase()), [document(1).run.id]);
    assert_eq!(ids(&id[..4]).len(), 3);
    assert_eq!(ids("%").len() + ids("g").len() + ids("' OR 1 --").len(), 0);
}

#[test]
fn a_history_goes_back_over_blocks_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    // The 40th comes last, as from another machine; every tenth did not measure this.
    for nth in (0..100).filter(|nth| *nth != 40).chain([40]) {
        store.save(&if nth % 10 == 5 { document(nth) } else { rich(nth) }).unwrap();
    }
    let series = store.series(&SeriesFilter { benchmark: Some("enc*".into()), ..SeriesFilter::default() }).unwrap();
    assert_eq!(series.len(), 1);
    assert_eq!((series[0].benchmark.as_str(), series[0].unit.as_str()), ("encode", "ns"));
    let values = |limit| {
        let points = store.history(&series[0], limit).unwrap();
        points.iter().map(|point| point.measured.value - 1e6).collect::<Vec<_>>()
    };
    let expected: Vec<_> = (0..100).filter(|nth| nth % 10 != 5).map(f64::from).collect();
    assert_eq!(values(1000), expected);
    assert_eq!(values(4), [96.0, 97.0, 98.0, 99.0]);
    assert_eq!(values(60).first(), Some(&33.0), "the 40th is among them");
    assert!(values(0).is_empty());
    let point = &store.history(&series[0], 1).unwrap()[0];
    assert_eq!((point.label.run, point.label.branch.as_deref()), (document(99).run.id, Some("main")));
    let even =
        |label: &backsight::store::RunLabel| label.commit.as_deref().is_some_and(|hash| hash.ends_with(['0', '8']));
    let points = store.history_of(&series[0], 3, &even).unwrap();
    let commits: Vec<_> = points.iter().map(|point| point.label.commit.clone().unwrap()).collect();
    assert_eq!(commits, [80, 88, 96].map(|nth| format!("{nth:040x}")));
    assert_eq!((point.measured.samples, point.measured.noisy), (Some(3), false));
}

#[test]
fn a_history_sees_what_another_connection_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = (open(folder.path()), open(folder.path()));
    writer.save(&rich(0)).unwrap();
    let series = reader.series(&SeriesFilter::default()).unwrap();
    assert_eq!(reader.history(&series[0], 10).unwrap().len(), 1);
    let mut again = rich(0);
    again.change.branch = Some("renamed".into());
    writer.save(&again).unwrap();
    writer.save(&rich(1)).unwrap();
    let points = reader.history(&series[0], 10).unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!(points[0].label.branch.as_deref(), Some("renamed"));
}

#[test]
fn figures_that_cannot_be_trusted_make_no_point() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut run = rich(0);
    let reason = Reason::new("clock", "the clock jumped");
    add_benchmark(&mut run, "benchmarks/encode", "invalid", 1.0, Vec::new());
    run.benchmarks[1].validity = Validity::Invalid { reason: reason.clone() };
    add_benchmark(&mut run, "benchmarks/encode", "noisy", 2.0, Vec::new());
    run.benchmarks[2].validity = Validity::Noisy { reason };
    store.save(&run).unwrap();
    assert_eq!(count(folder.path(), "SELECT count(*) FROM points"), 2);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM points WHERE noisy"), 1);
}

#[test]
fn where_cases_share_a_name_the_worse_outcome_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut run = document(0);
    let unit = add_step(&mut run, Kind::Test, "unit", None, None);
    for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Passed] {
        add_case(&mut run, &unit, "same", outcome);
    }
    store.save(&run).unwrap();
    assert_eq!(count(folder.path(), "SELECT count(*) FROM case_history WHERE outcome = 'failed'"), 1);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM outcomes"), 1);
}

fn on(nth: i64, branch: &str, status: Status, request: Option<u64>) -> Document {
    let mut document = document(nth);
    document.change.branch = Some(branch.into());
    document.run.status = status;
    let target_branch = Some("main".to_owned());
    document.change.request = request.map(|number| ChangeRequest {
        number,
        target_branch,
        source_branch: None,
        from_fork: None,
        labels: Vec::new(),
    });
    document
}

#[test]
fn the_baseline_is_the_last_finished_run_of_the_branch_and_hardware() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut elsewhere = on(5, "main", Status::Passed, None);
    elsewhere.host.class_key = "ffff".into();
    let mut other_project = on(6, "main", Status::Passed, None);
    other_project.project = "other".into();
    let stored = [
        on(0, "main", Status::Passed, None),
        on(1, "main", Status::Failed, None),
        on(2, "main", Status::Lost, None),
        on(3, "main", Status::Cancelled, None),
        on(4, "main", Status::Passed, Some(7)),
        elsewhere,
        other_project,
        on(10, "feature", Status::Passed, Some(7)),
        on(99, "main", Status::Passed, None),
    ];
    for run in &stored {
        store.save(run).unwrap();
    }
    let chosen = |run: &Document, compare_with| {
        let baseline = choose(&store, &Wanted::by(run, compare_with)).unwrap();
        baseline.map(|baseline| (stored.iter().position(|run| *run == baseline.document).unwrap(), baseline.note))
    };
    let of_main = Some("the baseline is a run of main".to_owned());
    assert_eq!(chosen(&on(50, "main", Status::Passed, None), None), Some((1, None)));
    assert_eq!(chosen(&stored[1], None), Some((0, None)), "not the run itself");
    assert_eq!(chosen(&on(50, "feature", Status::Passed, Some(7)), None), Some((7, None)));
    assert_eq!(chosen(&on(50, "feature", Status::Passed, Some(8)), None), Some((1, of_main.clone())));
    assert_eq!(chosen(&on(50, "feature", Status::Passed, Some(7)), Some("main")), Some((1, of_main)));
    assert_eq!(chosen(&on(50, "feature", Status::Passed, None), Some("gone")), None);
    let mut measured = on(50, "main", Status::Passed, None);
    measured.counts.benchmarks = 1;
    assert_eq!(chosen(&measured, None), None, "none of them measured anything");
    let mut new_hardware = on(50, "main", Status::Passed, None);
    new_hardware.host.class_key = "eeee".into();
    assert_eq!(chosen(&new_hardware, None), None);
}

#[test]
fn a_dirty_baseline_is_used_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut base = document(0);
    base.change.dirty = Some(true);
    store.save(&base).unwrap();
    let baseline = choose(&store, &Wanted::by(&document(1), None)).unwrap().unwrap();
    assert_eq!(baseline.note.as_deref(), Some("the baseline's tree had changes that were not committed"));
    assert_eq!(baseline.reference().class_key, CLASS);
}

#[test]
fn without_git_the_runs_without_a_branch_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let plain = |nth| {
        let mut run = document(nth);
        run.change = Default::default();
        run
    };
    store.save(&document(0)).unwrap();
    assert!(choose(&store, &Wanted::by(&plain(5), None)).unwrap().is_none());
    store.save(&plain(1)).unwrap();
    assert_eq!(choose(&store, &Wanted::by(&plain(5), None)).unwrap().unwrap().document, plain(1));
}

#[test]
fn each_branch_and_hardware_has_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for (nth, branch, request) in [(0, "main", None), (1, "main", None), (2, "dev", None), (3, "dev", Some(1))] {
        store.save(&on(nth, branch, Status::Passed, request)).unwrap();
    }
    let mut detached = document(4);
    detached.change.branch = None;
    store.save(&detached).unwrap();
    let found = store.baselines(None).unwrap();
    let found: Vec<_> = found.iter().map(|facts| (facts.branch.as_deref(), facts.id)).collect();
    let expected = [(None, 4), (Some("dev"), 2), (Some("main"), 1)].map(|(branch, nth)| (branch, document(nth).run.id));
    assert_eq!(found, expected);
    assert!(store.baselines(Some("other")).unwrap().is_empty());
}

const WRITES: i64 = 40;
const PLACE: &str = "BACKSIGHT_TEST_STORE";

/// A process of this binary that saves runs, telling each on standard output once it is saved.
fn writer(folder: &Path, first: i64) -> Child {
    let binary = std::env::current_exe().unwrap();
    Command::new(binary)
        .args(["--exact", "store::child_that_writes", "--ignored", "--nocapture"])
        .env(PLACE, format!("{first} {}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "started by the tests of several writers"]
fn child_that_writes() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let (first, folder) = place.split_once(' ').unwrap();
    let first: i64 = first.parse().unwrap();
    let mut store = open(Path::new(folder));
    for nth in first..first + WRITES {
        store.save(&rich(nth)).unwrap();
        println!("saved {nth}");
    }
}

#[test]
fn processes_that_write_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4).map(|child| writer(folder.path(), child * 1000)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = open(folder.path());
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len() as i64, 4 * WRITES);
    for nth in (0..4).flat_map(|child| child * 1000..child * 1000 + WRITES) {
        assert_eq!(store.load(rich(nth).run.id).unwrap(), Some(rich(nth)));
    }
    let series = store.series(&SeriesFilter::default()).unwrap();
    assert_eq!(store.history(&series[0], 1000).unwrap().len() as i64, 4 * WRITES);
    store.verify().unwrap();
}

#[test]
fn a_writer_that_is_killed_loses_nothing_it_had_saved() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let mut child = writer(folder.path(), round * 1000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut saved: Vec<i64> = Vec::new();
        while saved.len() < 3 + 4 * round as usize {
            saved.extend(lines.next().unwrap().split("saved ").nth(1).map(|nth| nth.parse::<i64>().unwrap()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let rest = lines.filter_map(|line| line.strip_prefix("saved ").and_then(|nth| nth.parse::<i64>().ok()));
        saved.extend(rest);
        let store = open(folder.path());
        for nth in saved {
            assert_eq!(store.load(rich(nth).run.id).unwrap(), Some(rich(nth)));
        }
        store.verify().unwrap();
    }
}
