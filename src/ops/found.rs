//! Documents that other jobs have left in folders: an artifact each, with a run's folder in it.

use std::path::{Path, PathBuf};

/// The largest document that is read of another job, in bytes.
pub(super) const LARGEST: u64 = 64 << 20;
/// The most legs.
pub(super) const MOST_LEGS: usize = 256;
/// How deep the files may lie: a folder an artifact, one a run.
pub(super) const DEEPEST: usize = 3;
/// The file that is looked for.
pub(super) const NAME: &str = "results.json";

/// The documents in a folder, each with the name of the uppermost folder that it is below; at most one more than
/// [`MOST_LEGS`]. Links are not followed: they would lead out.
pub(super) fn documents(folder: &Path, deep: usize) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    find(folder, None, &mut found, deep)?;
    Ok(found)
}

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
        .take(MOST_LEGS + 1)
        .collect();
    folders.sort();
    for below in folders {
        let name = below.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        find(&below, Some(leg.unwrap_or(&name)), found, deep - 1)?;
        if found.len() > MOST_LEGS {
            break;
        }
    }
    Ok(())
}
