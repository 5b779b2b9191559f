//! Finding the base's commit, also in a clone that was cut short, and files that are only pointers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::wanted::{CopiesError, Revision, short};
use crate::host::ask::AskError;
use crate::host::git::{Git, GitError, is_hash};

/// Commits that a shallow clone is deepened by, before it is given up: pull requests are rarely longer.
const DEEPEN: &str = "--deepen=200";
/// The first bytes of a file that git-lfs has not fetched.
const POINTER: &[u8] = b"version https://git-lfs";

/// The full name of a commit; `None` if there is none of this name.
pub(super) fn commit(git: &Git<'_>, name: &str) -> Option<String> {
    let wanted = format!("{name}^{{commit}}");
    let told = git.say("rev-parse", &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]);
    told.ok().filter(|hash| is_hash(hash))
}

/// The base's commit, fetched where the clone lacks it.
pub(super) fn base(git: &Git<'_>, base: &Revision, remarks: &mut Vec<String>) -> Result<String, CopiesError> {
    let is_shallow = git.say("rev-parse", &["rev-parse", "--is-shallow-repository"]).is_ok_and(|told| told == "true");
    if let Some(found) = resolve(git, base) {
        // Where history is cut, an ancestor may not be seen to be one.
        if matches!(base, Revision::Named(_)) && !is_shallow && !is_ancestor(git, &found) {
            remarks.push(format!(
                "the base {} is not an ancestor of HEAD: changes made on its side count too; `--against {}...` compares with \
                 where they parted",
                short(&found),
                base.name()
            ));
        }
        return Ok(found);
    }
    let lost = |tried| CopiesError::NoBase { name: base.name().to_owned(), reason: reason(is_shallow, tried) };
    let mut tried = None;
    let Some(remote) = remote(git) else { return Err(lost(None)) };
    for fetch in fetches(base.name(), is_shallow) {
        let words = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", &remote];
        let words: Vec<&str> = words.into_iter().chain(fetch).collect();
        match git.say("fetch", &words) {
            Ok(_) => {
                if let Some(found) = resolve(git, base).or_else(|| fetched(git, base)) {
                    remarks.push(format!("the clone lacked the base {}; it was fetched", short(&found)));
                    return Ok(found);
                }
            }
            Err(error @ GitError::Ask(AskError::Stopped { .. })) => return Err(error.into()),
            Err(error) => tried = Some(error.to_string()),
        }
    }
    Err(lost(tried))
}

/// `origin`, or the first remote where there is none of that name.
fn remote(git: &Git<'_>) -> Option<String> {
    let remotes = git.say("remote", &["remote"]).unwrap_or_default();
    let named = |name: &&str| !name.is_empty() && !name.starts_with('-');
    let found = remotes.lines().find(|name| *name == "origin").or_else(|| remotes.lines().find(named));
    found.map(ToOwned::to_owned)
}

fn reason(is_shallow: bool, tried: Option<String>) -> String {
    let tried = tried.map(|error| format!(" (fetching it: {error})")).unwrap_or_default();
    if is_shallow {
        format!(
            "the clone is shallow and lacks it{tried}; run `git fetch --unshallow`, or clone with the history \
             (GitHub: actions/checkout with fetch-depth: 0, GitLab: GIT_DEPTH: 0)"
        )
    } else {
        format!("git knows no such commit{tried}; name a branch, a tag, a hash or HEAD~1")
    }
}

fn resolve(git: &Git<'_>, base: &Revision) -> Option<String> {
    let candidates = |name: &str| {
        let remote = format!("refs/remotes/origin/{name}");
        commit(git, name).or_else(|| commit(git, &remote))
    };
    match base {
        Revision::Named(name) => candidates(name),
        Revision::Start(hash) => commit(git, hash),
        Revision::MergeBase(name) => git.merge_base("HEAD", &[candidates(name)?]),
    }
}

/// What a fetch of a name without a branch of its own left.
fn fetched(git: &Git<'_>, base: &Revision) -> Option<String> {
    let found = commit(git, "FETCH_HEAD")?;
    match base {
        // A relation such as HEAD~1 was not what was fetched.
        Revision::Named(name) if name.contains(['~', '^', '@']) => None,
        Revision::Named(_) | Revision::Start(_) => Some(found),
        Revision::MergeBase(_) => git.merge_base("HEAD", &[found]),
    }
}

/// The ways to fetch, the cheapest first.
fn fetches(name: &str, is_shallow: bool) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    let plain = !name.starts_with('-') && !name.contains(['~', '^', '@', ':', ' ']);
    if plain && is_shallow {
        all.push(vec!["--depth=1", name]);
    }
    if is_shallow {
        all.push(vec![DEEPEN]);
    }
    if plain {
        all.push(vec![name]);
    }
    all
}

fn is_ancestor(git: &Git<'_>, commit: &str) -> bool {
    git.say("merge-base", &["merge-base", "--is-ancestor", commit, "HEAD"]).is_ok()
}

/// A remark where files of the copy are pointers that git-lfs should have replaced.
pub(super) fn large_files(git: &Git<'_>, folder: &Path, arm: &str, remarks: &mut Vec<String>) {
    let listed = git.say("ls-files", &["ls-files", "-z", "--", ":(attr:filter=lfs)"]);
    let Ok(listed) = listed else { return };
    let is_pointer = |path: &&str| {
        let mut start = [0_u8; POINTER.len()];
        let path = folder.join(path);
        path.symlink_metadata().is_ok_and(|facts| facts.is_file())
            && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
            && start == POINTER
    };
    let pointers: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).filter(is_pointer).collect();
    if let Some(first) = pointers.first() {
        remarks.push(format!(
            "{arm}: {} files are pointers of git-lfs, not the files themselves ({first}, ...); install git-lfs and run \
             `git lfs install && git lfs fetch --all`",
            pointers.len()
        ));
    }
}
