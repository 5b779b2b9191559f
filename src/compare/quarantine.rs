//! Which failures a quarantine excuses, and which none does.
//!
//! A quarantined test runs like any other and is told like any other; its failure fails nothing until the quarantine
//! ends. A crash is no failure of a test: a process that a signal ended, a time limit, a report that cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};

use crate::pipeline::QuarantineEntry;
use crate::results::{Case, Document, Kind, Outcome, QuarantineState, Quarantined, Step, StepStatus};

/// Exit codes by which shells tell of signals: 128 and the signal's number.
const SIGNALLED: std::ops::RangeInclusive<i32> = 129..=192;
/// Words by which frameworks mark a case whose process died.
const CRASHES: [&str; 4] = ["abort", "crash", "signal", "segfault"];

/// An entry that can be held against names.
struct Covers<'a> {
    entry: &'a QuarantineEntry,
    case: GlobMatcher,
    step: Option<GlobMatcher>,
}

impl<'a> Covers<'a> {
    fn of(entry: &'a QuarantineEntry) -> Option<Self> {
        let glob = |text: &str| {
            let built = GlobBuilder::new(text).literal_separator(false).build().ok()?;
            Some(built.compile_matcher())
        };
        let step = match &entry.step {
            Some(step) => Some(glob(step)?),
            None => None,
        };
        Some(Self { entry, case: glob(&entry.pattern)?, step })
    }

    fn covers(&self, case: &Case, title: &str) -> bool {
        let step = case.step.strip_prefix("tests/").unwrap_or(&case.step);
        let here = self.step.as_ref().is_none_or(|glob| glob.is_match(step));
        here && (self.entry.pattern == title || self.case.is_match(title))
    }
}

/// The cases of a run that are in quarantine on the day `today` (YYYY-MM-DD). Of several entries the first that covers a
/// case holds.
pub fn quarantined(entries: &[QuarantineEntry], document: &Document, today: &str) -> Vec<Quarantined> {
    let entries: Vec<Covers<'_>> = entries.iter().filter_map(Covers::of).collect();
    let steps: BTreeMap<&str, &Step> = document.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    let mut found: BTreeMap<(&str, String), Quarantined> = BTreeMap::new();
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &document.cases {
        *sizes.entry(case.step.as_str()).or_default() += 1;
    }
    for case in &document.cases {
        let title = case.title();
        let Some(covers) = entries.iter().find(|entry| entry.covers(case, &title)) else { continue };
        let step = steps.get(case.step.as_str()).copied();
        let alone = sizes.get(case.step.as_str()) == Some(&1);
        let told = told(covers.entry, case, &title, state(case, step, alone, covers.entry, today));
        let kept = found.entry((case.step.as_str(), title)).or_insert_with(|| told.clone());
        if weight(told.state) > weight(kept.state) {
            *kept = told;
        }
    }
    found.into_values().collect()
}

fn told(entry: &QuarantineEntry, case: &Case, title: &str, state: QuarantineState) -> Quarantined {
    Quarantined {
        step: case.step.clone(),
        title: title.to_owned(),
        outcome: case.outcome,
        state,
        pattern: entry.pattern.clone(),
        owner: entry.owner.clone(),
        reason: entry.reason.clone(),
        until: entry.until.clone(),
    }
}

const fn weight(state: QuarantineState) -> u8 {
    match state {
        QuarantineState::Idle => 0,
        QuarantineState::Excused => 1,
        QuarantineState::Expired => 2,
        QuarantineState::Crashed => 3,
    }
}

fn state(case: &Case, step: Option<&Step>, alone: bool, entry: &QuarantineEntry, today: &str) -> QuarantineState {
    if !case.outcome.is_failure() {
        return QuarantineState::Idle;
    }
    if entry.until.as_str() <= today {
        return QuarantineState::Expired;
    }
    let own = case.class.is_none() && step.is_some_and(|step| step.name == case.name);
    // The case that stands for the command itself, beside cases of tests, says that something else went wrong.
    let crashed = case.outcome == Outcome::TimedOut
        || step.is_none_or(|step| !ended_by_itself(step))
        || (own && (!alone || case.outcome == Outcome::Errored))
        || case.failures.iter().any(|failure| failure.kind.as_deref().is_some_and(is_crash));
    if crashed { QuarantineState::Crashed } else { QuarantineState::Excused }
}

fn is_crash(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    CRASHES.iter().any(|word| kind.contains(word))
}

/// Whether the step's command returned, and told what it had to.
fn ended_by_itself(step: &Step) -> bool {
    let returned = step.exit.and_then(|exit| exit.code).is_some_and(|code| !SIGNALLED.contains(&code));
    returned && matches!(step.status, StepStatus::Passed | StepStatus::Failed)
}

/// What a gate need not count: failing cases, and test steps that failed through them alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Excused<'a> {
    /// How many failing cases.
    pub cases: u64,
    /// The ids of the steps.
    pub steps: BTreeSet<&'a str>,
}

/// What the quarantines of a document excuse.
pub fn excused(document: &Document) -> Excused<'_> {
    let names: BTreeSet<(&str, &str)> = document
        .quarantine
        .iter()
        .filter(|one| one.state == QuarantineState::Excused)
        .map(|one| (one.step.as_str(), one.title.as_str()))
        .collect();
    let mut excused = Excused::default();
    let mut counting: BTreeSet<&str> = BTreeSet::new();
    let mut some: BTreeSet<&str> = BTreeSet::new();
    for case in document.cases.iter().filter(|case| case.outcome.is_failure()) {
        if names.contains(&(case.step.as_str(), case.title().as_str())) {
            excused.cases += 1;
            some.insert(case.step.as_str());
        } else {
            counting.insert(case.step.as_str());
        }
    }
    let through = |step: &&Step| {
        let id = step.id.as_str();
        step.kind == Kind::Test && step.status == StepStatus::Failed && some.contains(id) && !counting.contains(id)
    };
    excused.steps = document.steps.iter().filter(through).map(|step| step.id.as_str()).collect();
    excused
}

