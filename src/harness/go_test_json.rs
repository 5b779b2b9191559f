//! `go test -json`, also as `gotestsum --jsonfile` keeps it and as `go tool test2json` writes it: one event a line.
//!
//! `docs/harness/go-test-json.md` has the rules.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;

use super::cases::{CaseTotals, OnCase, Sink, clean, tail};
use super::events::{self, Events};
use super::xml::text::{Collector, Keep};
use super::{HarnessError, quoted};
use crate::results::{Case, Failure, Outcome};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "go-test-json", title: "go test -json", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with_event(&["Action", "Package"])
}

/// For how many tests at a time output is kept.
const KEPT: usize = 4_096;

/// One line, as `go doc test2json` has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    elapsed: Option<f64>,
    #[serde(default)]
    output: String,
    #[serde(default)]
    import_path: String,
    #[serde(default)]
    failed_build: String,
}

/// A test or package that has begun.
struct Open {
    output: Option<Collector>,
    /// It is over because the time limit of the whole package was.
    timed_out: bool,
    /// How it ended by its own output: where a test prints no line end, Go misses the event.
    printed: Option<Outcome>,
}

/// What is known of a package.
struct Package {
    own: Open,
    /// Tests in the order in which they began.
    tests: BTreeMap<u64, (String, Open)>,
    names: HashMap<String, u64>,
    begun: u64,
    /// At least one test of it did not pass.
    has_bad: bool,
}

/// Reads the stream.
///
/// # Errors
/// Where it holds no event, or is cut off; what had ended before that is handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let (sink, packages, builds) = (Sink::merging(on_case), BTreeMap::new(), HashMap::new());
    events::read(input, Reader { sink, packages, builds, benchmarks: false })
}

struct Reader<'a, 'b> {
    sink: Sink<'a, 'b>,
    packages: BTreeMap<String, Package>,
    /// What the compiler said, by import path.
    builds: HashMap<String, Collector>,
    /// There are results of benchmarks among the output.
    benchmarks: bool,
}

impl Open {
    fn new(keep: bool, limit: usize) -> Self {
        let mut collector = Collector::new();
        collector.begin(Keep::Tail(limit));
        Self { output: keep.then_some(collector), timed_out: false, printed: None }
    }

    fn print(&mut self, output: &str, test: &str) {
        if let Some((said, name)) = output.split_once("--- ").and_then(|(_, end)| end.split_once(": "))
            && name.strip_prefix(test).is_some_and(|rest| rest.starts_with(" ("))
        {
            self.printed = match said {
                "PASS" => Some(Outcome::Passed),
                "FAIL" => Some(Outcome::Failed),
                "SKIP" => Some(Outcome::Skipped),
                _ => self.printed,
            };
        }
        self.timed_out |= output.starts_with("panic: test timed out after");
        let is_frame = ["=== ", "--- "].iter().any(|start| output.trim_start().starts_with(start));
        if let Some(collector) = self.output.as_mut().filter(|_| !is_frame) {
            collector.verbatim(output.as_bytes());
        }
    }

    fn text(&mut self) -> Option<String> {
        self.output.as_mut().and_then(Collector::finish)
    }
}

