//! CTRF, the Common Test Report Format: one JSON document.
//!
//! `docs/harness/ctrf.md` has the rules.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::cases::{CaseTotals, OnCase, Sink, UNNAMED, clean, durations, tail};
use super::json::{Documents, Each};
use super::xml::text::first_line;
use super::{HarnessError, quoted};
use crate::results::{Attempt, Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "ctrf", title: "CTRF, the Common Test Report Format", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["results", "tool", "summary", "tests"])
}

/// A test, as far as it is read. Versions before 1 wrote `suite` as one string.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Test {
    name: Option<String>,
    status: Option<String>,
    raw_status: Option<String>,
    duration: Option<f64>,
    suite: Option<Suite>,
    message: Option<String>,
    trace: Option<String>,
    line: Option<u32>,
    file_path: Option<String>,
    flaky: Option<bool>,
    retries: Option<u32>,
    stdout: Option<Vec<String>>,
    stderr: Option<Vec<String>>,
    browser: Option<String>,
    device: Option<String>,
    retry_attempts: Option<Vec<Retry>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Suite {
    One(String),
    All(Vec<String>),
}

#[derive(Deserialize)]
struct Retry {
    status: Option<String>,
    duration: Option<f64>,
    message: Option<String>,
    trace: Option<String>,
}

#[derive(Deserialize)]
struct Summary {
    tests: Option<u64>,
}

/// Reads one report or several after each other.
///
/// # Errors
/// Where there is none, it is damaged or cut off; what stands before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut documents = Documents::new(input)?;
    let mut sink = Sink::new(on_case);
    let mut any = false;
    while documents.find()? {
        any = true;
        let mut report = Report { sink: &mut sink, tests: 0, said: None, has_tests: false };
        documents.read(&mut report)?;
        let Report { tests, said, has_tests, .. } = report;
        if !has_tests {
            let help = "is this a CTRF report, with `results` and in it `tests`?";
            return Err(HarnessError::new(1, 1, "no list of `tests` in `results`", help));
        }
        if let Some(said) = said.filter(|said| *said != tests) {
            sink.warn(1, format!("the summary counts {said} tests, and {tests} are listed"));
        }
    }
    if any {
        return Ok(sink.finish());
    }
    Err(HarnessError::new(1, 1, "no JSON document", "is this a CTRF report, with `results` and in it `tests`?"))
}

