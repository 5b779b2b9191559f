//! What the tests of readers of cases share.

use std::fmt::Write as _;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use super::{CaseTotals, OnCase};
use crate::harness::HarnessError;
use crate::results::{Attempt, Case, Failure};

/// A reader of cases.
pub(in crate::harness) type ReadCases = fn(&mut dyn Read, &mut OnCase<'_>) -> Result<CaseTotals, HarnessError>;

/// All cases and the result.
pub(in crate::harness) fn all(read: ReadCases, bytes: &[u8]) -> (Vec<Case>, Result<CaseTotals, HarnessError>) {
    let mut cases = Vec::new();
    let result = read(&mut &*bytes, &mut |case| {
        cases.push(case.clone());
        ControlFlow::Continue(())
    });
    (cases, result)
}

/// The cases of an output that must be fine, as text, with its warnings.
pub(in crate::harness) fn shown(read: ReadCases, bytes: &[u8]) -> String {
    let (cases, result) = all(read, bytes);
    let mut out = String::new();
    for case in &cases {
        show(&mut out, case);
    }
    match result {
        Ok(totals) => {
            let counts = &totals.counts;
            writeln!(
                out,
                "= {} tests, {} passed, {} failed, {} errored, {} skipped, {} flaky, {} cancelled; {} merged",
                counts.tests,
                counts.passed,
                counts.failed,
                counts.errored,
                counts.skipped,
                counts.flaky,
                counts.cancelled,
                totals.merged
            )
            .unwrap();
            for warning in &totals.warnings {
                writeln!(out, "warning: line {}: {}", warning.line, warning.text).unwrap();
            }
        }
        Err(error) => writeln!(out, "error: {error}").unwrap(),
    }
    out
}

fn show(out: &mut String, case: &Case) {
    write!(out, "{} {:?}", case.outcome.as_str(), case.name).unwrap();
    if !case.suites.is_empty() {
        write!(out, " in {:?}", case.suites).unwrap();
    }
    if let Some(class) = &case.class {
        write!(out, " of {class:?}").unwrap();
    }
    if let Some(duration) = case.duration_ns {
        write!(out, " {duration} ns").unwrap();
    }
    if let Some(file) = &case.file {
        write!(out, " at {file}:{}", case.line.map_or("?".into(), |line| line.to_string())).unwrap();
    }
    out.push('\n');
    for failure in &case.failures {
        show_failure(out, failure);
    }
    for Attempt { outcome, duration_ns, failure } in &case.attempts {
        writeln!(out, "  attempt: {} {duration_ns:?} {:?}", outcome.as_str(), failure.as_ref().map(|f| &f.message))
            .unwrap();
    }
    for (name, text) in [("stdout", &case.stdout), ("stderr", &case.stderr)] {
        if let Some(text) = text {
            writeln!(out, "  {name}: {text:?}").unwrap();
        }
    }
    for (name, value) in &case.properties {
        writeln!(out, "  {name} = {value:?}").unwrap();
    }
}

fn show_failure(out: &mut String, failure: &Failure) {
    write!(out, "  said").unwrap();
    if let Some(kind) = &failure.kind {
        write!(out, " ({kind})").unwrap();
    }
    write!(out, ": {:?}", failure.message.as_deref().unwrap_or_default()).unwrap();
    if let Some(text) = &failure.text {
        let lines: Vec<&str> = text.lines().collect();
        let (first, last) = (lines.first().unwrap_or(&""), lines.last().unwrap_or(&""));
        write!(out, "; {} lines, {first:?} to {last:?}", lines.len()).unwrap();
    }
    out.push('\n');
}

/// A fixture of a format.
pub(in crate::harness) fn fixture(format: &str, file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness").join(format).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Wherever the output is cut, no reader panics, and none says that all is well. The last `tail` bytes may be missing.
pub(in crate::harness) fn every_cut_is_an_error(read: ReadCases, bytes: &[u8], tail: usize) {
    let whole = bytes.trim_ascii_end().len().saturating_sub(tail);
    let mut at = 0;
    while at < whole {
        let (_, result) = all(read, &bytes[..at]);
        assert!(result.is_err(), "cut at byte {at} of {whole}");
        at += 1 + whole / 97;
    }
}
