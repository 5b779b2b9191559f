//! On recorded streams, and on lines of our own for what Go 1.19 does not write.

use super::read;
use crate::harness::cases::testing::{all, every_cut_is_an_error, fixture, shown};
use crate::results::Outcome;

const FOLDER: &str = "go-test-json";

#[test]
fn recorded_streams_are_read() {
    for file in ["mixed.jsonl", "count.jsonl", "bench.jsonl", "go-1.24.jsonl", "timeout.jsonl"] {
        insta::assert_snapshot!(file, shown(read, &fixture(FOLDER, file)));
    }
}

#[test]
fn a_stream_that_is_cut_off_is_an_error() {
    every_cut_is_an_error(read, &fixture(FOLDER, "mixed.jsonl"), 0);
    let text = "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\n";
    let error = all(read, text.as_bytes()).1.unwrap_err();
    assert_eq!(error.text, "cut off: the package `p` has begun and not ended");
}

#[test]
fn text_without_events_is_an_error() {
    for text in ["", "\n", "ok  \tp\t0.1s\n", "{\"a\": 1}\n", "[]"] {
        let (cases, result) = all(read, text.as_bytes());
        assert!(cases.is_empty());
        assert_eq!(result.unwrap_err().text, "no event of `go test -json`", "{text}");
    }
}

#[test]
fn marks_line_ends_and_foreign_lines_do_not_matter() {
    let plain = fixture(FOLDER, "mixed.jsonl");
    let expected = all(read, &plain).0;
    let text = String::from_utf8(plain).unwrap();
    let windows = format!("\u{feff}make: go\r\n{}", text.replace('\n', "\r\n[log] something\r\n"));
    assert_eq!(all(read, windows.as_bytes()).0, expected);
    let utf_16: Vec<u8> = windows.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(all(read, &utf_16).0, expected);
}

#[test]
fn a_damaged_event_is_told_with_its_line() {
    let text = String::from_utf8(fixture(FOLDER, "count.jsonl")).unwrap();
    let damaged = text.replacen("\"Action\":\"pass\"", "\"Action\":pass", 1);
    let totals = all(read, damaged.as_bytes()).1.unwrap();
    let line = 1 + damaged.lines().position(|line| line.contains(":pass")).unwrap() as u64;
    assert_eq!(totals.warnings[0].line, line);
    assert!(totals.warnings[0].text.ends_with("is no event"), "{:?}", totals.warnings);
}

#[test]
fn a_test_that_fails_and_passes_when_run_again_is_flaky() {
    let run = |action: &str, end: &str| {
        format!(
            "{{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}}\n\
             {{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"TestA\",\"Elapsed\":0.25}}\n\
             {{\"Action\":\"{end}\",\"Package\":\"p\",\"Elapsed\":0.5}}\n"
        )
    };
    let (cases, result) = all(read, format!("{}{}", run("fail", "fail"), run("pass", "pass")).as_bytes());
    assert_eq!(result.unwrap().merged, 1);
    assert_eq!((cases.len(), cases[0].outcome, cases[0].attempts.len()), (1, Outcome::Flaky, 2));
    assert_eq!(cases[0].duration_ns, Some(250_000_000));
}

#[test]
fn odd_times_are_no_times() {
    let event = |elapsed: &str| {
        format!(
            "{{\"Action\":\"pass\",\"Test\":\"TestA\",\"Elapsed\":{elapsed}}}\n{{\"Action\":\"pass\",\"Elapsed\":0}}\n"
        )
    };
    for (elapsed, expected) in
        [("0", Some(0)), ("-1", None), ("1e300", None), ("null", None), ("1.5", Some(1_500_000_000))]
    {
        assert_eq!(all(read, event(elapsed).as_bytes()).0[0].duration_ns, expected, "{elapsed}");
    }
}
