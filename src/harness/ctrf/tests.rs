//! On reports of two reporters, and one after the specification.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "ctrf";

#[test]
fn fixtures_are_read() {
    for file in ["mocha.json", "pytest.json", "documented.json"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "documented.json"), 0);
}

#[test]
fn what_is_no_report_is_an_error() {
    let error = |text: &str| all(read, text.as_bytes()).1.unwrap_err().text;
    assert_eq!(error(""), "no JSON document");
    assert_eq!(error("{\"a\": 1}"), "no list of `tests` in `results`");
    assert!(error("{\"results\": {\"tests\": {}}}").starts_with("not as it should be: invalid type: map"));
}

#[test]
fn counts_that_do_not_fit_are_told() {
    let text = String::from_utf8(fixture(FOLDER, "documented.json")).unwrap().replace("\"tests\": 6", "\"tests\": 7");
    let warnings = all(read, text.as_bytes()).1.unwrap().warnings;
    assert_eq!(warnings[0].text, "`is strange` has the status `other`, which is not known; taken as an error");
    assert_eq!(warnings[1].text, "the summary counts 7 tests, and 6 are listed");
}
