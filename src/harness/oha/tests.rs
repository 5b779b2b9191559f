//! On output of the tool, and on output after its documentation.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "oha";

const FILES: [&str; 5] = ["oha.json", "nothing-answered.json", "recorded.json", "not-found.json", "refused.json"];

#[test]
fn fixtures_are_read() {
    for file in FILES {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "oha.json"), 0);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    for file in FILES {
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
    }
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "oha.json"), r#"10145.5"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "oha.json"));
}
