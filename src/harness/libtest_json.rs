//! The JSON of Rust's test harness (`--format json`), and of nextest, which writes the same with its own names
//! (`--message-format libtest-json` and `libtest-json-plus`): one event a line.
//!
//! `docs/harness/libtest-json.md` has the rules.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::cases::{CaseTotals, OnCase, Sink, clean, durations, places, retried, tail};
use super::events::{self, Events};
use super::xml::text::first_line;
use super::{HarnessError, quoted};
use crate::results::{Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "libtest-json",
    title: "Rust's libtest --format json, nextest's libtest-json",
    reading: Reading::Cases(read),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    // `cargo bench` writes its tests as ignored; what counts are the benchmarks.
    if head.lines().any(super::libtest::is_event) {
        return Err("it has results of benchmarks, which `libtest` reads".into());
    }
    head.with_event(&["type", "event"])
}

/// One line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: String,
    exec_time: Option<f64>,
    stdout: Option<String>,
    stderr: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    passed: Option<u64>,
    failed: Option<u64>,
    ignored: Option<u64>,
}

/// Reads the stream of one or several test programs.
///
/// # Errors
/// Where it holds no event, or is cut off; what had ended before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let (sink, running, programs) = (Sink::new(on_case), BTreeMap::new(), BTreeMap::new());
    events::read(input, Reader { sink, running, programs, counts: [0; 3], open: false, benchmarks: false })
}

struct Reader<'a, 'b> {
    sink: Sink<'a, 'b>,
    /// Tests that have begun, with the line.
    running: BTreeMap<String, u64>,
    /// By test program of nextest: how many tests it says were ignored, and how many were seen to be.
    programs: BTreeMap<String, (u64, u64)>,
    /// Passed, failed and ignored since the suite began.
    counts: [u64; 3],
    open: bool,
    benchmarks: bool,
}

/// The parts of `crate::program$module::test#2`, as nextest writes it: the program, the test and the attempt.
fn split(name: &str) -> (Option<&str>, &str, u32) {
    let Some((program, test)) = name.split_once('$') else { return (None, name, 1) };
    match test.rsplit_once('#').and_then(|(test, attempt)| Some((test, attempt.parse().ok()?))) {
        Some((test, attempt)) => (Some(program), test, attempt),
        None => (Some(program), test, 1),
    }
}

impl<'a, 'b> Events<'a, 'b> for Reader<'a, 'b> {
    type Event = Event;
    const NOTHING: [&'static str; 2] =
        ["no event of Rust's test harness", "keep the output of `cargo test -- -Z unstable-options --format json`"];
    const CUT: &'static str = "was the test program killed, or did it crash?";

    fn sink(&mut self) -> &mut Sink<'a, 'b> {
        &mut self.sink
    }

    fn is_about_events(text: &str) -> bool {
        text.contains("\"type\"") && text.contains("\"event\"")
    }

    fn event(&mut self, event: Event, line: u64) -> bool {
        if event.kind.is_empty() {
            return false;
        }
        match (event.kind.as_str(), event.event.as_str()) {
            ("suite", "started") => {
                self.open = true;
                self.counts = [0; 3];
            }
            ("suite", "ok" | "failed") => self.suite_ended(&event, line),
            ("suite", "discovery" | "completed") | ("report", _) | ("test", "timeout" | "discovered") => {}
            ("test", "started") => {
                self.running.insert(event.name, line);
            }
            ("test", "ok" | "failed" | "ignored") => self.ended(event),
            ("bench", _) => {
                self.running.remove(&event.name);
                self.benchmarks = true;
            }
            (kind, what) => {
                self.sink.warn(line, format!("the event `{}` of `{}` is not known", quoted(what), quoted(kind)));
            }
        }
        true
    }

    fn end(&mut self, line: u64) -> Option<String> {
        self.left_over(line, self.open);
        if self.benchmarks {
            self.sink.warn(line, "results of benchmarks were left out; the format `libtest` reads them");
        }
        self.open.then(|| ": a suite has begun and not ended".to_owned())
    }

    fn totals(self) -> CaseTotals {
        self.sink.finish()
    }
}

impl Reader<'_, '_> {
    fn ended(&mut self, event: Event) {
        let (program, test, attempt) = split(&event.name);
        // A retry ends under another name than the one under which the test began.
        let begun = program.map_or_else(|| event.name.clone(), |program| format!("{program}${test}"));
        self.running.remove(&begun);
        let timed_out = event.reason.as_deref() == Some("time limit exceeded");
        let (at, outcome) = match event.event.as_str() {
            "ok" => (0, Outcome::Passed),
            "ignored" => (2, Outcome::Skipped),
            _ => (1, if timed_out { Outcome::TimedOut } else { Outcome::Failed }),
        };
        self.counts[at] += 1;
        if let Some(program) = program.filter(|_| outcome == Outcome::Skipped) {
            self.programs.entry(program.to_owned()).or_default().1 += 1;
        }
        let mut case = self.case(&event.name, outcome);
        case.duration_ns = event.exec_time.and_then(durations::sensible);
        self.tell(&mut case, event);
        // nextest does not write what the attempts before this one said.
        retried(&mut case, attempt.saturating_sub(1), &self.sink.limits);
        self.sink.add(case);
    }

