//! Adds runs of this workspace to a shelf.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::SharedError;
use crate::ops::report;
use crate::results::{Document, Status};
use crate::store::{Accepted, Edit, Entry, OpenOptions, Places, RunFilter, RunName, Shelf, SqliteStore, Store, pack};

/// So many runs are added in one commit.
const BATCH: usize = 200;
/// The states of a run that can be a baseline.
const FINISHED: [Status; 3] = [Status::Passed, Status::Failed, Status::Undecided];

/// What a push came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The shelf.
    pub place: String,
    /// How many runs were added.
    pub added: usize,
    /// How many were there already.
    pub there: usize,
    /// How often it was tried, because others were first.
    pub attempts: u32,
}

/// The runs that are named: files, ids, beginnings of them, or `latest`.
///
/// # Errors
/// If one cannot be found or read, or did not finish.
pub fn runs(places: &Places, named: &[String]) -> Result<Vec<Document>, SharedError> {
    named.iter().map(|name| finished(report::document(places, name)?)).collect()
}

fn finished(document: Document) -> Result<Document, SharedError> {
    if FINISHED.contains(&document.run.status) {
        return Ok(document);
    }
    Err(SharedError::Unfinished { run: document.run.id.to_string(), status: document.run.status.as_str() })
}

/// Adds runs, and accepted changes with them; what is there already is left alone.
///
/// # Errors
/// If the shelf cannot be written, or a document is too large for it.
pub fn push(shelf: &mut dyn Shelf, documents: &[Document], accepted: &[Accepted]) -> Result<Pushed, SharedError> {
    let mut files = documents.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    for accepted in accepted {
        files.push((accepted.path(), accepted.pack().map_err(|reason| unfit("the acceptance", reason))?));
    }
    let message = match documents {
        [one] => format!("Results of run {}", one.run.id),
        several => format!("Results of {} runs", several.len()),
    };
    let (added, attempts) = add(shelf, &files, &message)?;
    let added = added.iter().filter(|path| RunName::parse(path).is_some()).count();
    Ok(Pushed { place: shelf.place(), added, there: documents.len() - added, attempts })
}

/// Puts an accepted change on a shelf; gives the shelf's name.
///
/// # Errors
/// If the shelf cannot be written, or a text is too long.
pub fn record(shelf: &mut dyn Shelf, accepted: &Accepted) -> Result<String, SharedError> {
    let file = (accepted.path(), accepted.pack().map_err(|reason| unfit("the acceptance", reason))?);
    add(shelf, &[file], "Accept a change")?;
    Ok(shelf.place())
}

/// Adds files under names that are not taken. Gives the paths of those added, and how often it was tried.
///
/// # Errors
/// If the shelf cannot be written.
pub fn add(
    shelf: &mut dyn Shelf,
    files: &[(String, Vec<u8>)],
    message: &str,
) -> Result<(Vec<String>, u32), SharedError> {
    let mut added = Vec::new();
    let changed = shelf.change(&mut |entries| {
        let there = Taken::of(entries);
        let new: Vec<_> = files.iter().filter(|(path, _)| !there.has(path)).cloned().collect();
        added = new.iter().map(|(path, _)| path.clone()).collect();
        Edit { add: new, remove: Vec::new(), message: message.to_owned() }
    })?;
    Ok((added, changed.attempts))
}

/// Adds all finished runs of the store that are not there yet.
///
/// # Errors
/// If the store cannot be read or the shelf cannot be written; what was added until then stays.
pub fn all_new(shelf: &mut dyn Shelf, places: &Places) -> Result<Pushed, SharedError> {
    let mut pushed = Pushed { place: shelf.place(), ..Pushed::default() };
    let Some(store) = SqliteStore::open_existing(&places.database(), &OpenOptions::default())? else {
        return Ok(pushed);
    };
    let filter = RunFilter { statuses: FINISHED.to_vec(), ..RunFilter::default() };
    let entries = shelf.entries()?;
    let there = Taken::of(&entries);
    let mut new: Vec<Uuid> = store.runs(&filter)?.into_iter().map(|facts| facts.id).collect();
    let all = new.len();
    new.retain(|run| !there.runs.contains(run));
    pushed.there = all - new.len();
    for batch in new.chunks(BATCH) {
        let documents = batch.iter().filter_map(|run| store.load(*run).transpose()).collect::<Result<Vec<_>, _>>()?;
        let batch = push(shelf, &documents, &[])?;
        pushed.added += batch.added;
        pushed.there += batch.there;
        pushed.attempts = pushed.attempts.max(batch.attempts);
    }
    Ok(pushed)
}

/// What is on a shelf.
struct Taken<'a> {
    paths: BTreeSet<&'a str>,
    runs: BTreeSet<Uuid>,
}

impl<'a> Taken<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let runs = entries.iter().filter_map(|entry| Some(RunName::parse(&entry.path)?.run)).collect();
        Self { paths: entries.iter().map(|entry| entry.path.as_str()).collect(), runs }
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path) || RunName::parse(path).is_some_and(|name| self.runs.contains(&name.run))
    }
}

fn file(document: &Document) -> Result<(String, Vec<u8>), SharedError> {
    let packed = pack(document).map_err(|reason| unfit(&format!("run {}", document.run.id), reason))?;
    Ok((RunName::of(document, false).path(), packed))
}

pub(super) fn unfit(what: &str, reason: String) -> SharedError {
    SharedError::Unfit { what: what.to_owned(), reason }
}