/// A document on its way.
struct Report<'s, 'a, 'b> {
    sink: &'s mut Sink<'a, 'b>,
    tests: u64,
    said: Option<u64>,
    has_tests: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Report<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Report<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CTRF report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "results" => map.next_value_seed(&mut *self)?,
                "summary" => self.said = map.next_value::<Summary>()?.tests,
                "tests" => {
                    self.has_tests = true;
                    let (sink, tests) = (&mut *self.sink, &mut self.tests);
                    let mut take = |test: Test| {
                        *tests += 1;
                        let case = case(test, sink);
                        sink.add(case);
                    };
                    map.next_value_seed(Each::new(&mut take))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `status` and, where it says more, `rawStatus`.
fn outcome(status: &str, raw: &str) -> Option<Outcome> {
    let raw = raw.to_ascii_lowercase();
    Some(match status {
        "passed" => Outcome::Passed,
        "skipped" | "pending" => Outcome::Skipped,
        "failed" if raw.contains("timedout") || raw.contains("timed_out") || raw == "timeout" => Outcome::TimedOut,
        // pytest and Allure: it broke outside of an assertion.
        "failed" if raw.starts_with("setup") || raw.starts_with("teardown") || raw == "broken" || raw == "error" => {
            Outcome::Errored
        }
        "failed" => Outcome::Failed,
        "other" if raw.contains("timedout") || raw == "timeout" => Outcome::TimedOut,
        "other" if raw.contains("interrupted") || raw.contains("cancel") || raw == "aborted" => Outcome::Cancelled,
        "other" if ["disabled", "todo", "ignored", "notrun", "skip"].iter().any(|word| raw.contains(word)) => {
            Outcome::Skipped
        }
        _ => return None,
    })
}

fn nanoseconds(milliseconds: Option<f64>) -> Option<u64> {
    durations::sensible(milliseconds? / 1e3)
}

fn case(test: Test, sink: &mut Sink<'_, '_>) -> Case {
    let limits = sink.limits.clone();
    let name =
        test.name.filter(|name| !name.is_empty()).map_or_else(|| UNNAMED.into(), |name| clean(&name, limits.name));
    let (status, raw) = (test.status.unwrap_or_default(), test.raw_status.unwrap_or_default());
    let found = outcome(&status, &raw);
    if found.is_none() {
        sink.warn(
            1,
            format!("`{}` has the status `{}`, which is not known; taken as an error", quoted(&name), quoted(&status)),
        );
    }
    let mut case = Case::new(name, found.unwrap_or(Outcome::Errored));
    case.duration_ns = nanoseconds(test.duration);
    case.suites = match test.suite {
        Some(Suite::One(suite)) => suite.split(" > ").map(|part| clean(part, limits.name)).collect(),
        Some(Suite::All(suites)) => suites.iter().take(limits.depth).map(|suite| clean(suite, limits.name)).collect(),
        None => Vec::new(),
    };
    case.suites.retain(|suite| !suite.is_empty());
    case.file = test.file_path.filter(|path| !path.is_empty()).map(|path| clean(&path, limits.name));
    case.line = test.line.filter(|line| *line > 0);
    let output =
        |lines: Option<Vec<String>>| Some(tail(&lines?.join("\n"), limits.output)).filter(|text| !text.is_empty());
    (case.stdout, case.stderr) = (output(test.stdout), output(test.stderr));
    for (key, value) in [("browser", test.browser), ("device", test.device)] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            case.properties.insert(key.into(), clean(&value, limits.name));
        }
    }
    let failure = failure(test.message, test.trace, &limits);
    if case.outcome != Outcome::Passed && failure != Failure::default() {
        case.failures.push(failure.clone());
    }
    retries(
        &mut case,
        test.retry_attempts.unwrap_or_default(),
        test.retries,
        test.flaky == Some(true),
        failure,
        &limits,
    );
    case
}

fn failure(message: Option<String>, trace: Option<String>, limits: &super::cases::Limits) -> Failure {
    let cleaned =
        |text: Option<String>, limit| text.map(|text| clean(text.trim_end(), limit)).filter(|text| !text.is_empty());
    let text = cleaned(trace, limits.text);
    let message = cleaned(message, limits.message).or_else(|| text.as_deref().and_then(first_line));
    Failure { message, kind: None, text }
}

/// What came before the result that counts.
fn retries(
    case: &mut Case,
    listed: Vec<Retry>,
    number: Option<u32>,
    flaky: bool,
    last: Failure,
    limits: &super::cases::Limits,
) {
    let own = Attempt {
        outcome: case.outcome,
        duration_ns: case.duration_ns,
        failure: Some(last).filter(|last| *last != Failure::default()),
    };
    case.attempts = listed
        .into_iter()
        .take(limits.attempts)
        .map(|retry| Attempt {
            outcome: outcome(retry.status.as_deref().unwrap_or_default(), "").unwrap_or(Outcome::Failed),
            duration_ns: nanoseconds(retry.duration),
            failure: Some(failure(retry.message, retry.trace, limits)).filter(|said| *said != Failure::default()),
        })
        .collect();
    let unlisted = number.unwrap_or(0).min(limits.attempts as u32);
    if case.attempts.is_empty() && unlisted > 0 {
        let before = Attempt { outcome: Outcome::Failed, duration_ns: None, failure: None };
        case.attempts = vec![before; unlisted as usize];
    }
    // Some writers list the last attempt too.
    let has_own =
        case.attempts.last().is_some_and(|last| last.outcome == own.outcome && case.attempts.len() > unlisted as usize);
    if !(case.attempts.is_empty() || has_own && unlisted > 0) {
        case.attempts.push(own);
    }
    let failed_before = case.attempts.iter().any(|attempt| attempt.outcome.is_failure());
    if case.outcome == Outcome::Passed && (flaky || failed_before) {
        case.outcome = Outcome::Flaky;
    }
}

#[cfg(test)]
mod tests;
