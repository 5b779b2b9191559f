//! Two working copies of the repository, base and head, for a paired measurement.
//!
//! Both are git worktrees in one folder outside the workspace, `base` and `head`, so that their paths are of one length and
//! nothing of the one (cargo's configuration, `node_modules`, a test runner's root) is found through the parent folders of
//! the other. They are kept between runs, so that a second build is short, and brought to the wanted commits each time.
//! The head is the work tree as it is: where tracked files were changed or new ones lie beside them, a commit object
//! is made of them through an index of its own. No branch, tag, stash, index or configuration of the user's is touched,
//! and what git notes of the worktrees is taken out of the repository again when they are let go.

mod fetch;
mod links;
mod registry;
mod snapshot;
mod submodules;
mod wanted;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ask::{AskError, Leash};
use super::git::{Git, GitError};
use registry::Registry;

pub use wanted::{CopiesError, Revision};

/// Runs of one repository that may measure at the same time.
const PLACES: u32 = 16;

/// What is asked for.
pub struct Wanted<'a> {
    /// The folder that is measured, in a repository.
    pub workspace: &'a Path,
    /// What the base is.
    pub base: Revision,
    /// The head's commit, full hash; `None` for the work tree as it is.
    pub head: Option<&'a str>,
    /// The folder below which the copies are kept; it is made.
    pub cache: &'a Path,
    /// Paths relative to the workspace that git ignores and both copies need: they are linked into them.
    pub carry: &'a [String],
    /// Asked again and again whether to stop: a checkout or a fetch may take minutes.
    pub stop: &'a dyn Fn() -> bool,
}

/// The copies; letting go of them lets another run use their places.
#[derive(Debug)]
pub struct WorkingCopies {
    /// The workspace in the base's copy.
    pub base: PathBuf,
    /// The workspace in the head's copy: a path of the same length.
    pub head: PathBuf,
    /// The folder that holds both; `base-*` and `head-*` beside them are free for what belongs to one of them.
    pub place: PathBuf,
    /// The base's commit.
    pub base_commit: String,
    /// The commit that is checked out, which the head's copy rests on.
    pub head_commit: String,
    /// Whether the head holds more than its commit: changed or new files.
    pub dirty: bool,
    /// Sentences for people.
    pub remarks: Vec<String>,
    _kept: Kept,
}

/// The worktrees while they are in use. First they leave the repository, then the lock is let go.
#[derive(Debug)]
struct Kept {
    registry: Registry,
    place: PathBuf,
    lock: File,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.registry.shelve(&self.place);
    }
}

impl WorkingCopies {
    /// What git ignores at the top of the workspace and the head's copy lacks; `.backsight` and build folders aside,
    /// these are what a build may miss.
    pub fn left_behind(&self, workspace: &Path) -> Vec<String> {
        let listed = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
        let listed = Git::new(workspace).say("ls-files", &listed).unwrap_or_default();
        let top = |path: &str| Some(path.split('/').next()?.to_owned()).filter(|name| !name.is_empty());
        let mut names: Vec<String> = listed.split('\0').filter_map(top).collect();
        names.dedup();
        names.retain(|name| name != ".backsight" && !self.head.join(name).exists());
        names
    }
}

/// Makes both copies, or brings kept ones to the wanted commits.
///
/// # Errors
/// If there is no repository or no such commit, or the copies cannot be made.
pub fn working_copies(wanted: &Wanted<'_>) -> Result<WorkingCopies, CopiesError> {
    let git = Git::leashed(wanted.workspace, Leash { stop: Some(wanted.stop), hold: None });
    let source = Source::find(&git, wanted.workspace)?;
    let mut remarks = Vec::new();
    let named = wanted.head.unwrap_or("HEAD");
    let head_commit = fetch::commit(&git, named).ok_or_else(|| CopiesError::NoBase {
        name: wanted.head.unwrap_or(wanted.base.name()).to_owned(),
        reason: if wanted.head.is_some() { "there is no such commit" } else { "the repository has no commit yet" }
            .into(),
    })?;
    let base_commit = fetch::base(&git, &wanted.base, &mut remarks)?;
    let registry = Registry::of(&source.common);
    let (place, lock) = place(wanted.cache, &source.top, &registry)?;
    let kept = Kept { registry, place: place.clone(), lock };
    let git = Git::leashed(wanted.workspace, Leash { stop: Some(wanted.stop), hold: Some(&kept.lock) });
    let snapshot = match wanted.head {
        Some(_) => head_commit.clone(),
        None => snapshot::take(&git, &place, &source.top, &head_commit, &mut remarks)?,
    };
    let mut copies = Vec::new();
    for (name, commit) in [("base", &base_commit), ("head", &snapshot)] {
        let folder = place.join(name);
        checked_out(&git, &kept, &folder, commit)?;
        submodules::update(&git, &source.common, &folder, &mut remarks);
        fetch::large_files(&git.at(&folder), &folder, name, &mut remarks);
        let copy = if source.prefix.is_empty() { folder.clone() } else { folder.join(&source.prefix) };
        if copy.canonicalize().is_ok_and(|real| real != copy) {
            let reason =
                format!("`{}` is a symbolic link in the {name}, which leads out of its working copy", source.prefix);
            return Err(CopiesError::Git(reason));
        }
        links::link(&git.at(&folder), (wanted.workspace, &copy), name, wanted.carry, &mut remarks)?;
        copies.push(copy);
    }
    let dirty = snapshot != head_commit;
    let head = copies.pop().unwrap_or_default();
    let base = copies.pop().unwrap_or_default();
    Ok(WorkingCopies { base, head, place, base_commit, head_commit, dirty, remarks, _kept: kept })
}

