//! Looks for template sets below a folder, within bounds.

use std::path::{Path, PathBuf};

use super::MANIFEST;

/// How deep, and into how many folders, is looked.
const DEEPEST: usize = 10;
const MOST: usize = 20_000;
/// Folders that hold what others made.
const FOREIGN: [&str; 6] = ["node_modules", "target", "venv", "__pycache__", "site-packages", "build"];

/// The folders with a manifest below this one, itself included, in order. Links, hidden folders and those that others
/// made are passed over.
pub(super) fn folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut seen = 0;
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        seen += 1;
        if folder.join(MANIFEST).is_file() {
            found.push(clean(&folder));
        }
        if depth >= DEEPEST || seen >= MOST {
            continue;
        }
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ours = !name.starts_with('.') && !FOREIGN.contains(&name.as_ref());
            if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    found.sort();
    found
}

/// The path without `./` before it.
fn clean(path: &Path) -> PathBuf {
    let short: PathBuf = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
    if short.as_os_str().is_empty() { PathBuf::from(".") } else { short }
}
