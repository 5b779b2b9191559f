//! What git notes of a worktree inside the repository (`.git/worktrees/NAME`): taken out between runs.
//!
//! A kept working copy would otherwise stand in the user's `git worktree list` for ever. The notes (index, HEAD, the
//! clones of submodules) go to `base.git` and `head.git` beside the copies, and come back when these are used again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::host::git::Git;

/// A link file is one path.
const LINK_BYTES: u64 = 16 * 1024;

/// The repository's list of worktrees.
#[derive(Debug)]
pub(super) struct Registry {
    folder: PathBuf,
}

impl Registry {
    /// Of the repository whose shared folder is `common`.
    pub(super) fn of(common: &Path) -> Self {
        Self { folder: common.join("worktrees") }
    }

    /// Takes both working copies of a place out of the repository.
    pub(super) fn shelve(&self, place: &Path) {
        for name in ["base", "head"] {
            let copy = place.join(name);
            let Some(notes) = self.notes(&copy).filter(|notes| belongs(notes, &copy)) else { continue };
            let _ = fs::remove_file(notes.join("index.lock"));
            // Where they cannot be moved, the copy is made anew next time.
            if moved(&notes, &shelf(&copy)).is_err() {
                let _ = fs::remove_dir_all(&notes);
            }
        }
        // Git makes the folder with the first worktree; only an empty one goes.
        let _ = fs::remove_dir(&self.folder);
    }

    /// Brings a kept working copy back into the repository; whether it is there now.
    pub(super) fn unshelve(&self, copy: &Path) -> bool {
        let Some(notes) = self.notes(copy) else { return false };
        let shelf = shelf(copy);
        if notes.exists() {
            // A run that was killed never shelved it; or the name is another worktree's by now.
            let _ = fs::remove_dir_all(&shelf);
        } else if fs::create_dir_all(&self.folder).is_err() || moved(&shelf, &notes).is_err() {
            return false;
        }
        let _ = fs::remove_file(notes.join("index.lock"));
        belongs(&notes, copy) && !notes.join("locked").exists()
    }

    /// Makes git forget a working copy, its notes and its shelf.
    pub(super) fn forget(&self, copy: &Path) {
        let _ = fs::remove_dir_all(shelf(copy));
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if belongs(&entry.path(), copy) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Where the notes of a working copy are or would be: directly in the list, or it is not one of ours.
    fn notes(&self, copy: &Path) -> Option<PathBuf> {
        let link = copy.join(".git");
        if !link.symlink_metadata().is_ok_and(|facts| facts.is_file()) {
            return None;
        }
        let notes = PathBuf::from(text(&link)?.strip_prefix("gitdir: ")?);
        (notes.parent() == Some(&self.folder) && notes.file_name().is_some()).then_some(notes)
    }
}

/// Where the notes of a working copy are kept between runs.
fn shelf(copy: &Path) -> PathBuf {
    copy.with_extension("git")
}

/// Whether notes are those of a working copy.
fn belongs(notes: &Path, copy: &Path) -> bool {
    text(&notes.join("gitdir")).is_some_and(|path| Path::new(&path) == copy.join(".git"))
}

fn text(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    fs::File::open(path).ok()?.take(LINK_BYTES).read_to_string(&mut text).ok()?;
    Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Moves a folder, also to another file system.
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        fs::remove_dir_all(to)?;
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copied(from, to)?;
            fs::remove_dir_all(from)
        }
        other => other,
    }
}

fn copied(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        let to = to.join(entry.file_name());
        if kind.is_dir() {
            copied(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Whether a kept working copy leaves out the same files as the workspace does (sparse checkouts).
pub(super) fn same_patterns(git: &Git<'_>, copy: &Git<'_>) -> bool {
    let patterns = |git: &Git<'_>| {
        let path = git.say("rev-parse", &["rev-parse", "--path-format=absolute", "--git-path", "info/sparse-checkout"]);
        let on = git.say("config", &["config", "--type=bool", "core.sparseCheckout"]).is_ok_and(|told| told == "true");
        path.ok().filter(|_| on).and_then(|path| fs::read(path).ok())
    };
    patterns(git) == patterns(copy)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{copied, moved};

    #[test]
    fn folders_move_whole_and_replace_what_was_there() {
        let all = tempfile::tempdir().unwrap();
        let path = |name: &str| all.path().join(name);
        fs::create_dir_all(path("a/modules/b")).unwrap();
        fs::write(path("a/modules/b/HEAD"), "x").unwrap();
        fs::create_dir(path("old")).unwrap();
        fs::write(path("old/rest"), "y").unwrap();
        copied(&path("a"), &path("c")).unwrap();
        moved(&path("a"), &path("old")).unwrap();
        assert!(!path("a").exists() && !path("old/rest").exists());
        for folder in ["c", "old"] {
            assert_eq!(fs::read_to_string(path(folder).join("modules/b/HEAD")).unwrap(), "x");
        }
    }
}