impl<'a, 'b> Events<'a, 'b> for Reader<'a, 'b> {
    type Event = Event;
    const NOTHING: [&'static str; 2] = ["no event of `go test -json`", "keep the output of `go test -json ./...`"];
    const CUT: &'static str = "was `go test` killed, or the disk full?";

    fn sink(&mut self) -> &mut Sink<'a, 'b> {
        &mut self.sink
    }

    fn is_about_events(text: &str) -> bool {
        text.contains("\"Action\"") || text.starts_with("{\"Time\"")
    }

    /// Before Go 1.24 a package that did not compile is told of in this way only.
    fn foreign(&mut self, line: &str) -> bool {
        let named = line.strip_prefix("FAIL\t").and_then(|rest| rest.split_once(" ["));
        let why = named.and_then(|(name, why)| Some((name, why.strip_suffix(']')?)));
        let Some((name, why)) = why.filter(|(_, why)| why.ends_with("failed")) else { return false };
        self.broken_package(name, why, None, None);
        true
    }

    fn event(&mut self, event: Event, line: u64) -> bool {
        match event.action.as_str() {
            "build-output" => {
                let limit = self.sink.limits.text;
                if self.builds.len() < KEPT {
                    let start = || {
                        let mut collector = Collector::new();
                        collector.begin(Keep::Head(limit));
                        collector
                    };
                    self.builds.entry(event.import_path).or_insert_with(start).verbatim(event.output.as_bytes());
                }
            }
            "build-fail" | "attr" | "artifacts" => {}
            "start" => {
                self.package(&event.package);
            }
            "run" | "pause" | "cont" => {
                self.open(&event);
            }
            "output" => {
                self.benchmarks |= event.output.ends_with(" ns/op\n") || event.output.contains(" ns/op\t");
                self.open(&event).print(&event.output, &event.test);
            }
            "pass" | "fail" | "skip" | "bench" => self.ended(&event, line),
            other => self.sink.warn(line, format!("the action `{}` is not known", quoted(other))),
        }
        true
    }

    fn end(&mut self, line: u64) -> Option<String> {
        if self.benchmarks {
            let text =
                "results of benchmarks were left out; the format `go` reads them from the output without `-json`";
            self.sink.warn(line, text);
        }
        let open = self.packages.keys().next()?;
        Some(format!(": the package `{}` has begun and not ended", quoted(open)))
    }

    fn totals(self) -> CaseTotals {
        self.sink.finish()
    }
}

impl Reader<'_, '_> {
    fn package(&mut self, name: &str) -> &mut Package {
        let limit = self.sink.limits.text;
        self.packages.entry(name.to_owned()).or_insert_with(|| Package {
            own: Open::new(true, limit),
            tests: BTreeMap::new(),
            names: HashMap::new(),
            begun: 0,
            has_bad: false,
        })
    }

    /// The test that an event is about, or its package where it names none.
    fn open(&mut self, event: &Event) -> &mut Open {
        let limit = self.sink.limits.text;
        let package = self.package(&event.package);
        if event.test.is_empty() {
            return &mut package.own;
        }
        let next = package.begun;
        let number = *package.names.entry(event.test.clone()).or_insert(next);
        package.begun += u64::from(number == next);
        let keep = package.tests.len() < KEPT;
        &mut package.tests.entry(number).or_insert_with(|| (event.test.clone(), Open::new(keep, limit))).1
    }

