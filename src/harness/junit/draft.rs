//! A case in the making: what its tag and its children say, and the one outcome that follows.

use crate::results::{Attempt, Case, Failure, Outcome};

use super::Limits;
use crate::harness::cases::{UNNAMED, durations};
use crate::harness::xml::tag::Tag;
use crate::harness::xml::text::{UnknownEntity, attribute, cut};

/// What an element inside a case tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// `failure` or `error`: the main attempt did not pass.
    Bad(Outcome),
    /// `skipped`.
    Skipped,
    /// `flakyFailure` or `flakyError`: an attempt before the main one.
    Before(Outcome),
    /// `rerunFailure` or `rerunError`: an attempt after the main one.
    After(Outcome),
}

/// A case whose end tag has not been seen.
#[derive(Debug)]
pub(super) struct Draft {
    /// What is known so far.
    pub(super) case: Box<Case>,
    /// Which state of the suites `case.suites` was filled from.
    pub(super) suites: u64,
    bad: Option<Outcome>,
    skipped: bool,
    declared: Option<Outcome>,
    after: Vec<Attempt>,
}

/// Makes a case ready to be filled again. Name, class, file and suites stay, since the next case's are likely to be
/// equal or to fit into their memory.
pub(super) fn empty(case: &mut Case) {
    case.outcome = Outcome::Passed;
    case.duration_ns = None;
    case.line = None;
    case.stdout = None;
    case.stderr = None;
    if !case.failures.is_empty() || !case.attempts.is_empty() || !case.properties.is_empty() {
        case.failures = Vec::new();
        case.attempts = Vec::new();
        case.properties.clear();
    }
}

/// Puts an attribute's value into a slot that holds what an earlier case had there.
fn refill(slot: &mut Option<String>, raw: &[u8], limit: usize) -> Result<(), UnknownEntity> {
    if raw.is_empty() {
        *slot = None;
        return Ok(());
    }
    let slot = slot.get_or_insert_default();
    if slot.as_bytes() == raw && memchr::memchr(b'&', raw).is_none() {
        return Ok(());
    }
    attribute(raw, limit, slot)
}

impl Draft {
    /// A draft in the memory of an earlier case that is [`empty`].
    pub(super) fn reuse(case: Box<Case>, suites: u64) -> Self {
        Self { case, suites, bad: None, skipped: false, declared: None, after: Vec::new() }
    }

    /// Takes in the attributes of the `testcase` tag.
    pub(super) fn read_tag(&mut self, tag: Tag<'_>, limits: &Limits) -> Result<(), UnknownEntity> {
        let (mut name, mut class, mut file, mut id): (&[u8], &[u8], &[u8], &[u8]) = (b"", b"", b"", b"");
        for (key, value) in tag.attributes() {
            match key {
                b"name" => name = value,
                b"classname" => class = value,
                b"class" if class.is_empty() => class = value,
                b"time" => self.case.duration_ns = durations::nanoseconds(value),
                b"file" => file = value,
                b"filepath" if file.is_empty() => file = value,
                b"line" => self.case.line = durations::line(value),
                b"id" => id = value,
                b"status" | b"result" => self.declare(value),
                b"disabled" if value.eq_ignore_ascii_case(b"true") => self.declared = Some(Outcome::Skipped),
                _ => {}
            }
        }
        let known = [name, id, class].into_iter().find(|text| !text.is_empty()).unwrap_or(UNNAMED.as_bytes());
        attribute(known, limits.name, &mut self.case.name)?;
        refill(&mut self.case.class, class, limits.name)?;
        refill(&mut self.case.file, file, limits.name)
    }

    /// Takes in a place that an element inside the case names, where the case itself named none.
    pub(super) fn place(&mut self, key: &[u8], raw: &[u8], limits: &Limits) -> Result<(), UnknownEntity> {
        if key == b"line" {
            self.case.line = self.case.line.or_else(|| durations::line(raw));
            return Ok(());
        }
        if self.case.file.is_none() { refill(&mut self.case.file, raw, limits.name) } else { Ok(()) }
    }

