//! The three ways that criterion's figures come.

use super::*;
use crate::harness::testing::{fixture, listed};

#[test]
fn documented_files_are_read() {
    for file in ["printed.txt", "messages.jsonl"] {
        insta::assert_snapshot!(file, listed(&parse(&fixture("criterion", file)).unwrap()));
    }
}

#[test]
fn a_tree_is_read() {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let estimate = |value: f64| {
        format!(
            r#"{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":{},"upper_bound":{}}},"point_estimate":{value},"standard_error":0.1}}"#,
            value - 1.0,
            value + 1.0
        )
    };
    let estimates = format!(r#"{{"mean":{},"median":{},"slope":{}}}"#, estimate(10.0), estimate(9.0), estimate(11.0));
    let files = [
        file(
            "g/f/new/benchmark.json",
            r#"{"group_id":"g","function_id":"f","throughput":{"Bytes":1100},"full_id":"g/f, long"}"#,
        ),
        file("g/f/new/estimates.json", &estimates),
        file("g/f/new/sample.json", r#"{"sampling_mode":"Linear","iters":[1.0,2.0],"times":[10.0,24.0]}"#),
        file("h/new/estimates.json", &estimates.replace(&format!("\"slope\":{}", estimate(11.0)), "\"slope\":null")),
        file(
            "h/new/raw.csv",
            "group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count\nh,,a,b,,,30.0,us,3\n",
        ),
        file("i/new/sample.json", "{}"),
    ];
    assert!(files.iter().all(|(path, _)| (TREE.wants)(path)) && !(TREE.wants)("g/f/base/estimates.json"));
    insta::assert_snapshot!("tree", listed(&(TREE.read)(&files).unwrap()));
    assert!((TREE.read)(&[]).is_err());
    assert!((TREE.read)(&[file("g/new/estimates.json", "{\"mean\":")]).is_err());
}

#[test]
fn nothing_and_halves_are_never_fine() {
    for bad in [
        "",
        "Benchmarking a: Warming up\n",
        "a  time:   [1.0 µs 1.1",
        "{\"reason\":\"benchmark-complete\",\"id\":\"a\",\"typ",
        "a time: [x y z]\n",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
