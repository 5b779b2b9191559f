//! Shared results: a shelf of immutable files, one for each run, that jobs on many hosts add to and read from.
//!
//! A shelf is a branch of the project's own git repository ([`GitShelf`]) or a folder that the CI keeps
//! ([`FolderShelf`]); both hold the same files. A file is never changed: it is added under a name that nobody else uses,
//! so that any number of jobs may add at once, and removed when the shelf is pruned. The SQLite store is an index of it
//! that can be made anew at any time. `docs/baseline.md` describes the files for other programs.

mod accepted;
mod error;
mod folder;
mod git;
mod gzip;
mod name;
mod packed;
mod push;

pub use accepted::{Accepted, AcceptedKind, Reach};
pub use error::ShelfError;
pub use folder::FolderShelf;
pub use git::GitShelf;
pub use name::{Room, RunName, escaped};
pub use packed::{LARGEST_FILE, compacted, pack, unpack};

/// The file that says that a shelf is ours, and of which format.
pub const MARK: &str = "backsight-data-1.json";
const MARK_START: &str = "backsight-data-";
/// The file that says it to people.
const README: &str = "README.md";
const README_TEXT: &str = include_str!("README.md");
/// More entries than this are not read.
const MOST_ENTRIES: usize = 1_000_000;

/// A file on a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, `/` between its parts; may be anything that a repository can hold.
    pub path: String,
    /// What stands for its content: another content, another word.
    pub content: String,
}

/// What to change on a shelf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Files to add.
    pub add: Vec<(String, Vec<u8>)>,
    /// Paths to remove.
    pub remove: Vec<String>,
    /// Why, in one line.
    pub message: String,
}

impl Edit {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Files added.
    pub added: usize,
    /// Files removed.
    pub removed: usize,
    /// How often it was tried; others may have been first.
    pub attempts: u32,
}

/// Hears the content of one file, or why there is none.
pub type Hear<'a> = &'a mut dyn FnMut(&Entry, Result<Vec<u8>, String>);

/// A place of shared results.
pub trait Shelf {
    /// What it is called: in messages, and in the index.
    fn place(&self) -> String;

    /// All files as they are now; none where the shelf is not there yet.
    ///
    /// # Errors
    /// Where it cannot be reached or read, or is not ours.
    fn entries(&mut self) -> Result<Vec<Entry>, ShelfError>;

    /// Reads files that were listed, in bounds.
    ///
    /// # Errors
    /// Where the shelf as a whole cannot be read; a single file's trouble is handed to `hear`.
    fn read(&mut self, wanted: &[Entry], hear: Hear<'_>) -> Result<(), ShelfError>;

    /// Changes it. `make` is asked again with the files of that moment whenever others were first.
    ///
    /// # Errors
    /// Where it cannot be reached or written; nothing was changed then.
    fn change(&mut self, make: &mut dyn FnMut(&[Entry]) -> Edit) -> Result<Changed, ShelfError>;

    /// Forgets its own history, so that removed files need no room any more. A shelf without a history has nothing to do.
    ///
    /// # Errors
    /// Where it cannot be written, or was changed meanwhile.
    fn squash(&mut self, message: &str) -> Result<(), ShelfError>;
}

/// Refuses what is not ours or too new. An empty shelf is anybody's.
fn judged(place: &str, entries: Vec<Entry>) -> Result<Vec<Entry>, ShelfError> {
    let marks = || entries.iter().filter(|entry| entry.path.starts_with(MARK_START) && !entry.path.contains('/'));
    if let Some(newer) = marks().find(|entry| entry.path != MARK) {
        return Err(ShelfError::Newer {
            place: place.to_owned(),
            mark: crate::report::escape::line(&newer.path).into_owned(),
        });
    }
    match entries.first() {
        Some(first) if marks().next().is_none() => Err(ShelfError::Foreign {
            place: place.to_owned(),
            example: crate::report::escape::line(&first.path).into_owned(),
        }),
        _ => Ok(entries),
    }
}

/// The files that make a shelf ours. Each has a mark of its own, so that one made anew is known as such.
fn first_files() -> Vec<(String, Vec<u8>)> {
    let mark = serde_json::json!({ "format": "backsight/data/1", "id": uuid::Uuid::now_v7() });
    vec![(MARK.to_owned(), format!("{mark}\n").into_bytes()), (README.to_owned(), README_TEXT.as_bytes().to_vec())]
}
