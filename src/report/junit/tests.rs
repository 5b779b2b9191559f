//! The mapping, the rules of the schema, the way back through our own reader, and the size.

use std::collections::HashSet;
use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::json;

use super::{Limits, render};
use crate::harness::junit;
use crate::results::{
    Attempt, Benchmark, Case, Counts, Direction, Document, ExitStatus, Failure, Generation, GenerationState, Kind,
    LogRef, Metric, Outcome, Reason, Step, StepStatus,
};

fn document() -> Document {
    serde_json::from_value(json!({
        "schema": "backsight/results/1",
        "tool": {"name": "backsight", "version": "0.1.0"},
        "run": {
            "id": "0190f5d4-7c8e-7a31-9d52-5f0e3f2b1a11", "started_at": "2026-11-23T01:02:03Z",
            "duration_ns": 1_500_000_000, "status": "failed", "exit_code": 1
        },
        "project": "demo & <co>",
        "pipeline": {"path": "backsight.yml", "sha256": "00"},
        "change": {"commit": "c0ffee", "branch": "main"},
        "host": {"class_key": "0123456789abcdef", "arch": "x86_64", "cpu": {}, "os": {"family": "linux"}, "targets": ["cpu"]},
        "counts": Counts::default(),
        "steps": [], "cases": [], "generations": [], "benchmarks": []
    }))
    .unwrap()
}

fn step(id: &str, status: StepStatus) -> Step {
    let (section, name) = id.split_once('/').unwrap();
    let kind = match section {
        "tests" => Kind::Test,
        "generations" => Kind::Generation,
        _ => Kind::Benchmark,
    };
    Step {
        id: id.into(),
        kind,
        name: name.into(),
        model: None,
        target: Some("cpu".into()),
        status,
        reason: None,
        command: "true".into(),
        attempts: 1,
        exit: Some(ExitStatus { code: Some(1), signal: None }),
        started_at: Some("2026-11-23T01:02:03.5Z".parse().unwrap()),
        duration_ns: 1_234_567_890,
        log: None,
        leg: None,
    }
}

fn case(step: &str, name: &str, outcome: Outcome) -> Case {
    Case { step: step.into(), class: Some("c".into()), ..Case::new(name, outcome) }
}

fn failure(message: &str) -> Failure {
    Failure { message: Some(message.into()), kind: Some("E".into()), text: Some(format!("{message}\n\tat x <y>")) }
}

fn attempt(outcome: Outcome, message: &str) -> Attempt {
    let failure = (outcome != Outcome::Passed).then(|| failure(message));
    Attempt { outcome, duration_ns: Some(1_000_000), failure }
}

/// One step with a case of every outcome.
fn every_outcome() -> Document {
    let mut document = document();
    let id = "tests/unit";
    document.steps.push(step(id, StepStatus::Failed));
    let make = |name: &str, outcome| case(id, name, outcome);
    document.cases = vec![
        Case { duration_ns: Some(1_500_000), stdout: Some("o".into()), ..make("passed", Outcome::Passed) },
        Case { failures: vec![failure("one"), failure("two")], ..make("failed", Outcome::Failed) },
        Case {
            failures: vec![failure("second")],
            attempts: vec![attempt(Outcome::Errored, "first"), attempt(Outcome::Failed, "second")],
            ..make("failed twice", Outcome::Failed)
        },
        Case { stderr: Some("\u{1b}[31me\u{0}".into()), ..make("errored", Outcome::Errored) },
        Case { failures: vec![failure("no GPU")], ..make("skipped", Outcome::Skipped) },
        Case {
            attempts: vec![attempt(Outcome::Failed, "bad luck"), attempt(Outcome::Passed, "")],
            ..make("flaky", Outcome::Flaky)
        },
        make("timed out", Outcome::TimedOut),
        make("passed", Outcome::Passed),
        make("passed (2)", Outcome::Passed),
        make("odd <name> & \"more\"\n\u{1}", Outcome::Passed),
        Case { class: None, suites: vec!["a".into(), "b".into()], ..make("in suites", Outcome::Passed) },
        Case { class: None, ..make("bare", Outcome::Passed) },
    ];
    document
}

