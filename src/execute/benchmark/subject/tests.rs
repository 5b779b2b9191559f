//! Real commands, executed by a subject.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::{CountError, Part, Reading, Setup, Subject, SubjectError, enough};
use crate::execute::Cancel;
use crate::execute::benchmark::rig::Rig;
use crate::pipeline::{MetricName, Stdin};
use crate::plan::{Invocation, Manner};

const LONG: Duration = Duration::from_secs(60);

fn sh(script: &str) -> Invocation {
    Invocation::Args(vec!["sh".into(), "-c".into(), script.into()])
}

fn open(folder: &Path, run: &str, manner: &Manner, metrics: &[MetricName]) -> (Rig, Result<Subject, SubjectError>) {
    let rig = Rig::open(Cancel::new()).unwrap();
    let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
    let (workspace, folder) = (folder.to_owned(), folder.to_owned());
    let subject = Subject::open(&Setup { run: &sh(run), manner, metrics, workspace, folder, env }, &rig);
    (rig, subject)
}

fn once(folder: &Path, run: &str, manner: &Manner) -> Reading {
    let (rig, subject) = open(folder, run, manner, &[]);
    subject.unwrap().once(&rig, LONG).unwrap()
}

fn value(reading: &Reading, metric: &str) -> f64 {
    reading.values.iter().find(|(name, _)| name == metric).unwrap().1
}

#[test]
fn a_reading_has_every_metric_that_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let reading = once(dir.path(), "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.01", &Manner::default());
    assert!(reading.good());
    let names: Vec<&str> = reading.values.iter().map(|(name, _)| name.as_str()).collect();
    let known: Vec<&str> = crate::results::MEASURED.iter().map(|known| known.name).collect();
    let counters = ["instructions", "cycles", "branch_misses", "cache_misses"];
    let expected: Vec<&str> = known.into_iter().filter(|name| !counters.contains(name)).collect();
    assert_eq!(names, expected, "in the order of the table");
    assert_eq!(value(&reading, "wall_time"), reading.wall.as_nanos() as f64);
    for metric in ["wall_time", "cpu_time", "peak_memory", "minor_faults", "voluntary_switches"] {
        assert!(value(&reading, metric) > 0.0, "{metric}: {reading:?}");
    }
}

#[test]
fn prepare_and_cleanup_surround_each_run_and_are_not_timed() {
    let dir = tempfile::tempdir().unwrap();
    let manner = Manner {
        prepare: Some(sh("sleep 0.2; echo prepare >> log")),
        cleanup: Some(sh("sleep 0.2; echo cleanup >> log")),
        ..Manner::default()
    };
    let (rig, subject) = open(dir.path(), "echo run >> log", &manner, &[]);
    let mut subject = subject.unwrap();
    for _ in 0..2 {
        let reading = subject.once(&rig, LONG).unwrap();
        assert!(reading.good() && reading.wall < Duration::from_millis(190), "{reading:?}");
    }
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert_eq!(log, "prepare\nrun\ncleanup\n".repeat(2));
}

#[test]
fn the_part_that_failed_is_named_and_cleanup_comes_in_any_case() {
    let dir = tempfile::tempdir().unwrap();
    let log = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    let with = |prepare: &str, cleanup: &str| Manner {
        prepare: Some(sh(prepare)),
        cleanup: Some(sh(cleanup)),
        ..Manner::default()
    };
    let reading = once(dir.path(), "echo run >> a", &with("exit 4", "echo cleanup >> a"));
    assert_eq!((reading.part, reading.ending(), reading.good()), (Part::Prepare, "exit 4 in prepare".into(), false));
    assert_eq!((log("a"), reading.values.len(), reading.wall), ("cleanup\n".into(), 0, Duration::ZERO));
    let reading = once(dir.path(), "exit 3", &with("true", "exit 5"));
    assert_eq!((reading.part, reading.ending()), (Part::Run, "exit 3".into()), "the first failure is told");
    let reading = once(dir.path(), "true", &with("true", "exit 5"));
    assert_eq!((reading.part, reading.ending(), reading.good()), (Part::Cleanup, "exit 5 in cleanup".into(), false));
    assert!(reading.wall > Duration::ZERO);
    let missing = Manner { prepare: Some(Invocation::Args(vec!["no-such-program".into()])), ..Manner::default() };
    let error = open(dir.path(), "true", &missing, &[]).1.unwrap_err().to_string();
    assert!(error.contains("prepare") && error.contains("command not found"), "{error}");
}

