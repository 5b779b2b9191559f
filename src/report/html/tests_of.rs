//! Test cases, generated files and steps as the page's script reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::texts::{Texts, line};
use crate::report::rows;
use crate::results::{Case, Document, Failure, Generation, Outcome, QuarantineState, Quarantined, Step, StepStatus};

/// A test case.
#[derive(Debug, Default, Serialize)]
pub(super) struct CaseEntry {
    /// The place of its step among all steps' names.
    step: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suites: Vec<String>,
    title: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// `newly failing`, `still failing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Told>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Tried>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<(String, String)>,
}

/// What a failure said.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// One attempt of several.
#[derive(Debug, Serialize)]
struct Tried {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// All test cases, and the ids of the steps that they name.
pub(super) fn cases(document: &Document, texts: &mut Texts) -> (Vec<CaseEntry>, Vec<String>) {
    let told = Known::of(document);
    let mut steps: Vec<String> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &document.cases {
        places.entry(&case.step).or_insert_with(|| {
            steps.push(line(&case.step));
            steps.len() - 1
        });
    }
    let mut entries: Vec<Option<CaseEntry>> = document.cases.iter().map(|_| None).collect();
    // Those that failed find room for their texts first.
    let calm = |case: &Case| !(case.outcome.is_failure() || case.outcome == Outcome::Flaky);
    let mut order: Vec<usize> = (0..document.cases.len()).collect();
    order.sort_by_key(|nth| document.cases.get(*nth).is_none_or(calm));
    for nth in order {
        if let (Some(case), Some(slot)) = (document.cases.get(nth), entries.get_mut(nth)) {
            let step = places.get(case.step.as_str()).copied().unwrap_or_default();
            *slot = Some(entry(case, step, calm(case), &told, texts));
        }
    }
    (entries.into_iter().flatten().collect(), steps)
}

/// What is known of cases beside themselves.
struct Known<'a> {
    newly: BTreeSet<(&'a str, &'a str)>,
    still: BTreeSet<(&'a str, &'a str)>,
    quarantine: BTreeMap<(&'a str, &'a str), &'a Quarantined>,
}

impl<'a> Known<'a> {
    fn of(document: &'a Document) -> Self {
        let comparison = document.comparison.as_ref();
        let set = |list: Option<&'a Vec<(String, String)>>| {
            list.into_iter().flatten().map(|(step, title)| (step.as_str(), title.as_str())).collect()
        };
        Self {
            newly: set(comparison.map(|comparison| &comparison.newly_failing)),
            still: set(comparison.map(|comparison| &comparison.still_failing)),
            quarantine: document.quarantine.iter().map(|one| ((one.step.as_str(), one.title.as_str()), one)).collect(),
        }
    }
}

fn entry(case: &Case, step: usize, calm: bool, known: &Known<'_>, texts: &mut Texts) -> CaseEntry {
    let title = case.title();
    let key = (case.step.as_str(), title.as_str());
    let failing = case.outcome.is_failure();
    let since = match (failing, known.newly.contains(&key), known.still.contains(&key)) {
        (true, true, _) => Some("newly failing"),
        (true, _, true) => Some("still failing"),
        _ => None,
    };
    let mut printed = |text: Option<&String>| {
        let text = text?;
        if calm { texts.calm(text) } else { texts.end(text) }
    };
    let (stdout, stderr) = (printed(case.stdout.as_ref()), printed(case.stderr.as_ref()));
    CaseEntry {
        step,
        suites: case.suites.iter().map(|suite| line(suite)).collect(),
        outcome: word(case.outcome),
        ns: case.duration_ns,
        place: place(case),
        since,
        quarantine: known.quarantine.get(&key).map(|one| quarantine_words(one)),
        failures: case.failures.iter().map(|failure| told(failure, texts)).collect(),
        attempts: case.attempts.iter().map(tried).collect(),
        stdout,
        stderr,
        properties: case.properties.iter().take(50).map(|(key, value)| (line(key), line(value))).collect(),
        title: line(&title),
    }
}

/// `src/a.py:12`.
pub(super) fn place(case: &Case) -> Option<String> {
    let file = case.file.as_deref()?;
    Some(line(&case.line.map_or_else(|| file.to_owned(), |nth| format!("{file}:{nth}"))))
}

