//! What is run, in which order, what the second run says of the first, and each way to look at it afterwards.

use std::fs;
use std::process::Stdio;

use backsight::results::{Basis, Document, Event, Outcome, Status, StepStatus, Verdict};
use serde_json::Value;

use crate::sandbox::{Outcome as Ended, Sandbox, assert_xml, case, junit, step};

const SEVERAL: &str = r#"
version: 1
project: several
generations:
  - { name: files, template: t.txt, output: out.txt }
tests:
  - { name: unit, run: "true" }
  - { name: unit-slow, run: "true", needs: [files] }
  - { name: other, run: "true" }
benchmarks:
  - { name: nothing, run: "true", samples: 6, needs: [unit] }
"#;

fn several() -> Sandbox {
    let sandbox = Sandbox::with(SEVERAL);
    sandbox.write("t.txt", "text of {{ project }}\n");
    sandbox
}

/// The ids of the steps that a selection runs.
fn ran(args: &[&str]) -> Vec<String> {
    let sandbox = several();
    let mut all = vec!["run"];
    all.extend(args);
    sandbox.run(&all).says(0, &[]);
    sandbox.document().steps.iter().map(|step| step.id.clone()).collect()
}

#[test]
fn steps_are_chosen_by_kind_and_name_and_what_they_need_comes_with_them() {
    assert_eq!(ran(&["--only", "generations"]), ["generations/files"]);
    assert_eq!(ran(&["--only", "benchmarks"]), ["tests/unit", "benchmarks/nothing"]);
    assert_eq!(ran(&["-k", "unit*", "--skip", "unit"]), ["generations/files", "tests/unit-slow"]);
    assert_eq!(ran(&["-k", "tests/other"]), ["tests/other"]);
    assert_eq!(ran(&[]).len(), 5);
}

#[test]
fn a_selection_of_nothing_is_a_mistake() {
    let sandbox = several();
    sandbox.run(&["run", "-k", "nobody"]).says(2, &["no step matches -k nobody", "backsight check"]);
    sandbox.run(&["check", "--only", "tests", "-k", "nothing"]).says(2, &["no step matches"]);
    sandbox.run(&["run", "-k", "[z-a"]).says(2, &["`[z-a` is not a glob"]);
    assert!(sandbox.run_folders().is_empty(), "a run that never was left a folder");
}

#[test]
fn conditions_and_rules_skip_with_their_reason() {
    let sandbox = Sandbox::with(
        r#"
version: 1
env: { WANTED: "no" }
models: [{ id: org/good }, { id: org/bad, family: whisper }]
tests:
  - { name: ci-only, if: ci, run: "false" }
  - { name: here, if: 'not ci and os == "linux"', run: "true" }
  - { name: after, needs: [ci-only], run: "true" }
  - { name: each, for_each: models, run: 'test "$BACKSIGHT_MODEL_ID" = org/good' }
rules:
  - { when: { family: whisper }, then: skip, code: unsupported_op, reason: no Einsum kernel }
"#,
    );
    sandbox.run(&["run"]).says(0, &[]);
    let document = sandbox.document();
    let reason = |id: &str| step(&document, id).reason.as_ref().map(|reason| reason.code.clone());
    assert_eq!(reason("tests/ci-only").as_deref(), Some("condition_false"));
    assert_eq!(reason("tests/after").as_deref(), Some("needs_skipped"));
    assert_eq!(reason("tests/each[model=org/bad]").as_deref(), Some("unsupported_op"));
    assert_eq!(step(&document, "tests/each[model=org/good]").status, StepStatus::Passed);
    assert_eq!((document.counts.steps_skipped, document.counts.tests), (3, 2));
    let ci = sandbox.env("CI", "true").run(&["run", "--only", "tests", "-k", "ci-only"]);
    ci.says(1, &["FAILED"]);
}

#[test]
fn a_required_target_that_is_missing_fails_the_run() {
    let sandbox = Sandbox::with(
        "version: 1\nrequire: [qnn]\ntests:\n  - { name: a, run: \"true\" }\n  - { name: b, targets: [qnn], \
         run: \"true\" }\n",
    );
    sandbox.run(&["run"]).says(1, &["qnn", "not available on this host"]);
    let document = sandbox.document();
    assert_eq!(step(&document, "tests/a").status, StepStatus::Passed);
    assert_eq!(document.run.status, Status::Failed);
}

