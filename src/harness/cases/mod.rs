//! What the readers of test cases share: limits, the attempts of one test, durations, and the hand that gives out cases.

pub(super) mod durations;
pub(super) mod places;
pub(super) mod retries;
mod sink;
#[cfg(test)]
pub(super) mod testing;

pub(super) use durations::sensible as nanoseconds;
pub(super) use sink::Sink;

use std::ops::ControlFlow;

use crate::results::{Attempt, Case, Counts, Outcome};

use super::Warning;
use super::xml::text::{cut, push_clean};

/// What a case is called that has no name at all.
pub(super) const UNNAMED: &str = "(unnamed)";

/// How much of a report is kept. All sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest name, class or suite name; longer ones are cut.
    pub name: usize,
    /// The longest message of a failure; longer ones are cut.
    pub message: usize,
    /// How much of a failure's text is kept, from its start.
    pub text: usize,
    /// How much of a case's standard output and of its standard error is kept, from the end.
    pub output: usize,
    /// How many failures of one attempt are kept.
    pub failures: usize,
    /// How many attempts of one case are kept.
    pub attempts: usize,
    /// How many properties of one case are kept.
    pub properties: usize,
    /// How deep elements may nest; deeper is an error.
    pub depth: usize,
    /// The longest tag or comment; longer is an error.
    pub token: usize,
    /// How many attributes a tag may have; more is an error.
    pub attributes: usize,
    /// With how many of the suite's latest cases a case is compared to find repeated attempts.
    pub recent: usize,
    /// How many cases that did not pass are compared beyond those.
    pub held: usize,
    /// How much memory the latest cases, and those held beyond them, may take each.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name: 4 << 10,
            message: 8 << 10,
            text: 64 << 10,
            output: 16 << 10,
            failures: 50,
            attempts: 50,
            properties: 100,
            depth: 200,
            token: 16 << 20,
            attributes: 500,
            recent: 64,
            held: 1_000,
            held_bytes: 3 << 20,
        }
    }
}

/// Who gets the cases. The case is lent for the time of the call; `Break` ends the reading with `Ok`.
pub type OnCase<'a> = dyn FnMut(&Case) -> ControlFlow<()> + 'a;

/// What a whole output held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseTotals {
    /// The cases that were handed out, by outcome.
    pub counts: Counts,
    /// How many results were attempts of another result's case.
    pub merged: u64,
    /// The callback asked to stop before the end.
    pub stopped: bool,
    /// What was odd, at most twenty.
    pub warnings: Vec<Warning>,
}

/// A text of another program as it may stand in a case: no control characters, at most about `limit` bytes.
pub(super) fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    push_clean(&mut out, text.get(..text.floor_char_boundary(limit + 4)).unwrap_or(text).as_bytes());
    cut(&mut out, limit);
    out
}

/// Makes a case the last one of several attempts, of which `before` failed and left no trace.
pub(super) fn retried(case: &mut Case, before: u32, limits: &Limits) {
    if before == 0 {
        return;
    }
    let earlier = Attempt { outcome: Outcome::Failed, duration_ns: None, failure: None };
    case.attempts = vec![earlier; (before as usize).min(limits.attempts)];
    let failure = case.failures.last().cloned();
    case.attempts.push(Attempt { outcome: case.outcome, duration_ns: case.duration_ns, failure });
    if case.outcome == Outcome::Passed {
        case.outcome = Outcome::Flaky;
    }
}

/// The end of a text, clean, at most about `limit` bytes of it.
pub(super) fn tail(text: &str, limit: usize) -> String {
    let from = text.ceil_char_boundary(text.len().saturating_sub(limit));
    clean(text.get(from..).unwrap_or_default(), limit)
}
