//! On output after the tool's documentation.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "ghz";

#[test]
fn fixtures_are_read() {
    insta::assert_snapshot!("ghz.json", shown(parse, &fixture(FOLDER, "ghz.json")));
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "ghz.json"), 0);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    encodings_do_not_matter(parse, &fixture(FOLDER, "ghz.json"));
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "ghz.json"), r#""average": 11000000"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "ghz.json"));
}

#[test]
fn what_was_not_answered_has_no_latency() {
    let text = br#"{"count": 2, "total": 9, "average": 5, "fastest": 0, "slowest": 0, "rps": 4.0, "latencyDistribution": null}"#;
    let found = parse(text).unwrap();
    let names: Vec<&str> = found.benchmarks[0].metrics.iter().map(|metric| metric.metric.as_str()).collect();
    assert_eq!(names, ["requests_per_second", "latency_mean", "duration", "responses_of_error", "errors"]);
}
