//! Points out of the store, in the order of commits, and what they did.

use std::collections::BTreeSet;
use std::thread;

use super::line::{CommitLine, Line};
use super::remembered::{self, Remembered};
use super::{HistoryError, Question};
use crate::compare::trend;
use crate::results::{SeriesHistory, SeriesPoint};
use crate::stats::{self, Course};
use crate::store::{Accepted, AcceptedKind, HistoryPoint, RunLabel, Series, SeriesFilter, Store};

/// So many more points than asked for are read, so that the first one stays the same for a while and what was found is
/// remembered.
const SLIDE: usize = 64;

/// What is read, and how.
pub(super) struct Reading<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) question: &'a Question,
    pub(super) line: &'a Line,
    pub(super) commits: &'a CommitLine,
    pub(super) accepted: &'a [Accepted],
}

/// A series with its points, and what is known of it.
struct Begun {
    series: SeriesHistory,
    name: String,
    found: Option<(Course, usize)>,
}

impl Reading<'_> {
    /// Reads the series; those without a point are left out. A benchmark that was renamed has the points of its old name
    /// before its own, and is not told under the old one.
    pub(super) fn read(&self, picked: &[Series], mut known: Remembered) -> Result<Vec<SeriesHistory>, HistoryError> {
        let gone_on: BTreeSet<(String, &str, &str)> = picked
            .iter()
            .flat_map(|series| {
                let names = earlier_names(series, self.accepted);
                names.into_iter().map(|name| (name, series.metric.as_str(), series.class_key.as_str()))
            })
            .collect();
        let mut all = Vec::new();
        for series in picked {
            if gone_on.contains(&(series.benchmark.clone(), series.metric.as_str(), series.class_key.as_str())) {
                continue;
            }
            let points = self.points(series)?;
            if !points.is_empty() {
                all.push(self.begin(series, &points, &known));
            }
        }
        analyse(&mut all, &known);
        let mut told = Vec::with_capacity(all.len());
        for Begun { mut series, name, found } in all {
            if let Some((course, whole)) = found {
                let values = values(&series);
                let first = series.points.first().map(|point| point.run.clone()).unwrap_or_default();
                trend::tell(&mut series, &course);
                known.keep(name, &first, &values, &course, whole);
            }
            trend::keep_last(&mut series, self.question.last);
            told.push(series);
        }
        known.save();
        Ok(told)
    }

    fn points(&self, series: &Series) -> Result<Vec<HistoryPoint>, HistoryError> {
        let since = self.question.since;
        let wanted = |label: &RunLabel| self.line.holds(label) && since.is_none_or(|since| label.started_at >= since);
        let most = self.question.last + SLIDE;
        let mut points = self.store.history_of(series, most, &wanted)?;
        for old in earlier_names(series, self.accepted) {
            let filter = SeriesFilter {
                project: Some(series.project.clone()),
                metric: Some(series.metric.clone()),
                class_key: Some(series.class_key.clone()),
                benchmark: None,
            };
            let same = |other: &&Series| other.benchmark == old && other.unit == series.unit;
            for other in self.store.series(&filter)?.iter().filter(same) {
                points.extend(self.store.history_of(other, most, &wanted)?);
            }
        }
        points.sort_by_key(|point| point.label.started_at);
        points.retain(|point| point.measured.value.is_finite());
        points.drain(..points.len().saturating_sub(most));
        Ok(points)
    }

    /// Starts where the series was analysed from the last time, if that is near; otherwise with as many points as asked
    /// for.
    fn begin(&self, series: &Series, points: &[HistoryPoint], known: &Remembered) -> Begun {
        let mut series = begun(series, points);
        let name = remembered::name(&self.line.words(), &series);
        let usual = series.points.len().saturating_sub(self.question.last);
        let before = known.first(&name).and_then(|first| series.points.iter().position(|point| point.run == first));
        series.points.drain(..before.filter(|place| *place <= usual).unwrap_or(usual));
        self.commits.sort(&mut series.points, |point| point.commit.as_deref());
        Begun { series, name, found: None }
    }
}

fn values(series: &SeriesHistory) -> Vec<f64> {
    series.points.iter().map(|point| point.value).collect()
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
fn analyse(all: &mut [Begun], known: &Remembered) {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(workers).max(1);
    let find = |begun: &mut Begun| {
        let values = values(&begun.series);
        let whole = || (stats::course(&values), values.len());
        begun.found = Some(known.recall(&begun.name, &values).unwrap_or_else(whole));
    };
    thread::scope(|scope| {
        for part in all.chunks_mut(share) {
            scope.spawn(move || part.iter_mut().for_each(find));
        }
    });
}
