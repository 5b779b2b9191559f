//! What a run has to tell, as test cases: its cases, generated files, benchmarks, and steps that ended without any.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::results::{
    Attempt, Basis, Benchmark, Case, Document, Failure, Generation, GenerationState, Kind, Outcome, Reason, Step,
    StepStatus, Validity, Verdict,
};

/// How an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Passed,
    Flaky,
    Failed,
    Errored,
    Skipped,
}

/// A child of a test case: `failure`, `error`, `skipped`, or an attempt.
#[derive(Debug, Clone)]
pub(super) struct Element<'a> {
    pub(super) name: &'static str,
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) is_rerun: bool,
}

/// One test case of the file. Class and name together are unique.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) told: Told,
    pub(super) duration_ns: Option<u64>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) stdout: Option<&'a str>,
    pub(super) stderr: Option<&'a str>,
}

/// The entries of a step.
pub(super) struct Suite<'a> {
    /// The id of the step.
    pub(super) id: &'a str,
    /// The step; absent where the document has results of a step that it does not list.
    pub(super) step: Option<&'a Step>,
    pub(super) entries: Vec<Entry<'a>>,
}

/// All entries by step, in the order of the document.
pub(super) fn of(document: &Document) -> Vec<Suite<'_>> {
    let mut by_step: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    for case in &document.cases {
        by_step.entry(&case.step).or_default().push(of_case(case));
    }
    for generation in &document.generations {
        by_step.entry(&generation.step).or_default().push(of_generation(generation));
    }
    for benchmark in &document.benchmarks {
        by_step.entry(&benchmark.step).or_default().push(of_benchmark(benchmark, document));
    }
    let mut suites: Vec<Suite<'_>> = Vec::with_capacity(document.steps.len());
    for step in &document.steps {
        let mut entries = by_step.remove(step.id.as_str()).unwrap_or_default();
        entries.extend(of_step(step, &entries));
        suites.push(Suite { id: &step.id, step: Some(step), entries });
    }
    suites.extend(by_step.into_iter().map(|(id, entries)| Suite { id, step: None, entries }));
    let mut names = HashSet::new();
    for suite in &mut suites {
        for entry in &mut suite.entries {
            make_unique(entry, suite.step.map_or(suite.id, |step| &step.name), &mut names);
        }
    }
    suites
}

/// Fills in the class, and numbers a name that has been there.
fn make_unique(entry: &mut Entry<'_>, step: &str, names: &mut HashSet<(String, String)>) {
    if entry.class.is_empty() {
        step.clone_into(&mut entry.class);
    }
    let plain = entry.name.clone();
    let mut count = 1;
    while !names.insert((entry.class.clone(), entry.name.clone())) {
        count += 1;
        entry.name = format!("{plain} ({count})");
    }
}

fn element<'a>(name: &'static str, failure: Option<&'a Failure>) -> Element<'a> {
    let get = |field: fn(&Failure) -> &Option<String>| failure.and_then(|f| field(f).as_deref()).map(Cow::Borrowed);
    Element { name, message: get(|f| &f.message), kind: get(|f| &f.kind), text: get(|f| &f.text), is_rerun: false }
}

/// An element for an earlier or later attempt; the schema wants a type.
fn attempt_element<'a>(attempt: &'a Attempt, failure: &'static str, error: &'static str) -> Element<'a> {
    let name = if attempt.outcome == Outcome::Errored { error } else { failure };
    let mut element = element(name, attempt.failure.as_ref());
    element.kind.get_or_insert(Cow::Borrowed(attempt.outcome.as_str()));
    element.is_rerun = true;
    element
}

fn of_case(case: &Case) -> Entry<'_> {
    let failing = || case.attempts.iter().filter(|attempt| attempt.outcome.is_failure());
    let mut elements = Vec::new();
    let told = match case.outcome {
        Outcome::Passed => Told::Passed,
        Outcome::Flaky => {
            elements.extend(failing().map(|attempt| attempt_element(attempt, "flakyFailure", "flakyError")));
            if elements.is_empty() {
                let kind = Some("flaky".into());
                let message = Some("an earlier attempt failed".into());
                elements.push(Element { kind, message, is_rerun: true, ..element("flakyFailure", None) });
            }
            Told::Flaky
        }
        Outcome::Failed | Outcome::TimedOut | Outcome::Errored => {
            elements = failing_elements(case);
            if elements[0].name == "error" { Told::Errored } else { Told::Failed }
        }
        Outcome::Skipped => {
            elements.push(element("skipped", case.failures.first()));
            Told::Skipped
        }
        Outcome::Cancelled => {
            let message = Some("the run ended before this case did".into());
            elements.push(Element { message, ..element("skipped", None) });
            Told::Skipped
        }
    };
    Entry {
        class: case.class.clone().unwrap_or_else(|| case.suites.join(".")),
        name: case.name.clone(),
        told,
        duration_ns: case.duration_ns,
        elements,
        stdout: case.stdout.as_deref(),
        stderr: case.stderr.as_deref(),
    }
}

