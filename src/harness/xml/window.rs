//! A sliding view of the input: tokens are looked at where they were read, without a copy, and places in the file are
//! counted only when somebody asks.

use std::io::{self, Read};

use super::{Position, XmlError};

/// The size of the first buffer, in bytes.
const FIRST: usize = 128 * 1024;

/// The buffer and where in the input it stands.
pub(in crate::harness) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
    at_end: bool,
    before: Position,
}

impl<R: Read> Window<R> {
    /// A window that holds at most `limit` bytes of one token; the input's first byte is the file's byte `byte`.
    pub(in crate::harness) fn new(input: R, byte: u64, limit: usize) -> Self {
        let before = Position { line: 1, column: 1, byte };
        Self { input, buffer: vec![0; FIRST], start: 0, end: 0, limit, at_end: false, before }
    }

    /// What has been read and not consumed.
    pub(in crate::harness) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Moves the start of the view forward.
    pub(in crate::harness) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads on, so that [`Self::rest`] gets longer; false at the end of the input.
    pub(in crate::harness) fn more(&mut self) -> Result<bool, XmlError> {
        if self.at_end {
            return Ok(false);
        }
        if self.end - self.start >= self.limit {
            return Err(XmlError::TooLong { at: self.position(), limit: self.limit });
        }
        if self.start > 0 {
            self.before = advance(self.before, &self.buffer[..self.start]);
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(n) => {
                    self.end += n;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(XmlError::Read(error)),
            }
        }
    }

    /// Whether the rest starts with these bytes, reading on where it has to.
    pub(in crate::harness) fn starts_with(&mut self, bytes: &[u8]) -> Result<bool, XmlError> {
        while self.rest().len() < bytes.len() {
            if !bytes.starts_with(self.rest()) || !self.more()? {
                return Ok(false);
            }
        }
        Ok(self.rest().starts_with(bytes))
    }

    /// The place of the first byte that has not been consumed.
    pub(in crate::harness) fn position(&self) -> Position {
        advance(self.before, &self.buffer[..self.start])
    }

    /// The place after the last byte that has been read.
    pub(in crate::harness) fn end_position(&self) -> Position {
        advance(self.before, &self.buffer[..self.end])
    }
}

/// The place after `passed`, which started at `from`.
#[inline(always)] // In a build for size it would be a call for each tag of 100 MB.
fn advance(from: Position, passed: &[u8]) -> Position {
    let lines = memchr::memchr_iter(b'\n', passed).count() as u64;
    let last = memchr::memrchr(b'\n', passed).map_or(passed, |i| &passed[i + 1..]);
    // Continuation bytes of UTF-8 are no characters of their own.
    let characters = last.iter().filter(|byte| (**byte & 0xc0) != 0x80).count() as u64;
    Position {
        line: from.line + lines,
        column: if lines == 0 { from.column } else { 1 } + characters,
        byte: from.byte + passed.len() as u64,
    }
}
