//! Real files, and one test per rule.

use serde_json::Value;

use super::parse;
use crate::results::Validity;

const FIXTURES: [&[u8]; 2] = [
    include_bytes!("../../../tests/fixtures/harness/pytest-benchmark/pytest_output.json"),
    include_bytes!("../../../tests/fixtures/harness/pytest-benchmark/pytest_several_units.json"),
];

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn real_files_agree_with_their_own_figures() {
    for bytes in FIXTURES {
        let raw: Value = serde_json::from_slice(bytes).unwrap();
        let parsed = parse(bytes).unwrap();
        let list = raw["benchmarks"].as_array().unwrap();
        assert_eq!(parsed.benchmarks.len(), list.len());
        for (benchmark, entry) in parsed.benchmarks.iter().zip(list) {
            let stats = &entry["stats"];
            let wall_time = benchmark.metric("wall_time").unwrap();
            assert_eq!(benchmark.name, entry["fullname"].as_str().unwrap());
            assert!(close(wall_time.value, stats["median"].as_f64().unwrap() * 1e9));
            assert!(close(wall_time.lower.unwrap(), stats["q1"].as_f64().unwrap() * 1e9));
            assert!(close(wall_time.upper.unwrap(), stats["q3"].as_f64().unwrap() * 1e9));
            let iterations = stats["rounds"].as_u64().unwrap() * stats["iterations"].as_u64().unwrap();
            assert_eq!(wall_time.iterations, Some(iterations));
            assert!(close(benchmark.metric("wall_time_min").unwrap().value, stats["min"].as_f64().unwrap() * 1e9));
        }
        // Most of the fixtures' data end with a sentence that says that the rest was left out.
        let cut = list.iter().filter(|entry| !entry["stats"]["data"].as_array().unwrap().iter().all(Value::is_number));
        assert_eq!(parsed.warnings.len(), cut.count());
        assert!(parsed.warnings.iter().all(|warning| warning.text.contains("not all numbers")));
    }
    let lines: Vec<_> = parse(FIXTURES[0]).unwrap().warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [34, 76]);
}

fn file(entries: &str) -> String {
    format!("{{\"benchmarks\": [\n{entries}\n]}}")
}

#[test]
fn parameters_samples_and_notes_are_kept() {
    let text = file(
        r#"{"group": "g", "fullname": "a.py::t[1-x]", "params": {"n": 1, "s": "x"}, "extra_info": {"k": [1]},
            "stats": {"median": 2e-6, "rounds": 3, "iterations": 10, "data": [1e-6, 2e-6, 3e-6]}}"#,
    );
    let parsed = parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.benchmarks[0].series(), "a.py::t[1-x] group=g n=1 s=x");
    let metric = &parsed.benchmarks[0].metrics[0];
    assert_eq!(metric.iterations, Some(30));
    assert!(metric.samples.iter().zip([1e3, 2e3, 3e3]).all(|(a, b)| close(*a, b)));
    assert_eq!(metric.note.as_deref(), Some("k=[1]"));
}

#[test]
fn without_a_median_the_mean_stands_in() {
    let text = file(r#"{"name": "t", "stats": {"mean": 1e-6, "stddev": 2e-6}}"#);
    let metric = parse(text.as_bytes()).unwrap().benchmarks[0].metrics[0].clone();
    assert!(close(metric.value, 1e3) && close(metric.upper.unwrap(), 3e3));
    assert_eq!(metric.lower, Some(0.0));
}

#[test]
fn what_is_not_finite_is_no_figure_and_is_not_lost() {
    let text = file(
        r#"{"name": "NaN \" Infinity", "stats": {"median": NaN, "mean": -Infinity}},
           {"name": "none", "stats": null},
           {"name": "some", "stats": {"median": 1e-6, "mean": Infinity, "data": [NaN, 1e-6], "rounds": -1}}"#,
    );
    let parsed = parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.benchmarks[0].name, "NaN \" Infinity");
    for benchmark in &parsed.benchmarks[..2] {
        assert!(benchmark.metrics.is_empty() && matches!(benchmark.validity, Validity::Invalid { .. }));
    }
    assert_eq!(parsed.benchmarks[2].metrics.len(), 1);
    let lines: Vec<_> = parsed.warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn repeated_names_are_kept_apart() {
    let entry = r#"{"name": "t", "stats": {"median": 1e-6}}"#;
    let parsed = parse(file(&format!("{entry},\n{entry}")).as_bytes()).unwrap();
    assert_eq!(parsed.benchmarks[1].series(), "t occurrence=2");
    assert_eq!((parsed.warnings.len(), parsed.warnings[0].line), (1, 3));
}

#[test]
fn nothing_and_half_of_something_are_errors() {
    let error = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    assert_eq!(error(b" \n"), "the file is empty at line 2, column 1; did pytest run to its end?");
    assert_eq!(
        error(b"{\"benchmarks\": [\n"),
        "cut off: the JSON ends in the middle at line 2, column 1; did pytest run to its end?"
    );
    assert!(error(b"==== test session starts ====").starts_with("not JSON at line 1, column 1"));
    assert!(error(b"{}").starts_with("no list of `benchmarks`"));
    assert!(error(b"[1]").starts_with("no list of `benchmarks`"));
    assert!(error(b"{\"benchmarks\": []}").starts_with("the list of `benchmarks` is empty"));
    assert!(error("[".repeat(100_000).as_bytes()).starts_with("not JSON"));
    for bytes in FIXTURES {
        for end in (1..bytes.len()).step_by(7) {
            if !bytes[end..].trim_ascii().is_empty() {
                assert!(error(&bytes[..end]).starts_with("cut off"), "{end}");
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    for bytes in FIXTURES {
        for at in (0..bytes.len()).step_by(5) {
            let mut damaged = bytes.to_vec();
            damaged[at] = [0xff, b'"', b'\\', b'{', b'9'][at % 5];
            let _ = parse(&damaged);
        }
    }
}
