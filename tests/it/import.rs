//! Other tools' history into our store: each format, again, damaged, and what reads it afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use backsight::results::Direction;
use backsight::stats::course;
use backsight::store::{OpenOptions, Places, SeriesFilter, SqliteStore, Store};

use crate::sandbox::Sandbox;

fn fixture(name: &str) -> String {
    path(name).display().to_string()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn store(sandbox: &Sandbox) -> SqliteStore {
    SqliteStore::open_existing(&Places::of(&sandbox.work()).database(), &OpenOptions::default()).unwrap().unwrap()
}

/// All series with their values in the order of time.
fn histories(sandbox: &Sandbox) -> Vec<(String, Vec<f64>)> {
    let store = store(sandbox);
    let values = |series| store.history(&series, 1_000).unwrap().iter().map(|point| point.measured.value).collect();
    let named = store.series(&SeriesFilter::default()).unwrap().into_iter();
    named.map(|series| (format!("{} {} {}", series.benchmark, series.metric, series.unit), values(series))).collect()
}

#[test]
fn the_history_of_a_data_js_has_its_change_points() {
    let sandbox = Sandbox::new();
    let file = fixture("import/data.js");
    sandbox.run(&["import", &file]).says(0, &["read as github-action-benchmark", "120 runs imported", "4 series"]);
    let found = histories(&sandbox);
    let of = |name: &str| {
        let (_, values) =
            found.iter().find(|(known, _)| *known == format!("Rust Benchmark/{name} wall_time ns")).unwrap();
        assert_eq!(values.len(), 120);
        course(values).changes.iter().map(|change| change.index).collect::<Vec<_>>()
    };
    // The truth of the set that they come from.
    assert_eq!(of("step up or down"), [95]);
    assert_eq!(of("another step"), [40]);
    assert_eq!(of("two steps"), [48, 99]);
    assert_eq!(of("nothing"), [0; 0]);
    let again = sandbox.run(&["import", &file]);
    again.says(0, &["0 runs imported", "120 were there already"]);
    assert_eq!(histories(&sandbox), found);
    sandbox.run(&["runs", "list", "--limit", "1"]);
    sandbox.run(&["baseline", "list"]);
}

#[test]
fn each_tool_is_recognised_and_keeps_its_commits_and_machines() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("storage/Linux")).unwrap();
    fs::copy(path("harness/pytest-benchmark/pytest_output.json"), sandbox.path("storage/Linux/0001_x.json")).unwrap();
    for (source, words) in [
        ("import/bencher.json", ["2 runs imported", "bencher.json: [2]: no `start_time`"]),
        ("import/conbench.json", ["2 runs imported", "conbench.json: [3]: there is no `tags.name`"]),
        ("import/asv", ["2 runs imported", "4 values"]),
    ] {
        sandbox.run(&["import", &fixture(source)]).says(0, &words);
    }
    sandbox.run(&["import", "--from", "pytest-benchmark", "storage"]).says(0, &["1 runs imported"]);
    let found = histories(&sandbox);
    let of =
        |name: &str| found.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{found:?}")).1.clone();
    assert_eq!(of("bencher/parse/small wall_time ns"), [100.5, 101.5]);
    assert_eq!(of("conbench/write codec=snappy threads=4 throughput bytes/s"), [250.0]);
    assert_eq!(of("conbench/read codec=snappy threads=4 wall_time ns"), [1.1e9, 1.4e9]);
    let asv = of("asv/bench.Suite.time_add n=1000 wall_time ns");
    assert!((asv[0] - 1e5).abs() < 1e-6 && (asv[1] - 2e5).abs() < 1e-6, "{asv:?}");
    let all = store(&sandbox).runs(&backsight::store::RunFilter::default()).unwrap();
    let hosts: Vec<&str> = all.iter().map(|run| run.host.as_str()).collect();
    assert_eq!(hosts.len(), 7);
    for machine in ["ursa", "testbed ubuntu-latest", "machine1 (Some CPU, virtualenv-py3.11)"] {
        assert_eq!(hosts.iter().filter(|host| host.starts_with(machine)).count(), 2, "{hosts:?}");
    }
    let of_request: Vec<_> = all.iter().filter_map(|run| Some((run.request?, run.commit.clone()?))).collect();
    assert_eq!(of_request, [(17, "c2".repeat(20))]);
    let keys: std::collections::BTreeSet<_> = all.iter().map(|run| &run.class_key).collect();
    assert_eq!(keys.len(), 4, "a class for each tool and machine");
}

