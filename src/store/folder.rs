//! The folders that runs leave: `.backsight/runs/<run-id>/`, with the lock that says whether a run still goes on.
//!
//! `run.lock` is held with an exclusive lock for the life of the process; the system lets go of it however the
//! process ends. So a held lock is a live run, and a folder without `results.json` whose lock is free is a lost one.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::FolderError;
use crate::results::{Assembly, Document, Event, Status};

const LOCK: &str = "run.lock";
const RESULTS: &str = "results.json";
const JOURNAL: &str = "journal.jsonl";
/// How much is read of a lock file, a document, a journal and the first line of a journal, in bytes.
const LOCK_LIMIT: u64 = 4096;
const RESULTS_LIMIT: u64 = 1 << 30;
const JOURNAL_LIMIT: u64 = 1 << 30;
const LINE_LIMIT: u64 = 16 << 20;

/// What the lock file says of the process that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// When the run started.
    pub started_at: Timestamp,
    /// The project it runs.
    pub project: String,
}

/// The lock of a run that goes on; letting go of it ends the run for others.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Makes the lock file of a run's folder, which must exist, and holds it.
    ///
    /// # Errors
    /// Where the file cannot be written, or another process holds it.
    pub fn hold(folder: &Path, started_at: Timestamp, project: &str) -> Result<Self, FolderError> {
        let path = folder.join(LOCK);
        let io = |source| FolderError::io(&path, source);
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        // Somebody who lists runs holds it shared for an instant, so one refusal is no answer.
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io(source)),
                Err(TryLockError::WouldBlock) if attempt < 50 => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(FolderError::Held { path }),
            }
        }
        let holder = Holder { pid: std::process::id(), started_at, project: project.to_owned() };
        let text = serde_json::to_string(&holder).unwrap_or_default();
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// Whether the run of a folder goes on, ended, or vanished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderState {
    /// A process holds the lock: this one, where its lock file could be read.
    Running(Option<Holder>),
    /// It wrote its document.
    Finished,
    /// Its process is gone and it wrote no document.
    Lost,
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    /// The run's id, from the folder's name.
    pub run: Uuid,
    /// Where it is.
    pub path: PathBuf,
}

impl RunFolder {
    /// All run folders in `.backsight/runs`, the oldest first; entries that are no run's folder are passed over.
    ///
    /// # Errors
    /// Where the folder is there but cannot be read.
    pub fn all(runs: &Path) -> Result<Vec<Self>, FolderError> {
        let entries = match fs::read_dir(runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(FolderError::io(runs, source)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| FolderError::io(runs, source))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let run = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
            if let (true, Some(run)) = (is_folder, run) {
                found.push(Self { run, path: entry.path() });
            }
        }
        found.sort_by_key(|folder| folder.run);
        Ok(found)
    }

