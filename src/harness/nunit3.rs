//! The XML of NUnit 3, and of NUnit 2 before it; Unity's test runner writes the former.
//!
//! `docs/harness/nunit3.md` has the rules.

use std::io::Read;

use super::HarnessError;
use super::cases::{CaseTotals, OnCase, Sink, UNNAMED, durations, places};
use super::xml::report::{self, Path, Report, value};
use super::xml::tag::Tag;
use super::xml::text::{Keep, UnknownEntity, first_line};
use crate::results::{Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "nunit3", title: "NUnit 3 and NUnit 2 XML", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_root(&["test-run", "test-results"])
}

/// Reads a file.
///
/// # Errors
/// Where it is no NUnit file, damaged or cut off; what was complete before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let sink = Sink::new(on_case);
    let mut nunit =
        Nunit { sink, suites: Vec::new(), case: None, message: None, odd: None, total: None, cases: 0, bad: 0 };
    report::read(input, &mut nunit)?;
    Ok(nunit.sink.finish())
}

/// An open suite.
struct Suite {
    name: String,
    /// It did not pass by its own words.
    bad: bool,
    /// How many cases had not passed when it began.
    bad_before: u64,
    failure: Failure,
}

struct Nunit<'a, 'b> {
    sink: Sink<'a, 'b>,
    suites: Vec<Suite>,
    case: Option<(Case, Failure)>,
    /// The `reason` of the case.
    message: Option<String>,
    odd: Option<String>,
    /// How many cases the file says there are.
    total: Option<u64>,
    cases: u64,
    bad: u64,
}

