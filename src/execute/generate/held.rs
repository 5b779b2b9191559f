//! Holds a model's answer against what is expected of it; each kind of expectation is a test case.

use super::ladder::{Climb, stops};
use crate::expect::{Expectation, Held};
use crate::plan::{Batch, Cell, Completion, Expander, has_templates};
use crate::results::{Case, Failure, Outcome};

/// What the step expects of each answer, compiled where it is the same for all.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    completion: &'a Completion,
    same: Option<Expectation>,
}

impl<'a> Holder<'a> {
    /// Compiles what is the same for all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(completion: &'a Completion) -> Result<Self, String> {
        let same = completion.step.expect.as_ref().filter(|expect| !has_templates(expect));
        let same = same.map(|expect| Expectation::compile(expect, &plain)).transpose()?;
        Ok(Self { completion, same })
    }

    /// Holds an answer against all that is expected; the command is run only where all else holds.
    pub(super) fn hold(&self, climb: &Climb<'_>, expander: &Expander<'_>, cell: &Cell, answer: &str) -> Vec<Case> {
        let each = match self.each(expander, cell) {
            Ok(each) => each,
            Err(text) => return vec![climb.failed("expect", &cell.path, Outcome::Errored, text, None)],
        };
        let all: Vec<&Expectation> = self.same.iter().chain(&each).collect();
        let mut cases = Vec::new();
        for held in joined(all.iter().flat_map(|expectation| expectation.hold(answer)).collect()) {
            let mut case = climb.case(held.rung, &cell.path, Outcome::Passed);
            for text in held.wrong {
                case.outcome = Outcome::Failed;
                case.failures.push(Failure { message: Some(text), kind: Some(held.rung.to_owned()), text: None });
            }
            cases.push(case);
        }
        let command = all.iter().find_map(|expectation| expectation.command.as_ref());
        if let Some(command) = command.filter(|_| !cases.iter().any(|case| stops(case.outcome))) {
            cases.push(climb.command("command", command, (expander, cell), Some(answer.as_bytes())));
        }
        cases
    }

    /// What is expected of this answer alone: by templates of the step, and by its prompt.
    fn each(&self, expander: &Expander<'_>, cell: &Cell) -> Result<Vec<Expectation>, String> {
        let mut each = Vec::new();
        if let Some(expect) = self.completion.step.expect.as_ref().filter(|_| self.same.is_none()) {
            let render = |text: &str| expander.text(text, cell).map_err(|error| error.to_string());
            each.push(Expectation::compile(expect, &render)?);
        }
        let row = cell.position.as_ref().and_then(|position| position.row);
        let own = row.and_then(|row| self.completion.prompts.all.get(row)).and_then(|prompt| prompt.expect.as_ref());
        if let Some(expect) = own {
            each.push(Expectation::compile(expect, &plain)?);
        }
        Ok(each)
    }
}

/// Rungs of one name are one rung.
fn joined(all: Vec<Held>) -> Vec<Held> {
    let mut found: Vec<Held> = Vec::new();
    for held in all {
        match found.iter_mut().find(|earlier| earlier.rung == held.rung) {
            Some(earlier) => earlier.wrong.extend(held.wrong),
            None => found.push(held),
        }
    }
    found
}

fn plain(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// How many files with this step's expectations are held at the same time at the most; `jobs` of `verify` says it.
pub(super) fn jobs(batch: &Batch) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    batch.ladder.jobs.map_or(processors, |jobs| jobs as usize).clamp(1, batch.len().max(1))
}
