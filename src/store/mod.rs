//! Where results live: one small trait, [`Store`], and what stands behind it.
//!
//! [`SqliteStore`] keeps everything in one file, `.backsight/results.db`; [`RunFolder`] reads the folders that runs
//! leave beside it, so that a run which is still going on, or which was killed, is found too. Callers speak in the
//! nouns of [`crate::results`] and in the plain facts of this module; no SQL is seen outside `sqlite/`.
//! `docs/store.md` explains the tables and the order of their keys.

mod error;
mod facts;
mod filter;
mod folder;
mod key;
mod places;
mod shelf;
mod sqlite;

pub use error::{FolderError, StoreError};
pub use facts::{
    BaselineQuery, CaseFacts, HistoryPoint, LineFacts, Measured, RunFacts, RunFilter, RunLabel, SeenCase, Series,
    SeriesFilter, StepTime,
};
pub use folder::{FolderState, Holder, RunFolder, RunLock};
pub use places::Places;
pub use shelf::{
    Accepted, AcceptedKind, Changed, Edit, Entry, FolderShelf, GitShelf, Hear, LARGEST_FILE, MARK, Reach, Room,
    RunName, Shelf, ShelfError, compacted, escaped, pack, unpack,
};
pub use sqlite::{Contents, OpenOptions, Outcomes, PointRow, SqliteStore, Taken};

use uuid::Uuid;

use crate::results::Document;

/// Keeps the documents of runs and answers questions about them.
pub trait Store {
    /// Saves a run: all of it or, on an error, nothing of it. Saving the same run id again replaces what was there.
    ///
    /// # Errors
    /// Any [`StoreError`]; the store is then as it was before.
    fn save(&mut self, document: &Document) -> Result<(), StoreError>;

    /// The runs that pass the filter, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs(&self, filter: &RunFilter) -> Result<Vec<RunFacts>, StoreError>;

    /// The runs whose id begins with `prefix`, the newest first, at most `limit`. An empty prefix gives the latest.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn find(&self, prefix: &str, limit: u32) -> Result<Vec<RunFacts>, StoreError>;

    /// The whole document of a run; `None` where the run is not stored.
    ///
    /// # Errors
    /// When the store cannot be read, or the stored document is damaged.
    fn load(&self, run: Uuid) -> Result<Option<Document>, StoreError>;

    /// The newest finished run that the query allows.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn baseline(&self, query: &BaselineQuery) -> Result<Option<RunFacts>, StoreError>;

    /// The finished runs that the query allows and that measured one of these commits (full hashes), the newest first.
    /// The query's branch and time do not matter: where a commit stands in the history does.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn of_commits(&self, query: &BaselineQuery, commits: &[String]) -> Result<Vec<RunFacts>, StoreError>;

    /// For each branch × class key of a project (of all, where `None`), the newest finished run that belongs to no
    /// change request: what a later run there would be compared with.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn baselines(&self, project: Option<&str>) -> Result<Vec<RunFacts>, StoreError>;

    /// The series that pass the filter, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn series(&self, filter: &SeriesFilter) -> Result<Vec<Series>, StoreError>;

    /// The newest `limit` points of one series in the order of time.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(&self, series: &Series, limit: usize) -> Result<Vec<HistoryPoint>, StoreError> {
        self.history_of(series, limit, &|_| true)
    }

    /// As [`Store::history`], of the runs that are `wanted` alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history_of(
        &self,
        series: &Series,
        limit: usize,
        wanted: &dyn Fn(&RunLabel) -> bool,
    ) -> Result<Vec<HistoryPoint>, StoreError>;

    /// The branches and change requests that have runs, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lines(&self) -> Result<Vec<LineFacts>, StoreError>;
}
