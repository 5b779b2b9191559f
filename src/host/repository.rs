//! What a git repository's folder tells without starting git: whether there is one, whether the clone is shallow, and
//! which branch the remote calls its default.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Link files and references are one short line.
const LINE_BYTES: u64 = 4096;

/// The folders of a repository.
#[derive(Debug)]
pub(super) struct Repository {
    /// What all its work trees share: objects, references, configuration.
    common: PathBuf,
}

impl Repository {
    /// Looks for a repository in the folder and those above it.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let (top, entry) = folder.ancestors().map(|top| (top, top.join(".git"))).find(|(_, entry)| entry.exists())?;
        let private = if entry.is_dir() {
            entry
        } else {
            // A linked work tree or a submodule: a file with the place of the real folder.
            top.join(line(&entry)?.strip_prefix("gitdir:")?.trim())
        };
        let common = line(&private.join("commondir")).map_or_else(|| private.clone(), |path| private.join(path));
        Some(Self { common })
    }

    /// Whether history is cut off at some depth.
    pub(super) fn is_shallow(&self) -> bool {
        self.common.join("shallow").metadata().is_ok_and(|file| file.len() > 0)
    }

    /// The branch the remote `origin` points at, as the clone remembers it.
    pub(super) fn remote_default(&self) -> Option<String> {
        let head = line(&self.common.join("refs/remotes/origin/HEAD"))?;
        head.strip_prefix("ref: refs/remotes/origin/").map(ToOwned::to_owned)
    }
}

fn line(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LINE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.lines().next().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty())
}
