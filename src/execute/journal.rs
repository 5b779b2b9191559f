//! The journal: every event on disk before anything else is done with it, one JSON object a line.
//!
//! Each line is written with one call, without buffering, so that a process killed at any instant loses at most the line
//! it was writing. (Power loss is another matter: the journal is not synced.)

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::emitter::Listener;
use crate::results::{Assembly, Event};

/// The longest line that is read back, in bytes; more than any event that we write.
const LONGEST_LINE: u64 = 256 << 20;

/// Writes events to a file. The first error is kept for the end of the run; it does not stop the run.
#[derive(Debug)]
pub struct Journal {
    file: File,
    line: Vec<u8>,
    /// The last line may be there in part: the next must not continue it.
    torn: bool,
    error: Arc<Mutex<Option<io::Error>>>,
}

/// Why a journal could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It does not begin like a journal of ours.
    #[error("{}:1: not a journal of a run, or the run was killed before it began: {text}", path.display())]
    NoStart {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
}

impl Journal {
    /// Begins a journal; the second value tells later what went wrong.
    pub fn create(path: &Path) -> io::Result<(Self, Arc<Mutex<Option<io::Error>>>)> {
        let error = Arc::new(Mutex::new(None));
        Ok((Self { file: File::create(path)?, line: Vec::new(), torn: false, error: Arc::clone(&error) }, error))
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        let written = self.file.write_all(&self.line);
        self.torn = written.is_err();
        written
    }
}

impl Listener for Journal {
    fn hear(&mut self, event: &Event) {
        if matches!(event, Event::Progress { .. }) {
            return;
        }
        if let Err(error) = self.write(event) {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// Reads a journal back. A last line that was cut off is ignored; so is any other line that cannot be read, and their
/// number is the second value.
///
/// # Errors
/// If the file cannot be read, or its first line is not the start of a run.
pub fn replay(path: &Path) -> Result<(Assembly, u64), JournalError> {
    let broken = |source| JournalError::Io { path: path.to_owned(), source };
    let mut reader = io::BufReader::new(File::open(path).map_err(broken)?);
    let mut assembly = Assembly::new();
    let mut unreadable = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line).map_err(broken)?;
        if read == 0 {
            break;
        }
        if line == b"\n" {
            continue;
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) => assembly.hear(event),
            Err(error) if assembly.document().is_none() => {
                return Err(JournalError::NoStart { path: path.to_owned(), text: error.to_string() });
            }
            Err(_) if line.last() != Some(&b'\n') => {}
            Err(_) => unreadable += 1,
        }
    }
    if assembly.document().is_none() {
        return Err(JournalError::NoStart { path: path.to_owned(), text: "it is empty".into() });
    }
    Ok((assembly, unreadable))
}
