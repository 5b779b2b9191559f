//! Keeps a shelf small: removes old runs, or their raw samples.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::SharedError;
use crate::store::{Edit, Entry, Room, RunName, Shelf, compacted, pack, unpack};

/// So many files are compacted in one commit.
const BATCH: usize = 200;

/// Which runs to remove; one goes when all that is given says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prune {
    /// Keep so many of the newest of each branch or change request and class of hosts.
    pub keep: Option<usize>,
    /// Only those that started before.
    pub before: Option<Timestamp>,
}

/// What tidying came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tidied {
    /// The shelf.
    pub place: String,
    /// How many runs were removed, or lost their samples.
    pub changed: usize,
    /// How many runs stay as they were.
    pub left: usize,
    /// Files that cannot be read, with the reason; they stay.
    pub skipped: Vec<(String, String)>,
}

/// Removes old runs. The newest run of the default branch stays for each class of hosts.
///
/// # Errors
/// If the shelf cannot be written; nothing was removed then.
pub fn prune(shelf: &mut dyn Shelf, rule: Prune) -> Result<Tidied, SharedError> {
    let mut tidied = Tidied { place: shelf.place(), ..Tidied::default() };
    shelf.change(&mut |entries| {
        let names = names(entries);
        let remove = outdated(&names, rule);
        (tidied.changed, tidied.left) = (remove.len(), names.len() - remove.len());
        let message = format!("Prune {} runs", remove.len());
        Edit { add: Vec::new(), remove, message }
    })?;
    Ok(tidied)
}

fn names(entries: &[Entry]) -> Vec<RunName> {
    entries.iter().filter_map(|entry| RunName::parse(&entry.path)).collect()
}

/// The paths of those that the rule removes.
fn outdated(names: &[RunName], rule: Prune) -> Vec<String> {
    let mut groups: BTreeMap<(&Room, &str), Vec<&RunName>> = BTreeMap::new();
    for name in names {
        groups.entry((&name.room, &name.class)).or_default().push(name);
    }
    let mut remove = Vec::new();
    for ((room, _), mut group) in groups {
        group.sort_by_key(|name| std::cmp::Reverse((name.started_at(), name.run)));
        let spared = rule.keep.unwrap_or_default().max(usize::from(*room == Room::Default));
        let old = |name: &&&RunName| rule.before.is_none_or(|before| name.started_at() < before);
        remove.extend(group.iter().skip(spared).filter(old).map(|name| name.path()));
    }
    remove
}

/// Drops the raw samples of runs that started before a time; what they came to is kept.
///
/// # Errors
/// If the shelf cannot be read or written; what was compacted until then stays so.
pub fn compact(shelf: &mut dyn Shelf, before: Timestamp) -> Result<Tidied, SharedError> {
    let mut tidied = Tidied { place: shelf.place(), ..Tidied::default() };
    let entries = shelf.entries()?;
    let is_old = |name: &RunName| !name.compact && name.started_at() < before;
    let old = |entry: &&Entry| RunName::parse(&entry.path).is_some_and(|name| is_old(&name));
    let wanted: Vec<Entry> = entries.iter().filter(old).cloned().collect();
    tidied.left = names(&entries).len() - wanted.len();
    for batch in wanted.chunks(BATCH) {
        let mut made = Vec::new();
        shelf.read(batch, &mut |entry, content| match content.and_then(|bytes| smaller(&entry.path, &bytes)) {
            Ok(new) => made.push((entry.path.clone(), new)),
            Err(reason) => tidied.skipped.push((entry.path.clone(), reason)),
        })?;
        let mut changed = 0;
        shelf.change(&mut |entries| {
            let there: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
            let still: Vec<_> = made.iter().filter(|(old, _)| there.contains(old.as_str())).collect();
            changed = still.len();
            Edit {
                add: still.iter().map(|(_, new)| new.clone()).collect(),
                remove: still.iter().map(|(old, _)| old.clone()).collect(),
                message: format!("Compact {changed} runs"),
            }
        })?;
        tidied.changed += changed;
    }
    tidied.left += tidied.skipped.len();
    Ok(tidied)
}

/// The compact file for a full one.
fn smaller(path: &str, bytes: &[u8]) -> Result<(String, Vec<u8>), String> {
    let name = RunName::parse(path).ok_or("its name is none that this backsight gives")?;
    let packed = pack(&compacted(unpack(&name, bytes)?))?;
    Ok((RunName { compact: true, ..name }.path(), packed))
}

#[cfg(test)]
mod tests {
    use super::{Prune, outdated};
    use crate::store::RunName;

    fn name(folder: &str, day: u32, class: &str) -> RunName {
        let path = format!("{folder}/2026/11/{day:02}/0123456789ab-{class}-0199f3a0-1c00-7abc-8def-{day:012x}.json.gz");
        RunName::parse(&path).unwrap_or_else(|| panic!("{path}"))
    }

    fn days(names: &[RunName], rule: Prune) -> Vec<String> {
        let mut found: Vec<String> = outdated(names, rule)
            .iter()
            .map(|path| path.split("/2026/11/").map(|part| part.get(..2).unwrap()).collect())
            .collect();
        found.sort();
        found
    }

    #[test]
    fn the_newest_of_each_place_and_class_are_kept() {
        let mut names: Vec<_> = (1..=4).map(|day| name("runs", day, "aa")).collect();
        names.extend([name("runs", 9, "bb"), name("requests/7", 1, "aa"), name("branches/x", 2, "aa")]);
        let before = Some("2026-11-04T00:00:00Z".parse().unwrap());
        assert_eq!(days(&names, Prune { keep: Some(2), before: None }), ["ru01", "ru02"]);
        assert_eq!(days(&names, Prune { keep: Some(3), before }), ["ru01"]);
        assert_eq!(days(&names, Prune { keep: None, before }), ["br02", "re01", "ru01", "ru02", "ru03"]);
        // The last baseline of a class of hosts is never removed.
        let late = Some("2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(days(&names, Prune { keep: Some(0), before: late }), ["br02", "re01", "ru01", "ru02", "ru03"]);
    }
}
