//! On files after xUnit.net's documentation.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "xunit2";

#[test]
fn fixtures_are_read() {
    for file in ["all-outcomes.xml", "xunit1.xml"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "all-outcomes.xml"), 0);
}

#[test]
fn odd_results_and_counts_are_told_with_their_line() {
    let text = String::from_utf8(fixture(FOLDER, "xunit1.xml")).unwrap();
    let odd = text.replacen("result=\"Pass\"", "result=\"Sideways\"", 1).replacen("total=\"3\"", "total=\"4\"", 1);
    let warnings = all(read, odd.as_bytes()).1.unwrap().warnings;
    let told: Vec<(u64, &str)> = warnings.iter().map(|warning| (warning.line, warning.text.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "`Shop.Tests.CartTests.Adds` has the result `Sideways`, which is not known; taken as an error"),
            (18, "the assembly counts 4 tests and holds 3"),
        ]
    );
}
