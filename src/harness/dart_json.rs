//! The JSON of `dart test --reporter json` and `flutter test --machine`: one event a line.
//!
//! `docs/harness/dart-json.md` has the rules.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;

use super::cases::{CaseTotals, OnCase, Sink, UNNAMED, clean, durations, retried};
use super::lines::{Line, Lines};
use super::xml::text::{Collector, Keep};
use super::{HarnessError, quoted, unreadable};
use crate::results::{Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "dart-json",
    title: "dart test --reporter json, flutter test --machine",
    reading: Reading::Cases(read),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_event(&["type", "time", "protocolVersion"])
}

/// One line, as package:test documents it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    time: Option<f64>,
    suite: Option<Suite>,
    test: Option<Test>,
    #[serde(rename = "testID")]
    test_id: Option<u64>,
    result: String,
    skipped: bool,
    hidden: bool,
    success: Option<bool>,
    error: String,
    stack_trace: String,
    is_failure: bool,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Suite {
    id: u64,
    path: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Test {
    id: u64,
    name: String,
    #[serde(rename = "suiteID")]
    suite_id: u64,
    line: Option<u32>,
    url: Option<String>,
    root_line: Option<u32>,
    root_url: Option<String>,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    skip_reason: Option<String>,
}

/// A test that has begun.
struct Running {
    test: Test,
    began: Option<f64>,
    output: Option<Collector>,
    failures: Vec<Failure>,
    timed_out: bool,
    retries: u32,
}

/// Reads the stream.
///
/// # Errors
/// Where it holds no event, or is cut off; what had ended before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut reader = Reader {
        sink: Sink::new(on_case),
        suites: HashMap::new(),
        running: BTreeMap::new(),
        done: None,
        events: 0,
        any_bad: false,
    };
    let mut broken = None;
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, number))? else { break };
        broken = reader.line(line);
        if reader.sink.stopped() {
            return Ok(reader.sink.finish());
        }
    }
    reader.end(lines.number().max(1), broken)
}

struct Reader<'a, 'b> {
    sink: Sink<'a, 'b>,
    /// Paths of the suites.
    suites: HashMap<u64, String>,
    running: BTreeMap<u64, Running>,
    /// The last event has come, with what it said.
    done: Option<Option<bool>>,
    events: u64,
    any_bad: bool,
}

impl Reader<'_, '_> {
    fn line(&mut self, line: Line<'_>) -> Option<(u64, u64)> {
        let text = line.text.trim();
        if !text.starts_with('{') {
            return None;
        }
        match serde_json::from_str::<Event>(text) {
            Ok(event) if event.kind.is_empty() => {}
            Ok(event) => {
                self.events += 1;
                self.event(event, line.number);
            }
            Err(error) if !line.ended => return Some((line.number, error.column().max(1) as u64)),
            Err(_) if text.contains("\"type\"") && text.contains("\"time\"") => {
                self.sink.warn(line.number, format!("`{}` is no event", quoted(text)));
            }
            Err(_) => {}
        }
        None
    }

    fn event(&mut self, event: Event, line: u64) {
        let limits = self.sink.limits.clone();
        let running = event.test_id.and_then(|id| self.running.get_mut(&id));
        match event.kind.as_str() {
            "start" => {
                self.done = None;
                self.suites.clear();
            }
            "suite" => {
                if let Some(suite) = event.suite {
                    self.suites.insert(suite.id, clean(&suite.path.unwrap_or_default(), limits.name));
                }
            }
            "testStart" => {
                if let Some(test) = event.test {
                    let test = Running {
                        test,
                        began: event.time,
                        output: None,
                        failures: Vec::new(),
                        timed_out: false,
                        retries: 0,
                    };
                    self.running.insert(test.test.id, test);
                }
            }
            "print" => {
                if let Some(running) = running {
                    let retried = event.message.strip_prefix("Retry: ").is_some_and(|name| name == running.test.name);
                    running.retries += u32::from(retried);
                    let output = running.output.get_or_insert_with(|| {
                        let mut collector = Collector::new();
                        collector.begin(Keep::Tail(limits.output));
                        collector
                    });
                    output.verbatim(event.message.as_bytes());
                    output.verbatim(b"\n");
                }
            }
            "error" => match running {
                Some(running) if running.failures.len() < limits.failures => {
                    running.timed_out |= event.error.starts_with("TimeoutException after");
                    let kind = if event.is_failure { "TestFailure" } else { "error" };
                    let text = Some(clean(event.stack_trace.trim_end(), limits.text)).filter(|text| !text.is_empty());
                    let message = Some(clean(event.error.trim_end(), limits.message));
                    running.failures.push(Failure { message, kind: Some(kind.into()), text });
                }
                Some(_) => {}
                None => self.sink.warn(line, format!("an error outside of a test: {}", quoted(&event.error))),
            },
            "testDone" => self.ended(&event, line),
            "done" => {
                self.done = Some(event.success);
                self.run_ended(line);
            }
            // `group`, `allSuites`, `debug`, and what newer versions may add.
            _ => {}
        }
    }