/// All other kinds of entry.
fn other_entries() -> Document {
    let mut document = document();
    let generation = |output: &str, state| Generation {
        step: "generations/g".into(),
        template: "t.j2".into(),
        output: output.into(),
        state,
        sha256: None,
        bytes: None,
        reason: None,
        context: None,
        answer: None,
        diff: (state == GenerationState::Drifted).then(|| "-a\n+b\n".into()),
        failure: (state == GenerationState::Failed).then(|| failure("undefined")),
    };
    use GenerationState::{Drifted, Failed, Missing, Unchanged, Written};
    document.generations = [("1", Written), ("2", Unchanged), ("3", Drifted), ("4", Missing), ("5", Failed)]
        .map(|(output, state)| generation(output, state))
        .into();
    let metric = Metric {
        metric: "wall_time".into(),
        value: 1.0,
        unit: "ns".into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: "clock".into(),
        samples: vec![],
        summary: None,
        note: None,
    };
    document.benchmarks = vec![
        Benchmark { step: "benchmarks/b".into(), metrics: vec![metric], ..Benchmark::new("b") },
        Benchmark { step: "benchmarks/b".into(), ..Benchmark::new("nothing") },
    ];
    document.cases = vec![case("tests/vanished", "alone", Outcome::Passed)];
    let log = LogRef { path: "logs/x".into(), bytes: 3, omitted: 0, tail: "boom".into() };
    let reason = Some(Reason::new("no_device", "there is no GPU"));
    document.steps = vec![
        step("generations/g", StepStatus::Failed),
        step("benchmarks/b", StepStatus::Failed),
        Step { log: Some(log), ..step("benchmarks/crashed", StepStatus::Failed) },
        Step { reason, ..step("tests/gpu", StepStatus::Skipped) },
        step("tests/slow", StepStatus::TimedOut),
        step("tests/broken", StepStatus::Errored),
        step("tests/interrupted", StepStatus::Cancelled),
        step("tests/empty", StepStatus::Passed),
    ];
    document
}

/// What Jenkins' junit-10 schema says of an element: attributes that may be there, those that must, and children.
fn rule(name: &str) -> (&'static [&'static str], &'static [&'static str], &'static [&'static str]) {
    const OUTCOME: [&str; 2] = ["message", "type"];
    const CASE: [&str; 9] = [
        "skipped",
        "error",
        "failure",
        "rerunFailure",
        "rerunError",
        "flakyFailure",
        "flakyError",
        "system-out",
        "system-err",
    ];
    match name {
        "testsuites" => (&["name", "time", "tests", "failures", "errors"], &[], &["testsuite"]),
        "testsuite" => (
            &["name", "tests", "failures", "errors", "skipped", "time", "timestamp"],
            &["name", "tests", "failures", "errors"],
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
        ),
        "testcase" => (&["name", "time", "classname", "group"], &["name"], &CASE),
        "failure" | "error" | "skipped" => (&OUTCOME, &[], &[]),
        "rerunFailure" | "rerunError" | "flakyFailure" | "flakyError" => {
            (&OUTCOME, &["type"], &["stackTrace", "system-out", "system-err"])
        }
        "properties" => (&[], &[], &["property"]),
        "property" => (&["name", "value"], &["name", "value"], &[]),
        "system-out" | "system-err" | "stackTrace" => (&[], &[], &[]),
        other => panic!("`{other}` is no element of the schema"),
    }
}

fn check_element(element: &BytesStart<'_>, parent: Option<&str>) -> String {
    let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
    let (allowed, required, _) = rule(&name);
    let attributes: Vec<(String, String)> = element
        .attributes()
        .map(|attribute| {
            let attribute = attribute.unwrap();
            let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            (key, String::from_utf8(attribute.value.to_vec()).unwrap())
        })
        .collect();
    for (key, value) in &attributes {
        assert!(allowed.contains(&key.as_str()), "{name} has {key}");
        if key == "time" {
            let (whole, fraction) = value.split_once('.').unwrap();
            assert!(whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()), "{value}");
        }
    }
    for key in required {
        assert!(attributes.iter().any(|(found, _)| found == key), "{name} lacks {key}");
    }
    match parent {
        Some(parent) => assert!(rule(parent).2.contains(&name.as_str()), "{name} in {parent}"),
        None => assert_eq!(name, "testsuites"),
    }
    name
}

/// Checks a file against the schema's rules, and that names are unique and all characters legal.
fn check(xml: &str) {
    let legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(legal));
    let mut reader = Reader::from_str(xml);
    reader.config_mut().enable_all_checks(true);
    let mut open: Vec<String> = Vec::new();
    let mut names = HashSet::new();
    loop {
        let event = reader.read_event().unwrap();
        if let Event::Start(element) | Event::Empty(element) = &event {
            let name = check_element(element, open.last().map(String::as_str));
            if name == "testcase" {
                let get = |key: &str| element.try_get_attribute(key).unwrap().unwrap().value.to_vec();
                assert!(names.insert((get("classname"), get("name"))), "{element:?}");
            }
            if matches!(event, Event::Start(_)) {
                open.push(name);
            }
        } else if matches!(event, Event::End(_)) {
            open.pop();
        } else if matches!(event, Event::Eof) {
            break;
        }
    }
    assert!(open.is_empty());
}

