//! A shelf in a folder: one that a CI cache restores, or one on a disk that jobs share.
//!
//! Everything goes through a handle of the folder, so that no symbolic link in it leads out. A file is written beside
//! its place and then given its name, which fails where the name is taken: nothing is ever half there or overwritten.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::{Changed, Edit, Entry, Hear, LARGEST_FILE, MOST_ENTRIES, Shelf, ShelfError, first_files, judged};

/// What a killed process leaves; nobody reads it.
const UNFINISHED: &str = ".unfinished-";
/// Folders within folders, at most.
const DEEPEST: usize = 8;

/// A folder as a shelf.
#[derive(Debug)]
pub struct FolderShelf {
    path: PathBuf,
}

impl FolderShelf {
    /// The folder; it is made when something is added.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn error(&self, source: std::io::Error) -> ShelfError {
        ShelfError::Place { path: self.path.clone(), source }
    }

    fn open(&self) -> Result<Option<Dir>, ShelfError> {
        match Dir::open_ambient_dir(&self.path, ambient_authority()) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    fn listed(&self, folder: &Dir) -> Result<Vec<Entry>, ShelfError> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), 0)];
        while let Some((below, depth)) = open.pop() {
            let place = if below.is_empty() { "." } else { &below };
            for entry in folder.read_dir(place).map_err(|source| self.error(source))? {
                let entry = entry.map_err(|source| self.error(source))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let Ok(facts) = entry.metadata() else { continue };
                let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
                if facts.is_dir() && depth < DEEPEST {
                    open.push((path, depth + 1));
                } else if facts.is_file() && !name.starts_with(UNFINISHED) {
                    found.push(Entry { path, content: stamp(&facts) });
                }
                if found.len() + open.len() > MOST_ENTRIES {
                    return Err(ShelfError::TooMany { place: self.place(), limit: MOST_ENTRIES });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn add(&self, folder: &Dir, path: &str, content: &[u8]) -> Result<(), ShelfError> {
        let io = |source| self.error(source);
        let below = path.rsplit_once('/').map_or("", |(below, _)| below);
        if !below.is_empty() {
            folder.create_dir_all(below).map_err(io)?;
        }
        let beside = Path::new(below).join(format!("{UNFINISHED}{}", uuid::Uuid::now_v7()));
        let mut file = folder.open_with(&beside, OpenOptions::new().write(true).create_new(true)).map_err(io)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let named = written.and_then(|()| match folder.hard_link(&beside, folder, path) {
            // Whoever was first wrote the same: names are made from contents.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(_) if !folder.exists(path) => folder.rename(&beside, folder, path),
            other => other,
        });
        let _ = folder.remove_file(&beside);
        named.map_err(io)
    }
}

/// Size and time of the last change stand for the content: files are never changed.
fn stamp(facts: &cap_std::fs::Metadata) -> String {
    let changed = facts.modified().ok().and_then(|at| at.into_std().duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}-{}", facts.len(), changed.map_or(0, |since| since.as_nanos()))
}

impl Shelf for FolderShelf {
    fn place(&self) -> String {
        format!("folder {}", self.path.display())
    }

    fn entries(&mut self) -> Result<Vec<Entry>, ShelfError> {
        match self.open()? {
            Some(folder) => judged(&self.place(), self.listed(&folder)?),
            None => Ok(Vec::new()),
        }
    }

    fn read(&mut self, wanted: &[Entry], hear: Hear<'_>) -> Result<(), ShelfError> {
        let Some(folder) = self.open()? else { return Ok(()) };
        for entry in wanted {
            let content = folder.open(&entry.path).and_then(|file| {
                let mut bytes = Vec::new();
                file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
            });
            hear(entry, content.map_err(|error| error.to_string()));
        }
        Ok(())
    }

    fn change(&mut self, make: &mut dyn FnMut(&[Entry]) -> Edit) -> Result<Changed, ShelfError> {
        let entries = self.entries()?;
        let edit = make(&entries);
        let changed = Changed { added: edit.add.len(), removed: edit.remove.len(), attempts: 1 };
        if edit.is_empty() {
            return Ok(changed);
        }
        std::fs::create_dir_all(&self.path).map_err(|source| self.error(source))?;
        let Some(folder) = self.open()? else { return Err(ShelfError::Absent { place: self.place() }) };
        let first = if entries.is_empty() { first_files() } else { Vec::new() };
        for (path, content) in first.iter().chain(&edit.add) {
            self.add(&folder, path, content)?;
        }
        for path in &edit.remove {
            match folder.remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.error(error)),
                _ => {}
            }
        }
        Ok(changed)
    }

    fn squash(&mut self, _message: &str) -> Result<(), ShelfError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::FolderShelf;
    use crate::store::{Edit, Shelf, ShelfError};

    fn put(shelf: &mut FolderShelf, path: &str, content: &[u8]) -> Result<(), ShelfError> {
        let edit = Edit { add: vec![(path.into(), content.to_vec())], ..Edit::default() };
        shelf.change(&mut |_| edit.clone()).map(drop)
    }

    #[test]
    fn files_are_added_read_removed_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = FolderShelf::new(&folder.path().join("a/b"));
        assert!(shelf.entries().unwrap().is_empty());
        put(&mut shelf, "runs/x/one", b"1").unwrap();
        put(&mut shelf, "runs/x/one", b"other").unwrap();
        let entries = shelf.entries().unwrap();
        assert_eq!(entries.len(), 3, "{entries:?}");
        let mut heard = Vec::new();
        shelf.read(&entries[2..], &mut |entry, content| heard.push((entry.path.clone(), content))).unwrap();
        assert_eq!(heard, [("runs/x/one".to_owned(), Ok(b"1".to_vec()))]);
        let remove = Edit { remove: vec!["runs/x/one".into(), "runs/gone".into()], ..Edit::default() };
        shelf.change(&mut |_| remove.clone()).unwrap();
        assert_eq!(shelf.entries().unwrap().len(), 2);
    }

    #[test]
    fn links_do_not_lead_out_and_other_folders_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir(&outside).unwrap();
        let mut shelf = FolderShelf::new(&inside);
        put(&mut shelf, "runs/one", b"1").unwrap();
        std::fs::remove_dir_all(inside.join("runs")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("runs")).unwrap();
        assert!(put(&mut shelf, "runs/two", b"2").is_err());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        std::fs::write(outside.join("family.jpg"), b"x").unwrap();
        assert!(matches!(FolderShelf::new(&outside).entries(), Err(ShelfError::Foreign { .. })));
        std::fs::write(outside.join("backsight-data-2.json"), b"{}").unwrap();
        assert!(matches!(FolderShelf::new(&outside).entries(), Err(ShelfError::Newer { .. })));
    }
}
