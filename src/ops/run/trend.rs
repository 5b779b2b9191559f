//! What the default branch measured before, beside each row of a comparison that tells of a change.

use std::collections::HashMap;

use crate::results::{Comparison, Document, MetricChange, Verdict};
use crate::store::{RunLabel, Series, SeriesFilter, Store, StoreError};

/// Runs of a trend at most.
const LONGEST: usize = 40;
/// Rows that get one.
const MOST: usize = 200;

/// The branch that a change is held against: the request's target, the default branch, the one that was named; without any
/// of them the run's own.
pub(super) fn branch<'a>(document: &'a Document, compare_with: Option<&'a str>) -> Option<&'a str> {
    let change = &document.change;
    let target = change.request.as_ref().and_then(|request| request.target_branch.as_deref());
    let named = document.run.against.as_ref().map(|against| against.named.as_str());
    target.or(change.default_branch.as_deref()).or(compare_with).or(named).or(change.branch.as_deref())
}

/// Adds the trends: of the project, on hosts of this class. Runs of change requests are none of the branch's.
pub(super) fn add(
    comparison: &mut Comparison,
    store: &dyn Store,
    (project, class_key): (&str, &str),
    branch: Option<&str>,
) -> Result<(), StoreError> {
    let tells =
        |row: &&mut MetricChange| matches!(row.verdict, Verdict::Regressed | Verdict::Improved | Verdict::Inconclusive);
    if !comparison.rows.iter_mut().any(|row| tells(&row)) {
        return Ok(());
    }
    let filter = SeriesFilter {
        project: Some(project.to_owned()),
        class_key: Some(class_key.to_owned()),
        ..SeriesFilter::default()
    };
    let series = store.series(&filter)?;
    let by_name: HashMap<(&str, &str, &str), &Series> =
        series.iter().map(|one| ((one.benchmark.as_str(), one.metric.as_str(), one.unit.as_str()), one)).collect();
    let wanted = |label: &RunLabel| label.request.is_none() && label.branch.as_deref() == branch;
    for row in comparison.rows.iter_mut().filter(tells).take(MOST) {
        let key = (row.benchmark.as_str(), row.metric.as_str(), row.unit.as_str());
        if let Some(series) = by_name.get(&key) {
            let points = store.history_of(series, LONGEST, &wanted)?;
            row.trend = points.iter().map(|point| point.measured.value).collect();
        }
    }
    Ok(())
}
