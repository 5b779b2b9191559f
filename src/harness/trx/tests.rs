//! On files after Microsoft's schema and writers.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "trx";

#[test]
fn fixtures_are_read() {
    for file in ["all-outcomes.trx", "data-driven.trx", "aborted.trx"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "all-outcomes.trx"), 0);
}

#[test]
fn what_is_no_trx_is_named() {
    let error = |text: &str| all(read, text.as_bytes()).1.unwrap_err();
    assert_eq!(error("").text, "the file is empty");
    assert_eq!(error("hello").text, "not XML: `hello` stands where `<TestRun>` was expected");
    let other = error("<?xml version='1.0'?>\n<testsuites/>");
    assert_eq!((other.line, other.column), (2, 1));
    assert_eq!(other.text, "not TRX: `<testsuites>` stands where `<TestRun>` was expected");
}

#[test]
fn marks_encodings_and_line_ends_do_not_matter() {
    // .NET writes line ends inside of messages as references; those stay what they are.
    let plain = String::from_utf8(fixture(FOLDER, "all-outcomes.trx")).unwrap().replace("&#xD;", "");
    let expected = all(read, plain.as_bytes()).0;
    let text = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    assert_eq!(all(read, text.as_bytes()).0, expected);
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(all(read, &utf_16).0, expected);
}
