//! On streams after the documentation of package:test.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "dart-json";

#[test]
fn fixtures_are_read() {
    for file in ["dart.jsonl", "flutter-machine.txt"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "dart.jsonl"), 0);
}

#[test]
fn what_is_incomplete_or_no_stream_is_an_error() {
    let error = |text: &str| all(read, text.as_bytes()).1.unwrap_err().text;
    assert_eq!(error("00:01 +1: All tests passed!\n"), "no event of Dart's test runner");
    assert_eq!(error("{\"type\":\"start\",\"time\":0}\n"), "cut off: the event `done` is missing");
}

#[test]
fn a_run_that_failed_is_never_green() {
    let (cases, result) =
        all(read, b"{\"type\":\"start\",\"time\":0}\n{\"success\":false,\"type\":\"done\",\"time\":9}\n");
    assert_eq!((cases[0].name.as_str(), result.unwrap().counts.errored), ("(test run)", 1));
}
