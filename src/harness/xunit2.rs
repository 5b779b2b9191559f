//! The XML of xUnit.net 2 and 3 (`-xml`), and of xUnit.net 1 before them.
//!
//! `docs/harness/xunit2.md` has the rules.

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
    Adapter { name: "xunit2", title: "xUnit.net 2, 3 and 1 XML", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_root(&["assemblies", "assembly"])
}

/// Reads a file.
///
/// # Errors
/// Where it is no xUnit.net file, damaged or cut off; what was complete before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut xunit =
        Xunit { sink: Sink::new(on_case), assembly: None, total: None, case: None, failure: None, odd: None, tests: 0 };
    report::read(input, &mut xunit)?;
    Ok(xunit.sink.finish())
}

struct Xunit<'a, 'b> {
    sink: Sink<'a, 'b>,
    /// The assembly's file name.
    assembly: Option<String>,
    /// How many tests it says it has.
    total: Option<u64>,
    case: Option<Case>,
    failure: Option<Failure>,
    odd: Option<String>,
    tests: u64,
}

impl Report for Xunit<'_, '_> {
    const ROOTS: &'static [&'static str] = &["assemblies", "assembly"];
    const TITLE: &'static str = "xUnit.net 2";

    fn open(&mut self, tag: Tag<'_>, path: &Path) -> Result<Option<Keep>, UnknownEntity> {
        let limits = self.sink.limits.clone();
        match (tag.name, path.parent()) {
            (b"assembly", _) => {
                let name = value(tag, "name", limits.name)?;
                // A full path, which is another one on each machine.
                self.assembly = name.and_then(|name| name.rsplit(['/', '\\']).next().map(str::to_owned));
                self.total = value(tag, "total", 32)?.and_then(|total| total.parse().ok());
                self.tests = 0;
            }
            (b"test", "collection" | "class") => self.begin(tag)?,
            (b"error", "errors") => {
                let name = value(tag, "name", limits.name)?.or(value(tag, "type", limits.name)?);
                self.case = Some(self.case(name, Outcome::Errored));
            }
            (b"failure", _) if self.case.is_some() => {
                let kind = value(tag, "exception-type", limits.name)?;
                self.failure = Some(Failure { kind, ..Failure::default() });
            }
            (b"message" | b"stack-trace", "failure") => return Ok(Some(Keep::Head(limits.text))),
            (b"reason", "test") => return Ok(Some(Keep::Head(limits.message))),
            // xUnit.net 1 has the message inside of it.
            (b"message", "reason") => {}
            (b"output", "test") => return Ok(Some(Keep::Tail(limits.output))),
            (b"trait", "traits") => {
                if let (Some(name), Some(text)) = (value(tag, "name", limits.name)?, value(tag, "value", limits.name)?)
                    && let Some(case) = self.case.as_mut().filter(|case| case.properties.len() < limits.properties)
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
            ("test", "collection" | "class") | ("error", "errors") => self.end(name == "test"),
            ("message", "failure") => {
                if let Some(failure) = &mut self.failure {
                    failure.message = text.map(|text| text.trim().to_owned());
                }
            }
            ("stack-trace", "failure") => {
                if let Some(failure) = &mut self.failure {
                    failure.text = text;
                }
            }
            ("reason", "test") => {
                let message = text.map(|text| text.trim().to_owned());
                self.failure = message.map(|message| Failure { message: Some(message), ..Failure::default() });
            }
            ("output", _) => {
                if let Some(case) = &mut self.case {
                    case.stdout = text;
                }
            }
            ("assembly", _) => {
                if let Some(total) = self.total.filter(|total| *total != self.tests) {
                    self.odd = Some(format!("the assembly counts {total} tests and holds {}", self.tests));
                }
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

impl Xunit<'_, '_> {
    fn case(&self, name: Option<String>, outcome: Outcome) -> Case {
        let mut case = Case::new(name.unwrap_or_else(|| UNNAMED.into()), outcome);
        case.suites = self.assembly.iter().cloned().collect();
        case
    }

    fn begin(&mut self, tag: Tag<'_>) -> Result<(), UnknownEntity> {
        let limit = self.sink.limits.name;
        let get = |key: &str| value(tag, key, limit);
        let name = get("name")?.or(get("method")?);
        let word = get("result")?.unwrap_or_default();
        let found = match word.as_str() {
            "Pass" => Some(Outcome::Passed),
            "Fail" => Some(Outcome::Failed),
            "Skip" | "NotRun" => Some(Outcome::Skipped),
            _ => None,
        };
        if found.is_none() {
            let shown = super::quoted(name.as_deref().unwrap_or(UNNAMED));
            self.odd = Some(format!(
                "`{shown}` has the result `{}`, which is not known; taken as an error",
                super::quoted(&word)
            ));
        }
        let mut case = self.case(name, found.unwrap_or(Outcome::Errored));
        case.class = get("type")?;
        case.duration_ns = get("time")?.and_then(|time| durations::nanoseconds(time.as_bytes()));
        case.file = get("source-file")?;
        case.line = get("source-line")?.and_then(|line| line.parse().ok()).filter(|line| *line > 0);
        self.case = Some(case);
        self.failure = None;
        Ok(())
    }

    fn end(&mut self, is_test: bool) {
        let Some(mut case) = self.case.take() else { return };
        if let Some(mut failure) = self.failure.take().filter(|_| case.outcome != Outcome::Passed) {
            if failure.message.is_none() {
                failure.message = failure.text.as_deref().and_then(first_line);
            }
            let timed_out =
                failure.message.as_deref().is_some_and(|text| text.starts_with("Test execution timed out after"));
            if case.outcome == Outcome::Failed && timed_out {
                case.outcome = Outcome::TimedOut;
            }
            if let Some((file, line)) = failure.text.as_deref().and_then(places::dotnet).filter(|_| case.file.is_none())
            {
                (case.file, case.line) = (Some(file), Some(line));
            }
            case.failures.push(failure);
        }
        self.tests += u64::from(is_test);
        self.sink.add(case);
    }
}

#[cfg(test)]
mod tests;
