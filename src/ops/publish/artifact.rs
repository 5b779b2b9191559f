//! What another workflow left behind, read as what it may be: somebody's attempt to harm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Leg, PublishError};
use crate::ops::report::from_file;

/// The largest document that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// The most legs.
const MOST: usize = 256;
/// How deep the files may lie: a folder an artifact, one a run.
const DEEPEST: usize = 3;
/// The file that is looked for.
const NAME: &str = "results.json";

/// The documents in a folder: `results.json` in it, or below each folder in it, which then names the leg. Of several in one
/// of these folders the one that started last counts.
pub(super) fn legs(folder: &Path, name: Option<&str>) -> Result<Vec<Leg>, PublishError> {
    let wrong = |text: &str| PublishError::Artifact { path: folder.to_owned(), text: text.to_owned() };
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    find(folder, None, &mut found, DEEPEST).map_err(|source| PublishError::Io { path: folder.to_owned(), source })?;
    if found.len() > MOST {
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

/// Collects the files with the name of the uppermost folder that each is below. Links are not followed: they would lead out.
fn find(folder: &Path, leg: Option<&str>, found: &mut Vec<(String, PathBuf)>, deep: usize) -> std::io::Result<()> {
    let own = folder.join(NAME);
    if own.symlink_metadata().is_ok() {
        found.push((leg.unwrap_or_default().to_owned(), own));
        return Ok(());
    }
    if deep == 0 {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)?.filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .take(MOST + 1)
        .collect();
    folders.sort();
    for below in folders {
        let name = below.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        find(&below, Some(leg.unwrap_or(&name)), found, deep - 1)?;
        if found.len() > MOST {
            break;
        }
    }
    Ok(())
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
