//! On output of the tool, and on output after its documentation.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "llama-bench";

/// What the tool wrote itself.
const RECORDED: [&str; 4] = ["recorded.json", "recorded.jsonl", "recorded.csv", "recorded.md"];

#[test]
fn fixtures_are_read() {
    for file in ["bench.json", "bench.jsonl", "bench.csv", "bench.md"] {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn recorded_output_is_read() {
    for file in RECORDED {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
        two_in_one_stream(parse, &fixture(FOLDER, file));
    }
    every_cut_is_an_error(parse, &fixture(FOLDER, "recorded.json"), 0);
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "bench.json"), 0);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    for file in ["bench.json", "bench.jsonl", "bench.csv", "bench.md"] {
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
    }
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "bench.md"), r#"7340.20 ±"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "bench.md"));
}
