//! The tests of a run, as a template of the Markdown report sees them.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::Value;

use super::view::{LONGEST, foreign, own};
use crate::report::{escape, figures};
use crate::results::{Case, Document, Outcome, StepStatus};

/// Tests told one by one.
const MOST: usize = 50;
/// Slow tests told.
const SLOWEST: usize = 10;

pub(super) fn tests(document: &Document) -> Value {
    let comparison = document.comparison.as_ref();
    let known: BTreeSet<(&str, &str)> = comparison
        .iter()
        .flat_map(|comparison| &comparison.newly_failing)
        .map(|(step, title)| (step.as_str(), title.as_str()))
        .collect();
    let failing: Vec<&Case> = document.cases.iter().filter(|case| case.outcome.is_failure()).collect();
    let (newly, others): (Vec<&Case>, Vec<&Case>) =
        failing.into_iter().partition(|case| known.contains(&(case.step.as_str(), case.title().as_str())));
    let flaky: Vec<&Case> = document.cases.iter().filter(|case| case.outcome == Outcome::Flaky).collect();
    let mut slowest: Vec<&Case> = document.cases.iter().filter(|case| case.duration_ns.is_some()).collect();
    slowest.sort_by_key(|case| std::cmp::Reverse(case.duration_ns));
    slowest.truncate(SLOWEST);
    let titles = |list: Option<&Vec<(String, String)>>| -> Value {
        let list = list.map(Vec::as_slice).unwrap_or_default();
        context! {
            first => list.iter().take(MOST).map(|(_, title)| foreign(title)).collect::<Vec<_>>(),
            more => list.len().saturating_sub(MOST),
        }
    };
    context! {
        compared => comparison.is_some_and(|comparison| {
            comparison.baseline.is_some() || !comparison.still_failing.is_empty() || !comparison.fixed.is_empty()
        }),
        newly => told(&newly),
        failing => told(&others),
        flaky => context! {
            first => flaky.iter().take(MOST).map(|case| flaky_case(case)).collect::<Vec<_>>(),
            more => flaky.len().saturating_sub(MOST),
        },
        fixed => titles(comparison.map(|comparison| &comparison.fixed)),
        vanished => titles(comparison.map(|comparison| &comparison.vanished)),
        skipped => skipped(document),
        slowest => slowest.iter().map(|case| context! {
            title => foreign(&case.title()),
            step => foreign(&case.step),
            took => own(figures::time(case.duration_ns.unwrap_or(0) as f64)),
        }).collect::<Vec<_>>(),
    }
}

fn told(cases: &[&Case]) -> Value {
    context! {
        count => cases.len(),
        first => cases.iter().take(MOST).map(|case| failing(case)).collect::<Vec<_>>(),
        more => cases.len().saturating_sub(MOST),
    }
}

fn failing(case: &Case) -> Value {
    let place = match (&case.file, case.line) {
        (Some(file), Some(line)) => Some(format!("{file}:{line}")),
        (Some(file), None) => Some(file.clone()),
        (None, _) => None,
    };
    let first = |text: &str| text.trim().lines().next().map(str::to_owned).filter(|line| !line.is_empty());
    let message = case
        .failures
        .iter()
        .find_map(|told| told.message.as_deref().and_then(first).or_else(|| told.text.as_deref().and_then(first)));
    let text: Vec<&str> = case.failures.iter().filter_map(|told| told.text.as_deref()).map(str::trim).collect();
    let text = text.join("\n\n");
    context! {
        title => foreign(&case.title()),
        step => foreign(&case.step),
        place => place.as_deref().map(foreign),
        message => message.map(|message| foreign(&escape::cut(&message, 300))),
        text => (!text.is_empty()).then(|| foreign(&escape::cut(&text, LONGEST))),
    }
}

fn flaky_case(case: &Case) -> Value {
    let failed = case.attempts.iter().filter(|attempt| attempt.outcome.is_failure()).count();
    context! { title => foreign(&case.title()), failed => failed, attempts => case.attempts.len() }
}

/// How many tests and steps were skipped, by reason.
fn skipped(document: &Document) -> Value {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for step in document.steps.iter().filter(|step| step.status == StepStatus::Skipped) {
        *reasons.entry(step.reason.as_ref().map_or("no reason given", |reason| reason.text.as_str())).or_default() += 1;
    }
    context! {
        cases => document.counts.skipped,
        steps => document.counts.steps_skipped,
        reasons => reasons.iter().take(MOST).map(|(reason, count)| context! {
            text => foreign(&escape::cut(reason, 200)), count => count,
        }).collect::<Vec<_>>(),
    }
}
