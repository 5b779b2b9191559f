//! TRX, the results of Visual Studio, `dotnet test --logger trx` and Microsoft's newer testing platform.
//!
//! The class of a test stands far behind its result, so results are held back until then, up to a limit.
//! `docs/harness/trx.md` has the rules.

use std::collections::HashMap;
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
    Adapter { name: "trx", title: "TRX of Visual Studio and dotnet test", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_root(&["TestRun"])
}

/// How much memory the results that wait for their classes may take, in bytes, about.
const HELD: usize = 64 << 20;

/// Reads a file.
///
/// # Errors
/// Where it is no TRX file, damaged or cut off; what was complete before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut trx = Trx {
        sink: Sink::new(on_case),
        open: Vec::new(),
        held: Vec::new(),
        held_bytes: 0,
        classes: HashMap::new(),
        definition: None,
        run_error: None,
        odd: None,
        results: 0,
        aggregates: false,
        any_bad: false,
    };
    let result = report::read(input, &mut trx);
    trx.hand_out_held();
    if result.is_ok() {
        trx.end_of_run();
    }
    result.map(|()| trx.sink.finish())
}

/// A result whose element is open.
struct Open {
    case: Case,
    test_id: String,
    failure: Failure,
    /// How many results stand inside of it, and whether one of them did not pass.
    inner: u64,
    inner_bad: bool,
}

struct Trx<'a, 'b> {
    sink: Sink<'a, 'b>,
    open: Vec<Open>,
    /// Results that wait for the definitions of their tests.
    held: Vec<(String, Case)>,
    held_bytes: usize,
    /// Classes of tests by their id.
    classes: HashMap<String, String>,
    /// The id of the definition that is open.
    definition: Option<String>,
    /// What the run itself said went wrong.
    run_error: Option<String>,
    odd: Option<String>,
    results: u64,
    aggregates: bool,
    any_bad: bool,
}

/// Whether an element of this name is a result: `UnitTestResult`, `GenericTestResult`, `TestResultAggregation`, ...
fn is_result(name: &str) -> bool {
    name.ends_with("TestResult") || name.ends_with("TestResultAggregation")
}