#[test]
fn tests_run_side_by_side_and_benchmarks_alone() {
    // Each test waits until the other is there too: alone, neither would ever pass.
    let meet = |mine: &str, other: &str| {
        format!(
            "    run: |\n      touch busy-{mine} {mine}\n      for i in $(seq 200); do test -e {other} && break; sleep \
             0.05; done\n      test -e {other}\n      sleep 0.2\n      rm busy-{mine}\n"
        )
    };
    let pipeline = format!(
        "version: 1\njobs: 2\ntests:\n  - name: a\n{}  - name: b\n{}benchmarks:\n  - name: alone\n    samples: 6\n    \
         run: sh -c 'test ! -e busy-a && test ! -e busy-b'\n",
        meet("a", "b"),
        meet("b", "a"),
    );
    let sandbox = Sandbox::with(&pipeline);
    sandbox.run(&["run"]).says(0, &[]);
    let document = sandbox.document();
    assert_eq!(document.counts.passed, 2);
    assert!(document.benchmarks[0].iterations.iter().all(|iteration| iteration.failed.is_none()));
    assert!(overlap(&sandbox), "the two tests did not overlap");
}

/// Whether a second step started before the first ended.
fn overlap(sandbox: &Sandbox) -> bool {
    let text = sandbox.report("journal.jsonl");
    let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |wanted: fn(&Event) -> bool, nth: usize| {
        events.iter().enumerate().filter(|(_, event)| wanted(event)).nth(nth).unwrap().0
    };
    let second_start = at(|event| matches!(event, Event::StepStarted { .. }), 1);
    second_start < at(|event| matches!(event, Event::StepFinished { .. }), 0)
}

#[test]
fn a_case_that_fails_and_then_passes_is_flaky() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: wobbly\n    retries: 2\n    run: cp \"$BACKSIGHT_ATTEMPT.xml\" \
         \"$BACKSIGHT_JUNIT\"; test \"$BACKSIGHT_ATTEMPT\" -gt 1\n  - name: bare\n    retries: 1\n    run: test \
         \"$BACKSIGHT_ATTEMPT\" = 2\n  - name: hopeless\n    retries: 1\n    run: exit 3\n",
    );
    sandbox.write(
        "1.xml",
        "<testsuite name='s'><testcase classname='c' name='x'><failure message='first time'/></testcase><testcase \
         classname='c' name='y'/></testsuite>",
    );
    sandbox.write("2.xml", junit(&["x", "y"]));
    sandbox.run(&["run"]).says(1, &["FLAKY", "failed 1 of 2 attempts", "2 flaky", "1 test failed", "exit 3"]);
    let document = sandbox.document();
    assert_eq!(case(&document, "x").outcome, Outcome::Flaky);
    assert_eq!(case(&document, "x").attempts.len(), 2);
    assert_eq!(case(&document, "y").outcome, Outcome::Passed);
    assert_eq!(case(&document, "bare").outcome, Outcome::Flaky);
    assert_eq!(case(&document, "hopeless").outcome, Outcome::Failed);
    assert_eq!(step(&document, "tests/wobbly").attempts, 2);
    let xml = sandbox.report("junit.xml");
    assert_xml(&xml);
    assert!(xml.contains("<flakyFailure"), "{xml}");
}

const CHANGING: &str = r#"
version: 1
project: changing
tests:
  - { name: cases, run: 'cp cases.xml "$BACKSIGHT_JUNIT"; ! grep -q "<failure" cases.xml' }
benchmarks:
  - { name: quick, run: sleep 0.005, samples: 8 }
"#;

fn changing(failing: &str, passing: &str) -> Sandbox {
    let sandbox = Sandbox::with(CHANGING);
    set_cases(&sandbox, failing, passing);
    sandbox
}

fn set_cases(sandbox: &Sandbox, failing: &str, passing: &str) {
    let text = format!(
        "<testsuite name='s'><testcase classname='c' name='{failing}'><failure message='no'>1 != 2</failure></testcase>\
         <testcase classname='c' name='{passing}'/></testsuite>"
    );
    sandbox.write("cases.xml", text);
}

#[test]
fn the_second_run_says_what_moved_since_the_first() {
    let sandbox = changing("red", "green");
    sandbox.run(&["run"]).says(1, &["FAILED", "c::red", "no baseline yet: no earlier run"]);
    let first = sandbox.document();
    assert_eq!(first.comparison.as_ref().unwrap().baseline, None);
    set_cases(&sandbox, "green", "red");
    sandbox
        .run(&["run"])
        .says(1, &["NEWLY FAILING  tests/cases  c::green", "FIXED  tests/cases  c::red", "indicative"]);
    let second = sandbox.document();
    let comparison = second.comparison.unwrap();
    assert_eq!(comparison.basis, Basis::Unpaired);
    assert_eq!(comparison.baseline.unwrap().run, first.run.id.to_string());
    assert!(comparison.rows.iter().any(|row| row.benchmark == "quick" && row.base.is_some() && row.head.is_some()));
    assert!(comparison.rows.iter().all(|row| row.verdict != Verdict::Regressed), "{:?}", comparison.rows);
}

