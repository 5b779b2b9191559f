//! The drift guard: what came together since an anchor, held against a limit. It sees the many small steps that no single
//! comparison sees.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Anchor, HistoryError};
use crate::host;
use crate::results::{Direction, Guard, GuardRow, GuardState, SeriesHistory};
use crate::stats::{self, Total};

/// The word for the latest tag behind the newest commit.
const LATEST: &str = "latest";

/// An anchor with all the commits that lead to it.
pub(super) struct Behind {
    name: String,
    commit: String,
    commits: BTreeSet<String>,
}

impl Behind {
    /// Looks the anchor up in the repository.
    pub(super) fn of(workspace: &Path, anchor: &Anchor) -> Result<Self, HistoryError> {
        let lost = || HistoryError::Anchor { name: anchor.since.clone() };
        let latest = || host::latest_tag(workspace, &host::commit_named(workspace, "HEAD")?);
        let name = match anchor.since.as_str() {
            LATEST => host::commit_named(workspace, LATEST).map(|_| LATEST.to_owned()).or_else(latest),
            name => Some(name.to_owned()),
        };
        let name = name.ok_or_else(lost)?;
        let commit = host::commit_named(workspace, &name).ok_or_else(lost)?;
        let commits = host::commit_line(workspace, &commit).into_iter().collect();
        Ok(Self { name, commit, commits })
    }

    /// The last point that measured the anchor or a commit that leads to it.
    fn place(&self, series: &SeriesHistory) -> Option<usize> {
        series.points.iter().rposition(|point| point.commit.as_ref().is_some_and(|hash| self.commits.contains(hash)))
    }
}

/// Holds all series against the limit. The chance of an alarm by accident is shared among them.
pub(super) fn guard(all: &[SeriesHistory], behind: &Behind, anchor: &Anchor) -> Guard {
    let error = anchor.false_alarms / all.len().max(1) as f64;
    let rows = all.iter().enumerate().map(|(nth, series)| row(nth, series, behind, anchor.limit, error));
    Guard {
        since: behind.name.clone(),
        commit: behind.commit.clone(),
        limit: anchor.limit,
        false_alarms: anchor.false_alarms,
        rows: rows.collect(),
    }
}

fn row(nth: usize, series: &SeriesHistory, behind: &Behind, limit: f64, error: f64) -> GuardRow {
    let place = behind.place(series);
    let taken_out: Vec<usize> = series
        .changes
        .iter()
        .filter(|change| change.accepted.is_some() && place.is_some_and(|place| change.index as usize > place))
        .map(|change| change.index as usize)
        .collect();
    let mut row = GuardRow {
        series: nth as u64,
        benchmark: series.benchmark.clone(),
        metric: series.metric.clone(),
        class_key: series.class_key.clone(),
        then: None,
        now: None,
        change: None,
        low: None,
        high: None,
        accepted: taken_out.len() as u64,
        state: GuardState::Unsure,
        note: None,
    };
    let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
    let steps: Vec<usize> = series.changes.iter().map(|change| change.index as usize).collect();
    let told = place.and_then(|place| stats::total(&values, &steps, place, &taken_out, error));
    match told.filter(|told| [told.change, told.low, told.high].iter().all(|part| part.is_finite())) {
        Some(told) => judge(&mut row, &told, series.direction, limit),
        None => row.note = Some(why_not(series, place)),
    }
    row
}

fn judge(row: &mut GuardRow, told: &Total, direction: Direction, limit: f64) {
    (row.then, row.now) = (Some(told.then), Some(told.now));
    (row.change, row.low, row.high) = (Some(told.change), Some(told.low), Some(told.high));
    // The least and the most that it may have become worse.
    let (least, most) = match direction {
        Direction::Lower => (told.low, told.high),
        Direction::Higher => (-told.high, -told.low),
    };
    row.state = if least > limit {
        GuardState::Exceeded
    } else if most <= limit {
        GuardState::Within
    } else {
        GuardState::Unsure
    };
}

fn why_not(series: &SeriesHistory, place: Option<usize>) -> String {
    match place {
        None => {
            "no commit up to the anchor was measured, or it is older than the points that were read (--last)".to_owned()
        }
        Some(place) if place + 1 == series.points.len() => "nothing was measured since".to_owned(),
        Some(_) if series.points.iter().any(|point| point.value <= 0.0) => {
            "values that are zero or less have no relative change".to_owned()
        }
        Some(_) => "there are too few points".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::results::{Direction, GuardRow, GuardState};
    use crate::stats::Total;

    #[test]
    fn only_what_is_surely_worse_exceeds() {
        let state = |low, high, direction| {
            let mut row = GuardRow {
                series: 0,
                benchmark: String::new(),
                metric: String::new(),
                class_key: String::new(),
                then: None,
                now: None,
                change: None,
                low: None,
                high: None,
                accepted: 0,
                state: GuardState::Unsure,
                note: None,
            };
            let told = Total { then: 1.0, now: 1.0, change: f64::midpoint(low, high), low, high };
            judge(&mut row, &told, direction, 0.03);
            row.state
        };
        use Direction::{Higher, Lower};
        assert_eq!(state(0.04, 0.06, Lower), GuardState::Exceeded);
        assert_eq!(state(0.02, 0.06, Lower), GuardState::Unsure);
        assert_eq!(state(-0.5, 0.02, Lower), GuardState::Within);
        assert_eq!(state(0.04, 0.06, Higher), GuardState::Within);
        assert_eq!(state(-0.06, -0.04, Higher), GuardState::Exceeded);
        assert_eq!(state(-0.06, -0.02, Higher), GuardState::Unsure);
    }
}
