//! On recorded output.

use super::parse;
use crate::harness::testing::{
    damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, shown, two_in_one_stream,
};

const FOLDER: &str = "sysbench";

#[test]
fn fixtures_are_read() {
    for file in [
        "cpu.txt",
        "memory.txt",
        "threads.txt",
        "mutex.txt",
        "fileio.txt",
        "report.txt",
        "oltp.txt",
        "oltp-read-write.txt",
        "oltp-read-only.txt",
    ] {
        insta::assert_snapshot!(file, shown(parse, &fixture(FOLDER, file)));
    }
}

#[test]
fn an_output_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(parse, &fixture(FOLDER, "oltp.txt"), 180);
}

#[test]
fn encodings_and_line_ends_do_not_matter() {
    for file in ["cpu.txt", "memory.txt", "threads.txt", "mutex.txt", "fileio.txt", "report.txt", "oltp.txt"] {
        encodings_do_not_matter(parse, &fixture(FOLDER, file));
    }
}

#[test]
fn a_damaged_figure_is_told() {
    damage_is_told(parse, &fixture(FOLDER, "oltp.txt"), r#"10017  (1001.21 per"#);
}

#[test]
fn two_runs_in_one_stream_are_two() {
    two_in_one_stream(parse, &fixture(FOLDER, "oltp.txt"));
}
