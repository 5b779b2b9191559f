//! On files after NUnit's documentation.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "nunit3";

#[test]
fn fixtures_are_read() {
    for file in ["all-outcomes.xml", "nunit2.xml"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "all-outcomes.xml"), 0);
}

#[test]
fn odd_results_and_counts_are_told_with_their_line() {
    let text = String::from_utf8(fixture(FOLDER, "all-outcomes.xml")).unwrap();
    let odd = text.replacen("result=\"Passed\"", "result=\"Sideways\"", 1).replacen("total=\"9\"", "total=\"11\"", 1);
    let warnings = all(read, odd.as_bytes()).1.unwrap().warnings;
    let told: Vec<(u64, &str)> = warnings.iter().map(|warning| (warning.line, warning.text.as_str())).collect();
    assert_eq!(
        told,
        [
            (9, "`Adds` is `Sideways`, which is not known; taken as an error"),
            (56, "the file counts 11 cases and holds 9"),
        ]
    );
}