fn read_back(xml: &str) -> (Vec<Case>, Counts) {
    let mut cases = Vec::new();
    let totals = junit::read(xml.as_bytes(), &junit::Limits::default(), &mut |case| {
        cases.push(case.clone());
        ControlFlow::Continue(())
    });
    (cases, totals.unwrap().counts)
}

#[test]
fn the_schema_is_kept_and_the_text_is_as_recorded() {
    for (name, document) in [("outcomes", every_outcome()), ("others", other_entries())] {
        let xml = render(&document, &Limits::default());
        check(&xml);
        insta::assert_snapshot!(name, xml);
    }
    check(&render(&document(), &Limits::default()));
}

#[test]
fn our_own_reader_reads_what_we_write() {
    let document = every_outcome();
    let (cases, counts) = read_back(&render(&document, &Limits::default()));
    let mut expected = Counts::default();
    document.cases.iter().for_each(|case| expected.add_case(case.outcome));
    assert_eq!(counts, expected);
    let find = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    for original in &document.cases[..7] {
        let back = find(&original.name);
        let attempts = |case: &Case| case.attempts.iter().map(|attempt| attempt.outcome).collect::<Vec<_>>();
        assert_eq!(
            (back.failures.len(), attempts(back)),
            (original.failures.len().max(attempts_or_told(original)), attempts(original))
        );
    }
    assert_eq!(find("failed").failures[1].text.as_deref(), Some("two\n\tat x <y>"));
    assert_eq!(find("passed").duration_ns, Some(1_500_000));
    assert_eq!(find("errored").stderr.as_deref(), Some("e\u{fffd}"));
    assert!(cases.iter().any(|case| case.name == "passed (2) (2)"));
    assert!(find("in suites").class.as_deref() == Some("a.b") && find("bare").class.as_deref() == Some("unit"));
}

/// Cases that failed without a word still have an element.
fn attempts_or_told(case: &Case) -> usize {
    usize::from(case.outcome.is_failure())
}

#[test]
fn a_step_that_did_not_pass_never_looks_green() {
    let (cases, counts) = read_back(&render(&other_entries(), &Limits::default()));
    let outcome = |name: &str| cases.iter().find(|case| case.name.contains(name)).map(|case| case.outcome);
    use Outcome::{Errored, Failed, Passed, Skipped};
    for (name, expected) in [
        ("1", Passed),
        ("2", Passed),
        ("3", Failed),
        ("4", Failed),
        ("5", Failed),
        ("nothing", Errored),
        ("crashed", Errored),
        ("gpu", Skipped),
        ("slow", Errored),
        ("broken", Errored),
        ("interrupted", Errored),
        ("alone", Passed),
    ] {
        assert_eq!(outcome(name), Some(expected), "{name}");
    }
    assert_eq!(counts.tests, 13);
    let mut document = document();
    document.steps.push(step("tests/unit", StepStatus::Failed));
    document.cases.push(case("tests/unit", "fine", Outcome::Passed));
    assert_eq!(read_back(&render(&document, &Limits::default())).1.failed, 1, "the command failed after its cases");
}

#[test]
fn a_file_that_is_too_large_loses_what_matters_least_first() {
    let mut document = every_outcome();
    for i in 0..600 {
        let long = "x".repeat(2_000);
        let outcome = if i % 3 == 0 { Outcome::Failed } else { Outcome::Passed };
        let failures = if i % 3 == 0 { vec![Failure { text: Some(long.clone()), ..failure(&long) }] } else { vec![] };
        let stdout = Some(long.repeat(2));
        document.cases.push(Case { failures, stdout, ..case("tests/unit", &format!("case {i}"), outcome) });
    }
    let counts = |bytes: usize| {
        let xml = render(&document, &Limits { bytes });
        assert!(xml.len() <= bytes, "{bytes}");
        check(&xml);
        let (_, counts) = read_back(&xml);
        assert_eq!(counts.failed, 203, "failures are never left out");
        (
            counts.tests,
            xml.contains("<system-out>"),
            xml.contains(&"x".repeat(1_500)),
            xml.contains("left_out_for_size"),
        )
    };
    assert_eq!(counts(4_000_000), (612, true, true, false));
    assert_eq!(counts(1_800_000), (612, true, true, false));
    assert_eq!(counts(900_000), (612, false, true, false));
    assert_eq!(counts(260_000), (612, false, false, false));
    assert_eq!(counts(190_000), (205, false, false, true));
    assert_eq!(counts(70_000), (205, false, false, true));
}