/// An outcome for people.
const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::TimedOut => "timed out",
        other => other.as_str(),
    }
}

fn tried(attempt: &crate::results::Attempt) -> Tried {
    let message = attempt.failure.as_ref().and_then(|failure| failure.message.as_deref());
    Tried { outcome: word(attempt.outcome), ns: attempt.duration_ns, message: message.map(line) }
}

fn told(failure: &Failure, texts: &mut Texts) -> Told {
    let message = failure.message.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(line);
    Told { message, text: failure.text.as_deref().and_then(|text| texts.begin(text)) }
}

/// What a quarantine means for a case, in one sentence.
pub(super) fn quarantine_words(one: &Quarantined) -> String {
    let means = match one.state {
        QuarantineState::Excused => "In quarantine, so that it does not count, until",
        QuarantineState::Idle => "In quarantine until",
        QuarantineState::Expired => "Its failure counts: the quarantine ended on",
        QuarantineState::Crashed => "It crashed, which counts; in quarantine until",
    };
    line(&format!("{means} {}; {}: {}", one.until, one.owner, one.reason))
}

/// A generated file.
#[derive(Debug, Serialize)]
pub(super) struct FileEntry {
    output: String,
    template: String,
    step: String,
    state: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wrong: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// All generated files.
pub(super) fn files(document: &Document, texts: &mut Texts) -> Vec<FileEntry> {
    document.generations.iter().map(|generation| file(generation, texts)).collect()
}

/// What became of a generated file, in a word, and whether that is wrong.
pub(super) const fn state(generation: &Generation) -> (&'static str, bool) {
    (generation.state.word(), !generation.state.is_right())
}

fn file(generation: &Generation, texts: &mut Texts) -> FileEntry {
    let (state, wrong) = state(generation);
    FileEntry {
        output: line(&generation.output),
        template: line(&generation.template),
        step: line(&generation.step),
        state,
        wrong,
        message: generation.why().map(line),
        diff: generation.diff.as_deref().and_then(|diff| texts.begin(diff)),
    }
}

/// A step.
#[derive(Debug, Serialize)]
pub(super) struct StepEntry {
    id: String,
    status: &'static str,
    result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    ns: u64,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Log>,
}

/// The end of a step's output.
#[derive(Debug, Serialize)]
struct Log {
    path: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<String>,
}

/// All steps.
pub(super) fn steps(document: &Document, texts: &mut Texts) -> Vec<StepEntry> {
    let results = results(document);
    document.steps.iter().zip(results).map(|(step, result)| step_entry(step, &result, texts)).collect()
}

/// What became of each step. Counting a step's cases looks at all of them, which many steps cannot afford.
fn results(document: &Document) -> Vec<String> {
    let counted = document.steps.len() * document.cases.len() < 5_000_000;
    let of = |step: &Step| {
        let reason = || step.reason.as_ref().map(|reason| reason.text.clone()).unwrap_or_default();
        if counted { rows::step_result(document, step) } else { reason() }
    };
    document.steps.iter().map(of).collect()
}

fn step_entry(step: &Step, result: &str, texts: &mut Texts) -> StepEntry {
    let log = step.log.as_ref().map(|log| Log {
        path: line(&log.path),
        bytes: log.bytes,
        tail: if status(step).1 { texts.end(&log.tail) } else { texts.calm(&log.tail) },
    });
    StepEntry {
        id: line(&step.id),
        status: status(step).0,
        result: line(result),
        command: line(&step.command),
        ns: step.duration_ns,
        attempts: step.attempts,
        exit: step.exit.filter(|exit| !exit.success()).map(|exit| exit.to_string()),
        log,
    }
}

/// How a step ended, in a word, and whether that is wrong.
pub(super) const fn status(step: &Step) -> (&'static str, bool) {
    match step.status {
        StepStatus::Passed => ("passed", false),
        StepStatus::Failed => ("failed", true),
        StepStatus::Errored => ("errored", true),
        StepStatus::Skipped => ("skipped", false),
        StepStatus::TimedOut => ("timed out", true),
        StepStatus::Cancelled => ("cancelled", false),
    }
}
