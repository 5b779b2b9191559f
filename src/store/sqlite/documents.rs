//! The whole document of a run, as compressed JSON in a table of its own.
//!
//! zlib at its fastest level: a run of 1,000 benchmarks shrinks to a sixth (a third with 30 raw samples each), which
//! costs about a millisecond per 280 KB; higher levels win little on figures. The format is what `zlib.decompress`
//! of any language reads.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::words::int;
use crate::results::Document;
use crate::store::StoreError;

const LEVEL: u8 = 1;
/// The largest document that is read back, in bytes of JSON: a damaged size must not eat all memory.
const LIMIT: usize = 1 << 30;

/// A document as it is stored.
pub(super) struct Stored {
    bytes: i64,
    zlib: Vec<u8>,
}

impl Stored {
    /// Packs a document.
    pub(super) fn pack(document: &Document) -> Result<Self, StoreError> {
        let json = serde_json::to_vec(document)
            .map_err(|error| StoreError::Document { run: document.run.id, detail: error.to_string() })?;
        if json.len() > LIMIT {
            let detail = format!("its JSON has {} bytes, more than the {LIMIT} that a store takes", json.len());
            return Err(StoreError::Document { run: document.run.id, detail });
        }
        Ok(Self { bytes: int(json.len() as u64), zlib: compress_to_vec_zlib(&json, LEVEL) })
    }

    /// Writes it for the run of this number.
    pub(super) fn insert(&self, connection: &Connection, run: i64) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("INSERT OR REPLACE INTO documents (run, bytes, zlib) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![run, self.bytes, self.zlib]).map(drop)
    }

    /// Unpacks the document.
    pub(super) fn document(&self, run: Uuid) -> Result<Document, StoreError> {
        let wrong = |detail: String| StoreError::Document { run, detail };
        let json = decompress_to_vec_zlib_with_limit(&self.zlib, LIMIT).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))
    }
}

/// Reads the stored form of a run's document.
pub(super) fn stored(connection: &Connection, run: Uuid) -> rusqlite::Result<Option<Stored>> {
    let sql = "SELECT bytes, zlib FROM documents WHERE run = (SELECT no FROM runs WHERE id = ?1)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([run.to_string()], |row| Ok(Stored { bytes: row.get(0)?, zlib: row.get(1)? })).optional()
}
