//! `backsight matrix`: which model really ran on which target, derived from stored runs or result files.

use crate::compare;
use crate::ops::report::{ReportError, document};
use crate::results::Matrix;
use crate::store::{OpenOptions, Places, RunFilter, SqliteStore, Store};

/// The matrix of these runs (files, ids, `latest`; the newest first), or of the newest `most` stored runs that had a
/// model.
///
/// # Errors
/// If a run is not there, or the store cannot be read.
pub fn matrix(places: &Places, runs: &[String], most: u32) -> Result<Matrix, ReportError> {
    if !runs.is_empty() {
        let documents = runs.iter().map(|run| document(places, run)).collect::<Result<Vec<_>, _>>()?;
        return Ok(compare::matrix(&documents));
    }
    let Some(store) = SqliteStore::open_existing(&places.database(), &OpenOptions::default())? else {
        return Ok(compare::matrix([]));
    };
    let filter = RunFilter { limit: Some(most), ..RunFilter::default() };
    let mut documents = Vec::new();
    for facts in store.runs(&filter)? {
        documents
            .extend(store.load(facts.id)?.filter(|document| document.steps.iter().any(|step| step.model.is_some())));
    }
    Ok(compare::matrix(&documents))
}
