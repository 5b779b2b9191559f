//! On recorded streams.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};
use crate::results::Outcome;

const FOLDER: &str = "tap";

#[test]
fn fixtures_are_read() {
    for file in [
        "node.tap",
        "tape.tap",
        "mocha.tap",
        "mocha13.tap",
        "vitest.tap",
        "vitest-flat.tap",
        "perl.tap",
        "prove-v.txt",
        "bats.tap",
        "bats13.tap",
        "tap14.tap",
    ] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "bats.tap"), 30);
}

#[test]
fn what_is_missing_is_told() {
    let error = |text: &str| all(read, text.as_bytes()).1.unwrap_err().text;
    assert_eq!(error(""), "no result of TAP");
    assert_eq!(error("all is well\nokay\n"), "no result of TAP");
    assert_eq!(error("ok 1\n"), "cut off: there is no plan such as `1..5`");
    assert_eq!(error("1..2\nok 1\n"), "cut off: the plan has 2 tests, and 1 results stand here");
    assert_eq!(error("ok 1\n  ---\n  a: b\n1..1\n"), "cut off: there is no plan such as `1..5`");
    assert_eq!(error("1..1\nok 1\n  ---\n  a: b\n"), "cut off: the file ends between `---` and `...`");
}

#[test]
fn giving_up_is_an_error_and_skipping_all_is_told() {
    let (cases, result) = all(read, b"1..3\nok 1\nBail out! disk full\n");
    assert!(result.is_ok());
    assert_eq!(cases[1].failures[0].message.as_deref(), Some("disk full"));
    let totals = all(read, b"1..0 # SKIP no database\n").1.unwrap();
    assert_eq!((totals.counts.tests, totals.warnings[0].text.as_str()), (0, "the plan has no tests: no database"));
}

#[test]
fn several_streams_in_one_are_several() {
    let (cases, result) =
        all(read, b"TAP version 13\n1..1\nok 1 - a\nTAP version 13\n1..1\nok 1 - b\n1..1\nok 1 - c\n");
    assert_eq!((cases.len(), result.unwrap().warnings), (3, vec![]));
    let totals = all(read, b"ok 1\nok 2\n1..3\n").1.unwrap();
    assert_eq!(totals.warnings[0].text, "the plan has 3 tests, and 2 results stand here");
}

#[test]
fn colours_marks_and_line_ends_do_not_matter() {
    let (cases, result) =
        all(read, b"\xef\xbb\xbfTAP version 13\r\n\x1b[32mok\x1b[0m 1 - a\r\n\x1b[31mnot ok\x1b[0m 2 - b\r\n1..2\r\n");
    assert!(result.is_ok());
    assert_eq!(
        cases.iter().map(|case| (case.name.as_str(), case.outcome)).collect::<Vec<_>>(),
        [("a", Outcome::Passed), ("b", Outcome::Failed)]
    );
}
