//! On output after the tool's documentation.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "vllm";

#[test]
fn fixtures_are_read() {
    for file in ["serve.json", "throughput.json", "latency.json"] {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "serve.json"), 0);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    for file in ["serve.json", "throughput.json", "latency.json"] {
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
    }
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "serve.json"), r#"1843.2"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "serve.json"));
}

/// Benchmarks of embeddings produce no tokens, and say nothing of them.
#[test]
fn a_run_without_output_tokens_is_read() {
    let text = br#"{"completed": 10, "duration": 2.0, "request_throughput": 5.0, "total_token_throughput": 640.0}"#;
    assert!(shown(parse, text).starts_with("serve\n  request_throughput = 5 1/s (higher) was req/s\n"));
    let found = crate::harness::detect(&crate::harness::Head::new(text)).unwrap();
    assert_eq!(found.name, "vllm");
}
