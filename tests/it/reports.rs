//! Test steps that report in other formats than JUnit, and benchmark steps whose report is recognised or is a folder: by
//! name and by content, from each place where a report can be, and what can be wrong with it.

use std::fs;
use std::path::{Path, PathBuf};

use backsight::results::{Outcome, StepStatus, Validity};
use serde_json::Value;

use crate::sandbox::{Sandbox, case, step, wait_for};

/// A format, and real output in it.
const REPORTS: [(&str, &str); 10] = [
    ("ctrf", "ctrf/pytest.json"),
    ("dart-json", "dart-json/dart.jsonl"),
    ("go-test-json", "go-test-json/mixed.jsonl"),
    ("junit", "../junit/enricomi-pytest-junit.fail.xml"),
    ("libtest-json", "libtest-json/nextest.jsonl"),
    ("mocha-json", "mocha-json/file.json"),
    ("nunit3", "nunit3/all-outcomes.xml"),
    ("tap", "tap/node.tap"),
    ("trx", "trx/all-outcomes.trx"),
    ("xunit2", "xunit2/all-outcomes.xml"),
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness").join(name)
}

/// Each format gives the cases that `convert` finds in it, named or recognised, printed or written.
#[test]
fn every_format_is_read_from_every_place() {
    let mut pipeline = String::from("version: 1\ntests:\n");
    let sandbox = Sandbox::new();
    for (format, file) in REPORTS {
        sandbox.write(&format!("{format}.report"), fs::read(fixture(file)).unwrap());
        for (name, run, output) in [
            ("named", format!("cat {format}.report"), "harness: FORMAT"),
            ("auto", format!("cat {format}.report"), "harness: auto, output: stdout"),
            ("stderr", format!("echo other; cat {format}.report >&2"), "harness: FORMAT, output: stderr"),
            ("file", format!("cp {format}.report now.{format}"), "harness: auto, output: 'now.FORMAT'"),
        ] {
            // Without a place JUnit is what the command writes to $BACKSIGHT_JUNIT.
            let output = match (format, name) {
                ("junit", "named") => "harness: junit, output: stdout".to_owned(),
                _ => output.replace("FORMAT", format),
            };
            pipeline.push_str(&format!("  - {{ name: {format}-{name}, run: \"{run}\", {output} }}\n"));
        }
    }
    sandbox.write("backsight.yml", pipeline);
    sandbox.run(&["run"]).says(1, &[]);
    let document = sandbox.document();
    for (format, _) in REPORTS {
        let file = format!("{format}.report");
        let converted: Value =
            serde_json::from_str(&sandbox.run(&["convert", "--harness", format, &file]).stdout).unwrap();
        let mut expected: Vec<(String, String)> = Vec::new();
        for case in converted["cases"].as_array().unwrap() {
            let text = |key: &str| case[key].as_str().unwrap().to_owned();
            expected.push((text("name"), text("outcome")));
        }
        assert!(expected.len() > 1, "{format}");
        for name in ["named", "auto", "stderr", "file"] {
            let id = format!("tests/{format}-{name}");
            let cases = document.cases.iter().filter(|case| case.step == id);
            let found: Vec<(String, String)> = cases
                .map(|case| (case.name.clone(), serde_json::to_value(case.outcome).unwrap().as_str().unwrap().into()))
                .collect();
            assert_eq!(found, expected, "{id}");
        }
    }
    // What was printed stands in the log all the same, and nothing is left beside it.
    let log = step(&document, "tests/tap-named").log.clone().unwrap();
    assert_eq!(log.bytes, fs::metadata(sandbox.path("tap.report")).unwrap().len());
    assert_eq!(fs::read_dir(sandbox.newest().join("junit")).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_with_a_report_is_told_and_no_report_is_no_pass() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: silent, run: 'true', harness: tap }\n  - { name: broken, run: 'echo oh no >&2; \
         exit 3', harness: go-test-json }\n  - { name: unknown, run: 'echo hello', harness: auto }\n  - { name: bench, run: \
         'cat bench.txt', harness: auto }\n  - { name: stale, run: 'true', harness: tap, output: old.tap }\n  - { name: cut, \
         run: 'head -c 60 ok.tap', harness: tap }\n  - { name: contradicted, run: 'cat ok.tap; exit 1', harness: tap }\n",
    );
    sandbox.write("bench.txt", "test a ... bench:  100 ns/iter (+/- 1)\n");
    sandbox.write("old.tap", "1..1\nok 1 - old\n");
    sandbox.write("ok.tap", "TAP version 14\n1..3\nok 1 - first thing\nok 2 - second thing\nok 3 - third\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let words = [
        "standard output: no result of TAP",
        "the command ended with exit 3; standard output",
        "is in none of the known formats",
        "it is `libtest`, which has benchmarks and no test cases",
        "wrote no report that matches `old.tap`; 1 older files match",
        "although no case failed",
    ];
    sandbox.run(&["run"]).says(1, &words);
    let document = sandbox.document();
    for name in ["silent", "broken", "unknown", "bench", "stale", "cut"] {
        assert_eq!(case(&document, name).outcome, Outcome::Errored, "{name}");
        assert_eq!(step(&document, &format!("tests/{name}")).status, StepStatus::Failed, "{name}");
    }
    assert_eq!(case(&document, "first thing").outcome, Outcome::Passed);
    assert_eq!(case(&document, "contradicted").outcome, Outcome::Failed);
    assert!(case(&document, "broken").failures[0].text.as_deref().unwrap().contains("oh no"));
}

