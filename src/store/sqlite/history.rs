//! Series and their points.

use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::SqliteStore;
use super::labels::Labels;
use super::words::read;
use crate::store::filter::name_glob;
use crate::store::key::{block_of, span};
use crate::store::{HistoryPoint, LineFacts, Measured, RunLabel, Series, SeriesFilter, StoreError};

pub(super) fn series(store: &SqliteStore, filter: &SeriesFilter) -> Result<Vec<Series>, StoreError> {
    let glob = filter.benchmark.as_deref().map(name_glob).transpose()?;
    let mut found = read_series(&store.connection, filter).map_err(|source| store.error(source))?;
    if let Some(glob) = glob {
        found.retain(|series| glob.is_match(&series.benchmark));
    }
    Ok(found)
}

fn read_series(connection: &Connection, filter: &SeriesFilter) -> rusqlite::Result<Vec<Series>> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM series
         WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR metric = ?2) AND (?3 IS NULL OR class_key = ?3)
         ORDER BY benchmark, metric, class_key, project, unit, step",
    )?;
    let values = params![filter.project, filter.metric, filter.class_key];
    statement.query_map(values, series_of)?.collect()
}

fn series_of(row: &Row<'_>) -> rusqlite::Result<Series> {
    Ok(Series {
        number: row.get("no")?,
        first_run: row.get("first_run")?,
        project: row.get("project")?,
        class_key: row.get("class_key")?,
        step: row.get("step")?,
        benchmark: row.get("benchmark")?,
        metric: row.get("metric")?,
        unit: row.get("unit")?,
        direction: read(row, "direction")?,
    })
}

/// The newest points of a series that are `wanted`, in the order of time.
///
/// Blocks are read from the last one backwards. Once there are enough, a block is only read where it holds a run that is
/// newer than the oldest point found: runs that were taken in late, such as imported ones, stand in late blocks.
pub(super) fn points(
    connection: &Connection,
    labels: &mut Labels,
    series: &Series,
    limit: usize,
    wanted: &dyn Fn(&RunLabel) -> bool,
) -> rusqlite::Result<Vec<HistoryPoint>> {
    // One snapshot for all blocks: consistent, and locks are taken once instead of once a block.
    let _snapshot = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    labels.refresh(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT id, value, low, high, samples, noisy FROM points WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC",
    )?;
    let mut found = Vec::with_capacity(limit.min(1024));
    let mut oldest = None;
    for (block, newest) in labels.newest(connection)?.iter().copied() {
        if block < block_of(series.first_run) || limit == 0 {
            break;
        }
        if oldest.is_some_and(|oldest| newest < oldest) {
            continue;
        }
        let before = found.len();
        let runs = labels.block(connection, block)?;
        if runs.iter().flatten().any(|label| wanted(label)) {
            let (first, last) = span(block, series.number);
            let mut rows = statement.query([first, last])?;
            while let Some(row) = rows.next()? {
                let place = usize::try_from(row.get::<_, i64>(0)? - first).unwrap_or_default();
                if let Some(label) = runs.get(place).and_then(Option::as_ref).filter(|label| wanted(label)) {
                    found.push(HistoryPoint { label: Arc::clone(label), measured: measured(row)? });
                }
            }
        }
        if found.len() > before && found.len() >= limit {
            oldest = nth_newest(&found, limit);
        }
    }
    found.reverse();
    found.sort_by_key(|point| point.label.started_at);
    found.drain(..found.len().saturating_sub(limit));
    Ok(found)
}

/// The start of the `limit`-th newest point, in microseconds.
fn nth_newest(found: &[HistoryPoint], limit: usize) -> Option<i64> {
    let mut starts: Vec<i64> = found.iter().map(|point| point.label.started_at.as_microsecond()).collect();
    let place = starts.len().checked_sub(limit)?;
    (place < starts.len()).then(|| *starts.select_nth_unstable(place).1)
}

fn measured(row: &Row<'_>) -> rusqlite::Result<Measured> {
    Ok(Measured {
        value: row.get(1)?,
        low: row.get(2)?,
        high: row.get(3)?,
        samples: row.get::<_, Option<i64>>(4)?.and_then(|number| u64::try_from(number).ok()),
        noisy: row.get(5)?,
    })
}

/// The lines that have runs: branches and change requests.
pub(super) fn lines(connection: &Connection) -> rusqlite::Result<Vec<LineFacts>> {
    let mut statement = connection.prepare(
        "SELECT branch, request, default_branch, count(*), max(started) FROM runs GROUP BY 1, 2, 3
         ORDER BY max(started) DESC",
    )?;
    let line = |row: &Row<'_>| {
        Ok(LineFacts {
            branch: row.get(0)?,
            request: row.get::<_, Option<i64>>(1)?.and_then(|number| u64::try_from(number).ok()),
            default_branch: row.get(2)?,
            runs: row.get::<_, i64>(3)?.try_into().unwrap_or_default(),
        })
    };
    statement.query_map([], line)?.collect()
}
