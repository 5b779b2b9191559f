//! The work tree as it is, as a commit that belongs to nobody.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::wanted::CopiesError;
use crate::host::git::Git;

/// New files above this size together are a mistake rather than a part of the change, in bytes.
const LARGEST: u64 = 1 << 30;

/// The work tree as a commit object: the one that is checked out where nothing was changed. The same tree on the same
/// commit gives the same object, so that a build that looks at the hash is not made again for nothing.
pub(super) fn take(
    git: &Git<'_>,
    place: &Path,
    top: &Path,
    head: &str,
    remarks: &mut Vec<String>,
) -> Result<String, CopiesError> {
    let status = ["status", "--porcelain=v2", "-z", "--untracked-files=normal"];
    let status = git.say("status", &status)?;
    if status.is_empty() {
        return Ok(head.to_owned());
    }
    remarks.extend(status.split('\0').filter_map(changed_submodule));
    size_of_new(git, top)?;
    let index = place.join("index");
    let _ = fs::remove_file(&index);
    let own: [(&str, &OsStr); 1] = [("GIT_INDEX_FILE", index.as_os_str())];
    // The user's index knows what is left out on purpose (sparse checkouts) and which files are as they were.
    let theirs = git.say("rev-parse", &["rev-parse", "--path-format=absolute", "--git-path", "index"])?;
    if fs::copy(theirs, &index).is_err() {
        git.carry_out("read-tree", &[], &own, &["read-tree", head])?;
    }
    let settings = ["advice.addEmbeddedRepo=false", "core.splitIndex=false", "core.safecrlf=false"];
    git.carry_out("add", &settings, &own, &["add", "--all", "--", ":/"])?;
    let tree = git.carry_out("write-tree", &settings, &own, &["write-tree"])?;
    let _ = fs::remove_file(&index);
    if git.say("rev-parse", &["rev-parse", &format!("{head}^{{tree}}")])? == tree {
        return Ok(head.to_owned());
    }
    let time = git.say("show", &["show", "--no-patch", "--no-notes", "--format=%ct", head])?;
    let when = format!("{} +0000", time.trim());
    let mut who: Vec<(&str, &OsStr)> = Vec::new();
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "backsight"),
        ("GIT_AUTHOR_EMAIL", "backsight@localhost"),
        ("GIT_AUTHOR_DATE", &when),
        ("GIT_COMMITTER_NAME", "backsight"),
        ("GIT_COMMITTER_EMAIL", "backsight@localhost"),
        ("GIT_COMMITTER_DATE", &when),
    ] {
        who.push((name, OsStr::new(value)));
    }
    let message = "The work tree as it was measured";
    Ok(git.carry_out("commit-tree", &[], &who, &["commit-tree", "-p", head, "-m", message, &tree])?)
}

/// A remark on a submodule with changes of its own: `1 .M S.MU ... path`.
fn changed_submodule(entry: &str) -> Option<String> {
    let mut words = entry.splitn(9, ' ');
    let kind = words.next().filter(|kind| *kind == "1")?;
    let state = words.nth(1)?.strip_prefix('S')?;
    let path = words.nth(5)?;
    let changed = !kind.is_empty() && state.contains(['M', 'U']);
    changed.then(|| format!("submodule `{path}` has changes that are not committed in it; they are not measured"))
}

/// Refuses new files that together are too large for a commit: somebody's data, not a change.
fn size_of_new(git: &Git<'_>, top: &Path) -> Result<(), CopiesError> {
    let listed = git.at(top).say("ls-files", &["ls-files", "-z", "--others", "--exclude-standard"])?;
    let size =
        |path: &str| top.join(path).symlink_metadata().map_or(0, |facts| if facts.is_file() { facts.len() } else { 0 });
    let sizes = || listed.split('\0').filter(|path| !path.is_empty()).map(|path| (size(path), path));
    let all: u64 = sizes().map(|(size, _)| size).sum();
    if all <= LARGEST {
        return Ok(());
    }
    let example = sizes().max().map(|(_, path)| path.to_owned()).unwrap_or_default();
    Err(CopiesError::TooLarge { megabytes: all / 1_000_000, example })
}

#[cfg(test)]
mod tests {
    use super::changed_submodule;

    #[test]
    fn only_submodules_with_changes_of_their_own_are_remarked() {
        let hash = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let line = |state: &str| format!("1 .M {state} 160000 160000 160000 {hash} {hash} vendor/a b");
        assert!(changed_submodule(&line("S.M.")).unwrap().contains("`vendor/a b`"));
        assert!(changed_submodule(&line("S..U")).is_some());
        for quiet in [line("SC.."), line("N..."), "? new".into(), String::new(), "1 .M".into()] {
            assert_eq!(changed_submodule(&quiet), None, "{quiet}");
        }
    }
}