    fn case(&self, name: &str, outcome: Outcome) -> Case {
        let (program, test, _) = split(name);
        let mut case = Case::new(clean(test, self.sink.limits.name), outcome);
        if let Some(program) = program {
            let program = clean(program, self.sink.limits.name);
            case.suites = vec![program.clone()];
            case.class = Some(program);
        }
        case
    }

    fn tell(&self, case: &mut Case, event: Event) {
        let limits = &self.sink.limits;
        let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let (stdout, stderr, message) = (text(event.stdout), text(event.stderr), text(event.message));
        if case.outcome == Outcome::Passed || case.outcome == Outcome::Skipped {
            case.stdout = stdout.map(|text| tail(&text, limits.output));
            case.stderr = stderr.map(|text| tail(&text, limits.output));
            if let Some(message) = message {
                case.failures.push(Failure { message: Some(clean(&message, limits.message)), ..Failure::default() });
            }
            return;
        }
        let all: Vec<&str> = [stdout.as_deref(), stderr.as_deref()].into_iter().flatten().collect();
        let all = all.join("\n");
        let mut failure = Failure { message: message.map(|text| clean(&text, limits.message)), ..Failure::default() };
        if let Some((said, file, line)) = places::rust_panic(&all) {
            (case.file, case.line) = (Some(clean(&file, limits.name)), Some(line));
            failure.kind = Some("panic".into());
            failure.message = failure.message.or_else(|| Some(clean(&said, limits.message)));
        }
        failure.message = failure.message.or(event.reason).or_else(|| first_line(&all));
        failure.text = Some(tail(all.trim_end().trim_start_matches('\n'), limits.text)).filter(|text| !text.is_empty());
        if failure != Failure::default() {
            case.failures.push(failure);
        }
    }

    fn suite_ended(&mut self, event: &Event, line: u64) {
        self.open = false;
        let of_nextest = self.running.keys().any(|name| name.contains('$')) || !self.programs.is_empty();
        if of_nextest {
            // The suites of nextest follow the clock, not the program: only their last counts mean something.
            let names: Vec<String> = self.running.keys().filter_map(|name| split(name).0.map(str::to_owned)).collect();
            for name in names {
                self.programs.entry(name).or_default().0 = event.ignored.unwrap_or(0);
            }
            return;
        }
        let said = [event.passed, event.failed, event.ignored];
        if said.iter().zip(self.counts).any(|(said, counted)| said.is_some_and(|said| said != counted))
            && !self.benchmarks
        {
            let text = format!(
                "the suite counts {said:?} passed, failed and ignored tests, and {:?} were told of",
                self.counts
            );
            self.sink.warn(line, text.replace("Some(", "").replace(')', ""));
        }
        self.left_over(line, false);
    }

    /// Tests that began and did not end.
    fn left_over(&mut self, line: u64, quietly: bool) {
        for (name, _) in std::mem::take(&mut self.running) {
            let ignored = split(&name).0.and_then(|program| self.programs.get_mut(program));
            let mut case = match ignored {
                // nextest loses the events of some ignored tests, but counts them.
                Some((said, seen)) if *seen < *said => {
                    *seen += 1;
                    self.sink.warn(
                        line,
                        format!("`{}` has no end; taken as ignored, since its suite counts one more", quoted(&name)),
                    );
                    self.case(&name, Outcome::Skipped)
                }
                _ => self.case(&name, Outcome::Errored),
            };
            if case.outcome == Outcome::Errored {
                let message = Some("the test began and did not end".into());
                case.failures.push(Failure { message, ..Failure::default() });
                if !quietly {
                    self.sink.warn(line, format!("`{}` began and did not end", quoted(&name)));
                }
            }
            self.sink.add(case);
        }
    }
}

#[cfg(test)]
mod tests;
