//! Folders: walked in bounds, and never left through a link.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Choice, ConvertError, Converted, Wanted};
use crate::harness::{TREES, Tree, TreeFile};

/// How many files of a folder are looked at.
const FILES: usize = 20_000;
/// How deep folders may nest.
const DEPTH: usize = 32;
/// How many bytes the files of a tree may have together.
const TREE_BYTES: u64 = 1 << 30;

/// All that there is to read: a folder is one tree of a tool, or else its files one by one.
pub(super) fn wanted(choice: Choice, paths: &[PathBuf], told: &mut Converted) -> Result<Vec<Wanted>, ConvertError> {
    let mut all = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" || !path.is_dir() {
            all.push(Wanted::File(path.clone()));
            continue;
        }
        let mut found = Vec::new();
        walk(path, path, 0, &mut found)?;
        found.sort();
        if found.is_empty() {
            return Err(refused(path, "the folder has no file; name another"));
        }
        match tree(choice, &found) {
            Some(tree) => {
                if matches!(choice, Choice::Auto) {
                    told.found.push(format!("{}: read as `{}` (a folder)", path.display(), tree.adapter.name));
                }
                all.push(Wanted::Tree(path.clone(), tree, load(path, tree, &found)?));
            }
            None => all.extend(found.into_iter().map(|(_, file)| Wanted::InFolder(file))),
        }
    }
    Ok(all)
}

/// The tool whose folder this is.
fn tree(choice: Choice, found: &[(String, PathBuf)]) -> Option<Tree> {
    let fits = |tree: &&Tree| match choice {
        Choice::Named(adapter) => adapter.name == tree.adapter.name,
        Choice::Auto => true,
    };
    let has_files = |tree: &&Tree| found.iter().any(|(name, _)| (tree.wants)(name));
    TREES.iter().filter(fits).find(has_files).copied()
}

fn refused(path: &Path, text: &str) -> ConvertError {
    ConvertError::Folder { path: path.into(), text: text.into() }
}

/// The files below a folder, as named below `root` and as they are opened. Links are not followed.
fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Vec<(String, PathBuf)>) -> Result<(), ConvertError> {
    let failed = |source| ConvertError::Io { path: folder.into(), source };
    if depth > DEPTH {
        return Err(refused(root, "folders nest too deep; name one below"));
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            walk(root, &path, depth + 1, found)?;
        } else if kind.is_file() {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            found.push((parts.join("/"), path.clone()));
            if found.len() > FILES {
                return Err(refused(root, "the folder has too many files; name one below"));
            }
        }
    }
    Ok(())
}

fn load(root: &Path, tree: Tree, found: &[(String, PathBuf)]) -> Result<Vec<TreeFile>, ConvertError> {
    let mut files = Vec::new();
    let mut left = TREE_BYTES;
    for (name, path) in found.iter().filter(|(name, _)| (tree.wants)(name)) {
        let failed = |source| ConvertError::Io { path: path.clone(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(failed)?.take(left + 1).read_to_end(&mut bytes).map_err(failed)?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| refused(root, "its files are too large together; name a folder below"))?;
        files.push((name.clone(), bytes));
    }
    Ok(files)
}
