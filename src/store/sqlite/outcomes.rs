//! What became of test cases over many runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::Outcomes;
use super::labels::Labels;
use crate::results::Outcome;
use crate::store::key::{MEMBER_MASK, RUNS_PER_BLOCK, SLOT_BITS, block_span};
use crate::store::{CaseFacts, RunLabel, SeenCase};

/// The newest `limit` wanted runs that have test cases, in the order of time, and what each case did in them.
pub(super) fn outcomes(
    connection: &Connection,
    labels: &mut Labels,
    limit: usize,
    wanted: &dyn Fn(&RunLabel) -> bool,
) -> rusqlite::Result<Outcomes> {
    let _snapshot = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    labels.refresh(connection)?;
    let chosen = newest_runs(connection, labels, limit, wanted)?;
    let mut runs: Vec<(i64, Arc<RunLabel>)> = chosen;
    runs.sort_by_key(|(number, label)| (label.started_at, *number));
    let places: BTreeMap<i64, u32> = runs
        .iter()
        .enumerate()
        .map(|(place, (number, _))| (*number, u32::try_from(place).unwrap_or(u32::MAX)))
        .collect();
    let mut seen: BTreeMap<i64, Vec<SeenCase>> = BTreeMap::new();
    let mut statement =
        connection.prepare_cached("SELECT id, outcome, duration_ns FROM outcomes WHERE id BETWEEN ?1 AND ?2")?;
    let mut blocks: Vec<i64> = places.keys().map(|number| number >> SLOT_BITS).collect();
    blocks.dedup();
    for block in blocks {
        let (first, last) = block_span(block);
        let mut rows = statement.query([first, last])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let number = (block << SLOT_BITS) | (id & (RUNS_PER_BLOCK as i64 - 1));
            if let Some(run) = places.get(&number).copied() {
                let case = (id >> SLOT_BITS) & MEMBER_MASK;
                seen.entry(case).or_default().push(seen_case(row, run)?);
            }
        }
    }
    Ok((runs.into_iter().map(|(_, label)| label).collect(), seen))
}

/// The numbers of the newest runs, found as those of a series are.
fn newest_runs(
    connection: &Connection,
    labels: &mut Labels,
    limit: usize,
    wanted: &dyn Fn(&RunLabel) -> bool,
) -> rusqlite::Result<Vec<(i64, Arc<RunLabel>)>> {
    let tested: std::collections::BTreeSet<i64> = {
        let mut statement = connection.prepare("SELECT no FROM runs WHERE tests > 0")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    let mut found: Vec<(i64, Arc<RunLabel>)> = Vec::new();
    let mut oldest = None;
    for (block, newest) in labels.newest(connection)?.iter().copied() {
        if limit == 0 || oldest.is_some_and(|oldest| newest < oldest) {
            continue;
        }
        for (place, label) in labels.block(connection, block)?.iter().enumerate() {
            let number = (block << SLOT_BITS) | place as i64;
            if let Some(label) = label.as_ref().filter(|label| tested.contains(&number) && wanted(label)) {
                found.push((number, Arc::clone(label)));
            }
        }
        if found.len() >= limit {
            found.sort_by_key(|(number, label)| std::cmp::Reverse((label.started_at, *number)));
            found.truncate(limit);
            oldest = found.last().map(|(_, label)| label.started_at.as_microsecond());
        }
    }
    Ok(found)
}

fn seen_case(row: &Row<'_>, run: u32) -> rusqlite::Result<SeenCase> {
    let outcome = Outcome::parse(row.get_ref(1)?.as_str()?).unwrap_or(Outcome::Cancelled);
    let duration_ns = row.get::<_, Option<i64>>(2)?.and_then(|time| u64::try_from(time).ok());
    Ok(SeenCase { run, outcome, duration_ns })
}

/// All cases by their numbers.
pub(super) fn cases(connection: &Connection) -> rusqlite::Result<Vec<CaseFacts>> {
    let mut statement = connection.prepare("SELECT no, title, step, suites, project FROM cases ORDER BY no")?;
    let facts = |row: &Row<'_>| {
        Ok(CaseFacts {
            number: row.get(0)?,
            title: row.get(1)?,
            step: row.get(2)?,
            suites: row.get(3)?,
            project: row.get(4)?,
        })
    };
    statement.query_map([], facts)?.collect()
}
