//! Two working copies of the repository, base and head, for a paired measurement.
//!
//! Both are git worktrees in one folder outside the workspace, `base` and `head`, so that their paths are of one length and
//! nothing of the one (cargo's configuration, `node_modules`, a test runner's root) is found through the parent folders of
//! the other. They are kept between runs, so that a second build is short, and brought to the wanted commits each time.
//! The head is the work tree as it is: where tracked files were changed or new ones lie beside them, a commit object
//! is made of them through an index of its own. No branch, tag, stash or index of the user's is touched.

mod fetch;
mod links;
mod submodules;
mod wanted;

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::git::{Git, GitError};

pub use wanted::{CopiesError, Revision};

/// Runs of one repository that may measure at the same time.
const PLACES: u32 = 16;

/// What is asked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The folder that is measured, in a repository.
    pub workspace: &'a Path,
    /// What the base is.
    pub base: Revision,
    /// The folder below which the copies are kept; it is made.
    pub cache: &'a Path,
    /// Paths relative to the workspace that git ignores and both copies need: they are linked into them.
    pub carry: &'a [String],
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
    _lock: File,
}

/// Makes both copies, or brings kept ones to the wanted commits.
///
/// # Errors
/// If there is no repository or no such commit, or the copies cannot be made.
pub fn working_copies(wanted: &Wanted<'_>) -> Result<WorkingCopies, CopiesError> {
    let git = Git::new(wanted.workspace);
    let say = |arguments: &[&str]| git.carry_out("rev-parse", &[], &[], arguments);
    let top = match say(&["rev-parse", "--show-toplevel"]) {
        Ok(top) => PathBuf::from(top),
        Err(error @ (GitError::Ask(_) | GitError::Distrust { .. })) => return Err(error.into()),
        Err(GitError::Failed { .. }) => return Err(CopiesError::NoRepository(wanted.workspace.to_owned())),
    };
    let prefix = say(&["rev-parse", "--show-prefix"])?;
    let mut remarks = Vec::new();
    let head_commit = fetch::commit(&git, "HEAD").ok_or_else(|| CopiesError::NoBase {
        name: wanted.base.name().to_owned(),
        reason: "the repository has no commit yet".into(),
    })?;
    let base_commit = fetch::base(&git, &wanted.base, &mut remarks)?;
    let (place, lock) = place(wanted.cache, &top)?;
    let snapshot = snapshot(&git, &place, &head_commit)?;
    let dirty = snapshot != head_commit;
    for (name, commit) in [("base", &base_commit), ("head", &snapshot)] {
        let folder = place.join(name);
        checked_out(&git, &folder, commit)?;
        submodules::update(&top, &folder, &mut remarks);
        fetch::large_files(&folder, name, &mut remarks);
        links::link(wanted.workspace, &folder, &prefix, wanted.carry)?;
    }
    Ok(WorkingCopies {
        base: place.join("base").join(&prefix),
        head: place.join("head").join(&prefix),
        place,
        base_commit,
        head_commit,
        dirty,
        remarks,
        _lock: lock,
    })
}

/// A folder for this repository that no other run uses.
fn place(cache: &Path, top: &Path) -> Result<(PathBuf, File), CopiesError> {
    let hash: String =
        Sha256::digest(top.as_os_str().as_encoded_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut last = cache.to_owned();
    for number in 1..=PLACES {
        let folder = cache.join(format!("{hash}-{number}"));
        let io = |source| CopiesError::Place { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let lock = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => return Ok((folder.canonicalize().map_err(io)?, lock)),
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) => last = folder,
        }
    }
    let source = std::io::Error::other(format!("{PLACES} other runs of this repository are measuring"));
    Err(CopiesError::Place { path: last, source })
}

/// The work tree as it is, as a commit: the one that is checked out where nothing was changed.
fn snapshot(git: &Git, place: &Path, head: &str) -> Result<String, CopiesError> {
    let status = ["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=dirty"];
    if git.carry_out("status", &[], &[], &status)?.is_empty() {
        return Ok(head.to_owned());
    }
    let index = place.join("index");
    let _ = fs::remove_file(&index);
    let own: [(&str, &OsStr); 1] = [("GIT_INDEX_FILE", index.as_os_str())];
    git.carry_out("read-tree", &[], &own, &["read-tree", head])?;
    git.carry_out("add", &["advice.addEmbeddedRepo=false"], &own, &["add", "--all", "--", ":/"])?;
    let tree = git.carry_out("write-tree", &[], &own, &["write-tree"])?;
    let _ = fs::remove_file(&index);
    if git.carry_out("rev-parse", &[], &[], &["rev-parse", &format!("{head}^{{tree}}")])? == tree {
        return Ok(head.to_owned());
    }
    let who = ["user.name=backsight", "user.email=backsight@localhost", "commit.gpgSign=false"];
    let message = "The work tree as it was measured";
    Ok(git.carry_out("commit-tree", &who, &[], &["commit-tree", "-p", head, "-m", message, &tree])?)
}

/// A worktree at a commit: a kept one is reset, and what git ignores in it (what builds leave) stays.
fn checked_out(git: &Git, folder: &Path, commit: &str) -> Result<(), CopiesError> {
    let here = Git::new(folder);
    let top = here.carry_out("rev-parse", &[], &[], &["rev-parse", "--show-toplevel"]);
    if folder.join(".git").is_file() && top.is_ok_and(|top| Path::new(&top) == folder) {
        let moved = here.carry_out("checkout", &[], &[], &["checkout", "--quiet", "--force", "--detach", commit, "--"]);
        let clean = |_| here.carry_out("clean", &[], &[], &["clean", "--quiet", "-ffd"]);
        if moved.and_then(clean).is_ok() {
            return Ok(());
        }
    }
    // Half made, of another clone, or with a damaged index: from the start.
    let io = |source| CopiesError::Place { path: folder.to_owned(), source };
    if folder.symlink_metadata().is_ok() {
        fs::remove_dir_all(folder).map_err(io)?;
    }
    git.carry_out("worktree prune", &[], &[], &["worktree", "prune"])?;
    let path = folder.to_string_lossy();
    git.carry_out("worktree add", &[], &[], &["worktree", "add", "--quiet", "--force", "--detach", &path, commit])?;
    Ok(())
}

#[cfg(test)]
mod tests;
