//! The folder that files are generated into: nothing is written outside of it, symbolic links included, and each file is
//! the old one or the new one at any moment.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::lock::{hash, hex};

/// The largest template and the largest result, in bytes.
pub(super) const LARGEST: usize = 16 << 20;
/// Folders that are kept open.
const OPEN: usize = 256;

/// A folder, with those below it that were used last.
#[derive(Debug)]
pub(super) struct Folder {
    root: Dir,
    open: HashMap<PathBuf, Dir>,
}

impl Folder {
    /// Opens a folder.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let root = Dir::open_ambient_dir(path, ambient_authority());
        let root = root.map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        Ok(Self { root, open: HashMap::new() })
    }

    /// What a file holds; `None` where there is none.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let found = match name_of(path).and_then(|name| read_named(self.parent(path, false)?, name)) {
            // A link: followed as far as the workspace goes.
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => read_bytes(&self.root, path),
            other => other,
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes beside and renames, so that a killed run leaves the old file or the new one, never half of it.
    pub(super) fn write(&mut self, path: &Path, text: &[u8]) -> io::Result<()> {
        let name = name_of(path)?;
        let dir = self.parent(path, true)?;
        // Always the same name: what a killed run left is overwritten by the next.
        let beside = beside(&name.to_string_lossy());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // A script that was made executable stays so.
        let mode = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_or(0o666, |facts| facts.st_mode & 0o777);
        let mut file = File::from(openat(dir, &*beside, flags, Mode::from_raw_mode(mode))?);
        let written = file.write_all(text).and_then(|()| dir.rename(&beside, dir, name));
        if written.is_err() {
            let _ = dir.remove_file(&beside);
        }
        written
    }

    /// Removes a file.
    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let name = name_of(path)?;
        self.parent(path, false)?.remove_file(name)
    }

    /// The folder of a path. Where it is to be made, links must not lead to where nothing is generated.
    fn parent(&mut self, path: &Path, make: bool) -> io::Result<&Dir> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(&self.root) };
        if !self.open.contains_key(parent) {
            if let Some(name) = forbidden(&followed(&self.root, parent)?) {
                return Err(io::Error::other(format!(
                    "a symbolic link leads to `{name}`, and nothing is generated into it"
                )));
            }
            if make {
                self.root.create_dir_all(parent)?;
            }
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            self.open.insert(parent.to_owned(), self.root.open_dir(parent)?);
        }
        self.open.get(parent).ok_or_else(|| io::Error::other("the folder was closed"))
    }
}

fn name_of(path: &Path) -> io::Result<&OsStr> {
    path.file_name().ok_or_else(|| io::Error::other("this names no file"))
}

/// Reads a template.
pub(super) fn read_text(dir: &Dir, path: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(dir, path)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Reads a file of a folder that is open, by its name alone: that cannot lead anywhere else, and costs one call where
/// there is no such file.
fn read_named(dir: &Dir, name: &OsStr) -> io::Result<Vec<u8>> {
    // Not waiting for anybody: it might be a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(dir, name, flags, Mode::empty())?);
    bounded(&file)
}

fn read_bytes(dir: &Dir, path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: a pipe would wait for somebody to write.
    let facts = dir.metadata(path)?;
    if !facts.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    bounded(&dir.open(path)?.into_std())
}

fn bounded(file: &File) -> io::Result<Vec<u8>> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or(LARGEST).min(LARGEST) + 1);
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST {
        Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)))
    } else {
        Ok(bytes)
    }
}

/// The name of the file that becomes `name`. A long name leaves no room within the 255 bytes there are.
fn beside(name: &str) -> String {
    if name.len() <= 200 {
        return format!(".{name}.backsight-new");
    }
    format!(".{}.backsight-new", hex(&hash(name.as_bytes())))
}

/// The path without leaving the workspace, our own folder or git's, and without a name that is a device elsewhere.
pub(super) fn confined(path: &str) -> Result<PathBuf, String> {
    if path.chars().any(char::is_control) {
        return Err("the output's path holds a control character".into());
    }
    if path.contains('\\') {
        return Err(format!("`{path}`: write `/` between folders; a backslash is one only on Windows"));
    }
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(format!(
                    "`{path}` leaves the workspace; outputs are relative to the pipeline file, without `..`"
                ));
            }
        }
    }
    if let Some(name) = forbidden(&clean) {
        return Err(format!("`{path}`: nothing is generated into `{name}`"));
    }
    if let Some(name) = clean.iter().filter_map(OsStr::to_str).find(|name| is_device(name)) {
        return Err(format!("`{path}`: `{name}` is a device on Windows, not a file"));
    }
    if clean.as_os_str().is_empty() || path.ends_with('/') { Err(format!("`{path}` names no file")) } else { Ok(clean) }
}

/// The names that Windows keeps for devices, whatever their ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |word: &str| {
        stem.strip_prefix(word).is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// The folder of git (at any depth, for the sake of submodules) or ours, if the path lies in one.
fn forbidden(path: &Path) -> Option<&'static str> {
    let is = |part: Option<&OsStr>, name: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(name));
    let git = path.iter().any(|part| is(Some(part), ".git"));
    let ours = is(path.iter().next(), ".backsight");
    if git { Some(".git") } else { ours.then_some(".backsight") }
}

/// Where a path leads when the links in it are followed, as far as it is there already.
fn followed(dir: &Dir, path: &Path) -> io::Result<PathBuf> {
    for there in path.ancestors().filter(|there| !there.as_os_str().is_empty()) {
        match dir.canonicalize(there) {
            Ok(real) => return Ok(path.strip_prefix(there).map_or(real.clone(), |rest| real.join(rest))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path.to_owned())
}

/// cap-std's word for a symbolic link that leads out of the folder it was given.
fn is_escape(error: &io::Error) -> bool {
    error.to_string().contains("outside of the filesystem")
}

/// Why a path was refused.
pub(super) fn refused(path: &str, error: &io::Error) -> String {
    if is_escape(error) {
        format!("`{path}` leaves the workspace through a symbolic link")
    } else {
        format!("`{path}`: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, beside, confined};

    #[test]
    fn outputs_stay_in_the_workspace() {
        let wrong = ["../x", "/etc/passwd", "a/../../x", "", ".", ".git/hooks/x", "a/.GIT/x", ".backsight/x", "a\nb"];
        let more = ["a\\b", "con", "a/NUL.txt", "com1.py", "lpt9", "aux.c/x", "a/"];
        for wrong in wrong.into_iter().chain(more) {
            assert!(confined(wrong).is_err(), "{wrong:?}");
        }
        for right in ["./a/b.py", "a//b.py", "a/./b.py"] {
            assert_eq!(confined(right).unwrap().to_str(), Some("a/b.py"));
        }
        assert!(confined("console.py").is_ok() && confined("com10.py").is_ok());
    }

    #[test]
    fn a_file_is_written_whole_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        let path = std::path::Path::new("a/b/c.txt");
        assert_eq!(folder.read(path).unwrap(), None);
        folder.write(path, b"one").unwrap();
        folder.write(path, b"two").unwrap();
        assert_eq!(folder.read(path).unwrap().as_deref(), Some(b"two".as_slice()));
        assert_eq!(std::fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1);
        folder.remove(path).unwrap();
        assert_eq!(folder.read(path).unwrap(), None);
    }

    #[test]
    fn long_names_have_room() {
        let (one, two) = (format!("{}a", "x".repeat(240)), format!("{}b", "x".repeat(240)));
        assert!(beside(&one).len() < 255 && beside(&one) != beside(&two));
    }
}
