//! The JSON of `dart test --reporter json` and `flutter test --machine`: one event a line.
//!
//! `docs/harness/dart-json.md` has the rules.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;

use super::cases::{CaseTotals, OnCase, Sink, UNNAMED, clean, durations, retried};
use super::events::{self, Events};
use super::xml::text::{Collector, Keep};
use super::{HarnessError, quoted};
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
    let (sink, suites, running) = (Sink::new(on_case), HashMap::new(), BTreeMap::new());
    events::read(input, Reader { sink, suites, running, done: None, any_bad: false })
}

struct Reader<'a, 'b> {
    sink: Sink<'a, 'b>,
    /// Paths of the suites.
    suites: HashMap<u64, String>,
    running: BTreeMap<u64, Running>,
    /// The last event has come, with what it said.
    done: Option<Option<bool>>,
    any_bad: bool,
}

impl<'a, 'b> Events<'a, 'b> for Reader<'a, 'b> {
    type Event = Event;
    const NOTHING: [&'static str; 2] = [
        "no event of Dart's test runner",
        "keep the output of `dart test --reporter json` or `flutter test --machine`",
    ];
    const CUT: &'static str = "was the test command killed, or the disk full?";

    fn sink(&mut self) -> &mut Sink<'a, 'b> {
        &mut self.sink
    }

    fn is_about_events(text: &str) -> bool {
        text.contains("\"type\"") && text.contains("\"time\"")
    }

    fn event(&mut self, event: Event, line: u64) -> bool {
        if event.kind.is_empty() {
            return false;
        }
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
        true
    }

    fn end(&mut self, _line: u64) -> Option<String> {
        if self.done.is_some() {
            return None;
        }
        let left = self.running.values().next();
        let inside = left.map_or(String::new(), |running| format!(" in `{}`", quoted(&running.test.name)));
        Some(format!("{inside}: the event `done` is missing"))
    }

    fn totals(self) -> CaseTotals {
        self.sink.finish()
    }
}

impl Reader<'_, '_> {
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
}

#[cfg(test)]
mod tests;
