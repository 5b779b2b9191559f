//! Mocha's `json` reporter: one document with all tests, and lists of those that failed, passed and were left out.
//!
//! `docs/harness/mocha-json.md` has the rules.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::HarnessError;
use super::cases::{CaseTotals, OnCase, Sink, UNNAMED, clean, durations, retried};
use super::json::{Documents, Each};
use super::xml::text::first_line;
use crate::results::{Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "mocha-json", title: "mocha --reporter json", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_keys(&["stats", "passes", "pending", "fullTitle"])
}

/// A test, as mocha's `clean` writes it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Test {
    title: Option<String>,
    full_title: Option<String>,
    file: Option<String>,
    duration: Option<f64>,
    current_retry: Option<u32>,
    speed: Option<String>,
    err: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stats {
    tests: Option<u64>,
    passes: Option<u64>,
    pending: Option<u64>,
    failures: Option<u64>,
}

/// Reads one report or several after each other.
///
/// # Errors
/// Where there is none, it is damaged or cut off; what stands before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut documents = Documents::new(input)?;
    let mut sink = Sink::new(on_case);
    let mut any = false;
    let help = "is this what `mocha --reporter json` wrote?";
    while documents.find()? {
        let mut report =
            Report { sink: &mut sink, failed: HashMap::new(), stats: None, has_tests: false, counted: [0; 4] };
        documents.read(&mut report)?;
        any |= report.has_tests;
        if !report.has_tests {
            return Err(HarnessError::new(1, 1, "no list of `tests`", help));
        }
        report.check();
    }
    if any { Ok(sink.finish()) } else { Err(HarnessError::new(1, 1, "no JSON document", help)) }
}

/// A document on its way.
struct Report<'s, 'a, 'b> {
    sink: &'s mut Sink<'a, 'b>,
    /// How many times a failed test of this title was among `tests`: hooks that failed are only among `failures`.
    failed: HashMap<String, u32>,
    stats: Option<Stats>,
    has_tests: bool,
    /// Tests, passed, pending, failed.
    counted: [u64; 4],
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
        f.write_str("a report of mocha")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "stats" => self.stats = Some(map.next_value()?),
                "tests" => {
                    self.has_tests = true;
                    let mut take = |test: Test| self.test(test);
                    map.next_value_seed(Each::new(&mut take))?;
                }
                "failures" => {
                    let mut take = |test: Test| self.failure(test);
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

impl Report<'_, '_, '_> {
    fn test(&mut self, test: Test) {
        let said = test.err.as_ref().and_then(Value::as_object).is_some_and(|err| !err.is_empty());
        let outcome = match &test {
            _ if said => Outcome::Failed,
            // Only a test that ran has a duration.
            Test { duration: None, speed: None, .. } => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        self.counted[0] += 1;
        match outcome {
            Outcome::Failed => {
                self.counted[3] += 1;
                *self.failed.entry(test.full_title.clone().unwrap_or_default()).or_default() += 1;
            }
            Outcome::Skipped => self.counted[2] += 1,
            _ => self.counted[1] += 1,
        }
        let case = self.case(test, outcome);
        self.sink.add(case);
    }

    /// What failed and is no test: a hook.
    fn failure(&mut self, test: Test) {
        if let Some(left) =
            self.failed.get_mut(test.full_title.as_deref().unwrap_or_default()).filter(|left| **left > 0)
        {
            *left -= 1;
            return;
        }
        self.counted[3] += 1;
        let case = self.case(test, Outcome::Errored);
        self.sink.add(case);
    }

    fn case(&self, test: Test, outcome: Outcome) -> Case {
        let limits = &self.sink.limits;
        let (title, full) = (test.title.unwrap_or_default(), test.full_title.unwrap_or_default());
        let name = if title.is_empty() { &full } else { &title };
        let mut case = Case::new(if name.is_empty() { UNNAMED.into() } else { clean(name, limits.name) }, outcome);
        let suites = full.strip_suffix(title.as_str()).map(str::trim_end).filter(|suites| !suites.is_empty());
        if let Some(suites) = suites.map(|suites| clean(suites, limits.name)) {
            case.suites = vec![suites.clone()];
            case.class = Some(suites);
        }
        case.file = test.file.filter(|file| !file.is_empty()).map(|file| clean(&file, limits.name));
        case.duration_ns = test.duration.and_then(|milliseconds| durations::sensible(milliseconds / 1e3));
        if let Some(err) = test.err.as_ref().filter(|_| outcome.is_failure()) {
            let text = |key: &str, limit| {
                let text = err.get(key).and_then(Value::as_str).map(|text| clean(text.trim_end(), limit));
                text.filter(|text| !text.is_empty())
            };
            if text("code", 200).as_deref() == Some("ERR_MOCHA_TIMEOUT")
                || text("message", 200).is_some_and(|text| text.starts_with("Timeout of "))
            {
                case.outcome = Outcome::TimedOut;
            }
            let stack = text("stack", limits.text);
            let message = text("message", limits.message).or_else(|| stack.as_deref().and_then(first_line));
            case.failures.push(Failure {
                message,
                kind: text("name", limits.name).or(text("code", limits.name)),
                text: stack,
            });
        }
        // Mocha tells how often a test was tried again, not what it said before.
        retried(&mut case, test.current_retry.unwrap_or(0), limits);
        case
    }

    fn check(&mut self) {
        let Some(stats) = &self.stats else { return };
        let said = [stats.tests, stats.passes, stats.pending, stats.failures];
        for ((word, said), counted) in
            ["tests", "passes", "pending", "failures"].into_iter().zip(said).zip(self.counted)
        {
            if let Some(said) = said.filter(|said| *said != counted) {
                self.sink.warn(1, format!("the statistics count {said} {word}, and {counted} are listed"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
