//! What another workflow left behind, read as what it may be: somebody's attempt to harm.

use std::path::{Path, PathBuf};

use super::{Leg, PublishError};
use crate::ops::report::from_file;

/// The largest document that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// The most legs.
const MOST: usize = 256;
/// The file that is looked for.
const NAME: &str = "results.json";

/// The documents in a folder: `results.json` in it, or in the folders in it, each a leg of the folder's name.
pub(super) fn legs(folder: &Path, name: Option<&str>) -> Result<Vec<Leg>, PublishError> {
    let wrong = |path: &Path, text: &str| PublishError::Artifact { path: path.to_owned(), text: text.to_owned() };
    let own = folder.join(NAME);
    if own.symlink_metadata().is_ok() {
        return Ok(vec![Leg { name: name.unwrap_or_default().to_owned(), document: read(&own)? }]);
    }
    let entries = std::fs::read_dir(folder).map_err(|source| PublishError::Io { path: folder.to_owned(), source })?;
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        // No links: they would lead out of the artifact.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
        if folders.len() > MOST {
            return Err(wrong(folder, "more than 256 folders, which are too many legs"));
        }
    }
    folders.sort();
    let mut legs = Vec::new();
    for below in folders {
        let path = below.join(NAME);
        if path.symlink_metadata().is_ok() {
            let name = below.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            legs.push(Leg { name, document: read(&path)? });
        }
    }
    match (legs.len(), name) {
        (0, _) => Err(wrong(folder, "no results.json in it or in a folder in it; did the first workflow upload it?")),
        (1, name) => {
            legs.iter_mut().for_each(|leg| leg.name = name.unwrap_or_default().to_owned());
            Ok(legs)
        }
        _ => Ok(legs),
    }
}

fn read(path: &Path) -> Result<crate::results::Document, PublishError> {
    let wrong = |text: &str| PublishError::Artifact { path: path.to_owned(), text: text.to_owned() };
    let facts = path.symlink_metadata().map_err(|source| PublishError::Io { path: path.to_owned(), source })?;
    if !facts.is_file() {
        return Err(wrong("not a plain file"));
    }
    if facts.len() > LARGEST {
        return Err(wrong("larger than 64 MiB"));
    }
    Ok(from_file(path)?)
}
