//! The given file, repetitions and aggregates, the console, and what can go wrong.

use super::*;
use crate::harness::testing::{fixture, listed};

#[test]
fn given_and_written_files_are_read() {
    for file in ["googlecpp_output.json", "documented.json", "documented.txt"] {
        insta::assert_snapshot!(file, listed(&parse(&fixture("google-benchmark", file)).unwrap()));
    }
}

#[test]
fn nothing_and_halves_are_never_fine() {
    for bad in [
        "",
        "{\"context\":{},\"benchmarks\":[]}",
        "{\"context\":{},\"benchmarks\":[{\"name\":\"a\"",
        "Benchmark Time CPU Iterations\n",
        "{}",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let odd = "Benchmark Time CPU Iterations\nBM_A 1 ns 1 ns 5\nBM_B 1 ns 2 us x\n";
    let parsed = parse(odd.as_bytes()).unwrap();
    assert_eq!((parsed.benchmarks.len(), parsed.warnings[0].line), (1, 3));
}

#[test]
fn what_failed_is_kept_and_marked() {
    let text = r#"{"context":{"num_cpus":1},"benchmarks":[{"name":"a","run_name":"a","run_type":"iteration","error_occurred":true,"error_message":"no file"}]}"#;
    assert!(listed(&parse(text.as_bytes()).unwrap()).contains("no file"));
}