#[test]
fn a_case_that_passes_when_it_is_run_again_is_flaky_in_each_format() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: t, harness: tap, retries: 1, run: 'test $BACKSIGHT_ATTEMPT = 1 && echo \"1..1\nnot \
         ok 1 - a\" && exit 1; echo \"1..1\nok 1 - a\"' }\n",
    );
    sandbox.write(
        "backsight.yml",
        "version: 1\ntests:\n  - name: t\n    harness: tap\n    retries: 1\n    run: |\n      echo 1..1\n      test \
         $BACKSIGHT_ATTEMPT = 2 || { echo \"not ok 1 - a\"; exit 1; }\n      echo \"ok 1 - a\"\n",
    );
    sandbox.run(&["run"]);
    assert_eq!(case(&sandbox.document(), "a").outcome, Outcome::Flaky);
}

#[test]
fn a_report_that_was_printed_survives_a_kill() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: slow\n    harness: tap\n    run: |\n      echo \"ok 1 - told\"\n      echo \"not ok 2 - \
         told too\"\n      touch here\n      sleep 5\n",
    );
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the first cases");
    let kept = || fs::read_dir(sandbox.newest().join("junit")).into_iter().flatten().flatten();
    let has = |entry: fs::DirEntry| fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("told too"));
    wait_for(|| kept().any(has), "the cases on disk");
    running.kill();
    let document = sandbox.run(&["report", "--recover", "--format", "json"]).document();
    let told: Vec<_> = document.cases.iter().map(|case| (case.name.as_str(), case.outcome)).collect();
    assert_eq!(told, [("told", Outcome::Passed), ("told too", Outcome::Failed)]);
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let refused = |step: &str, words: &[&str]| {
        Sandbox::with(&format!("version: 1\ntests:\n  - {{ name: a, run: x, {step} }}\n"))
            .run(&["check"])
            .says(2, words);
    };
    refused("junit: a.xml, harness: tap", &["`harness` cannot stand beside `junit`"]);
    refused("output: a.tap", &["there is no `harness`", "harness: auto"]);
    refused("harness: tapp", &["did you mean `tap`?"]);
    refused("harness: criterion", &["`harness`"]);
    refused("harness: tap, output: ../../a", &["output"]);
}

/// A folder that a benchmark tool leaves is one report, of which only what this call wrote counts.
#[test]
fn a_folder_of_criterion_is_read_and_old_results_in_it_are_not() {
    let sandbox = Sandbox::with(
        "version: 1\nbenchmarks:\n  - { name: tree, run: 'cp -r tree/. target/criterion/', harness: criterion, output: \
         target/criterion }\n  - { name: auto, run: 'mkdir -p other && cp -r tree/. other/', harness: auto, output: other }\n  \
         - { name: stale, run: 'true', harness: criterion, output: left }\n  - { name: printed, run: 'cat printed', harness: \
         auto }\n",
    );
    copy(&fixture("criterion/tree-0.8"), &sandbox.path("tree"));
    copy(&fixture("criterion/tree-0.8"), &sandbox.path("left"));
    // A benchmark that the tool no longer has.
    copy(&fixture("criterion/tree-0.5"), &sandbox.path("target/criterion/gone"));
    sandbox.write("printed", "test a ... bench:  100 ns/iter (+/- 1)\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    sandbox.run(&["run"]).says(3, &["wrote no file that matches `left`"]);
    let document = sandbox.document();
    let of = |name: &str| -> Vec<String> {
        let id = format!("benchmarks/{name}");
        let all = document.benchmarks.iter().filter(|one| one.step == id && one.validity == Validity::Valid);
        all.map(backsight::results::Benchmark::series).collect()
    };
    let names = |name: &str| -> Vec<String> {
        of(name).iter().map(|series| series.trim_start_matches(&format!("{name}/")).to_owned()).collect()
    };
    assert!(of("tree").len() > 1, "{:?}", document.benchmarks);
    assert_eq!(names("tree"), names("auto"));
    assert_eq!((of("stale").len(), of("printed").len()), (0, 1));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::write(to, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// What the first version wrote is rendered by this one, in every format.
#[test]
fn old_documents_are_rendered_again() {
    let sandbox = Sandbox::new();
    sandbox.write("first.json", include_str!("../fixtures/results/first.json"));
    for (format, words) in [
        ("terminal", "quickstart"),
        ("markdown", "`benchmarks/count-words`"),
        ("html", "<!doctype html>"),
        ("junit", "<testsuites"),
        ("json", "backsight/results/1"),
        ("openmetrics", "backsight_benchmark_time_seconds{benchmark=\"count-words\""),
        ("codequality", "["),
        ("json-lines", "\"kind\":\"case\""),
        ("csv", "count-words,wall_time,ns"),
        ("badge", "<svg"),
        ("slack", "\"blocks\""),
        ("teams", "AdaptiveCard"),
        ("discord", "\"embeds\""),
        ("webhook", "backsight/webhook/1"),
    ] {
        let told = sandbox.run(&["report", "first.json", "--format", format]);
        assert!(told.code == 0 && told.stdout.contains(words), "{format}: {told:?}");
    }
}
