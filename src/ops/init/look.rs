//! A bounded look at a repository: which files there are, and the start of those that matter.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Deeper files belong to parts that this file is not about.
const MAX_DEPTH: usize = 4;
/// More entries are not looked at.
const MAX_ENTRIES: usize = 10_000;
/// Manifests are far smaller.
const MAX_BYTES: u64 = 256 * 1024;
/// Folders that hold other people's projects, or what tools wrote.
const PASSED_OVER: [&str; 14] = [
    "target",
    "node_modules",
    "build",
    "dist",
    "out",
    "venv",
    "vendor",
    "third_party",
    "__pycache__",
    "fixtures",
    "testdata",
    "examples",
    "site-packages",
    "coverage",
];
/// Hidden folders that say something about tests.
const HIDDEN: [&str; 4] = [".github", ".config", ".cargo", ".circleci"];

/// The files of a folder, by paths with `/`, the shallowest first.
#[derive(Debug)]
pub(super) struct Look {
    folder: PathBuf,
    files: Vec<String>,
}

impl Look {
    /// Lists the folder and what is below it. Names that are not plain text are passed over: they could not be written
    /// into a file without care.
    pub(super) fn at(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.canonicalize()?;
        let mut files = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        let mut seen = 0_usize;
        fs::read_dir(&folder)?;
        while let Some((below, depth)) = folders.pop() {
            let Ok(entries) = fs::read_dir(folder.join(&below)) else { continue };
            for entry in entries.flatten() {
                seen += 1;
                let Some(name) = entry.file_name().to_str().filter(|name| is_plain(name)).map(ToOwned::to_owned) else {
                    continue;
                };
                let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
                // Symbolic links are neither: they may lead anywhere.
                match entry.file_type() {
                    Ok(kind) if kind.is_file() => files.push(path),
                    Ok(kind) if kind.is_dir() && depth < MAX_DEPTH && is_of_project(&name) => {
                        folders.push((path, depth + 1));
                    }
                    _ => {}
                }
                if seen >= MAX_ENTRIES {
                    folders.clear();
                    break;
                }
            }
        }
        files.sort_by(|a, b| (a.matches('/').count(), a).cmp(&(b.matches('/').count(), b)));
        Ok(Self { folder, files })
    }

    /// The name of the folder, where it is a plain one.
    pub(super) fn name(&self) -> Option<&str> {
        self.folder.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name))
    }

    /// All files.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The files of this name, the shallowest first.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &str> {
        self.files().filter(move |path| path.rsplit('/').next() == Some(name))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files().any(|file| file == path)
    }

    /// The start of a file as text; empty where it cannot be read.
    pub(super) fn text(&self, path: &str) -> String {
        let mut bytes = Vec::new();
        // A file may be a pipe by now, which would never end; only a regular one is opened.
        let full = self.folder.join(path);
        if full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            let _ = File::open(full).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The folder of a path; empty for the top.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_of_project(name: &str) -> bool {
    !PASSED_OVER.contains(&name) && (!name.starts_with('.') || HIDDEN.contains(&name))
}

/// Whether a name can stand in a comment or a quoted string without further care.
fn is_plain(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\\' | '"' | '{' | '}' | '`'))
}
