//! Working copies of real repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{CopiesError, Revision, Wanted, WorkingCopies, working_copies};

struct Repository {
    all: TempDir,
}

impl Repository {
    /// Two commits: `file` says 1, then 2.
    fn new() -> Self {
        let repository = Self { all: TempDir::with_prefix("wörk tree").unwrap() };
        fs::create_dir(repository.path()).unwrap();
        repository.git(&["init", "-q", "-b", "main"]);
        repository.commit("file", "1");
        repository.commit("file", "2");
        repository
    }

    fn path(&self) -> PathBuf {
        self.all.path().join("the clone")
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.path(), words)
    }

    fn commit(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", text]);
    }

    fn copies(&self, base: &str) -> Result<WorkingCopies, CopiesError> {
        copies(&self.path(), &self.all.path().join("cache"), base, &[])
    }
}

fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]).args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn copies(workspace: &Path, cache: &Path, base: &str, carry: &[String]) -> Result<WorkingCopies, CopiesError> {
    working_copies(&Wanted { workspace, base: Revision::parse(base), head: None, cache, carry, stop: &|| false })
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn a_clean_and_a_changed_tree_stand_beside_their_base_and_stay_as_they_were() {
    let repository = Repository::new();
    let made = repository.copies("HEAD~1").unwrap();
    assert_eq!((read(&made.base, "file"), read(&made.head, "file"), made.dirty), ("1".into(), "2".into(), false));
    assert_eq!(made.base.as_os_str().len(), made.head.as_os_str().len());
    // What builds leave is ignored by git and stays; what is new and not ignored goes.
    fs::write(made.head.join("left"), "x").unwrap();
    drop(made);

    fs::write(repository.path().join(".gitignore"), "build/\n").unwrap();
    fs::write(repository.path().join("file"), "3").unwrap();
    fs::write(repository.path().join("new"), "n").unwrap();
    repository.git(&["add", "file"]);
    fs::write(repository.path().join("file"), "4").unwrap();
    let state = || {
        let refs = repository.git(&["for-each-ref"]);
        (
            repository.git(&["status", "--porcelain"]),
            refs,
            repository.git(&["stash", "list"]),
            repository.git(&["rev-parse", "HEAD"]),
        )
    };
    let before = state();
    let made = repository.copies("HEAD~1").unwrap();
    assert_eq!((read(&made.head, "file"), read(&made.head, "new"), made.dirty), ("4".into(), "n".into(), true));
    assert!(!made.head.join("left").exists());
    assert_eq!(state(), before);
    fs::create_dir(made.head.join("build")).unwrap();
    fs::write(made.head.join("build/object"), "o").unwrap();
    drop(made);
    assert_eq!(read(&repository.copies("HEAD").unwrap().head, "build/object"), "o");
}

#[test]
fn two_runs_have_places_of_their_own_and_damage_is_mended() {
    let repository = Repository::new();
    let one = repository.copies("HEAD~1").unwrap();
    let two = repository.copies("HEAD~1").unwrap();
    assert_ne!(one.base, two.base);
    let damaged = one.base.clone();
    drop((one, two));
    fs::remove_file(damaged.join(".git")).unwrap();
    fs::write(damaged.join("file"), "half made").unwrap();
    assert_eq!(read(&repository.copies("HEAD~1").unwrap().base, "file"), "1");
}

#[test]
fn a_part_of_a_repository_is_the_same_part_of_the_copies() {
    let repository = Repository::new();
    repository.commit("part/inner/file", "deep");
    let part = repository.path().join("part/inner");
    let made = copies(&part, &repository.all.path().join("cache"), "HEAD", &[]).unwrap();
    assert_eq!(read(&made.base, "file"), "deep");
    assert!(made.base.ends_with("part/inner"));
}

#[test]
fn a_shallow_clone_fetches_its_base_or_says_what_to_do() {
    let origin = Repository::new();
    let url = format!("file://{}", origin.path().display());
    let clone = origin.all.path().join("shallow");
    git(origin.all.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    let cache = origin.all.path().join("cache");
    let first = origin.git(&["rev-parse", "HEAD~1"]);
    for base in [first.as_str(), "HEAD~1"] {
        let again = origin.all.path().join("again");
        let _ = fs::remove_dir_all(&again);
        git(origin.all.path(), &["clone", "-q", "--depth=1", &url, "again"]);
        // As a host would: file remotes are off by default only for submodules.
        let made = copies(&again, &cache, base, &[]).unwrap();
        assert_eq!(read(&made.base, "file"), "1");
        assert!(made.remarks.iter().any(|remark| remark.contains("it was fetched")), "{:?}", made.remarks);
    }
    fs::rename(origin.path(), origin.all.path().join("gone")).unwrap();
    let refused = copies(&clone, &cache, &first, &[]).unwrap_err().to_string();
    assert!(refused.contains("git fetch --unshallow") && refused.contains("fetch-depth: 0"), "{refused}");
}

#[test]
fn a_merge_base_is_meant_by_three_dots() {
    let repository = Repository::new();
    repository.git(&["checkout", "-q", "-b", "topic"]);
    repository.commit("topic", "t");
    repository.git(&["checkout", "-q", "main"]);
    repository.commit("file", "3");
    repository.git(&["checkout", "-q", "topic"]);
    assert_eq!(read(&repository.copies("main...").unwrap().base, "file"), "2");
    let tip = repository.copies("main").unwrap();
    assert_eq!(read(&tip.base, "file"), "3");
    assert!(tip.remarks[0].contains("not an ancestor"), "{:?}", tip.remarks);
}

#[test]
fn submodules_come_from_the_clone_itself() {
    let inner = Repository::new();
    let outer = Repository::new();
    let url = inner.path().to_string_lossy().into_owned();
    outer.git(&["submodule", "--quiet", "add", &url, "vendor/inner"]);
    outer.git(&["commit", "-q", "-m", "with a submodule"]);
    fs::remove_dir_all(inner.path()).unwrap();
    let made = outer.copies("HEAD").unwrap();
    assert_eq!((read(&made.base, "vendor/inner/file"), made.remarks.len()), ("2".into(), 0), "{:?}", made.remarks);
}

#[test]
fn what_is_carried_is_linked_and_never_out_of_the_copy() {
    let repository = Repository::new();
    repository.commit(".gitignore", "data/\nlib\n");
    fs::create_dir_all(repository.path().join("data/big")).unwrap();
    fs::write(repository.path().join("data/big/set"), "d").unwrap();
    let cache = repository.all.path().join("cache");
    let carry = |path: &str| copies(&repository.path(), &cache, "HEAD", &[path.to_owned()]);
    for _ in 0..2 {
        let made = carry("data/big").unwrap();
        assert_eq!((read(&made.base, "data/big/set"), read(&made.head, "data/big/set")), ("d".into(), "d".into()));
    }
    for (path, words) in [("../x", "without `..`"), ("/etc", "inside the workspace"), ("none", "no such file")] {
        let refused = carry(path).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let outside = repository.all.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, repository.path().join("way")).unwrap();
    fs::write(outside.join("thing"), "t").unwrap();
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-q", "-m", "a link"]);
    let refused = carry("way/thing").unwrap_err().to_string();
    assert!(refused.contains("symbolic link"), "{refused}");
}

#[test]
fn what_is_no_commit_or_no_repository_is_said() {
    let repository = Repository::new();
    for odd in ["nowhere", "--upload-pack=x", "HEAD~9", "", "main:file"] {
        let refused = repository.copies(odd).unwrap_err().to_string();
        assert!(refused.contains("cannot be found"), "{odd}: {refused}");
    }
    let empty = TempDir::new().unwrap();
    let refused = copies(empty.path(), &empty.path().join("cache"), "HEAD", &[]).unwrap_err().to_string();
    assert!(refused.contains("no git repository"), "{refused}");
    git(empty.path(), &["init", "-q"]);
    let refused = copies(empty.path(), &empty.path().join("cache"), "HEAD", &[]).unwrap_err().to_string();
    assert!(refused.contains("no commit yet"), "{refused}");
}

/// Everything of the repository but its objects, as bytes: references, configuration, index, notes of worktrees.
fn repository_state(repository: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![repository.join(".git")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".git/objects") {
                continue;
            }
            if path.is_dir() {
                found.push((path.clone(), Vec::new()));
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_repository_is_left_as_it_was() {
    let inner = Repository::new();
    let repository = Repository::new();
    repository.git(&["submodule", "--quiet", "add", &inner.path().to_string_lossy(), "vendor/inner"]);
    repository.git(&["commit", "-q", "-m", "with a submodule"]);
    // As after a plain clone: the configuration does not know the submodule.
    repository.git(&["submodule", "--quiet", "deinit", "--force", "--all"]);
    fs::write(repository.path().join("file"), "changed").unwrap();
    fs::write(repository.path().join("new"), "new").unwrap();
    let before = repository_state(&repository.path());
    for _ in 0..2 {
        let made = repository.copies("HEAD~1").unwrap();
        assert!(repository.git(&["worktree", "list"]).lines().count() == 3);
        assert_eq!(read(&made.head, "vendor/inner/file"), "2", "{:?}", made.remarks);
        drop(made);
        assert_eq!(repository_state(&repository.path()), before);
    }
}

#[test]
fn a_run_that_was_killed_is_cleared_away_by_the_next() {
    let repository = Repository::new();
    let place = repository.copies("HEAD~1").unwrap().place.clone();
    // As kill -9 leaves it: nothing was shelved, and git was in the middle of writing.
    let list = repository.path().join(".git/worktrees");
    fs::create_dir(&list).unwrap();
    for arm in ["base", "head"] {
        fs::rename(place.join(arm).with_extension("git"), list.join(arm)).unwrap();
        fs::write(list.join(arm).join("index.lock"), "").unwrap();
    }
    fs::write(list.join("base/locked"), "initializing").unwrap();
    fs::remove_file(place.join("head/file")).unwrap();
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 3);
    let again = repository.copies("HEAD~1").unwrap();
    assert_eq!((read(&again.base, "file"), read(&again.head, "file")), ("1".into(), "2".into()));
    assert_eq!(again.place, place);
    drop(again);
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn sparse_checkouts_leave_out_the_same_files() {
    let repository = Repository::new();
    repository.commit("kept/file", "k");
    repository.commit("left out/file", "l");
    repository.git(&["sparse-checkout", "set", "kept"]);
    fs::write(repository.path().join("kept/file"), "changed").unwrap();
    let made = repository.copies("HEAD").unwrap();
    assert_eq!((read(&made.head, "kept/file"), read(&made.base, "kept/file")), ("changed".into(), "k".into()));
    assert!(!made.head.join("left out").exists() && !made.base.join("left out").exists());
    // What is left out was not deleted by the commit of the changed tree.
    assert_eq!(git(&made.head, &["ls-tree", "-r", "--name-only", "HEAD"]).lines().count(), 3);
    drop(made);
    repository.git(&["sparse-checkout", "disable"]);
    assert_eq!(read(&repository.copies("HEAD").unwrap().base, "left out/file"), "l");
}

#[test]
fn a_wish_to_stop_is_heard() {
    let repository = Repository::new();
    let cache = repository.all.path().join("cache");
    let wanted = Wanted {
        head: None,
        workspace: &repository.path(),
        base: Revision::parse("HEAD~1"),
        cache: &cache,
        carry: &[],
        stop: &|| true,
    };
    assert!(matches!(working_copies(&wanted), Err(CopiesError::Stopped { signal: None })));
}

#[test]
fn what_is_ignored_and_not_in_the_copy_is_named() {
    let repository = Repository::new();
    repository.commit(".gitignore", "data/\nnode_modules/\n.backsight/\n");
    for folder in ["data/a", "node_modules/b", ".backsight"] {
        fs::create_dir_all(repository.path().join(folder)).unwrap();
        fs::write(repository.path().join(folder).join("x"), "x").unwrap();
    }
    let cache = repository.all.path().join("cache");
    let made = copies(&repository.path(), &cache, "HEAD", &["data/".to_owned()]).unwrap();
    assert_eq!(made.left_behind(&repository.path()), ["node_modules"]);
}

#[test]
fn a_hostile_repository_runs_nothing_and_leads_nowhere() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let repository = Repository::new();
    let mark = repository.all.path().join("mark");
    let hook = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    for name in ["post-checkout", "pre-commit", "post-index-change", "reference-transaction", "monitor"] {
        let path = repository.path().join(".git/hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &hook).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let outside = repository.all.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "mine").unwrap();
    symlink(&outside, repository.path().join("part")).unwrap();
    repository.git(&["-c", "core.hooksPath=/dev/null", "add", "-A"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "a link where the workspace will be"]);
    fs::remove_file(repository.path().join("part")).unwrap();
    fs::create_dir(repository.path().join("part")).unwrap();
    fs::write(repository.path().join("part/file"), "real").unwrap();
    let monitor = repository.path().join(".git/hooks/monitor");
    fs::write(repository.path().join("new"), "dirty").unwrap();
    repository.git(&["config", "core.fsmonitor", &monitor.to_string_lossy()]);
    let cache = repository.all.path().join("cache");
    let refused = copies(&repository.path().join("part"), &cache, "HEAD", &[]).unwrap_err().to_string();
    assert!(refused.contains("`part` is a symbolic link in the base"), "{refused}");
    let made = repository.copies("HEAD~1").unwrap();
    assert_eq!((read(&made.head, "part/file"), read(&made.head, "new")), ("real".into(), "dirty".into()));
    drop(made);
    assert!(!mark.exists(), "something of the repository was run");
    assert_eq!(read(&outside, "file"), "mine");
}

#[test]
fn a_worktree_of_a_worktree_and_a_repository_without_blobs_serve_too() {
    let repository = Repository::new();
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    repository.git(&["worktree", "add", "-q", "--detach", "../linked", "HEAD~1"]);
    let (all, cache) = (repository.all.path(), repository.all.path().join("cache"));
    fs::write(all.join("linked/file"), "mine").unwrap();
    let made = copies(&all.join("linked"), &cache, "main", &[]).unwrap();
    assert_eq!((read(&made.base, "file"), read(&made.head, "file")), ("2".into(), "mine".into()));
    drop(made);
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 2);
    let url = format!("file://{}", repository.path().display());
    git(all, &["clone", "-q", "--filter=blob:none", &url, "blobless"]);
    assert_eq!(read(&copies(&all.join("blobless"), &cache, "HEAD~1", &[]).unwrap().base, "file"), "1");
}