impl Report for Trx<'_, '_> {
    const ROOTS: &'static [&'static str] = &["TestRun"];
    const TITLE: &'static str = "TRX";

    fn open(&mut self, tag: Tag<'_>, path: &Path) -> Result<Option<Keep>, UnknownEntity> {
        let limits = &self.sink.limits;
        let (name, text) = (limits.name, limits.text);
        let in_result = !self.open.is_empty();
        match (tag.name, path.parent()) {
            (found, "Results" | "InnerResults") if is_result(&String::from_utf8_lossy(found)) => self.begin(tag)?,
            (b"StdOut" | b"StdErr" | b"DebugTrace", "Output") if in_result => {
                return Ok(Some(Keep::Tail(self.sink.limits.output)));
            }
            (b"Message" | b"StackTrace", "ErrorInfo") if in_result => return Ok(Some(Keep::Head(text))),
            (b"UnitTest" | b"GenericTest" | b"OrderedTest" | b"ManualTest" | b"WebTest", "TestDefinitions") => {
                self.definition = value(tag, "id", name)?;
            }
            (b"TestMethod", _) => {
                if let (Some(id), Some(class)) = (self.definition.take(), value(tag, "className", name)?) {
                    // Older versions add the assembly: `Namespace.Class, Assembly, Version=...`.
                    let class = class.split_once(", ").map_or(class.as_str(), |(class, _)| class).to_owned();
                    self.classes.insert(id, class);
                }
            }
            (b"Counters", "ResultSummary") => self.check(tag)?,
            (b"RunInfo", "RunInfos") => {
                let outcome = value(tag, "outcome", name)?.unwrap_or_default();
                if matches!(outcome.as_str(), "Error" | "Aborted" | "Failed" | "") && self.run_error.is_none() {
                    self.run_error = Some(String::new());
                }
            }
            (b"Text", "RunInfo") if self.run_error.as_deref() == Some("") => {
                return Ok(Some(Keep::Head(limits.message)));
            }
            _ => {}
        }
        Ok(None)
    }

    fn close(&mut self, name: &str, path: &Path, text: Option<String>) {
        match (name, path.parent()) {
            ("Text", "RunInfo") => self.run_error = text.or(self.run_error.take()),
            ("TestDefinitions", _) => self.hand_out_held(),
            (found, "Results" | "InnerResults") if is_result(found) => self.end(),
            _ => {
                if let (Some(open), Some(text)) = (self.open.last_mut(), text.filter(|text| !text.is_empty())) {
                    match name {
                        "StdOut" => open.case.stdout = Some(text),
                        "StdErr" => open.case.stderr = Some(text),
                        "DebugTrace" if open.case.stdout.is_none() => open.case.stdout = Some(text),
                        "Message" => open.failure.message = Some(text),
                        "StackTrace" => open.failure.text = Some(text),
                        _ => {}
                    }
                }
            }
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

/// The outcomes of Visual Studio. A result without one is an error: that is the value which its writer leaves out.
fn outcome(word: Option<&str>) -> Option<Outcome> {
    Some(match word {
        Some("Passed" | "PassedButRunAborted" | "Warning" | "Completed") => Outcome::Passed,
        Some("Failed") => Outcome::Failed,
        None | Some("Error" | "Aborted" | "NotRunnable" | "Disconnected") => Outcome::Errored,
        Some("Timeout") => Outcome::TimedOut,
        Some("NotExecuted" | "Inconclusive" | "Pending" | "Skipped") => Outcome::Skipped,
        Some("InProgress") => Outcome::Cancelled,
        Some(_) => return None,
    })
}

impl Trx<'_, '_> {
    fn begin(&mut self, tag: Tag<'_>) -> Result<(), UnknownEntity> {
        let limit = self.sink.limits.name;
        let name = value(tag, "testName", limit)?;
        let word = value(tag, "outcome", limit)?;
        let found = outcome(word.as_deref());
        if found.is_none() {
            let word = word.unwrap_or_default();
            self.odd = Some(format!("the outcome `{}` is not known; taken as an error", super::quoted(&word)));
        } else if name.is_none() {
            self.odd = Some("a result has no `testName`".into());
        }
        let mut case = Case::new(name.unwrap_or_else(|| UNNAMED.into()), found.unwrap_or(Outcome::Errored));
        if let Some(duration) = value(tag, "duration", limit)? {
            case.duration_ns = durations::nanoseconds(duration.as_bytes());
        }
        if let Some(outer) = self.open.last_mut() {
            outer.inner += 1;
            self.aggregates = true;
            case.suites = outer.case.suites.clone();
            case.suites.push(outer.case.name.clone());
        }
        let test_id = value(tag, "testId", limit)?.unwrap_or_default();
        self.open.push(Open { case, test_id, failure: Failure::default(), inner: 0, inner_bad: false });
        Ok(())
    }

    fn end(&mut self) {
        let Some(Open { mut case, test_id, mut failure, inner, inner_bad }) = self.open.pop() else { return };
        let bad = case.outcome.is_failure();
        if let Some(outer) = self.open.last_mut() {
            outer.inner_bad |= bad || inner_bad;
        }
        // What stands around rows of data is no test of its own, unless it failed and none of them did.
        if inner > 0 && (!bad || inner_bad) {
            return;
        }
        if failure != Failure::default() && (bad || case.outcome == Outcome::Skipped) {
            if failure.message.is_none() {
                failure.message = failure.text.as_deref().and_then(first_line);
            }
            if let Some((file, line)) = failure.text.as_deref().and_then(places::dotnet) {
                (case.file, case.line) = (Some(file), Some(line));
            }
            case.failures.push(failure);
        }
        self.results += 1;
        self.any_bad |= bad;
        let texts = [&case.stdout, &case.stderr].into_iter().flatten().map(String::len).sum::<usize>();
        let failures =
            case.failures.iter().flat_map(|f| [&f.message, &f.text]).flatten().map(String::len).sum::<usize>();
        self.held_bytes += 400 + case.name.len() + test_id.len() + texts + failures;
        self.held.push((test_id, case));
        if self.held_bytes > HELD {
            self.odd = Some("the file is so large that the classes of its first results were not waited for".into());
            self.hand_out_held();
        }
    }

    fn hand_out_held(&mut self) {
        for (id, mut case) in self.held.drain(..) {
            case.class = self.classes.get(&id).cloned();
            self.sink.add(case);
        }
        self.held_bytes = 0;
    }

    /// Compares what the file counts with what it holds.
    fn check(&mut self, tag: Tag<'_>) -> Result<(), UnknownEntity> {
        let total = value(tag, "total", 32)?.and_then(|total| total.parse::<u64>().ok());
        if let Some(total) = total.filter(|total| *total != self.results && !self.aggregates) {
            self.odd = Some(format!("the file counts {total} results and holds {}", self.results));
        }
        Ok(())
    }

    /// A run that broke is never green, whatever its tests say.
    fn end_of_run(&mut self) {
        let Some(said) = self.run_error.take() else { return };
        if self.any_bad {
            return self.sink.warn(1, format!("the run ended with an error: {}", super::quoted(&said)));
        }
        let mut case = Case::new("(test run)", Outcome::Errored);
        let message = first_line(&said).unwrap_or_else(|| "the run ended with an error".into());
        case.failures.push(Failure { message: Some(message), kind: None, text: Some(said).filter(|s| !s.is_empty()) });
        self.sink.add(case);
    }
}

#[cfg(test)]
mod tests;
