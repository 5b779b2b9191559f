//! A step's output on disk: masked, within a limit, its end remembered.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::mask::{Masker, Stream};
use crate::results::LogRef;

/// The beginning of the output that goes to the file, in bytes.
const HEAD: u64 = 32 << 20;
/// The end of a longer output that is kept besides, in bytes.
const END: usize = 1 << 20;
/// The end that is quoted in the document, in bytes and in lines.
const TAIL_BYTES: usize = 8 << 10;
const TAIL_LINES: usize = 60;

/// A log being written. Memory stays within about a mebibyte whatever is printed.
#[derive(Debug)]
pub struct Log<'a> {
    stream: Stream<'a>,
    body: Body,
}

#[derive(Debug)]
struct Body {
    name: String,
    file: File,
    head: u64,
    bytes: u64,
    end: VecDeque<u8>,
    error: Option<io::Error>,
}

impl<'a> Log<'a> {
    /// Begins the log `name`, a path below `run_dir`, whose first `head` bytes go to the file ([`HEAD`] if `None`).
    pub fn create(run_dir: &Path, name: String, masker: &'a Masker, head: Option<u64>) -> io::Result<Self> {
        let path = run_dir.join(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = File::create(path)?;
        let head = head.unwrap_or(HEAD);
        let body = Body { name, file, head, bytes: 0, end: VecDeque::new(), error: None };
        Ok(Self { stream: masker.stream(), body })
    }

    /// Takes output as it comes. A full disk is remembered and does not stop the step.
    pub fn write(&mut self, piece: &[u8]) {
        let body = &mut self.body;
        self.stream.push(piece, &mut |bytes| body.write(bytes));
    }

    /// A line of our own in the log, such as the mark of a second attempt.
    pub fn say(&mut self, line: &str) {
        self.write(format!("[backsight] {line}\n").as_bytes());
    }

    /// Ends the log.
    pub fn finish(mut self) -> (LogRef, Option<io::Error>) {
        let body = &mut self.body;
        self.stream.finish(&mut |bytes| body.write(bytes));
        self.body.finish()
    }

    /// The end of what has been written so far, as it will be quoted.
    pub fn tail(&self) -> String {
        self.body.tail()
    }
}

impl Body {
    fn write(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.head.saturating_sub(self.bytes)).unwrap_or(usize::MAX).min(bytes.len());
        if room > 0
            && self.error.is_none()
            && let Err(error) = self.file.write_all(&bytes[..room])
        {
            self.error = Some(error);
        }
        self.bytes += bytes.len() as u64;
        let newest = &bytes[bytes.len().saturating_sub(END)..];
        let surplus = (self.end.len() + newest.len()).saturating_sub(END);
        self.end.drain(..surplus);
        self.end.extend(newest);
    }

    fn finish(mut self) -> (LogRef, Option<io::Error>) {
        let tail = self.tail();
        let beyond = self.bytes.saturating_sub(self.head);
        let omitted = beyond.saturating_sub(self.end.len() as u64);
        if beyond > 0 && self.error.is_none() {
            self.error = self.append_end(beyond, omitted).err();
        }
        (LogRef { path: self.name, bytes: self.bytes, omitted, tail }, self.error)
    }

    fn append_end(&mut self, beyond: u64, omitted: u64) -> io::Result<()> {
        if omitted > 0 {
            write!(self.file, "\n[backsight] ... {omitted} bytes left out here ...\n")?;
        }
        let kept = usize::try_from(beyond).unwrap_or(usize::MAX).min(self.end.len());
        let start = self.end.len() - kept;
        self.file.write_all(&self.end.make_contiguous()[start..])
    }

    fn tail(&self) -> String {
        let start = self.end.len().saturating_sub(TAIL_BYTES);
        let bytes: Vec<u8> = self.end.range(start..).copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::Log;
    use crate::execute::Masker;

    #[test]
    fn a_long_output_keeps_its_beginning_and_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let masker = Masker::new(["secret-word"]);
        let mut log = Log::create(dir.path(), "logs/a.log".into(), &masker, Some(100)).unwrap();
        log.write(b"first line secret-");
        log.write(b"word\n");
        for _ in 0..40_000 {
            log.write(b"0123456789012345678901234567890123456789\n");
        }
        log.write(b"\xff last line\n");
        let (told, error) = log.finish();
        assert!(error.is_none());
        assert_eq!(told.bytes, 15 + 40_000 * 41 + 12);
        assert!(told.omitted > 0 && told.tail.ends_with("\u{fffd} last line"), "{told:?}");
        let text = String::from_utf8_lossy(&std::fs::read(dir.path().join("logs/a.log")).unwrap()).into_owned();
        assert!(text.starts_with("first line ***\n0123"), "{}", &text[..40]);
        assert!(text.contains(&format!("... {} bytes left out here", told.omitted)));
        assert!(text.ends_with("last line\n"));
        assert_eq!(told.bytes - told.omitted, 100 + (1 << 20));
    }

    #[test]
    fn a_short_output_is_kept_whole() {
        let dir = tempfile::tempdir().unwrap();
        let masker = Masker::default();
        let mut log = Log::create(dir.path(), "a.log".into(), &masker, None).unwrap();
        log.say("attempt 2");
        log.write(b"hello");
        assert_eq!(log.tail(), "[backsight] attempt 2\nhello");
        let (told, _) = log.finish();
        assert_eq!((told.bytes, told.omitted), (27, 0));
    }
}
