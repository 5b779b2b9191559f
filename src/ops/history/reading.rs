//! Points out of the store, in the order of commits, and what they did.

use std::thread;

use super::line::{CommitLine, Line};
use super::{HistoryError, Question};
use crate::compare::trend;
use crate::results::{SeriesHistory, SeriesPoint};
use crate::stats;
use crate::store::{Accepted, AcceptedKind, HistoryPoint, RunLabel, Series, Store};

/// Reads the series; those without a point are left out. A benchmark that was renamed has the points of its old name
/// before its own.
pub(super) fn read(
    store: &dyn Store,
    picked: &[Series],
    question: &Question,
    line: &Line,
    commits: &CommitLine,
    accepted: &[Accepted],
) -> Result<Vec<SeriesHistory>, HistoryError> {
    let wanted = |label: &RunLabel| line.holds(label) && question.since.is_none_or(|since| label.started_at >= since);
    let mut told = Vec::new();
    for series in picked {
        let mut points = store.history_of(series, question.last, &wanted)?;
        for old in earlier_names(series, accepted) {
            let filter = crate::store::SeriesFilter {
                project: Some(series.project.clone()),
                metric: Some(series.metric.clone()),
                class_key: Some(series.class_key.clone()),
                benchmark: None,
            };
            let same = |other: &&Series| other.benchmark == old && other.unit == series.unit;
            for other in store.series(&filter)?.iter().filter(same) {
                points.extend(store.history_of(other, question.last, &wanted)?);
            }
        }
        points.sort_by_key(|point| point.label.started_at);
        points.retain(|point| point.measured.value.is_finite());
        points.drain(..points.len().saturating_sub(question.last));
        commits.sort(&mut points, |point| point.label.commit.as_deref());
        if !points.is_empty() {
            told.push(begun(series, &points));
        }
    }
    analyse(&mut told);
    Ok(told)
}

/// What the benchmark was called before, by renames that were accepted.
fn earlier_names(series: &Series, accepted: &[Accepted]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut wanted = vec![series.benchmark.as_str()];
    while let Some(name) = wanted.pop() {
        for one in accepted {
            let ours = one.project.as_ref().is_none_or(|project| *project == series.project);
            if let AcceptedKind::Rename { from, to } = &one.kind
                && ours
                && to == name
                && *from != series.benchmark
                && !names.contains(from)
            {
                names.push(from.clone());
                wanted.push(from);
            }
        }
    }
    names
}

fn begun(series: &Series, points: &[HistoryPoint]) -> SeriesHistory {
    let point = |point: &HistoryPoint| SeriesPoint {
        run: point.label.run.to_string(),
        at: point.label.started_at,
        commit: point.label.commit.clone(),
        value: point.measured.value,
        low: point.measured.low.filter(|value| value.is_finite()),
        high: point.measured.high.filter(|value| value.is_finite()),
        samples: point.measured.samples,
        noisy: point.measured.noisy,
    };
    SeriesHistory {
        project: series.project.clone(),
        benchmark: series.benchmark.clone(),
        metric: series.metric.clone(),
        unit: series.unit.clone(),
        direction: series.direction,
        class_key: series.class_key.clone(),
        points: points.iter().map(point).collect(),
        changes: Vec::new(),
        drift: None,
        period: None,
        level: None,
        since_segment: None,
    }
}

/// Finds the change points of all, on as many processors as there are.
fn analyse(all: &mut [SeriesHistory]) {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        for part in all.chunks_mut(share) {
            scope.spawn(move || part.iter_mut().for_each(tell));
        }
    });
}

fn tell(series: &mut SeriesHistory) {
    let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
    let course = stats::course(&values);
    trend::tell(series, &course);
}