#[cfg(test)]
mod tests {
    use super::{excused, quarantined};
    use crate::pipeline::QuarantineEntry;
    use crate::results::{
        Case, Document, ExitStatus, Failure, Kind, Outcome, PipelineRef, QuarantineState, Step, StepStatus,
    };

    fn entry(pattern: &str) -> QuarantineEntry {
        QuarantineEntry {
            pattern: pattern.into(),
            step: None,
            owner: "ada".into(),
            reason: "a race".into(),
            until: "2027-01-01".into(),
        }
    }

    fn document(code: Option<i32>, status: StepStatus, cases: &[(&str, Outcome, Option<&str>)]) -> Document {
        let pipeline = PipelineRef { path: String::new(), sha256: String::new() };
        let mut document = Document::begun(uuid::Uuid::nil(), jiff::Timestamp::UNIX_EPOCH, "p", pipeline);
        document.steps.push(Step {
            id: "tests/unit".into(),
            kind: Kind::Test,
            name: "unit".into(),
            model: None,
            target: None,
            status,
            reason: None,
            command: "x".into(),
            attempts: 1,
            exit: Some(ExitStatus { code, signal: if code.is_none() { Some(11) } else { None } }),
            started_at: None,
            duration_ns: 1,
            log: None,
            leg: None,
        });
        for (name, outcome, kind) in cases {
            let mut case = Case { step: "tests/unit".into(), ..Case::new(*name, *outcome) };
            if outcome.is_failure() {
                case.failures.push(Failure { message: None, kind: kind.map(Into::into), text: None });
            }
            document.cases.push(case);
        }
        document
    }

    fn states(mut document: Document, pattern: &str, today: &str) -> (Vec<QuarantineState>, u64, usize) {
        document.quarantine = quarantined(&[entry(pattern)], &document, today);
        let excused = excused(&document);
        (document.quarantine.iter().map(|one| one.state).collect(), excused.cases, excused.steps.len())
    }

    const TODAY: &str = "2026-11-23";

    #[test]
    fn a_failure_is_excused_with_its_step_until_the_day() {
        use QuarantineState::{Excused, Expired, Idle};
        let run = || {
            document(Some(1), StepStatus::Failed, &[("net::a", Outcome::Failed, None), ("b", Outcome::Passed, None)])
        };
        assert_eq!(states(run(), "net::*", TODAY), (vec![Excused], 1, 1));
        assert_eq!(states(run(), "net::*", "2026-12-31"), (vec![Excused], 1, 1));
        assert_eq!(states(run(), "net::*", "2027-01-01"), (vec![Expired], 0, 0));
        assert_eq!(states(run(), "b", TODAY), (vec![Idle], 0, 0));
        // One failure beside it that counts keeps the step failed.
        let two = [("net::a", Outcome::Failed, None), ("c", Outcome::Failed, None)];
        assert_eq!(states(document(Some(1), StepStatus::Failed, &two), "net::*", TODAY), (vec![Excused], 1, 0));
        // Where two cases have one name, both must be excusable.
        let twins = [("net::a", Outcome::Failed, None), ("net::a", Outcome::TimedOut, None)];
        assert_eq!(states(document(Some(1), StepStatus::Failed, &twins), "net::*", TODAY).1, 0);
    }

    #[test]
    fn no_quarantine_excuses_a_crash() {
        let crashed = (vec![QuarantineState::Crashed], 0, 0);
        let failed = |code, kind| document(code, StepStatus::Failed, &[("net::a", Outcome::Failed, kind)]);
        for run in [
            failed(None, None),
            failed(Some(139), None),
            failed(Some(100), Some("test abort")),
            document(Some(1), StepStatus::TimedOut, &[("net::a", Outcome::Failed, None)]),
            document(Some(1), StepStatus::Failed, &[("net::a", Outcome::TimedOut, None)]),
            // The command's own case: its report could not be read.
            document(Some(1), StepStatus::Failed, &[("unit", Outcome::Errored, None)]),
        ] {
            assert_eq!(states(run, "*", TODAY), crashed);
        }
        // It failed although no case of it did.
        let beside =
            document(Some(3), StepStatus::Failed, &[("a", Outcome::Passed, None), ("unit", Outcome::Failed, None)]);
        assert_eq!(states(beside, "unit", TODAY), crashed);
        // A command without a report is a test of its own.
        let plain = document(Some(1), StepStatus::Failed, &[("unit", Outcome::Failed, None)]);
        assert_eq!(states(plain, "unit", TODAY), (vec![QuarantineState::Excused], 1, 1));
    }

    #[test]
    fn brackets_in_names_and_broken_globs_do_no_harm() {
        let run = || document(Some(1), StepStatus::Failed, &[("a[x=1]", Outcome::Failed, None)]);
        assert_eq!(states(run(), "a[x=1]", TODAY).1, 1);
        assert_eq!(states(run(), "a[", TODAY), (vec![], 0, 0));
        let mut elsewhere = entry("*");
        elsewhere.step = Some("integration".into());
        assert!(quarantined(&[elsewhere], &run(), TODAY).is_empty());
    }
}