#[test]
fn two_runs_are_compared_by_id_and_by_file() {
    let sandbox = changing("red", "green");
    sandbox.run(&["run"]).says(1, &[]);
    set_cases(&sandbox, "green", "red");
    sandbox.run(&["run"]).says(1, &[]);
    let folders = sandbox.run_folders();
    let file = folders[0].join("results.json").display().to_string();
    let head = folders[1].file_name().unwrap().to_str().unwrap();
    let text = sandbox.run(&["compare", &file, head]);
    text.says(0, &[]);
    for words in ["newly failing: tests/cases  c::green", "fixed: tests/cases  c::red", "quick"] {
        assert!(text.stdout.contains(words), "{}", text.stdout);
    }
    let json = json(&sandbox.run(&["compare", &file, "latest", "--format", "json"]));
    assert_eq!(json["basis"], "unpaired");
    assert_eq!(json["fixed"][0][1], "c::red");
    sandbox.run(&["compare", "nobody", head]).says(2, &["no run `nobody`", "runs list"]);
    sandbox.run(&["compare", "cases.xml", head]).says(2, &["cases.xml:1:1", "not a results document"]);
}

#[track_caller]
fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
}

#[test]
fn a_run_is_reported_again_in_each_format() {
    let sandbox = changing("red", "green");
    let run = sandbox.run(&["run", "--format", "json"]);
    run.says(1, &["exit 1"]);
    let document: Document = run.document();
    assert_eq!(document, sandbox.document());
    let report = |format: &str| {
        let ended = sandbox.run(&["report", "latest", "--format", format]);
        ended.says(0, &[]);
        ended
    };
    assert_eq!(report("json").document(), document);
    assert_eq!(report("junit").stdout, sandbox.report("junit.xml"));
    assert_xml(&report("junit").stdout);
    assert_eq!(report("markdown").stdout, sandbox.report("report.md"));
    assert!(report("terminal").stdout.contains("FAILED  tests/cases  c::red"));
    let prefix = &document.run.id.to_string()[..30];
    assert_eq!(sandbox.run(&["report", prefix, "--format", "json"]).document(), document);
    sandbox.run(&["report", "none.json"]).says(2, &["none.json", "No such file"]);
}

