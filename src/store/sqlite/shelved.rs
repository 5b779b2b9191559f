//! The store as an index of shared results: what was read from which shelf, and what was accepted there.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::SqliteStore;
use super::documents::Stored;
use super::save::save_stored;
use crate::results::Document;
use crate::store::{Accepted, Entry, StoreError};

/// A file of a shelf that was read.
#[derive(Debug)]
pub struct Taken {
    /// The file.
    pub entry: Entry,
    /// What it holds.
    pub what: Contents,
}

/// What a file of a shelf turned out to hold.
#[derive(Debug)]
pub enum Contents {
    /// A run to be saved.
    Run(Box<Document>),
    /// An accepted change.
    Accepted(Box<Accepted>),
    /// Nothing that is not in the store already.
    Known,
    /// Nothing that can be read, for this reason.
    Unreadable(String),
}

impl SqliteStore {
    /// What was read from a shelf: the words for the contents by path.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn shelved(&self, place: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT path, content FROM shelved WHERE place = ?1")?;
            statement.query_map([place], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|source| self.error(source))
    }

    /// Files of a shelf that could not be read, with the reasons.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unreadable(&self, place: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT path, problem FROM shelved WHERE place = ?1 AND problem IS NOT NULL ORDER BY path";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([place], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|source| self.error(source))
    }

    /// Remembers which shelf a place holds. True where it is another one than the last time: then all that was read from
    /// the old one is forgotten, its runs excepted.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn meet_shelf(&mut self, place: &str, mark: &str) -> Result<bool, StoreError> {
        let sql = "SELECT mark FROM shelves WHERE place = ?1";
        let known: Option<String> = self
            .connection
            .query_row(sql, [place], |row| row.get(0))
            .optional()
            .map_err(|source| self.error(source))?;
        if known.as_deref() == Some(mark) {
            return Ok(false);
        }
        self.write(|connection| {
            connection.execute("INSERT OR REPLACE INTO shelves (place, mark) VALUES (?1, ?2)", [place, mark])?;
            connection.execute("DELETE FROM shelved WHERE place = ?1", [place]).map(drop)
        })?;
        Ok(known.is_some())
    }

    /// Saves what a number of files hold, and that they were read, in one transaction.
    ///
    /// # Errors
    /// Any [`StoreError`]; the store is then as it was before.
    pub fn take_in(&mut self, place: &str, taken: &[Taken]) -> Result<(), StoreError> {
        let packed = taken.iter().filter_map(|taken| match &taken.what {
            Contents::Run(document) => Some(Stored::pack(document).map(|stored| (document.as_ref(), stored))),
            Contents::Accepted(_) | Contents::Known | Contents::Unreadable(_) => None,
        });
        let packed = packed.collect::<Result<Vec<_>, _>>()?;
        self.write(|connection| {
            for (document, stored) in &packed {
                save_stored(connection, document, stored)?;
            }
            taken.iter().try_for_each(|taken| remember(connection, place, taken))
        })
    }

    /// Forgets files that are no longer on a shelf, with what was accepted in them; runs stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget(&mut self, place: &str, paths: &[String]) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut delete = connection.prepare("DELETE FROM shelved WHERE place = ?1 AND path = ?2")?;
            let mut withdraw = connection.prepare("DELETE FROM accepted WHERE id = ?1")?;
            for path in paths {
                delete.execute([place, path])?;
                let id = path.strip_prefix("accepted/").and_then(|rest| rest.rsplit('/').next()?.strip_suffix(".json"));
                if let Some(id) = id {
                    withdraw.execute([id])?;
                }
            }
            Ok(())
        })
    }

    /// The ids of all runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ids(&self) -> Result<BTreeSet<Uuid>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT id FROM runs")?;
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let ids = read().map_err(|source| self.error(source))?;
        Ok(ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect())
    }

    /// All accepted changes, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn accepted(&self) -> Result<Vec<Accepted>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT json FROM accepted ORDER BY at, id")?;
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let texts = read().map_err(|source| self.error(source))?;
        Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }
}

fn remember(connection: &Connection, place: &str, taken: &Taken) -> rusqlite::Result<()> {
    let problem = match &taken.what {
        Contents::Unreadable(reason) => Some(reason),
        Contents::Run(_) | Contents::Accepted(_) | Contents::Known => None,
    };
    let sql = "INSERT OR REPLACE INTO shelved (place, path, content, problem) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![place, taken.entry.path, taken.entry.content, problem])?;
    if let Contents::Accepted(accepted) = &taken.what {
        let json = serde_json::to_string(accepted).unwrap_or_default();
        let sql = "INSERT OR REPLACE INTO accepted (id, at, json) VALUES (?1, ?2, ?3)";
        let at = accepted.at.as_microsecond();
        connection.prepare_cached(sql)?.execute(params![accepted.id.to_string(), at, json])?;
    }
    Ok(())
}
