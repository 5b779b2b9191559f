//! What another workflow left behind, read as what it may be: somebody's attempt to harm.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Leg, PublishError};
use crate::ops::found::{DEEPEST, LARGEST, MOST_LEGS, documents};
use crate::ops::report::from_file;

/// The documents in a folder: `results.json` in it, or below each folder in it, which then names the leg. Of several in one
/// of these folders the one that started last counts.
pub(super) fn legs(folder: &Path, name: Option<&str>) -> Result<Vec<Leg>, PublishError> {
    let wrong = |text: &str| PublishError::Artifact { path: folder.to_owned(), text: text.to_owned() };
    let found = documents(folder, DEEPEST).map_err(|source| PublishError::Io { path: folder.to_owned(), source })?;
    if found.len() > MOST_LEGS {
        return Err(wrong("more than 256 results, which are too many legs"));
    }
    let mut legs: BTreeMap<String, Leg> = BTreeMap::new();
    for (name, path) in found {
        let document = read(&path)?;
        match legs.get(&name) {
            Some(known) if known.document.run.started_at >= document.run.started_at => {}
            _ => drop(legs.insert(name.clone(), Leg { name, document })),
        }
    }
    let mut legs: Vec<Leg> = legs.into_values().collect();
    match legs.as_mut_slice() {
        [] => Err(wrong("no results.json in it or in a folder in it; did the first workflow upload it?")),
        [only] => {
            only.name = name.unwrap_or_default().to_owned();
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
