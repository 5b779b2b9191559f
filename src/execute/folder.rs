//! Folders that tools leave: walked in bounds, and never left through a link.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::harness::{Tree, TreeFile};

/// How many files of a folder are looked at.
const FILES: usize = 20_000;
/// How deep folders may nest.
const DEPTH: usize = 32;
/// How many bytes the files of a tree may have together.
const TREE_BYTES: u64 = 1 << 30;

/// A file as it is named below a folder, with `/`, and as it is opened.
pub type FileBelow = (String, PathBuf);

/// Why a folder is not read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something of it cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It holds too much.
    #[error("{}: {text}", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// What there is too much of, and what to do.
        text: &'static str,
    },
}

/// The files below a folder, sorted. Links are not followed.
///
/// # Errors
/// If it cannot be read, nests too deep or has too many files.
pub fn files_below(root: &Path) -> Result<Vec<FileBelow>, FolderError> {
    let mut found = Vec::new();
    walk(root, root, 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// The contents of the files that a tool's folder needs.
///
/// # Errors
/// If one cannot be read, or they are too large together.
pub fn load_tree(root: &Path, tree: Tree, found: &[FileBelow]) -> Result<Vec<TreeFile>, FolderError> {
    let mut files = Vec::new();
    let mut left = TREE_BYTES;
    for (name, path) in found.iter().filter(|(name, _)| (tree.wants)(name)) {
        let failed = |source| FolderError::Io { path: path.clone(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(failed)?.take(left + 1).read_to_end(&mut bytes).map_err(failed)?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| refused(root, "its files are too large together; name a folder below"))?;
        files.push((name.clone(), bytes));
    }
    Ok(files)
}

fn refused(path: &Path, text: &'static str) -> FolderError {
    FolderError::TooMuch { path: path.into(), text }
}

fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Vec<FileBelow>) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io { path: folder.into(), source };
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
