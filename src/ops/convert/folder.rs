//! What the paths of a conversion name: files, or folders of a tool.

use std::path::{Path, PathBuf};

use super::{Choice, ConvertError, Converted, Wanted};
use crate::execute::{FileBelow, FolderError, files_below, load_tree};
use crate::harness::{TREES, Tree};

/// All that there is to read: a folder is one tree of a tool, or else its files one by one.
pub(super) fn wanted(choice: Choice, paths: &[PathBuf], told: &mut Converted) -> Result<Vec<Wanted>, ConvertError> {
    let mut all = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" || !path.is_dir() {
            all.push(Wanted::File(path.clone()));
            continue;
        }
        let found = files_below(path).map_err(of_folder)?;
        if found.is_empty() {
            return Err(refused(path, "the folder has no file; name another"));
        }
        match tree(choice, &found) {
            Some(tree) => {
                if matches!(choice, Choice::Auto) {
                    told.found.push(format!("{}: read as `{}` (a folder)", path.display(), tree.adapter.name));
                }
                all.push(Wanted::Tree(path.clone(), tree, load_tree(path, tree, &found).map_err(of_folder)?));
            }
            None => all.extend(found.into_iter().map(|(_, file)| Wanted::InFolder(file))),
        }
    }
    Ok(all)
}

/// The tool whose folder this is.
fn tree(choice: Choice, found: &[FileBelow]) -> Option<Tree> {
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

fn of_folder(error: FolderError) -> ConvertError {
    match error {
        FolderError::Io { path, source } => ConvertError::Io { path, source },
        FolderError::TooMuch { path, text } => refused(&path, text),
    }
}
