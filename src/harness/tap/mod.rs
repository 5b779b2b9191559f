//! TAP, the Test Anything Protocol, in the versions 12, 13 and 14, as node, tape, mocha, Vitest, bats, prove and others
//! write it.
//!
//! [`line`] tells what a line is, [`diagnosis`] reads the block that may follow a result, [`reader`] follows plans and
//! subtests. `docs/harness/tap.md` has the rules.

mod diagnosis;
mod line;
mod reader;
#[cfg(test)]
mod tests;

use std::io::Read;

use super::cases::{CaseTotals, OnCase};
use super::lines::Lines;
use super::{HarnessError, unreadable};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "tap", title: "TAP, the Test Anything Protocol", reading: Reading::Cases(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.lines().any(|line| line.starts_with("TAP version ")) {
        return Ok(Confidence::Certain);
    }
    let is = |wanted: fn(&line::Kind) -> bool| head.lines().any(|line| wanted(&line::kind(line).1));
    let results = is(|kind| matches!(kind, line::Kind::Point(_)));
    match results && is(|kind| matches!(kind, line::Kind::Plan(..))) {
        true => Ok(Confidence::Likely),
        false => Err("there is neither `TAP version` nor a plan with results".into()),
    }
}

/// Reads one or several streams after each other.
///
/// # Errors
/// Where there is no result, no plan, or fewer results than the plan said before them; what stands before that is
/// handed out.
pub fn read(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut reader = reader::Reader::new(on_case);
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, number))? else { break };
        reader.line(line)?;
        if reader.stopped() {
            break;
        }
    }
    reader.end(lines.number().max(1))
}
