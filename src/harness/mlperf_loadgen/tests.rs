//! On output of LoadGen, and on output after its source.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "mlperf-loadgen";

#[test]
fn fixtures_are_read() {
    for file in ["server.txt", "single-stream-invalid.txt"] {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn recorded_summaries_are_read() {
    for file in
        ["recorded-single-stream.txt", "recorded-multi-stream.txt", "recorded-server.txt", "recorded-offline.txt"]
    {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "server.txt"), 300);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    for file in ["server.txt", "single-stream-invalid.txt"] {
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
    }
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "server.txt"), r#"50.00 percentile latency (ns)   : 2900112"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "server.txt"));
}
