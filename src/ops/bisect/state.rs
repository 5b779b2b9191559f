//! What a search has measured, on disk: a search that was ended goes on with the same command.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::search::Mark;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// One measurement against the good end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The commit, full hash.
    pub commit: String,
    /// What it turned out to be.
    pub mark: Mark,
    /// Relative change against the good end (of the confirmation: against the parent).
    pub change: Option<f64>,
    /// The ends of its interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Pairs of runs.
    pub pairs: u64,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// What was searched for: another search starts anew.
    pub(super) key: String,
    /// The metric that is followed.
    pub(super) metric: Option<String>,
    /// The bad end against the good one.
    pub(super) ends: Option<Measured>,
    /// Each measured commit between them.
    pub(super) marks: BTreeMap<String, Measured>,
}

impl State {
    /// What an earlier search of this key has left; an empty one if there is none that can be read.
    pub(super) fn load(path: &Path, key: &str) -> Self {
        let read = || {
            fs::symlink_metadata(path).ok().filter(|facts| facts.is_file() && facts.len() <= LARGEST)?;
            serde_json::from_slice::<Self>(&fs::read(path).ok()?).ok().filter(|state| state.key == key)
        };
        read().unwrap_or_else(|| Self { key: key.to_owned(), ..Self::default() })
    }

    /// Writes it, whole or not at all.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }
}

/// Where the state of a workspace's search is.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("bisect.json")
}
