//! The folder that working copies are kept in: outside of the repository, so that nothing of the workspace is found through
//! their parent folders, and nothing of theirs through the workspace's.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The first folder that is outside of the workspace's repository and can be written.
pub(super) fn folder(workspace: &Path, env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let top = workspace.ancestors().filter(|folder| folder.join(".git").exists()).last().unwrap_or(workspace);
    let from = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
    let kept =
        cache.map(|cache| cache.join("backsight/arms")).filter(|path| is_outside(path, top) && is_writable(path));
    kept.or_else(|| {
        let own = format!("backsight-{}", rustix::process::getuid().as_raw());
        let places = from("TMPDIR").into_iter().chain([PathBuf::from("/tmp")]).map(|place| place.join(&own));
        let found = places.filter(|place| is_outside(place, top)).find(|place| is_ours(place))?;
        Some(found.join("arms")).filter(|path| is_writable(path))
    })
}

fn is_outside(path: &Path, top: &Path) -> bool {
    let known = path.ancestors().find_map(|folder| folder.canonicalize().ok());
    let top = top.canonicalize().unwrap_or_else(|_| top.to_owned());
    known.is_some_and(|known| !known.starts_with(top))
}

fn is_writable(path: &Path) -> bool {
    fs::create_dir_all(path).is_ok() && tempfile::tempfile_in(path).is_ok()
}

/// Makes a folder among everybody's temporary files; one that somebody else made first is not ours.
fn is_ours(path: &Path) -> bool {
    let _ = DirBuilder::new().mode(0o700).create(path);
    let us = rustix::process::getuid().as_raw();
    path.symlink_metadata().is_ok_and(|facts| facts.is_dir() && facts.uid() == us && facts.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::folder;

    fn found(workspace: &Path, env: &[(&str, &Path)]) -> Option<std::path::PathBuf> {
        let env: BTreeMap<_, _> =
            env.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())).collect();
        folder(workspace, &env)
    }

    #[test]
    fn the_cache_is_never_inside_the_repository() {
        let all = tempfile::tempdir().unwrap();
        let (top, home, temporary) = (all.path().join("top"), all.path().join("home"), all.path().join("tmp"));
        let workspace = top.join("part");
        for path in [&workspace, &home, &temporary, &top.join(".git"), &top.join("tmp")] {
            std::fs::create_dir_all(path).unwrap();
        }
        let inside = workspace.join(".cache");
        assert_eq!(found(&workspace, &[("HOME", &home)]), Some(home.join(".cache/backsight/arms")));
        assert_eq!(
            found(&workspace, &[("HOME", &home), ("XDG_CACHE_HOME", &all.path().join("xdg"))]),
            Some(all.path().join("xdg/backsight/arms"))
        );
        // GitLab keeps caches in the workspace.
        let moved = found(&workspace, &[("XDG_CACHE_HOME", &inside), ("TMPDIR", &temporary)]).unwrap();
        assert!(moved.starts_with(&temporary) && !inside.exists(), "{moved:?}");
        let twice = found(&workspace, &[("XDG_CACHE_HOME", &inside), ("TMPDIR", &top.join("tmp"))]).unwrap();
        assert!(!twice.starts_with(&top), "{twice:?}");
        std::fs::write(all.path().join("file"), "").unwrap();
        let unusable = all.path().join("file/cache");
        let moved = found(&workspace, &[("XDG_CACHE_HOME", &unusable), ("TMPDIR", &temporary)]).unwrap();
        assert!(moved.starts_with(&temporary), "{moved:?}");
    }
}