/// Where the workspace is in its repository.
struct Source {
    /// The work tree's top.
    top: PathBuf,
    /// The repository's folder that all its worktrees share.
    common: PathBuf,
    /// The workspace below the top, with a slash at the end; empty for the top itself.
    prefix: String,
}

impl Source {
    fn find(git: &Git<'_>, workspace: &Path) -> Result<Self, CopiesError> {
        let top = match git.say("rev-parse", &["rev-parse", "--show-toplevel"]) {
            Ok(top) => top,
            Err(error @ (GitError::Ask(_) | GitError::Distrust { .. })) => return Err(error.into()),
            Err(GitError::Failed { .. }) => return Err(CopiesError::NoRepository(workspace.to_owned())),
        };
        let common = git.say("rev-parse", &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        let prefix = git.say("rev-parse", &["rev-parse", "--show-prefix"])?;
        if [&top, &common, &prefix].iter().any(|path| path.contains(char::REPLACEMENT_CHARACTER)) {
            return Err(CopiesError::Git(format!("the path {top} is not UTF-8, which working copies need")));
        }
        Ok(Self { top: top.into(), common: common.into(), prefix: prefix.trim_end_matches('/').to_owned() })
    }
}

/// A folder for this repository that no other run uses. Worktrees of runs that were killed leave the repository.
fn place(cache: &Path, top: &Path, registry: &Registry) -> Result<(PathBuf, File), CopiesError> {
    let hash: String =
        Sha256::digest(top.as_os_str().as_encoded_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut found = None;
    for number in 1..=PLACES {
        let folder = cache.join(format!("{hash}-{number}"));
        if found.is_some() && !folder.exists() {
            break;
        }
        let io = |source| CopiesError::Place { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let lock = File::options().read(true).write(true).create(true).truncate(false).open(folder.join("lock"));
        let lock = lock.map_err(io)?;
        match lock.try_lock() {
            Ok(()) if found.is_none() => found = Some((folder.canonicalize().map_err(io)?, lock)),
            Ok(()) => registry.shelve(&folder.canonicalize().map_err(io)?),
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    found.ok_or_else(|| CopiesError::Place {
        path: cache.to_owned(),
        source: std::io::Error::other(format!("{PLACES} other runs of this repository are measuring")),
    })
}

/// A worktree at a commit: a kept one is reset, and what git ignores in it (what builds leave) stays.
fn checked_out(git: &Git<'_>, kept: &Kept, folder: &Path, commit: &str) -> Result<(), CopiesError> {
    let here = git.at(folder);
    if kept.registry.unshelve(folder) && registry::same_patterns(git, &here) {
        let words = ["checkout", "--quiet", "--force", "--detach", commit, "--"];
        let moved = here.say("checkout", &words).and_then(|_| here.say("clean", &["clean", "--quiet", "-ffd"]));
        match moved {
            Ok(_) => return Ok(()),
            Err(GitError::Ask(AskError::Stopped { .. })) => return Err(CopiesError::Stopped { signal: None }),
            Err(error) => tracing::debug!(%error, "a kept working copy is made anew"),
        }
    }
    // Half made, of another clone, or with a damaged index: from the start.
    let io = |source| CopiesError::Place { path: folder.to_owned(), source };
    kept.registry.forget(folder);
    match folder.symlink_metadata() {
        Ok(facts) if facts.is_dir() => fs::remove_dir_all(folder).map_err(io)?,
        Ok(_) => fs::remove_file(folder).map_err(io)?,
        Err(_) => {}
    }
    let path = folder.to_string_lossy();
    // Twice: a run that was killed may have left a lock on the worktree of this path.
    let words = ["worktree", "add", "--quiet", "--force", "--force", "--detach", &path, commit];
    git.say("worktree add", &words)?;
    Ok(())
}

#[cfg(test)]
mod tests;