/// The failures of a single attempt, or the first attempt and its reruns.
fn failing_elements(case: &Case) -> Vec<Element<'_>> {
    let name = if case.outcome == Outcome::Errored { "error" } else { "failure" };
    let failing: Vec<&Attempt> = case.attempts.iter().filter(|attempt| attempt.outcome.is_failure()).collect();
    let mut elements: Vec<Element<'_>> = match failing.as_slice() {
        [first, rest @ ..] if !rest.is_empty() => {
            let name = if first.outcome == Outcome::Errored { "error" } else { "failure" };
            let first = element(name, first.failure.as_ref());
            let rest = rest.iter().map(|attempt| attempt_element(attempt, "rerunFailure", "rerunError"));
            std::iter::once(first).chain(rest).collect()
        }
        _ => case.failures.iter().map(|failure| element(name, Some(failure))).collect(),
    };
    if elements.is_empty() {
        elements.push(element(name, None));
    }
    if case.outcome == Outcome::TimedOut {
        let first = &mut elements[0];
        first.kind = Some("timeout".into());
        first.message.get_or_insert("the time limit ended it".into());
    }
    elements
}

fn of_generation(generation: &Generation) -> Entry<'_> {
    let told = match generation.state {
        GenerationState::Skipped => Told::Skipped,
        state if state.is_right() => Told::Passed,
        _ => Told::Failed,
    };
    let kind = generation.reason.as_ref().map_or(generation.state.word(), |reason| reason.code.as_str());
    let why = generation.reason.as_ref().map(|reason| format!(": {}", reason.text)).unwrap_or_default();
    let mut elements = Vec::new();
    if told == Told::Skipped {
        elements.extend(generation.reason.as_ref().map(|reason| of_reason("skipped", reason)));
    }
    if told == Told::Failed {
        let mut failure = element("failure", generation.failure.as_ref());
        failure.kind.get_or_insert(Cow::Borrowed(kind));
        failure.message.get_or_insert(Cow::Owned(format!("the file {}{why}", generation.state.sentence())));
        if failure.text.is_none() {
            failure.text = generation.diff.as_deref().map(Cow::Borrowed);
        }
        elements.push(failure);
    }
    plain(generation.template.clone(), generation.output.clone(), told, None, elements)
}

fn of_benchmark<'a>(benchmark: &'a Benchmark, document: &'a Document) -> Entry<'a> {
    let name = benchmark.series();
    let comparison = document.comparison.as_ref().filter(|comparison| comparison.basis == Basis::Paired);
    let regressed = comparison
        .and_then(|c| c.rows.iter().find(|row| row.benchmark == name && row.verdict == Verdict::Regressed))
        .map(|row| {
            let change = row.change.map_or_else(String::new, |change| format!(" by {:+.1} %", change * 100.0));
            format!("{} moved{change}, the limit is {:.1} %", row.metric, row.limit * 100.0)
        });
    let (told, element) = match (&benchmark.validity, regressed) {
        (Validity::Invalid { reason }, _) => (Told::Errored, Some(of_reason("error", reason))),
        _ if benchmark.metrics.is_empty() => {
            let reason = Element { message: Some("it gave no figure".into()), ..element("error", None) };
            (Told::Errored, Some(reason))
        }
        (_, Some(message)) => {
            let kind = Some("regressed".into());
            (Told::Failed, Some(Element { message: Some(message.into()), kind, ..element("failure", None) }))
        }
        _ => (Told::Passed, None),
    };
    plain(String::new(), name, told, None, element.into_iter().collect())
}

fn of_reason<'a>(name: &'static str, reason: &'a Reason) -> Element<'a> {
    let (message, kind) = (Some(reason.text.as_str().into()), Some(reason.code.as_str().into()));
    Element { message, kind, ..element(name, None) }
}

/// What a step's own status has to tell where its entries do not: a file must not look green when its step did not.
fn of_step<'a>(step: &'a Step, entries: &[Entry<'a>]) -> Option<Entry<'a>> {
    let failing = entries.iter().any(|entry| matches!(entry.told, Told::Failed | Told::Errored));
    let (told, name, message) = match step.status {
        StepStatus::Passed => return None,
        StepStatus::Skipped if entries.is_empty() => (Told::Skipped, "skipped", "the step was skipped"),
        StepStatus::Skipped => return None,
        _ if failing => return None,
        StepStatus::Failed if step.kind == Kind::Benchmark => (Told::Errored, "error", "the benchmark crashed"),
        StepStatus::Failed => (Told::Failed, "failure", "the step failed"),
        StepStatus::Errored => (Told::Errored, "error", "the step could not be carried out"),
        StepStatus::TimedOut => (Told::Errored, "error", "the step's time limit ended it"),
        StepStatus::Cancelled => (Told::Errored, "error", "the run ended before this step did"),
    };
    let mut child = match &step.reason {
        Some(reason) => of_reason(name, reason),
        None => {
            let exit = step.exit.map_or_else(String::new, |exit| format!(": {exit}"));
            Element { message: Some(format!("{message}{exit}").into()), ..element(name, None) }
        }
    };
    if told != Told::Skipped {
        child.text = step.log.as_ref().map(|log| log.tail.as_str()).filter(|tail| !tail.is_empty()).map(Cow::Borrowed);
    }
    Some(plain(step.kind.section().to_owned(), step.id.clone(), told, Some(step.duration_ns), vec![child]))
}

fn plain<'a>(class: String, name: String, told: Told, time: Option<u64>, elements: Vec<Element<'a>>) -> Entry<'a> {
    Entry { class, name, told, duration_ns: time, elements, stdout: None, stderr: None }
}
