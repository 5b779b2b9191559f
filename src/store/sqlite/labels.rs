//! What a point of a history says of its run, remembered for as long as nobody writes to the store.
//!
//! Looking the run up for each point would cost more than the points themselves, and a report asks for the histories
//! of a thousand series that share the same runs.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use crate::store::RunLabel;
use crate::store::key::{RUNS_PER_BLOCK, SLOT_BITS, first_run};

/// The labels of one block's runs, by their place in it.
pub(super) type Block = [Option<Arc<RunLabel>>; RUNS_PER_BLOCK];

/// The labels read so far.
#[derive(Debug, Default)]
pub(super) struct Labels {
    version: i64,
    blocks: HashMap<i64, Block>,
    newest: Option<Rc<[(i64, i64)]>>,
}

impl Labels {
    /// Forgets everything if another process wrote since the last question.
    pub(super) fn refresh(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version != self.version {
            self.clear();
            self.version = version;
        }
        Ok(())
    }

    /// Forgets everything, after a write of our own.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.newest = None;
    }

    /// All blocks, the last first, each with the start of its newest run in microseconds.
    pub(super) fn newest(&mut self, connection: &Connection) -> rusqlite::Result<Rc<[(i64, i64)]>> {
        if let Some(newest) = &self.newest {
            return Ok(Rc::clone(newest));
        }
        let sql =
            format!("SELECT no >> {SLOT_BITS} AS block, max(started) FROM runs GROUP BY block ORDER BY block DESC");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let newest: Rc<[(i64, i64)]> = rows.collect::<rusqlite::Result<Vec<_>>>()?.into();
        self.newest = Some(Rc::clone(&newest));
        Ok(newest)
    }

    /// The labels of a block.
    pub(super) fn block(&mut self, connection: &Connection, block: i64) -> rusqlite::Result<&Block> {
        use std::collections::hash_map::Entry;
        match self.blocks.entry(block) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(read(connection, block)?)),
        }
    }
}

fn read(connection: &Connection, block: i64) -> rusqlite::Result<Block> {
    let first = first_run(block);
    let mut statement = connection
        .prepare_cached("SELECT no, id, started, commit_hash, branch, request FROM runs WHERE no BETWEEN ?1 AND ?2")?;
    let mut rows = statement.query([first, first + RUNS_PER_BLOCK as i64 - 1])?;
    let mut labels = Block::default();
    while let Some(row) = rows.next()? {
        let place = usize::try_from(row.get::<_, i64>(0)? - first).unwrap_or_default();
        if let Some(slot) = labels.get_mut(place) {
            *slot = Some(Arc::new(label(row)?));
        }
    }
    Ok(labels)
}

fn label(row: &Row<'_>) -> rusqlite::Result<RunLabel> {
    Ok(RunLabel {
        run: Uuid::try_parse(row.get_ref(1)?.as_str()?).map_err(|error| broken(1, error))?,
        started_at: Timestamp::from_microsecond(row.get(2)?).map_err(|error| broken(2, error))?,
        commit: row.get(3)?,
        branch: row.get(4)?,
        request: row.get::<_, Option<i64>>(5)?.and_then(|number| u64::try_from(number).ok()),
    })
}

fn broken(place: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error))
}
