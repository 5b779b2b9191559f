//! The store in one SQLite file.
//!
//! WAL, so that readers and one writer never wait for each other; `synchronous = NORMAL`, so that a killed process
//! loses nothing and a power cut loses at most the last commits, never the file (results are on disk as
//! `results.json` anyway). Each run is one transaction that takes the write lock at its start.

mod documents;
mod history;
mod labels;
mod list;
mod open;
mod outcomes;
mod save;
mod shelved;
mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

pub use open::OpenOptions;
pub use save::PointRow;
pub use shelved::{Contents, Taken};

use super::{
    BaselineQuery, CaseFacts, HistoryPoint, LineFacts, RunFacts, RunFilter, RunLabel, SeenCase, Series, SeriesFilter,
    StepTime, Store, StoreError,
};
use crate::results::Document;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    busy: Duration,
    labels: RefCell<labels::Labels>,
}

/// Runs in the order of time, and what each case, by its number, did in them; of one case in no order.
pub type Outcomes = (Vec<Arc<RunLabel>>, BTreeMap<i64, Vec<SeenCase>>);

impl SqliteStore {
    /// What became of test cases in the newest `limit` wanted runs that have any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outcomes(&self, limit: usize, wanted: &dyn Fn(&RunLabel) -> bool) -> Result<Outcomes, StoreError> {
        let mut labels = self.labels.borrow_mut();
        outcomes::outcomes(&self.connection, &mut labels, limit, wanted).map_err(|source| self.error(source))
    }

    /// All test cases that any run has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cases(&self) -> Result<Vec<CaseFacts>, StoreError> {
        outcomes::cases(&self.connection).map_err(|source| self.error(source))
    }

    /// How long the steps of a project took in its newest finished runs, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn step_times(&self, project: &str, runs: u32) -> Result<Vec<StepTime>, StoreError> {
        list::step_times(&self.connection, project, runs).map_err(|source| self.error(source))
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, self.busy, source)
    }
}

impl Store for SqliteStore {
    fn save(&mut self, document: &Document) -> Result<(), StoreError> {
        self.save_run(document)
    }

    fn runs(&self, filter: &RunFilter) -> Result<Vec<RunFacts>, StoreError> {
        list::runs(self, filter)
    }

    fn find(&self, prefix: &str, limit: u32) -> Result<Vec<RunFacts>, StoreError> {
        list::find(&self.connection, prefix, limit).map_err(|source| self.error(source))
    }

    fn load(&self, run: Uuid) -> Result<Option<Document>, StoreError> {
        let stored = documents::stored(&self.connection, run).map_err(|source| self.error(source))?;
        stored.map(|stored| stored.document(run)).transpose()
    }

    fn baseline(&self, query: &BaselineQuery) -> Result<Option<RunFacts>, StoreError> {
        list::baseline(&self.connection, query).map_err(|source| self.error(source))
    }

    fn baselines(&self, project: Option<&str>) -> Result<Vec<RunFacts>, StoreError> {
        list::baselines(&self.connection, project).map_err(|source| self.error(source))
    }

    fn of_commits(&self, query: &BaselineQuery, commits: &[String]) -> Result<Vec<RunFacts>, StoreError> {
        list::of_commits(&self.connection, query, commits).map_err(|source| self.error(source))
    }

    fn series(&self, filter: &SeriesFilter) -> Result<Vec<Series>, StoreError> {
        history::series(self, filter)
    }

    fn history_of(
        &self,
        series: &Series,
        limit: usize,
        wanted: &dyn Fn(&RunLabel) -> bool,
    ) -> Result<Vec<HistoryPoint>, StoreError> {
        let mut labels = self.labels.borrow_mut();
        history::points(&self.connection, &mut labels, series, limit, wanted).map_err(|source| self.error(source))
    }

    fn lines(&self) -> Result<Vec<LineFacts>, StoreError> {
        history::lines(&self.connection).map_err(|source| self.error(source))
    }
}