    /// Whether the run goes on, ended or vanished.
    ///
    /// # Errors
    /// Where the lock file is there but cannot be opened.
    pub fn state(&self) -> Result<FolderState, FolderError> {
        let path = self.path.join(LOCK);
        match File::open(&path) {
            Ok(file) => match file.try_lock_shared() {
                Err(TryLockError::WouldBlock) => return Ok(FolderState::Running(holder(&file))),
                Err(TryLockError::Error(source)) => return Err(FolderError::io(&path, source)),
                Ok(()) => {}
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(FolderError::io(&path, source)),
        }
        let finished = self.path.join(RESULTS).is_file();
        Ok(if finished { FolderState::Finished } else { FolderState::Lost })
    }

    /// Whether a process holds the lock by the system's own account. The lock file is writable for the steps of the
    /// run, so its word alone is not enough to signal a process. Where the system keeps no account (`/proc/locks` is
    /// Linux, and some sandboxes leave it empty), the file is believed.
    pub fn is_held_by(&self, pid: u32) -> bool {
        let Ok(file) = fs::metadata(self.path.join(LOCK)) else { return false };
        let account = fs::read_to_string("/proc/locks").unwrap_or_default();
        let locks: Vec<_> = account.lines().filter_map(flock).collect();
        locks.is_empty() || locks.contains(&(pid, file.ino()))
    }

    /// The document in the folder: the finished one, or what the journal has of a run that goes on or was lost;
    /// `None` where there is neither.
    ///
    /// # Errors
    /// Where a file is there but cannot be read.
    pub fn document(&self, state: &FolderState) -> Result<Option<Document>, FolderError> {
        match state {
            FolderState::Finished => self.results().map(Some),
            FolderState::Lost => Ok(self.journal()?.finish()),
            FolderState::Running(_) => Ok(self.journal()?.document().cloned().map(as_running)),
        }
    }

    /// As [`RunFolder::document`] for a run without a document of its own, but only what stood fast at its start.
    ///
    /// # Errors
    /// Where the journal is there but cannot be read.
    pub fn beginning(&self, state: &FolderState) -> Result<Option<Document>, FolderError> {
        let Some(reader) = self.open_journal()? else { return Ok(None) };
        let mut line = Vec::new();
        let path = self.path.join(JOURNAL);
        reader.take(LINE_LIMIT).read_until(b'\n', &mut line).map_err(|source| FolderError::io(&path, source))?;
        let mut assembly = Assembly::new();
        if let Ok(event) = serde_json::from_slice::<Event>(&line) {
            assembly.hear(event);
        }
        Ok(match state {
            FolderState::Running(_) => assembly.document().cloned().map(as_running),
            _ => assembly.finish(),
        })
    }

    fn results(&self) -> Result<Document, FolderError> {
        let path = self.path.join(RESULTS);
        let file = File::open(&path).map_err(|source| FolderError::io(&path, source))?;
        let mut bytes = Vec::new();
        file.take(RESULTS_LIMIT).read_to_end(&mut bytes).map_err(|source| FolderError::io(&path, source))?;
        serde_json::from_slice(&bytes).map_err(|error| FolderError::Unreadable { path, detail: error.to_string() })
    }

    /// Hears every whole line of the journal. The last may be torn, since the process was killed while it wrote.
    fn journal(&self) -> Result<Assembly, FolderError> {
        let mut assembly = Assembly::new();
        let Some(reader) = self.open_journal()? else { return Ok(assembly) };
        let path = self.path.join(JOURNAL);
        for line in reader.split(b'\n') {
            let line = line.map_err(|source| FolderError::io(&path, source))?;
            if let Ok(event) = serde_json::from_slice::<Event>(&line) {
                assembly.hear(event);
            }
        }
        Ok(assembly)
    }

    fn open_journal(&self) -> Result<Option<impl BufRead + use<>>, FolderError> {
        let path = self.path.join(JOURNAL);
        match File::open(&path) {
            Ok(file) => Ok(Some(BufReader::new(file.take(JOURNAL_LIMIT)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError::io(&path, source)),
        }
    }
}

/// The process and the inode in a line of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 4321 fe:00:1234567 0 EOF`.
fn flock(line: &str) -> Option<(u32, u64)> {
    let mut words = line.split_whitespace().skip(1);
    if words.next() != Some("FLOCK") {
        return None;
    }
    let pid = words.nth(2)?.parse().ok()?;
    let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
    Some((pid, inode))
}

fn holder(file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.take(LOCK_LIMIT).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn as_running(mut document: Document) -> Document {
    document.run.status = Status::Running;
    document
}

#[cfg(test)]
mod tests {
    use super::flock;

    #[test]
    fn a_lock_line_is_taken_apart() {
        assert_eq!(flock("1: FLOCK  ADVISORY  WRITE 4321 fe:00:1234567 0 EOF"), Some((4321, 1_234_567)));
        assert_eq!(flock("1: POSIX  ADVISORY  WRITE 4321 fe:00:1234567 0 EOF"), None);
        assert_eq!(flock("1: -> FLOCK  ADVISORY  WRITE 4321 fe:00:1234567 0 EOF"), None);
        assert_eq!(flock("1: FLOCK  ADVISORY"), None);
        assert_eq!(flock(""), None);
    }
}