impl Report for Nunit<'_, '_> {
    const ROOTS: &'static [&'static str] = &["test-run", "test-results"];
    const TITLE: &'static str = "NUnit 3";

    fn open(&mut self, tag: Tag<'_>, path: &Path) -> Result<Option<Keep>, UnknownEntity> {
        let limits = self.sink.limits.clone();
        let parent = path.parent();
        match tag.name {
            b"test-run" => {
                let total = value(tag, "total", 32)?.or(value(tag, "testcasecount", 32)?);
                self.total = total.and_then(|total| total.parse().ok());
                self.cases = 0;
            }
            b"test-suite" => {
                let name = value(tag, "name", limits.name)?.unwrap_or_default();
                let word = value(tag, "result", limits.name)?;
                let bad = matches!(word.as_deref(), Some("Failed" | "Failure" | "Error"));
                self.suites.push(Suite { name, bad, bad_before: self.bad, failure: Failure::default() });
            }
            b"test-case" => self.begin(tag)?,
            b"message" | b"stack-trace" if matches!(parent, "failure" | "reason") && !path.contains("assertions") => {
                return Ok(Some(Keep::Head(limits.text)));
            }
            b"output" if parent == "test-case" => return Ok(Some(Keep::Tail(limits.output))),
            b"property" if self.case.is_some() => {
                if let (Some(name), Some(text)) = (value(tag, "name", limits.name)?, value(tag, "value", limits.name)?)
                    && let Some((case, _)) = self.case.as_mut().filter(|_| !name.starts_with('_'))
                    && case.properties.len() < limits.properties
                {
                    case.properties.entry(name).and_modify(|all| all.push_str(&format!("\n{text}"))).or_insert(text);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn close(&mut self, name: &str, path: &Path, text: Option<String>) {
        let text = text.filter(|text| !text.trim().is_empty());
        match (name, path.parent()) {
            ("test-case", _) => self.end(),
            ("test-suite", _) => self.end_suite(),
            ("test-run", _) => {
                if let Some(total) = self.total.filter(|total| *total != self.cases) {
                    self.odd = Some(format!("the file counts {total} cases and holds {}", self.cases));
                }
            }
            ("message", "reason") => self.message = text,
            ("output", _) => {
                if let Some((case, _)) = &mut self.case {
                    case.stdout = text;
                }
            }
            ("message" | "stack-trace", "failure") => {
                let failure = match (&mut self.case, self.suites.last_mut()) {
                    (Some((_, failure)), _) => failure,
                    (None, Some(suite)) => &mut suite.failure,
                    (None, None) => return,
                };
                *(if name == "message" { &mut failure.message } else { &mut failure.text }) = text;
            }
            _ => {}
        }
    }

    fn stopped(&self) -> bool {
        self.sink.stopped()
    }

    fn warn(&mut self, line: u64, text: String) {
        self.sink.warn(line, text);
    }

    fn odd(&mut self) -> Option<String> {
        self.odd.take()
    }
}

impl Nunit<'_, '_> {
    fn begin(&mut self, tag: Tag<'_>) -> Result<(), UnknownEntity> {
        let limit = self.sink.limits.name;
        let get = |key: &str| value(tag, key, limit);
        let name = get("name")?.or(get("fullname")?).unwrap_or_else(|| UNNAMED.into());
        let (result, label, executed, success) = (get("result")?, get("label")?, get("executed")?, get("success")?);
        let said =
            |text: &Option<String>, word: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word));
        let found = if said(&executed, "false") {
            Some(Outcome::Skipped)
        } else {
            match result.as_deref() {
                Some(word) => outcome(word, label.as_deref().unwrap_or_default()),
                None if said(&success, "true") => Some(Outcome::Passed),
                None if said(&success, "false") => Some(Outcome::Failed),
                None => None,
            }
        };
        if found.is_none() {
            let word = result.as_deref().unwrap_or("no result");
            self.odd = Some(format!(
                "`{}` is `{}`, which is not known; taken as an error",
                super::quoted(&name),
                super::quoted(word)
            ));
        }
        let mut case = Case::new(name, found.unwrap_or(Outcome::Errored));
        case.class = get("classname")?;
        case.suites =
            self.suites.iter().filter(|suite| !suite.name.is_empty()).map(|suite| suite.name.clone()).collect();
        let duration = get("duration")?.or(get("time")?);
        case.duration_ns = duration.and_then(|duration| durations::nanoseconds(duration.as_bytes()));
        self.case = Some((case, Failure::default()));
        self.message = None;
        Ok(())
    }

    fn end(&mut self) {
        let Some((mut case, mut failure)) = self.case.take() else { return };
        let reason = self.message.take();
        let bad = case.outcome.is_failure() || case.outcome == Outcome::Cancelled;
        failure.message = failure.message.or(reason).map(|text| text.trim().to_owned());
        if bad || case.outcome == Outcome::Skipped {
            fill(&mut case, failure);
        } else if let Some(message) = failure.message {
            // A test that passed with a warning, or with `Assert.Pass(message)`.
            case.properties.insert("message".into(), message);
        }
        self.cases += 1;
        self.bad += u64::from(bad);
        self.sink.add(case);
    }

    /// A suite that failed though no case in it did: its set-up or tear-down broke, or it could not be loaded.
    fn end_suite(&mut self) {
        let Some(suite) = self.suites.pop() else { return };
        if !suite.bad || suite.bad_before != self.bad {
            return;
        }
        let mut case = Case::new(if suite.name.is_empty() { "(suite)".into() } else { suite.name }, Outcome::Errored);
        case.suites =
            self.suites.iter().filter(|suite| !suite.name.is_empty()).map(|suite| suite.name.clone()).collect();
        fill(&mut case, suite.failure);
        self.bad += 1;
        self.sink.add(case);
    }
}

fn fill(case: &mut Case, mut failure: Failure) {
    if failure == Failure::default() {
        return;
    }
    if failure.message.is_none() {
        failure.message = failure.text.as_deref().and_then(first_line);
    }
    if let Some((file, line)) = failure.text.as_deref().and_then(places::dotnet) {
        (case.file, case.line) = (Some(file), Some(line));
    }
    if case.outcome == Outcome::Errored {
        // `System.Exception : message`
        let kind = failure.message.as_deref().and_then(|message| message.split_once(" : ")).map(|(kind, _)| kind);
        failure.kind = kind.filter(|kind| kind.contains('.') && !kind.contains(char::is_whitespace)).map(str::to_owned);
    }
    case.failures.push(failure);
}

/// What `result` and `label` mean together.
fn outcome(result: &str, label: &str) -> Option<Outcome> {
    Some(match result {
        "Passed" | "Success" | "Warning" => Outcome::Passed,
        "Failed" | "Failure" | "Error" | "NotRunnable" => match label {
            "Cancelled" => Outcome::Cancelled,
            _ if label.starts_with("Test exceeded Timeout") => Outcome::TimedOut,
            "Error" | "Invalid" => Outcome::Errored,
            _ if result == "Failed" || result == "Failure" => Outcome::Failed,
            _ => Outcome::Errored,
        },
        "Skipped" | "Ignored" | "Inconclusive" => Outcome::Skipped,
        "Cancelled" => Outcome::Cancelled,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
