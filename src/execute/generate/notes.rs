//! Notes of this workspace about the files that it generated, for what the lock file cannot know: a run that was killed
//! before it wrote the lock file, or a lock file of another branch beside files of this one.
//!
//! A line a file, appended before the file is written, so that nothing that we wrote is ever taken for somebody else's.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::lock::Hash;

/// Their name, in our folder.
const NAME: &str = "generated";
/// So many lines more than files make the notes be written anew.
const SURPLUS: usize = 10_000;

/// How often it is looked whether another run has let go of them.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

/// The notes, held alone by this run.
#[derive(Debug)]
pub(super) struct Notes {
    known: HashSet<(u64, u64)>,
    lines: usize,
    file: Option<File>,
}

impl Notes {
    /// Opens the notes of a workspace. To only look, nothing is made and nothing held. While another run generates here,
    /// `waits` is asked whether it is waited for.
    ///
    /// # Errors
    /// If another run generates here now, or the system refuses.
    pub(super) fn open(workspace: &Path, only_look: bool, waits: &dyn Fn() -> bool) -> Result<Self, String> {
        let folder = workspace.join(".backsight");
        let told = |error: &io::Error| format!(".backsight/{NAME}: {error}");
        let file = if only_look {
            match File::open(folder.join(NAME)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::empty(None)),
                Err(error) => return Err(told(&error)),
            }
        } else {
            std::fs::create_dir_all(&folder).map_err(|error| told(&error))?;
            let file = OpenOptions::new().read(true).append(true).create(true).open(folder.join(NAME));
            let file = file.map_err(|error| told(&error))?;
            hold(&file, waits)?;
            file
        };
        let mut notes = Self::empty(None);
        for line in BufReader::new(&file).lines() {
            let line = line.map_err(|error| told(&error))?;
            notes.lines += 1;
            // A line that was cut off by a crash says nothing.
            notes.known.extend(parse(&line));
        }
        if !only_look {
            end_line(&file).map_err(|error| told(&error))?;
            notes.file = Some(file);
        }
        Ok(notes)
    }

    fn empty(file: Option<File>) -> Self {
        Self { known: HashSet::new(), lines: 0, file }
    }

    /// Whether we wrote this to that path.
    pub(super) fn has(&self, path: u64, result: &Hash) -> bool {
        self.known.contains(&(path, half(result)))
    }

    /// Notes that this is about to be written to that path.
    ///
    /// # Errors
    /// The system's words.
    pub(super) fn add(&self, path: u64, result: &Hash) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        // One call a line: lines of several threads do not mix.
        file.write_all(line(path, half(result)).as_bytes())
    }

    /// Forgets what was before this run, where that has become much: `made` is what the files are now.
    pub(super) fn tidy(&mut self, made: usize) {
        let Some(file) = &self.file else { return };
        if self.lines > made + SURPLUS {
            // Emptied, not replaced: the lock is on this file.
            let _ = file.set_len(0);
            self.known.clear();
            self.lines = 0;
        }
    }
}

/// Ends a line that was cut off, so that the next one begins a line of its own.
fn end_line(mut file: &File) -> io::Result<()> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] { Ok(()) } else { file.write_all(b"\n") }
}

fn half(hash: &Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(bytes)
}

fn line(path: u64, result: u64) -> String {
    format!("{path:016x}{result:016x}\n")
}

fn hold(file: &File, waits: &dyn Fn() -> bool) -> Result<(), String> {
    loop {
        match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if waits() => std::thread::sleep(AGAIN),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err("another run generates files in this workspace now; wait until it is over".into());
            }
            // An error is a file system without locks: two runs at once are not told from one.
            Ok(()) | Err(_) => return Ok(()),
        }
    }
}

fn parse(line: &str) -> Option<(u64, u64)> {
    let number = |text: Option<&str>| u64::from_str_radix(text?, 16).ok();
    if line.len() != 32 {
        return None;
    }
    Some((number(line.get(..16))?, number(line.get(16..))?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Notes;

    #[test]
    fn what_was_noted_is_known_to_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::open(dir.path(), false, &|| false).unwrap();
        notes.add(7, &[1; 16]).unwrap();
        assert!(Notes::open(dir.path(), false, &|| false).unwrap_err().contains("another run"));
        assert!(Notes::open(dir.path(), true, &|| false).unwrap().has(7, &[1; 16]));
        drop(notes);
        // The last line of a machine that lost its power.
        let path = dir.path().join(".backsight/generated");
        std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"0000").unwrap();
        let notes = Notes::open(dir.path(), false, &|| false).unwrap();
        assert!(notes.has(7, &[1; 16]) && !notes.has(7, &[2; 16]) && !notes.has(8, &[1; 16]));
        notes.add(8, &[1; 16]).unwrap();
        assert!(Notes::open(dir.path(), true, &|| false).unwrap().has(8, &[1; 16]));
    }

    #[test]
    fn looking_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!Notes::open(dir.path(), true, &|| false).unwrap().has(1, &[1; 16]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
