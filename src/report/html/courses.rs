//! Histories of benchmarks for the page's plots: the points and change points of the series that the run measured.

use std::collections::BTreeMap;

use serde::Serialize;

use super::number::Number;
use super::texts::line;
use crate::report::history::change_words;
use crate::results::{Document, History, MetricChange, SeriesHistory, SeriesPoint};

/// Points of one series, the newest.
const POINTS: usize = 300;
/// Points of all series together.
const ALL: usize = 150_000;

/// One series.
#[derive(Debug, Serialize)]
pub(super) struct Course {
    /// Time in milliseconds since 1970, commit, value, ends of its interval, noisy.
    points: Vec<Point>,
    changes: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Point(i64, String, Number, Option<Number>, Option<Number>, u8);

/// Where the level changed.
#[derive(Debug, Serialize)]
struct Step {
    /// The place among `points`.
    at: u64,
    words: String,
    /// `worse`, `better` or `accepted`.
    kind: &'static str,
}

/// The histories of the run's benchmarks, and by series and metric the place of each.
pub(super) fn courses<'a>(
    document: &Document,
    history: Option<&'a History>,
) -> (Vec<Course>, BTreeMap<(&'a str, &'a str), usize>) {
    let ours = |series: &&SeriesHistory| {
        series.project == document.project && series.class_key == document.host.class_key && !series.points.is_empty()
    };
    let mut series: Vec<&SeriesHistory> = history.iter().flat_map(|history| &history.series).filter(ours).collect();
    let moved: BTreeMap<(&str, &str), bool> = document
        .comparison
        .iter()
        .flat_map(|comparison| &comparison.rows)
        .map(|row: &MetricChange| {
            ((row.benchmark.as_str(), row.metric.as_str()), crate::report::rows::is_remarkable(row))
        })
        .collect();
    // Where there is no room for all, what moved comes first.
    let rank = |series: &&SeriesHistory| {
        let moved = moved.get(&(series.benchmark.as_str(), series.metric.as_str())).copied().unwrap_or(false);
        (!moved, series.changes.is_empty())
    };
    series.sort_by_key(rank);
    let (mut courses, mut places, mut left) = (Vec::new(), BTreeMap::new(), ALL);
    for series in series {
        let n = series.points.len().min(POINTS);
        if n > left {
            break;
        }
        left -= n;
        places.insert((series.benchmark.as_str(), series.metric.as_str()), courses.len());
        courses.push(course(series));
    }
    (courses, places)
}

fn course(series: &SeriesHistory) -> Course {
    let skipped = series.points.len().saturating_sub(POINTS);
    let changes = series.changes.iter().filter_map(|change| {
        let kind = match (change.accepted.is_some(), change.worse) {
            (true, _) => "accepted",
            (false, true) => "worse",
            (false, false) => "better",
        };
        let at = change.index.checked_sub(skipped as u64)?;
        Some(Step { at, words: line(&change_words(change, &series.unit)), kind })
    });
    Course { points: series.points.iter().skip(skipped).map(point).collect(), changes: changes.collect() }
}

fn point(point: &SeriesPoint) -> Point {
    Point(
        point.at.as_millisecond(),
        line(point.short_commit().unwrap_or_default()),
        Number(point.value),
        point.low.map(Number),
        point.high.map(Number),
        u8::from(point.noisy),
    )
}
