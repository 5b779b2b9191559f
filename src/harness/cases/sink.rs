//! Hands out cases, counts them, and puts the attempts of one test together where a format repeats names for that.

use super::retries::Recent;
use super::{CaseTotals, Limits, OnCase};
use crate::harness::Warning;
use crate::results::Case;

/// The most warnings that are kept.
const WARNINGS: usize = 20;

/// Where a reader puts its cases.
pub(in crate::harness) struct Sink<'a, 'b> {
    on_case: &'a mut OnCase<'b>,
    /// How much of each text is kept.
    pub(in crate::harness) limits: Limits,
    recent: Option<Recent>,
    totals: CaseTotals,
}

impl<'a, 'b> Sink<'a, 'b> {
    /// A sink that hands out each case as it comes.
    pub(in crate::harness) fn new(on_case: &'a mut OnCase<'b>) -> Self {
        Self { on_case, limits: Limits::default(), recent: None, totals: CaseTotals::default() }
    }

    /// A sink for formats in which a repeated name whose outcome differs is another attempt, as in JUnit.
    pub(in crate::harness) fn merging(on_case: &'a mut OnCase<'b>) -> Self {
        Self { recent: Some(Recent::new()), ..Self::new(on_case) }
    }

    /// Takes a finished case.
    pub(in crate::harness) fn add(&mut self, case: Case) {
        let Some(recent) = &mut self.recent else { return self.hand_out(&case) };
        recent.add(Box::new(case), 0, &self.limits);
        while let Some((case, _)) = self.recent.as_mut().and_then(|recent| recent.next_surplus(&self.limits)) {
            self.hand_out(&case);
        }
    }

    /// Nothing that comes later is an attempt of what came so far.
    pub(in crate::harness) fn flush(&mut self) {
        while let Some((case, _)) = self.recent.as_mut().and_then(Recent::next_at_end) {
            self.hand_out(&case);
        }
    }

    fn hand_out(&mut self, case: &Case) {
        if !self.totals.stopped {
            self.totals.counts.add_case(case.outcome);
            self.totals.stopped = (self.on_case)(case).is_break();
        }
    }

    /// Remembers something odd, unless there is much of it.
    pub(in crate::harness) fn warn(&mut self, line: u64, text: impl Into<String>) {
        if self.totals.warnings.len() < WARNINGS {
            self.totals.warnings.push(Warning { line, text: text.into() });
        }
    }

    /// Whether nobody wants more cases.
    pub(in crate::harness) fn stopped(&self) -> bool {
        self.totals.stopped
    }

    /// Hands out what was held back, and tells what there was.
    pub(in crate::harness) fn finish(mut self) -> CaseTotals {
        self.flush();
        self.totals.merged = self.recent.as_ref().map_or(0, |recent| recent.merged);
        self.totals
    }
}