    fn ended(&mut self, event: &Event, line: u64) {
        let Some(mut running) = event.test_id.and_then(|id| self.running.remove(&id)) else {
            return self.sink.warn(line, "a test ended that had not begun");
        };
        let outcome = match event.result.as_str() {
            "success" if event.skipped => Outcome::Skipped,
            "success" => Outcome::Passed,
            "failure" | "error" if running.timed_out => Outcome::TimedOut,
            "failure" => Outcome::Failed,
            "error" => Outcome::Errored,
            other => {
                self.sink.warn(line, format!("the result `{}` is not known; taken as an error", quoted(other)));
                Outcome::Errored
            }
        };
        // Loading a suite and the set-up of groups are no tests, unless they fail.
        if event.hidden && !outcome.is_failure() {
            return;
        }
        self.any_bad |= outcome.is_failure();
        let mut case = self.case(&running, outcome);
        let duration = event.time.zip(running.began).map(|(end, began)| end - began);
        case.duration_ns = duration.and_then(|milliseconds| durations::sensible(milliseconds / 1e3));
        case.stdout = running.output.as_mut().and_then(Collector::finish);
        case.failures = std::mem::take(&mut running.failures);
        if let Some(reason) = running.test.metadata.skip_reason.filter(|_| outcome == Outcome::Skipped) {
            case.failures
                .push(Failure { message: Some(clean(&reason, self.sink.limits.message)), ..Failure::default() });
        }
        // The runner does not write what the attempts before the last one said.
        retried(&mut case, running.retries, &self.sink.limits);
        self.sink.add(case);
    }

    fn case(&self, running: &Running, outcome: Outcome) -> Case {
        let test = &running.test;
        let limit = self.sink.limits.name;
        let mut case = Case::new(if test.name.is_empty() { UNNAMED.into() } else { clean(&test.name, limit) }, outcome);
        if let Some(path) = self.suites.get(&test.suite_id).filter(|path| !path.is_empty()) {
            case.suites = vec![path.clone()];
            case.class = Some(path.clone());
        }
        let (url, line) = match &test.root_url {
            Some(url) => (Some(url), test.root_line),
            None => (test.url.as_ref(), test.line),
        };
        case.file = url.map(|url| clean(url.strip_prefix("file://").unwrap_or(url), limit));
        case.line = line.filter(|line| *line > 0);
        case
    }

    /// The run is over: whatever still runs was ended with it.
    fn run_ended(&mut self, line: u64) {
        for (_, running) in std::mem::take(&mut self.running) {
            let mut case = self.case(&running, Outcome::Cancelled);
            let message = Some("the run ended before the test did".into());
            case.failures.push(Failure { message, ..Failure::default() });
            self.sink.add(case);
        }
        match self.done {
            Some(Some(false)) if !self.any_bad => {
                let mut case = Case::new("(test run)", Outcome::Errored);
                let message = Some("the run failed, though no test of it did".into());
                case.failures.push(Failure { message, ..Failure::default() });
                self.sink.add(case);
            }
            Some(None) => self.sink.warn(line, "the run was ended from outside before it was complete"),
            _ => {}
        }
    }

    fn end(self, line: u64, broken: Option<(u64, u64)>) -> Result<CaseTotals, HarnessError> {
        let (events, done) = (self.events, self.done);
        let left = self.running.into_values().next().map(|running| running.test.name);
        let totals = self.sink.finish();
        let help = "was the test command killed, or the disk full?";
        if let Some((line, column)) = broken {
            return Err(HarnessError::new(line, column, "cut off: the last event breaks in the middle", help));
        }
        if events == 0 {
            let help = "keep the output of `dart test --reporter json` or `flutter test --machine`";
            return Err(HarnessError::new(1, 1, "no event of Dart's test runner", help));
        }
        if done.is_none() {
            let inside = left.map_or(String::new(), |name| format!(" in `{}`", quoted(&name)));
            return Err(HarnessError::new(line, 1, format!("cut off{inside}: the event `done` is missing"), help));
        }
        Ok(totals)
    }
}

#[cfg(test)]
mod tests;
