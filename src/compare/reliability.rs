//! What a test case did over many runs: how often it is flaky, since when it fails, whether it became slower.

use std::collections::BTreeMap;

use crate::results::{CaseTrend, FailingSince, FlakeRate, Outcome, SeriesPoint, Slower};
use crate::stats;

/// The method of [`FlakeRate`]'s interval.
pub const METHOD: &str = "wilson";
/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;
/// A case becomes slower where its time grows by more than this share, and to more than this, in nanoseconds.
const SLOWER: f64 = 0.2;
const NOTICED_NS: f64 = 10e6;
/// Times of which the last level is the median.
const LAST: usize = 5;

/// One run of a case.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The run and its commit; the value in it is not looked at.
    pub run: &'a SeriesPoint,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in nanoseconds.
    pub duration_ns: Option<u64>,
}

/// Tells what a case did in these runs, which are in the order of commits. Names are the caller's to fill in.
pub fn tell(runs: &[Seen<'_>]) -> CaseTrend {
    let executed: Vec<&Seen<'_>> = runs.iter().filter(|seen| seen.outcome.is_executed()).collect();
    let flaky = flaky(&executed);
    let rate = stats::wilson(flaky, executed.len() as u64, Z);
    let failed = executed.iter().filter(|seen| seen.outcome.is_failure()).count() as u64;
    let (times, at): (Vec<f64>, Vec<&SeriesPoint>) = executed
        .iter()
        .filter(|seen| !seen.outcome.is_failure())
        .filter_map(|seen| Some((seen.duration_ns.filter(|time| *time > 0)? as f64, seen.run)))
        .unzip();
    CaseTrend {
        project: String::new(),
        step: String::new(),
        suites: String::new(),
        title: String::new(),
        runs: executed.len() as u64,
        failed,
        flaky,
        flake_rate: rate.map(|(rate, low, high)| FlakeRate { rate, low, high }),
        failing_since: failing_since(&executed),
        duration_ns: stats::median(times.get(times.len().saturating_sub(LAST)..).unwrap_or_default()),
        trend: trend(&times),
        slower: slower(&times, &at),
    }
}

/// Runs in which it was flaky: it said so itself, or it failed on a commit on which it passed as well.
fn flaky(executed: &[&Seen<'_>]) -> u64 {
    let mut commits: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut flaky = 0;
    for seen in executed {
        if seen.outcome == Outcome::Flaky {
            flaky += 1;
        }
        if let Some(commit) = seen.run.commit.as_deref() {
            let counts = commits.entry(commit).or_default();
            if seen.outcome.is_failure() {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
    }
    flaky + commits.values().filter(|(_, passed)| *passed > 0).map(|(failed, _)| failed).sum::<u64>()
}

fn failing_since(executed: &[&Seen<'_>]) -> Option<FailingSince> {
    let runs = executed.iter().rev().take_while(|seen| seen.outcome.is_failure()).count();
    let first = executed.get(executed.len() - runs)?;
    let before = executed.len().checked_sub(runs + 1).and_then(|at| executed.get(at));
    Some(FailingSince {
        run: first.run.run.clone(),
        at: first.run.at,
        commit: first.run.commit.clone(),
        after: before.and_then(|seen| seen.run.commit.clone()),
        runs: runs as u64,
    })
}

/// The newest quarter against the oldest.
fn trend(times: &[f64]) -> Option<f64> {
    let quarter = times.len() / 4;
    if quarter < 2 {
        return None;
    }
    let before = stats::median(times.get(..quarter)?)?;
    let now = stats::median(times.get(times.len() - quarter..)?)?;
    Some(now / before - 1.0).filter(|change| change.is_finite())
}

/// The last change of level, if it was for the slower. Most cases can be told without looking for one.
fn slower(times: &[f64], at: &[&SeriesPoint]) -> Option<Slower> {
    let now = stats::median(times.get(times.len().saturating_sub(LAST)..)?)?;
    let least = times.iter().copied().min_by(f64::total_cmp)?;
    if now < NOTICED_NS || now < least * (1.0 + SLOWER) {
        return None;
    }
    let change = *stats::course(times).changes.last()?;
    if change.size < SLOWER || change.low <= 0.0 {
        return None;
    }
    let first = at.get(change.index)?;
    Some(Slower {
        size: change.size,
        low: change.low,
        high: change.high,
        after: change.index.checked_sub(1).and_then(|before| at.get(before)?.commit.clone()),
        until: first.commit.clone(),
        at: first.at,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Seen, tell};
    use crate::results::{CaseTrend, Outcome, SeriesPoint};

    fn told(runs: &[(&str, Outcome, u64)]) -> CaseTrend {
        let point = |(nth, (commit, ..)): (usize, &(&str, Outcome, u64))| SeriesPoint {
            run: format!("run-{nth}"),
            at: Timestamp::UNIX_EPOCH,
            commit: (!commit.is_empty()).then(|| (*commit).to_owned()),
            value: 0.0,
            low: None,
            high: None,
            samples: None,
            noisy: false,
        };
        let points: Vec<SeriesPoint> = runs.iter().enumerate().map(point).collect();
        let seen: Vec<Seen<'_>> = runs
            .iter()
            .zip(&points)
            .map(|((_, outcome, time), run)| Seen { run, outcome: *outcome, duration_ns: Some(*time) })
            .collect();
        tell(&seen)
    }

    use Outcome::{Cancelled, Failed, Flaky, Passed, Skipped, TimedOut};

    #[test]
    fn a_failure_beside_a_pass_of_one_commit_is_flaky() {
        let found = told(&[("a", Passed, 1), ("b", Failed, 1), ("b", Passed, 1), ("c", Flaky, 1), ("d", Skipped, 1)]);
        assert_eq!((found.runs, found.failed, found.flaky), (4, 1, 2));
        let rate = found.flake_rate.unwrap();
        assert!(rate.rate == 0.5 && rate.low > 0.1 && rate.high < 0.9, "{rate:?}");
        assert_eq!(found.failing_since, None);
        // Failing on a commit of its own is a failure, and without a commit nothing can be told.
        assert_eq!(told(&[("a", Passed, 1), ("b", Failed, 1), ("c", Passed, 1)]).flaky, 0);
        assert_eq!(told(&[("", Passed, 1), ("", Failed, 1)]).flaky, 0);
        assert_eq!(told(&[("a", Skipped, 1)]).flake_rate, None);
        assert_eq!(told(&[]).runs, 0);
    }

    #[test]
    fn the_first_of_the_failures_that_go_on_is_told() {
        let runs = [
            ("a", Failed, 1),
            ("b", Passed, 1),
            ("c", TimedOut, 1),
            ("d", Skipped, 1),
            ("e", Failed, 1),
            ("f", Cancelled, 1),
        ];
        let since = told(&runs).failing_since.unwrap();
        assert_eq!((since.run.as_str(), since.commit.as_deref()), ("run-2", Some("c")));
        assert_eq!((since.after.as_deref(), since.runs), (Some("b"), 2));
        let always = told(&[("a", Failed, 1)]).failing_since.unwrap();
        assert_eq!((always.after, always.runs), (None, 1));
    }

    #[test]
    fn a_case_that_became_slower_is_told_with_its_commits() {
        let names: Vec<String> = (0..40).map(|nth| format!("c{nth}")).collect();
        let time = |nth: usize| (if nth < 25 { 100_000_000 } else { 180_000_000 }) + (nth as u64 * 7919) % 5_000_000;
        let runs: Vec<(&str, Outcome, u64)> =
            names.iter().enumerate().map(|(nth, name)| (name.as_str(), Passed, time(nth))).collect();
        let found = told(&runs);
        let slower = found.slower.unwrap();
        assert_eq!((slower.after.as_deref(), slower.until.as_deref()), (Some("c24"), Some("c25")));
        assert!(slower.low > 0.7 && slower.high < 0.9 && found.trend.unwrap() > 0.7, "{slower:?}");
        // A thousandth of it is nothing that anybody waits for.
        let quick: Vec<(&str, Outcome, u64)> =
            runs.iter().map(|(name, passed, time)| (*name, *passed, time / 1000)).collect();
        assert_eq!(told(&quick).slower, None);
    }
}