    fn ended(&mut self, event: &Event, line: u64) {
        if event.test.is_empty() {
            return self.package_ended(event, line);
        }
        let package = self.package(&event.package);
        let number = package.names.remove(&event.test);
        let open = number.and_then(|number| package.tests.remove(&number)).map(|(_, open)| open);
        let mut open = open.unwrap_or_else(|| Open::new(false, 0));
        let is_benchmark = event.test.starts_with("Benchmark");
        if is_benchmark && event.action != "fail" {
            return;
        }
        let outcome = match event.action.as_str() {
            "fail" if open.timed_out => Outcome::TimedOut,
            "fail" => Outcome::Failed,
            "skip" => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        package.has_bad |= outcome.is_failure();
        let mut case = self.case(&event.package, &event.test, outcome);
        case.duration_ns = nanoseconds(event.elapsed);
        fill(&mut case, open.text(), self.sink.limits.output);
        self.sink.add(case);
    }

    fn case(&self, package: &str, test: &str, outcome: Outcome) -> Case {
        let limit = self.sink.limits.name;
        let mut case = Case::new(clean(test, limit), outcome);
        if !package.is_empty() {
            let package = clean(package, limit);
            case.suites = vec![package.clone()];
            case.class = Some(package);
        }
        case
    }

    fn package_ended(&mut self, event: &Event, line: u64) {
        let Some(mut package) = self.packages.remove(&event.package) else {
            if event.action == "fail" {
                let said = self.builds.get_mut(&event.failed_build).and_then(Collector::finish);
                self.broken_package(&event.package, "failed", said, event.elapsed);
            }
            return;
        };
        let failed = event.action == "fail";
        let timed_out = package.own.timed_out || package.tests.values().any(|(_, open)| open.timed_out);
        let left: Vec<(String, Open)> = std::mem::take(&mut package.tests).into_values().collect();
        for (name, mut open) in left {
            if name.starts_with("Benchmark") && !failed {
                continue;
            }
            let outcome = match open.printed {
                Some(outcome) => outcome,
                None if failed && timed_out => Outcome::TimedOut,
                None if failed => Outcome::Errored,
                None => Outcome::Passed,
            };
            if !failed && open.printed.is_none() {
                self.sink
                    .warn(line, format!("`{}` has no end; taken as passed, since its package passed", quoted(&name)));
            }
            package.has_bad |= outcome.is_failure();
            let mut case = self.case(&event.package, &name, outcome);
            fill(&mut case, open.text(), self.sink.limits.output);
            if let Some(failure) = case.failures.first_mut().filter(|failure| failure.message.is_none()) {
                failure.message = Some("the test did not end, and its package failed".into());
            }
            self.sink.add(case);
        }
        if failed && !package.has_bad {
            let built = self.builds.get_mut(&event.failed_build).and_then(Collector::finish);
            let why = if built.is_some() || !event.failed_build.is_empty() { "build failed" } else { "failed" };
            self.broken_package(&event.package, why, built.or_else(|| package.own.text()), event.elapsed);
        }
    }

    /// A package that failed though none of its tests did: it did not compile, or its `TestMain` returned an error.
    fn broken_package(&mut self, name: &str, why: &str, said: Option<String>, elapsed: Option<f64>) {
        let shown = if name.is_empty() { "(package)" } else { name };
        let mut case = self.case(name, shown, Outcome::Errored);
        case.duration_ns = nanoseconds(elapsed);
        let message = Some(format!("the package failed outside of its tests: {why}"));
        case.failures.push(Failure { message, kind: None, text: said });
        self.sink.add(case);
    }
}

/// Puts what a test printed where it belongs: into the failure of one that failed, else into its output.
fn fill(case: &mut Case, text: Option<String>, limit: usize) {
    match case.outcome {
        Outcome::Passed => {
            case.stdout = text.map(|text| tail(&text, limit));
        }
        Outcome::Skipped => {
            if let Some((message, file, line)) = text.as_deref().and_then(told) {
                (case.file, case.line) = (Some(file), Some(line));
                case.failures.push(Failure { message: Some(message), ..Failure::default() });
            }
        }
        _ => {
            let mut failure = Failure::default();
            let panic = text.as_deref().and_then(|text| text.lines().find(|line| line.starts_with("panic: ")));
            if let Some((message, file, line)) = text.as_deref().and_then(told) {
                (case.file, case.line) = (Some(file), Some(line));
                failure.message = Some(message);
            }
            if let Some(panic) = panic {
                (failure.message, failure.kind) = (Some(clean(panic, 300)), Some("panic".into()));
            }
            failure.text = text;
            if failure != Failure::default() || case.outcome != Outcome::Failed {
                case.failures.push(failure);
            }
        }
    }
}

/// What `t.Error` and its kin wrote first: `file_test.go:12: message`.
fn told(text: &str) -> Option<(String, String, u32)> {
    let mut lines = text.lines();
    let (message, file, number) = lines.by_ref().find_map(|line| {
        let (file, rest) = line.trim_start().split_once(".go:")?;
        let (number, message) = rest.split_once(':')?;
        let plain = !file.is_empty() && !file.contains(char::is_whitespace);
        Some((message.trim(), format!("{file}.go"), number.parse().ok().filter(|_| plain)?))
    })?;
    let mut message = message.to_owned();
    if message.is_empty() {
        // testify: the message stands further down.
        let error = lines.clone().find_map(|line| line.trim_start().strip_prefix("Error:")).map(str::trim);
        message = error.or_else(|| lines.map(str::trim).find(|line| !line.is_empty())).unwrap_or_default().to_owned();
    }
    Some((clean(&message, 300), file, number))
}

/// Seconds in nanoseconds, if they are sensible.
fn nanoseconds(seconds: Option<f64>) -> Option<u64> {
    super::cases::nanoseconds(seconds?)
}

#[cfg(test)]
mod tests;