#[test]
fn input_is_whole_in_each_run_and_cannot_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("input"), "from a file").unwrap();
    let script = "cat > got; { echo changed >&0; } 2>> refused || true";
    for (stdin, text) in [
        (Stdin::File("./input".into()), "from a file"),
        (Stdin::Text { text: "from the pipeline".into() }, "from the pipeline"),
    ] {
        let manner = Manner { stdin: Some(stdin), ..Manner::default() };
        let (rig, subject) = open(dir.path(), script, &manner, &[]);
        let mut subject = subject.unwrap();
        for _ in 0..2 {
            assert!(subject.once(&rig, LONG).unwrap().good());
            assert_eq!(std::fs::read_to_string(dir.path().join("got")).unwrap(), text);
        }
    }
    for (path, word) in [("missing", "relative to the workspace"), (".", "regular")] {
        let manner = Manner { stdin: Some(Stdin::File(path.into())), ..Manner::default() };
        let error = open(dir.path(), "true", &manner, &[]).1.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn what_a_run_said_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (rig, subject) = open(dir.path(), "echo x >> n; wc -l < n >&2; exit 1", &Manner::default(), &[]);
    let mut subject = subject.unwrap();
    for n in ["1\n", "2\n"] {
        assert!(!subject.once(&rig, LONG).unwrap().good());
        assert_eq!(String::from_utf8(subject.said()).unwrap(), n);
    }
}

#[test]
fn a_nice_value_reaches_the_command_and_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let manner = Manner { priority: Some(7), ..Manner::default() };
    let (rig, subject) = open(dir.path(), "sleep 0.05; sh -c 'nice > nice'", &manner, &[]);
    let mut subject = subject.unwrap();
    assert!(subject.once(&rig, LONG).unwrap().good());
    assert_eq!(std::fs::read_to_string(dir.path().join("nice")).unwrap().trim(), "7");
    assert!(subject.remarks().is_empty());
}

#[test]
fn counting_stops_when_counts_agree_or_never_will() {
    for (samples, over) in [
        (vec![], false),
        (vec![5.0], false),
        (vec![5.0, 5.0], true),
        (vec![5.0, 6.0], false),
        (vec![5.0, 6.0, 6.0, 6.0], false),
        (vec![5.0, 6.0, 6.0, 6.0, 6.0], true),
    ] {
        assert_eq!(enough(&samples), over, "{samples:?}");
    }
}

#[test]
fn callgrind_counts_are_the_same_twice_and_differ_for_different_work() {
    let dir = tempfile::tempdir().unwrap();
    let manner = Manner { source: crate::pipeline::CounterSource::Callgrind, ..Manner::default() };
    let count = |turns: u32| {
        let run = format!("i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done");
        let (rig, subject) = open(dir.path(), &run, &manner, &[MetricName::Instructions]);
        let mut subject = subject.unwrap();
        match subject.remarks().first() {
            Some(reason) => Err(reason.clone()),
            None => Ok(subject.count(&rig, LONG).unwrap().unwrap()),
        }
    };
    let (small, large) = match (count(1000), count(1010)) {
        (Ok(small), Ok(large)) => (small, large),
        (Err(reason), _) | (_, Err(reason)) => return eprintln!("skipped: {reason}"),
    };
    assert_eq!((small.samples.len(), small.note.as_deref()), (2, Some("deterministic")));
    assert_eq!((small.source.as_str(), small.unit.as_str()), ("callgrind", "count"));
    let change = large.value / small.value - 1.0;
    assert!(change > 0.0005 && change < 0.02, "one per cent of the turns is {change}");
}

#[test]
fn a_program_that_fails_under_callgrind_has_no_count() {
    let dir = tempfile::tempdir().unwrap();
    let manner = Manner { source: crate::pipeline::CounterSource::Callgrind, ..Manner::default() };
    let (rig, subject) = open(dir.path(), "exit 6", &manner, &[MetricName::Instructions]);
    let mut subject = subject.unwrap();
    if let Some(reason) = subject.remarks().first() {
        return eprintln!("skipped: {reason}");
    }
    let error = subject.count(&rig, LONG).unwrap_err();
    assert!(matches!(&error, CountError::Failed(ending) if ending == "exit 6"), "{error}");
}
