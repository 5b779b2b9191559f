//! Real files of real tools; where they come from stands in `tests/fixtures/junit/README.md`.

use std::fmt::Write;

use super::all;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../tests/fixtures/junit/", $name)))),*]
    };
}

/// Name and content of each.
pub(super) const FILES: &[(&str, &[u8])] = files![
    "dorny-empty-java-junit.xml",
    "dorny-jest-junit.xml",
    "dorny-junit-with-message.xml",
    "dorny-phpunit-phpunit-paths.xml",
    "dorny-python-xunit-unittest.xml",
    "dorny-swift-xunit.xml",
    "enricomi-bazel-suite-logs.xml",
    "enricomi-jest-jest-junit.xml",
    "enricomi-minimal-attributes.xml",
    "enricomi-pytest-junit.fail.xml",
    "enricomi-testsuite-in-testsuite.xml",
    "enricomi-unsupported-unicode.xml",
    "enricomi-xunit-xunit.xml",
    "mikepenz-cunit-testFailure.xml",
    "mikepenz-flaky_retries-flaky_success_first.xml",
    "mikepenz-junit_flaky_failure-marathon_junit_report.xml",
    "mikepenz-maven_surefire_flaky-surefire-report.xml",
    "mikepenz-multiple_failures-test_multiple_failures.xml",
    "mikepenz-nested-junit.xml",
    "mikepenz-nextest-basic.xml",
    "mikepenz-python-report.xml",
    "mikepenz-surefire-TEST-action.surefire.report.calc.CalcUtilsTest.xml",
];

/// One line per case, and the totals.
fn described(bytes: &[u8]) -> String {
    let (cases, totals) = all(bytes);
    let totals = totals.unwrap();
    let counts = totals.counts;
    let mut text = format!(
        "tests {} passed {} failed {} errored {} skipped {} flaky {}\n",
        counts.tests, counts.passed, counts.failed, counts.errored, counts.skipped, counts.flaky
    );
    writeln!(text, "suites {} merged {} {:?}", totals.suites, totals.merged, totals.warnings).unwrap();
    for case in cases {
        let ms = case.duration_ns.map_or("-".into(), |ns| format!("{:.3} ms", ns as f64 / 1e6));
        let place = case.file.as_ref().map_or(String::new(), |file| format!(" at {file}:{:?}", case.line));
        writeln!(text, "{:?} {:?} {} {:?} {ms}{place}", case.suites, case.class, case.name, case.outcome).unwrap();
        for failure in &case.failures {
            let length = failure.text.as_ref().map_or(0, String::len);
            writeln!(text, "    {:?} {:?} +{length}", failure.kind, failure.message).unwrap();
        }
        for attempt in &case.attempts {
            writeln!(text, "    attempt {:?} {:?}", attempt.outcome, attempt.duration_ns).unwrap();
        }
        for (name, output) in [("out", &case.stdout), ("err", &case.stderr)] {
            if let Some(output) = output {
                writeln!(text, "    {name} +{}", output.len()).unwrap();
            }
        }
    }
    text
}

#[test]
fn real_files_are_read_as_recorded() {
    let mut all = String::new();
    for (name, bytes) in FILES {
        writeln!(all, "== {name}\n{}", described(bytes)).unwrap();
    }
    insta::assert_snapshot!("fixtures", all);
}
