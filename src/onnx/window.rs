//! A file as a buffer for the decoder: what the decoder skips is never read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use prost::bytes::Buf;

/// How much is read at once, in bytes.
const WINDOW: usize = 64 << 10;
/// The most that is read of one file, in bytes: descriptions of a hundred thousand nodes take some 30 MiB.
const MOST: u64 = 256 << 20;

/// A file behind a window that moves along.
#[derive(Debug)]
pub(super) struct FileWindow {
    file: File,
    window: Vec<u8>,
    at: usize,
    left: u64,
    read: u64,
    problem: Option<io::Error>,
}

impl FileWindow {
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let left = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let mut this = Self { file, window: Vec::new(), at: 0, left, read: 0, problem: None };
        this.fill();
        this.problem.take().map_or(Ok(this), Err)
    }

    /// Why reading ended before the file did: the decoder only sees an end.
    pub(super) fn problem(&mut self) -> Option<io::Error> {
        self.problem.take()
    }

    fn fill(&mut self) {
        self.at = 0;
        self.window.clear();
        if self.left == 0 {
            return;
        }
        if self.read >= MOST {
            return self.stop(io::Error::other(format!("more than {} MiB of it are no weights", MOST >> 20)));
        }
        let wanted = self.left.min(WINDOW as u64);
        match Read::take(&mut self.file, wanted).read_to_end(&mut self.window) {
            Ok(n) if n as u64 == wanted => self.read += wanted,
            Ok(_) => self.stop(io::Error::other("it became shorter while it was read")),
            Err(error) => self.stop(error),
        }
    }

    fn stop(&mut self, problem: io::Error) {
        self.problem.get_or_insert(problem);
        self.window.clear();
        self.left = 0;
    }
}

impl Buf for FileWindow {
    fn remaining(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    fn chunk(&self) -> &[u8] {
        self.window.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        let in_window = self.window.len() - self.at;
        self.left = self.left.saturating_sub(count as u64);
        if count < in_window {
            self.at += count;
            return;
        }
        let beyond = i64::try_from(count - in_window).unwrap_or(i64::MAX);
        if beyond > 0
            && let Err(error) = self.file.seek(SeekFrom::Current(beyond))
        {
            return self.stop(error);
        }
        self.fill();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use prost::bytes::Buf;

    use super::{FileWindow, WINDOW};

    fn window(bytes: &[u8]) -> FileWindow {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        FileWindow::new(File::open(file.path()).unwrap()).unwrap()
    }

    #[test]
    fn it_is_the_file_byte_by_byte() {
        let bytes: Vec<u8> = (0..3 * WINDOW + 17).map(|n| (n % 251) as u8).collect();
        let mut all = window(&bytes);
        assert_eq!(all.remaining(), bytes.len());
        assert_eq!(all.copy_to_bytes(bytes.len()).as_ref(), &bytes[..]);
        assert_eq!((all.remaining(), all.chunk()), (0, &[][..]));
    }

    #[test]
    fn what_is_skipped_is_not_read() {
        let mut bytes = vec![0; 40 * WINDOW];
        bytes.extend([1, 2, 3]);
        let mut skipped = window(&bytes);
        skipped.advance(7);
        skipped.advance(40 * WINDOW - 7);
        assert_eq!(skipped.chunk(), [1, 2, 3]);
        assert_eq!(skipped.read, WINDOW as u64 + 3);
        assert!(skipped.problem().is_none());
    }

    #[test]
    fn nothing_is_no_trouble() {
        let empty = window(&[]);
        assert_eq!((empty.remaining(), empty.chunk()), (0, &[][..]));
    }
}
