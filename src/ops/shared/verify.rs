//! Reads every file of a shelf and says what is wrong with it.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::SharedError;
use crate::store::{Accepted, Entry, RunName, Shelf, unpack};

/// What was found on a shelf.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The shelf.
    pub place: String,
    /// How many runs are sound.
    pub runs: usize,
    /// How many accepted changes are sound.
    pub accepted: usize,
    /// Files with something wrong, and what.
    pub problems: Vec<(String, String)>,
}

/// Reads every file: it unpacks, it is a document, its name agrees with its content, its run is there once.
///
/// # Errors
/// If the shelf cannot be reached.
pub fn verify(shelf: &mut dyn Shelf) -> Result<Verified, SharedError> {
    let entries = shelf.entries()?;
    let mut verified = Verified { place: shelf.place(), ..Verified::default() };
    let mut runs: BTreeMap<Uuid, String> = BTreeMap::new();
    let mut wanted: Vec<Entry> = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.path.contains('/')) {
        let name = RunName::parse(&entry.path);
        if name.is_none() && !entry.path.starts_with("accepted/") {
            verified.problems.push((entry.path, "its name is none that this backsight gives".into()));
            continue;
        }
        wanted.push(entry);
    }
    shelf.read(&wanted, &mut |entry, content| {
        let sound = content.and_then(|bytes| match RunName::parse(&entry.path) {
            Some(name) => unpack(&name, &bytes).and_then(|_| match runs.insert(name.run, entry.path.clone()) {
                Some(first) => Err(format!("its run is there twice, also as {first}")),
                None => Ok(true),
            }),
            None => Accepted::unpack(&entry.path, &bytes).map(|_| false),
        });
        match sound {
            Ok(true) => verified.runs += 1,
            Ok(false) => verified.accepted += 1,
            Err(reason) => verified.problems.push((entry.path.clone(), reason)),
        }
    })?;
    Ok(verified)
}
