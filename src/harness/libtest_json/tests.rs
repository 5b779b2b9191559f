//! On recorded streams.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};

const FOLDER: &str = "libtest-json";

#[test]
fn fixtures_are_read() {
    for file in ["libtest.jsonl", "nextest.jsonl", "nextest-plus.jsonl", "nextest-abort.jsonl", "aborted.jsonl"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "nextest.jsonl"), 0);
}

#[test]
fn text_without_events_is_an_error() {
    for text in ["", "running 3 tests\n", "{\"a\": 1}\n"] {
        assert_eq!(all(read, text.as_bytes()).1.unwrap_err().text, "no event of Rust's test harness", "{text}");
    }
}

#[test]
fn a_damaged_event_and_a_wrong_count_are_told() {
    let text = String::from_utf8(fixture(FOLDER, "libtest.jsonl")).unwrap();
    let damaged =
        text.replacen("\"event\": \"ok\", \"exec_time\": 0.000004777", "\"event\": \"ok\", \"exec_time\": oops", 1);
    let (cases, result) = all(read, damaged.as_bytes());
    let warnings = result.unwrap().warnings;
    assert!(warnings[0].line == 4 && warnings[0].text.ends_with("is no event"), "{warnings:?}");
    assert!(warnings[1].text.starts_with("the suite counts [2, 3, 2]"), "{warnings:?}");
    assert_eq!(warnings[2].text, "`tests::aborts` began and did not end");
    assert_eq!(cases.len(), 8);
}
