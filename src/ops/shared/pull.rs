//! Reads what is new on a shelf into the store of this workspace.
//!
//! Each file is read once: the store remembers what it has read. A file that cannot be read is named and passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::SharedError;
use crate::store::{Accepted, Contents, Entry, MARK, RunName, Shelf, SqliteStore, StoreError, Taken, unpack};

/// So many files are saved at a time.
const BATCH: usize = 64;

/// What a pull came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// The shelf.
    pub place: String,
    /// How many files it holds, those of runs and of accepted changes.
    pub files: usize,
    /// How many were read now.
    pub read: usize,
    /// How many runs of them were new.
    pub runs: usize,
    /// How many accepted changes of them were new.
    pub accepted: usize,
    /// Files that cannot be read, with the reason.
    pub skipped: Vec<(String, String)>,
    /// What else should be known, such as that the branch was rewritten.
    pub notices: Vec<String>,
}

/// Which of the runs on a shelf are wanted, by their names; all where `None` is given back.
pub type Wanted<'a> = &'a dyn Fn(&[RunName]) -> Option<BTreeSet<Uuid>>;

/// Reads the new files of those runs that are `wanted`; accepted changes always.
///
/// # Errors
/// If the shelf cannot be reached, or the store cannot be written. What was read until then is saved.
pub fn pull(shelf: &mut dyn Shelf, store: &mut SqliteStore, wanted: Wanted<'_>) -> Result<Pulled, SharedError> {
    let entries = shelf.entries()?;
    let mut pulled = Pulled { place: shelf.place(), ..Pulled::default() };
    let sorted = Sorted::of(&entries, store, &mut pulled, wanted)?;
    let mut batch = Batch { store, place: pulled.place.clone(), taken: Vec::new(), failed: None };
    for (entry, what) in sorted.told {
        batch.push(Taken { entry, what });
    }
    let names: BTreeMap<&str, &RunName> = sorted.names.iter().map(|(path, name)| (path.as_str(), name)).collect();
    let mut sound = BTreeSet::new();
    shelf.read(&sorted.read, &mut |entry, content| {
        let mut what = what(entry, names.get(entry.path.as_str()).copied(), content);
        if let Contents::Run(document) = &what
            && !sound.insert(document.run.id)
        {
            what = Contents::Unreadable("its run is there twice".into());
        }
        pulled.read += 1;
        match &what {
            Contents::Run(_) => pulled.runs += 1,
            Contents::Accepted(_) => pulled.accepted += 1,
            Contents::Unreadable(reason) => pulled.skipped.push((entry.path.clone(), reason.clone())),
            Contents::Known => {}
        }
        batch.push(Taken { entry: entry.clone(), what });
    })?;
    batch.flush();
    match batch.failed {
        Some(error) => Err(error.into()),
        None => Ok(pulled),
    }
}

fn what(entry: &Entry, name: Option<&RunName>, content: Result<Vec<u8>, String>) -> Contents {
    let read = content.and_then(|bytes| match name {
        Some(name) => unpack(name, &bytes).map(|document| Contents::Run(Box::new(document))),
        None => Accepted::unpack(&entry.path, &bytes).map(|accepted| Contents::Accepted(Box::new(accepted))),
    });
    read.unwrap_or_else(Contents::Unreadable)
}

/// The files of a shelf, sorted by what is to be done with them.
#[derive(Default)]
struct Sorted {
    /// To be read.
    read: Vec<Entry>,
    /// The names of those of runs.
    names: BTreeMap<String, RunName>,
    /// What can be told without reading.
    told: Vec<(Entry, Contents)>,
}

impl Sorted {
    fn of(
        entries: &[Entry],
        store: &mut SqliteStore,
        pulled: &mut Pulled,
        wanted: Wanted<'_>,
    ) -> Result<Self, StoreError> {
        let place = pulled.place.clone();
        let mark = entries.iter().find(|entry| entry.path == MARK).map(|mark| mark.content.clone());
        let anew = match &mark {
            Some(mark) => store.meet_shelf(&place, mark)?,
            None => false,
        };
        if anew {
            pulled.notices.push(format!("{place} was made anew since the last time; all of it is read again"));
        }
        let known = store.shelved(&place)?;
        gone(entries, &known, store, pulled)?;
        let stored = store.ids()?;
        let names: Vec<RunName> = entries.iter().filter_map(|entry| RunName::parse(&entry.path)).collect();
        let wanted = wanted(&names);
        let mut sorted = Self::default();
        for entry in entries.iter().filter(|entry| entry.path.contains('/')) {
            pulled.files += 1;
            let before = known.get(&entry.path);
            if before == Some(&entry.content) {
                continue;
            }
            if before.is_some() {
                pulled
                    .notices
                    .push(format!("{} was changed after it was written; it is read again", shown(&entry.path)));
            }
            let again = anew || before.is_some();
            sorted.place(entry, again, &stored, pulled, wanted.as_ref());
        }
        // Where a run is there twice, the default branch has the first word.
        let Self { read, names, .. } = &mut sorted;
        read.sort_by_key(|entry| names.get(&entry.path).map(|name| name.room.clone()));
        Ok(sorted)
    }

    fn place(
        &mut self,
        entry: &Entry,
        again: bool,
        stored: &BTreeSet<Uuid>,
        pulled: &mut Pulled,
        wanted: Option<&BTreeSet<Uuid>>,
    ) {
        let Some(name) = RunName::parse(&entry.path) else {
            if entry.path.starts_with("accepted/") {
                self.read.push(entry.clone());
            } else {
                self.refuse(entry, "its name is none that this backsight gives", pulled);
            }
            return;
        };
        if wanted.is_some_and(|wanted| !wanted.contains(&name.run)) {
            return;
        }
        if stored.contains(&name.run) && (name.compact || !again) {
            // What is in the store has its samples.
            self.told.push((entry.clone(), Contents::Known));
        } else {
            self.names.insert(entry.path.clone(), name);
            self.read.push(entry.clone());
        }
    }

    fn refuse(&mut self, entry: &Entry, reason: &str, pulled: &mut Pulled) {
        pulled.skipped.push((entry.path.clone(), reason.to_owned()));
        self.told.push((entry.clone(), Contents::Unreadable(reason.to_owned())));
    }
}

/// Forgets files that are no longer there, and says how many.
fn gone(
    entries: &[Entry],
    known: &BTreeMap<String, String>,
    store: &mut SqliteStore,
    pulled: &mut Pulled,
) -> Result<(), StoreError> {
    let there: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let gone: Vec<String> = known.keys().filter(|path| !there.contains(path.as_str())).cloned().collect();
    if !gone.is_empty() {
        let (n, place) = (gone.len(), &pulled.place);
        pulled.notices.push(format!("{n} files that were read before are no longer on {place}; their runs stay here"));
        store.forget(place, &gone)?;
    }
    Ok(())
}

fn shown(path: &str) -> String {
    crate::report::escape::line(path).into_owned()
}

/// What is to be saved together. After a failure nothing more is saved.
struct Batch<'a> {
    store: &'a mut SqliteStore,
    place: String,
    taken: Vec<Taken>,
    failed: Option<StoreError>,
}

impl Batch<'_> {
    fn push(&mut self, taken: Taken) {
        self.taken.push(taken);
        if self.taken.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.store.take_in(&self.place, &self.taken).err();
        }
        self.taken.clear();
    }
}
