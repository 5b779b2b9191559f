//! Series and their points.

use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::SqliteStore;
use super::labels::Labels;
use super::words::read;
use crate::store::filter::name_glob;
use crate::store::key::{block_of, span};
use crate::store::{HistoryPoint, Measured, Series, SeriesFilter, StoreError};

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

/// The last points of a series: from the last block backwards until there are enough, then put into the order of
/// time, which is not that of saving where a run came late.
pub(super) fn points(
    connection: &Connection,
    labels: &mut Labels,
    series: &Series,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryPoint>> {
    // One snapshot for all blocks: consistent, and locks are taken once instead of once a block.
    let _snapshot = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    labels.refresh(connection)?;
    let last: Option<i64> = connection.prepare_cached("SELECT max(no) FROM runs")?.query_row([], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT id, value, low, high, samples, noisy FROM points WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC",
    )?;
    let mut found = Vec::with_capacity(limit.min(1024));
    let mut block = last.map_or(-1, block_of);
    while block >= block_of(series.first_run) && found.len() < limit {
        let (first, last) = span(block, series.number);
        let mut rows = statement.query([first, last])?;
        let mut next = rows.next()?;
        if next.is_some() {
            let runs = labels.block(connection, block)?;
            while let Some(row) = next {
                let place = usize::try_from(row.get::<_, i64>(0)? - first).unwrap_or_default();
                if let Some(Some(label)) = runs.get(place) {
                    found.push(HistoryPoint { label: Arc::clone(label), measured: measured(row)? });
                }
                next = rows.next()?;
            }
        }
        block -= 1;
    }
    found.truncate(limit);
    found.reverse();
    found.sort_by_key(|point| point.label.started_at);
    Ok(found)
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