#[test]
fn lists_and_checks_are_there_for_programs() {
    let sandbox = several();
    let checked = json(&sandbox.run(&["check", "--format", "json"]));
    let ids: Vec<&str> = checked["steps"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!((&checked["project"], &checked["steps"][0]["outputs"][0]), (&"several".into(), &"out.txt".into()));
    let table = sandbox.run(&["check"]);
    assert!(table.stdout.contains("5 of 5 steps would run here"), "{}", table.stdout);
    assert!(!sandbox.path(".backsight").exists(), "a check left something");
    sandbox.run(&["run"]).says(0, &[]);
    let runs = json(&sandbox.run(&["runs", "list", "--format", "json"]));
    assert_eq!((&runs[0]["status"], &runs[0]["stored"]), (&"passed".into(), &true.into()));
    assert_eq!(json(&sandbox.run(&["runs", "list", "--status", "failed", "--format", "json"])), Value::Array(vec![]));
}

#[test]
fn foreign_reports_are_converted_from_file_and_from_standard_input() {
    let sandbox = Sandbox::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = [
        ("junit", "junit/mikepenz-nextest-basic.xml", "cases"),
        ("libtest", "harness/libtest/cargo_output.txt", "benchmarks"),
        ("pytest-benchmark", "harness/pytest-benchmark/pytest_output.json", "benchmarks"),
    ];
    for (harness, name, key) in files {
        let path = fixtures.join(name);
        let from_file = sandbox.run(&["convert", "--harness", harness, path.to_str().unwrap()]);
        from_file.says(0, &[]);
        assert!(!json(&from_file)[key].as_array().unwrap().is_empty(), "{harness}");
        let mut command = sandbox.command(&["convert", "--harness", harness]);
        let from_stdin = sandbox.finish(command.stdin(Stdio::from(fs::File::open(&path).unwrap())));
        assert_eq!(from_stdin.stdout, from_file.stdout, "{harness}");
    }
    sandbox.run(&["convert", "--harness", "junit", "no.xml"]).says(2, &["no.xml", "No such file"]);
    let fio = fixtures.join("harness/fio/randrw.json");
    let found = sandbox.run(&["convert", "--harness", "auto", fio.to_str().unwrap()]);
    found.says(0, &["read as `fio`"]);
    assert_eq!(json(&found)["benchmarks"][0]["name"], "randrw");
    let mixed =
        sandbox.run(&["convert", fio.to_str().unwrap(), fixtures.join("harness/tap/node.tap").to_str().unwrap()]);
    mixed.says(2, &["does not go together"]);
    fs::write(sandbox.path("cut.jsonl"), "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\n").unwrap();
    sandbox.run(&["convert", "cut.jsonl"]).says(2, &["cut.jsonl:1:1: cut off"]);
    fs::write(sandbox.path("odd.txt"), "hello\n").unwrap();
    sandbox.run(&["convert", "odd.txt"]).says(2, &["none of the known formats", "wrk: there is no `Running `"]);
    sandbox.run(&["convert", "--harness", "cobol", "x"]).says(2, &["junit", "libtest", "pytest-benchmark"]);
}

#[test]
fn folders_are_converted_whole_or_file_by_file() {
    let sandbox = Sandbox::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness");
    let estimate = r#"{"confidence_interval":{"confidence_level":0.95,"lower_bound":9.0,"upper_bound":11.0},"point_estimate":10.0,"standard_error":0.5}"#;
    fs::create_dir_all(sandbox.path("criterion/sort/new")).unwrap();
    fs::create_dir_all(sandbox.path("criterion/report")).unwrap();
    fs::write(sandbox.path("criterion/report/index.html"), "<html></html>").unwrap();
    let estimates = format!(r#"{{"mean":{estimate},"median":{estimate},"slope":null}}"#);
    fs::write(sandbox.path("criterion/sort/new/estimates.json"), estimates).unwrap();
    let tree = sandbox.run(&["convert", "criterion"]);
    tree.says(0, &["read as `criterion` (a folder)"]);
    assert_eq!(
        (&json(&tree)["benchmarks"][0]["name"], json(&tree)["benchmarks"].as_array().unwrap().len()),
        (&"sort".into(), 1)
    );
    let go = fixtures.join("go");
    let files = sandbox.run(&["convert", go.to_str().unwrap()]);
    files.says(0, &["read as `go`", "README.md:1: no known format fits; left out"]);
    assert!(json(&files)["benchmarks"].as_array().unwrap().len() > 20);
    fs::create_dir_all(sandbox.path("empty")).unwrap();
    sandbox.run(&["convert", "empty"]).says(2, &["empty: the folder has no file"]);
}

#[test]
fn quiet_says_nothing_of_a_green_run_and_all_of_a_red_one() {
    let sandbox = several();
    let green = sandbox.run(&["run", "--quiet"]);
    assert_eq!((green.code, green.stderr.as_str(), green.stdout.as_str()), (0, "", ""));
    let json = sandbox.run(&["run", "--quiet", "--format", "json"]);
    assert_eq!((json.stderr.as_str(), json.document().run.status), ("", Status::Passed));
    let red = changing("red", "green").run(&["run", "--quiet"]);
    red.says(1, &["FAILED  tests/cases  c::red", "exit 1"]);
}

#[test]
fn there_is_no_escape_code_where_there_is_no_terminal() {
    for name in ["NO_COLOR", "TERM"] {
        let sandbox = changing("red", "green").env(name, "xterm");
        for args in [&["run"][..], &["report"], &["check"], &["runs", "list"], &["run", "nowhere.yml"], &["--help"]] {
            let ended = sandbox.run(args);
            assert!(!format!("{}{}", ended.stdout, ended.stderr).contains('\u{1b}'), "{args:?}: {ended:?}");
        }
        sandbox.write("wrong.yml", "version: 1\ntest: []\n");
        let ended = sandbox.run(&["run", "wrong.yml"]);
        assert!(!ended.says(2, &["did you mean `tests`?"]).stderr.contains('\u{1b}'), "{}", ended.stderr);
    }
}

#[test]
fn a_file_written_for_an_empty_folder_is_right_and_runs() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run"]).says(2, &["backsight.yml: there is no such file", "backsight init"]);
    sandbox.run(&["init"]).says(0, &[]);
    sandbox.run(&["check"]).says(0, &[]);
    sandbox.run(&["run"]).says(0, &["exit 0"]);
    sandbox.run(&["init"]).says(2, &["--force"]);
}
