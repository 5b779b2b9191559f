//! On recorded reports.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "mocha-json";

#[test]
fn fixtures_are_read() {
    for file in ["stdout.txt", "file.json"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "file.json"), 0);
}

#[test]
fn what_is_no_report_is_an_error() {
    let error = |text: &str| all(read, text.as_bytes()).1.unwrap_err().text;
    assert_eq!(error("hello from the test\n"), "no JSON document");
    assert_eq!(error("{\"stats\": {}}"), "no list of `tests`");
}

#[test]
fn counts_that_do_not_fit_are_told() {
    let text = String::from_utf8(fixture(FOLDER, "file.json")).unwrap().replace("\"passes\": 4", "\"passes\": 5");
    let warnings = all(read, text.as_bytes()).1.unwrap().warnings;
    assert_eq!(warnings[0].text, "the statistics count 5 passes, and 4 are listed");
}
