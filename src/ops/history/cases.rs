//! What became of tests, out of the store.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::line::{CommitLine, Line};
use super::pick::{self, Name};
use super::{HistoryError, Question};
use crate::compare::reliability::{self, Seen};
use crate::results::{CaseTrend, SeriesPoint, TestHistory};
use crate::store::{CaseFacts, RunLabel, SeenCase, SqliteStore};

/// So many of the slowest cases are told.
const SLOWEST: usize = 10;

/// Reads what the cases did in the runs of a line.
pub(super) fn read(
    store: &SqliteStore,
    question: &Question,
    line: &Line,
    commits: &CommitLine,
) -> Result<TestHistory, HistoryError> {
    let since = |label: &RunLabel| question.since.is_none_or(|since: Timestamp| label.started_at >= since);
    let (labels, seen) = store.outcomes(question.last, &|label| line.holds(label) && since(label))?;
    let runs: Vec<SeriesPoint> = labels.iter().map(|label| point(label)).collect();
    let mut order: Vec<(u32, &SeriesPoint)> = (0_u32..).zip(&runs).collect();
    commits.sort(&mut order, |(_, run)| run.commit.as_deref());
    let place: BTreeMap<u32, usize> = order.iter().enumerate().map(|(place, (run, _))| (*run, place)).collect();
    let all: Vec<CaseFacts> = store.cases()?.into_iter().filter(|case| seen.contains_key(&case.number)).collect();
    let picked = pick(&all, question)?;
    let mut trends = Vec::new();
    for case in picked {
        let Some(outcomes) = seen.get(&case.number) else { continue };
        let told = told(case, outcomes, &runs, &place);
        if told.runs > 0 {
            trends.push(told);
        }
    }
    let total = trends.len() as u64;
    Ok(TestHistory {
        runs: runs.len() as u64,
        method: reliability::METHOD.to_owned(),
        cases: remarkable(trends),
        total,
    })
}

fn point(label: &RunLabel) -> SeriesPoint {
    SeriesPoint {
        run: label.run.to_string(),
        at: label.started_at,
        commit: label.commit.clone(),
        value: 0.0,
        low: None,
        high: None,
        samples: None,
        noisy: false,
    }
}

/// The cases whose title matches one of the patterns.
fn pick<'a>(all: &'a [CaseFacts], question: &Question) -> Result<Vec<&'a CaseFacts>, HistoryError> {
    let names: Vec<Name> = question.benchmarks.iter().map(|text| Name::new(text)).collect::<Result<_, _>>()?;
    let ours: Vec<&CaseFacts> =
        all.iter().filter(|case| question.project.as_ref().is_none_or(|project| *project == case.project)).collect();
    for name in &names {
        if !ours.iter().any(|case| name.matches(&case.title)) {
            let titles: Vec<&str> = ours.iter().map(|case| case.title.as_str()).collect();
            let candidates = pick::near(name.text(), &titles);
            return Err(HistoryError::Unknown { what: "test", name: name.text().to_owned(), candidates });
        }
    }
    Ok(ours.into_iter().filter(|case| names.is_empty() || names.iter().any(|name| name.matches(&case.title))).collect())
}

fn told(case: &CaseFacts, outcomes: &[SeenCase], runs: &[SeriesPoint], place: &BTreeMap<u32, usize>) -> CaseTrend {
    let mut seen: Vec<(usize, Seen<'_>)> = outcomes
        .iter()
        .filter_map(|one| {
            let run = runs.get(one.run as usize)?;
            let seen = Seen { run, outcome: one.outcome, duration_ns: one.duration_ns };
            Some((place.get(&one.run).copied()?, seen))
        })
        .collect();
    seen.sort_by_key(|(place, _)| *place);
    let seen: Vec<Seen<'_>> = seen.into_iter().map(|(_, seen)| seen).collect();
    CaseTrend {
        project: case.project.clone(),
        step: case.step.clone(),
        suites: case.suites.clone(),
        title: case.title.clone(),
        ..reliability::tell(&seen)
    }
}

/// What is worth telling, the most urgent first.
fn remarkable(mut all: Vec<CaseTrend>) -> Vec<CaseTrend> {
    let mut times: Vec<f64> = all.iter().filter_map(|case| case.duration_ns).collect();
    times.sort_by(|a, b| b.total_cmp(a));
    let slow = times.get(SLOWEST - 1).or(times.last()).copied().unwrap_or(f64::INFINITY);
    let urgency = |case: &CaseTrend| match () {
        () if case.failing_since.is_some() => 4,
        () if case.flaky > 0 => 3,
        () if case.failed > 0 => 2,
        () if case.slower.is_some() => 1,
        () => 0,
    };
    all.retain(|case| urgency(case) > 0 || case.duration_ns.is_some_and(|time| time >= slow));
    let rate = |case: &CaseTrend| case.flake_rate.map_or(0.0, |rate| rate.rate);
    let time = |case: &CaseTrend| case.duration_ns.unwrap_or_default();
    all.sort_by(|a, b| {
        let by_rate = || rate(b).total_cmp(&rate(a));
        let by_time = || time(b).total_cmp(&time(a));
        urgency(b).cmp(&urgency(a)).then_with(by_rate).then_with(by_time).then_with(|| a.title.cmp(&b.title))
    });
    all
}