/// Plain JSON, repeats of a name, directions of single benchmarks, pull requests, a class that the user knows.
#[test]
fn odd_forms_of_a_data_js_are_read() {
    let sandbox = Sandbox::new();
    let entry = |id: char, url: &str, benches: &str| {
        format!(
            "{{\"commit\":{{\"id\":\"{}\",\"timestamp\":\"2024-05-01T10:00:00+02:00\",\"url\":\"{url}\"}},\
             \"tool\":\"go\",\"benches\":[{benches}]}}",
            String::from(id).repeat(40)
        )
    };
    let repeats: String = [3, 1, 2].map(|n| format!("{{\"name\":\"B\",\"value\":{n},\"unit\":\"ns/op\"}}")).join(",");
    let odd = "{\"name\":\"score\",\"value\":\"7\",\"unit\":\"points\",\"biggerIsBetter\":true}";
    let entries = [
        entry('a', "https://x/commit/1", &repeats),
        entry('b', "https://x/pull/12/commits/2", odd),
        entry('c', "https://x/commit/3", ""),
        "{\"commit\":{}}".to_owned(),
    ];
    sandbox.write("data.json", format!("{{\"lastUpdate\":1,\"entries\":{{\"S\":[{}]}}}};", entries.join(",")));
    let words = ["2 runs would be imported", "entries.S[2]: the list is empty", "entries.S[3]: neither `date`"];
    sandbox.run(&["import", "--dry-run", "data.json"]).says(0, &words);
    assert!(!sandbox.path(".backsight/results.db").exists());
    let args = ["import", "--class", "0011223344556677", "--project", "mine", "--branch", "trunk", "data.json"];
    sandbox.run(&args).says(0, &["2 runs imported into `mine`"]);
    assert_eq!(histories(&sandbox)[0], ("S/B wall_time ns".to_owned(), vec![2.0]));
    let store = store(&sandbox);
    let score = store.series(&SeriesFilter { benchmark: Some("S/score".into()), ..SeriesFilter::default() }).unwrap();
    assert_eq!((score[0].direction, score[0].class_key.as_str()), (Direction::Higher, "0011223344556677"));
    let baselines = store.baselines(Some("mine")).unwrap();
    assert_eq!(baselines.len(), 1);
    assert_eq!((baselines[0].branch.as_deref(), baselines[0].request), (Some("trunk"), None));
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("cut.js", "// a comment\nwindow.BENCHMARK_DATA = {\n\"entries\": {\"a\": [");
    sandbox.write("other.json", "{\"hello\": 1}");
    sandbox.write("empty.js", "window.BENCHMARK_DATA = {\"lastUpdate\": 1, \"entries\": {}}");
    sandbox.write("deep.js", format!("window.BENCHMARK_DATA = {}", "[".repeat(100_000)));
    fs::create_dir(sandbox.path("folder")).unwrap();
    for (arguments, words) in [
        (vec!["cut.js"], vec!["cut.js:3:", "cut off"]),
        (vec!["other.json"], vec!["no known tool", "--from: github-action-benchmark, bencher"]),
        (vec!["empty.js"], vec!["no measurement in empty.js"]),
        (vec!["deep.js"], vec!["deep.js:1:", "not JSON"]),
        (vec!["none.js"], vec!["none.js", "No such file"]),
        (vec!["folder"], vec!["no known tool"]),
        (vec!["--from", "asv", "other.json"], vec!["no measurement in other.json"]),
        (vec!["--from", "bench", "other.json"], vec!["--from", "bencher"]),
        (vec!["--class", "zz", "other.json"], vec!["16 hexadecimal digits"]),
        (vec![], vec!["<PATH>"]),
    ] {
        let all: Vec<&str> = std::iter::once("import").chain(arguments).collect();
        sandbox.run(&all).says(2, &words);
    }
    assert!(!sandbox.path(".backsight").exists());
}