    /// Names a case that a suite's own failure stands for.
    pub(super) fn name_after_suite(&mut self) {
        let name = self.case.suites.last().map_or("(suite)", String::as_str).to_owned();
        self.case.name = name;
        self.case.class = None;
        self.case.file = None;
    }

    /// Takes in a `status` or `result` attribute. The worst of both counts, and only where no child says otherwise.
    fn declare(&mut self, word: &[u8]) {
        // `run`, `completed`, `passed` and the like say nothing: this is the common case.
        let outcome = match word.to_ascii_lowercase().as_slice() {
            b"failed" | b"fail" | b"failure" => Outcome::Failed,
            b"error" | b"errored" | b"broken" | b"crashed" => Outcome::Errored,
            b"timeout" | b"timedout" | b"timed_out" => Outcome::TimedOut,
            b"canceled" | b"cancelled" | b"aborted" => Outcome::Cancelled,
            b"notrun" | b"not_run" | b"not run" | b"disabled" | b"suppressed" | b"skipped" | b"skip" | b"ignored"
            | b"pending" | b"notexecuted" => Outcome::Skipped,
            _ => return,
        };
        self.declared = Some(match self.declared {
            Some(earlier) if earlier.is_failure() || earlier == Outcome::Cancelled => earlier,
            _ => outcome,
        });
    }

    /// Takes in an element that tells how an attempt ended.
    pub(super) fn tell(&mut self, telling: Telling, failure: Failure, duration_ns: Option<u64>, limits: &Limits) {
        let says_something = failure != Failure::default();
        match telling {
            Telling::Bad(outcome) => {
                self.bad.get_or_insert(outcome);
                if self.case.failures.len() < limits.failures {
                    self.case.failures.push(failure);
                }
            }
            Telling::Skipped => {
                self.skipped = true;
                if says_something && self.case.failures.len() < limits.failures {
                    self.case.failures.push(failure);
                }
            }
            Telling::Before(outcome) | Telling::After(outcome) => {
                let attempt = Attempt { outcome, duration_ns, failure: says_something.then_some(failure) };
                let list =
                    if matches!(telling, Telling::Before(_)) { &mut self.case.attempts } else { &mut self.after };
                if list.len() < limits.attempts {
                    list.push(attempt);
                }
            }
        }
    }

    /// Adds a property. Tools repeat names (`attachment`, `step`), so the values of one name stand below each other.
    pub(super) fn property(&mut self, name: String, value: String, limits: &Limits) {
        if let Some(earlier) = self.case.properties.get_mut(&name) {
            if earlier.len() < limits.message && !earlier.lines().any(|line| line == value) {
                earlier.push('\n');
                earlier.push_str(&value);
                cut(earlier, limits.message);
            }
        } else if self.case.properties.len() < limits.properties {
            self.case.properties.insert(name, value);
        }
    }

    /// Decides the outcome and puts the attempts in order.
    pub(super) fn finish(mut self) -> (Box<Case>, u64) {
        let skipped = self.skipped.then_some(Outcome::Skipped);
        let main = self.bad.or(skipped).or(self.declared).unwrap_or(Outcome::Passed);
        self.case.outcome = main;
        if !self.case.attempts.is_empty() || !self.after.is_empty() {
            self.order_attempts(main);
        }
        (self.case, self.suites)
    }

    fn order_attempts(&mut self, main: Outcome) {
        let case = &mut *self.case;
        let attempt = Attempt { outcome: main, duration_ns: case.duration_ns, failure: case.failures.first().cloned() };
        if main == Outcome::Passed {
            // Attempts that failed, whichever element tells of them, came before the one that passed.
            case.attempts.append(&mut self.after);
            case.attempts.push(attempt);
            case.outcome = Outcome::Flaky;
            return;
        }
        case.attempts.push(attempt);
        case.attempts.append(&mut self.after);
        if let Some(last) = case.attempts.last().filter(|_| main.is_failure()) {
            case.outcome = last.outcome;
            case.duration_ns = last.duration_ns.or(case.duration_ns);
            if let Some(failure) = last.failure.as_ref().filter(|said| case.failures.first() != Some(*said)) {
                case.failures = vec![failure.clone()];
            }
        }
    }
}
