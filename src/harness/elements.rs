//! JSON documents of which most is one list, element by element through a window: memory does not grow with the file.
//!
//! One document or several after each other, with other lines before, between and after them, as in
//! [`documents`](super::documents); also `NaN`, the infinities and invalid UTF-8 are read alike.

use std::io::{self, Read};

use serde::de::IgnoredAny;

use super::documents::{explain, length_of_document, one, without_nan};
use super::xml::Utf8;
use super::{HarnessError, unreadable};

/// How much is read in one go, in bytes.
const CHUNK: usize = 256 << 10;

/// The longest element, key or other member that is read, in bytes.
const LONGEST: usize = 256 << 20;

/// How far behind an opening bracket is looked whether a document starts there, and the longest line that may stand
/// between documents and is looked at, in bytes.
const LOOK: usize = 64 << 10;

/// Reads an element at the start of this text, and says how long it is. It must change nothing unless it can be read.
pub(super) type Take<'a> = dyn FnMut(u64, &str) -> Result<usize, serde_json::Error> + 'a;

/// An output on its way.
pub(super) struct Elements<R> {
    input: Utf8<R>,
    /// Bytes on their way into the window.
    raw: Vec<u8>,
    /// The start of a character that goes on in what is read next.
    part: usize,
    window: String,
    /// What is read next stands from here.
    at: usize,
    /// The input has been read to its end.
    ended: bool,
    /// The line at `counted`, from 1, and the bytes of it that stand before.
    line: u64,
    column: usize,
    counted: usize,
    help: &'static str,
}

impl<R: Read> Elements<R> {
    /// Gets ready to read; `help` says what was expected.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(input: R, help: &'static str) -> Result<Self, HarnessError> {
        let input = Utf8::new(input).map_err(|error| unreadable(&error, 1))?;
        let (raw, window) = (vec![0; CHUNK], String::new());
        Ok(Self { input, raw, part: 0, window, at: 0, ended: false, line: 1, column: 0, counted: 0, help })
    }

    /// The next text: at least `length` bytes, unless the input ends before.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn ahead(&mut self, length: usize) -> Result<&str, HarnessError> {
        while self.window.len() - self.at < length && !self.ended {
            self.fill()?;
        }
        Ok(self.rest())
    }

    /// The line that is read next, from 1.
    pub(super) fn line(&mut self) -> u64 {
        let passed = self.window.as_bytes().get(self.counted..self.at).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.column = match memchr::memrchr(b'\n', passed) {
            Some(last) => passed.len() - last - 1,
            None => self.column + passed.len(),
        };
        self.counted = self.at;
        self.line
    }

    /// Moves to the start of the next document, past lines that cannot be one and do not make `stop` stop; false if
    /// there is none.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn find(&mut self, stop: impl Fn(&str) -> bool) -> Result<Found, HarnessError> {
        loop {
            while self.ahead(1)?.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            }
            if self.opens()? {
                return Ok(Found::Document);
            }
            let Some(length) = self.length_of_line()? else { return Ok(Found::End) };
            if stop(self.rest().get(..length).unwrap_or_default()) {
                return Ok(Found::Stop);
            }
            self.pass_line(length)?;
        }
    }

    /// Reads the document that starts here: an object with a list of this name, whose elements go to `take`.
    ///
    /// # Errors
    /// Where it is damaged, cut off, has no such list, or `take` fails.
    pub(super) fn document(&mut self, list: &str, take: &mut Take<'_>) -> Result<(), HarnessError> {
        if self.next()? != b'{' {
            return Err(self.wrong(&format!("not as expected: a list, not an object with `{list}`")));
        }
        self.at += 1;
        let mut found = false;
        if self.next()? == b'}' {
            self.at += 1;
            return Err(self.wrong(&format!("not as expected: there are no `{list}`")));
        }
        loop {
            let mut is_list = false;
            if self.next()? != b'"' {
                return Err(self.wrong("not JSON"));
            }
            self.value(&mut |_, text| {
                let (key, length) = one::<String>(text)?;
                is_list = key == list;
                Ok(length)
            })?;
            self.expect(b':')?;
            match (is_list, found) {
                (true, false) => self.list(list, take)?,
                (true, true) => return Err(self.wrong(&format!("not as expected: `{list}` stands there twice"))),
                (false, _) => self.skip()?,
            }
            found |= is_list;
            match self.next()? {
                b',' => self.at += 1,
                _ => break self.expect(b'}')?,
            }
        }
        if found { Ok(()) } else { Err(self.wrong(&format!("not as expected: there are no `{list}`"))) }
    }

    fn list(&mut self, list: &str, take: &mut Take<'_>) -> Result<(), HarnessError> {
        if self.next()? != b'[' {
            return Err(self.wrong(&format!("not as expected: `{list}` is no list")));
        }
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.next()?;
            self.value(take)?;
            match self.next()? {
                b',' => self.at += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    fn skip(&mut self) -> Result<(), HarnessError> {
        self.next()?;
        self.value(&mut |_, text| one::<IgnoredAny>(text).map(|(_, length)| length))
    }

    /// Reads the value that starts here. Where it does not end in the window, more is read and it is tried again.
    fn value(&mut self, take: &mut Take<'_>) -> Result<(), HarnessError> {
        let line = self.line();
        loop {
            let rest = self.rest();
            let is_closed = rest.starts_with(['{', '[', '"']);
            let error = match take(line, rest) {
                // A number can go on behind the window.
                Ok(length) if is_closed || length < rest.len() || self.ended => {
                    self.at += length;
                    return Ok(());
                }
                Ok(_) => None,
                Err(error) if error.is_eof() && !self.ended => None,
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                let length = if error.is_syntax() { length_of_value(rest) } else { Some(0) };
                if let Some(length) = length.or(self.ended.then_some(rest.len())) {
                    return self.repaired(length, line, &error, take);
                }
            }
            self.grow()?;
        }
    }

    /// Reads what is no JSON only for numbers that JSON does not have.
    fn repaired(
        &mut self,
        length: usize,
        line: u64,
        error: &serde_json::Error,
        take: &mut Take<'_>,
    ) -> Result<(), HarnessError> {
        let text = without_nan(self.rest().get(..length).unwrap_or_default());
        if length == 0 || take(line, &text).is_err() {
            let mut error = explain(error, line, self.help);
            error.column += if error.line == line { self.column as u64 } else { 0 };
            return Err(error);
        }
        self.at += length;
        Ok(())
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Result<u8, HarnessError> {
        loop {
            let rest = self.rest().as_bytes();
            match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(spaces) => {
                    let byte = rest.get(spaces).copied().unwrap_or_default();
                    self.at += spaces;
                    return Ok(byte);
                }
                None if self.ended => {
                    let line = self.line();
                    let (text, help) = ("cut off: the JSON ends in the middle", "did the tool run to its end?");
                    return Err(HarnessError::new(line, self.column as u64 + 1, text, help));
                }
                None => {
                    self.at = self.window.len();
                    self.fill()?;
                }
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), HarnessError> {
        if self.next()? != byte {
            return Err(self.wrong("not JSON"));
        }
        self.at += 1;
        Ok(())
    }

    fn wrong(&mut self, text: &str) -> HarnessError {
        let line = self.line();
        HarnessError::new(line, self.column as u64 + 1, text, self.help)
    }

    /// Whether a document starts here, as [`opens`](super::documents::opens) has it.
    fn opens(&mut self) -> Result<bool, HarnessError> {
        if !self.ahead(1)?.starts_with(['{', '[']) {
            return Ok(false);
        }
        let mut length = 2;
        loop {
            let ahead = self.ahead(length)?;
            match ahead.bytes().skip(1).find(|byte| !byte.is_ascii_whitespace()) {
                Some(byte) => return Ok(matches!(byte, b'"' | b'{' | b'[' | b']' | b'}')),
                None if ahead.len() < length => return Ok(true),
                None if length > LOOK => return Ok(false),
                None => length = ahead.len() + 1,
            }
        }
    }

    /// How much of this line, without its end, is looked at; `None` at the end of the input.
    fn length_of_line(&mut self) -> Result<Option<usize>, HarnessError> {
        let ahead = self.ahead(LOOK)?;
        let looked = ahead.get(..ahead.floor_char_boundary(LOOK)).unwrap_or(ahead);
        let end = memchr::memchr(b'\n', looked.as_bytes());
        Ok(if ahead.is_empty() { None } else { Some(end.unwrap_or(looked.len())) })
    }

    /// Moves behind the end of the line, of which this much is known to be without one.
    fn pass_line(&mut self, length: usize) -> Result<(), HarnessError> {
        self.at += length;
        loop {
            let rest = self.ahead(1)?;
            match memchr::memchr(b'\n', rest.as_bytes()) {
                Some(end) => {
                    self.at += end + 1;
                    return Ok(());
                }
                None if rest.is_empty() => return Ok(()),
                None => self.at = self.window.len(),
            }
        }
    }

    fn rest(&self) -> &str {
        self.window.get(self.at..).unwrap_or_default()
    }

    /// Reads more behind a value that does not end in the window.
    fn grow(&mut self) -> Result<(), HarnessError> {
        let had = self.window.len() - self.at;
        if had > LONGEST {
            return Err(self.wrong(&format!("an entry is longer than {} MiB", LONGEST >> 20)));
        }
        // What is tried again each time must grow in steps of its own size.
        self.ahead(2 * had.max(1)).map(drop)
    }

    fn fill(&mut self) -> Result<(), HarnessError> {
        if self.at > 0 {
            self.line();
            self.window.drain(..self.at);
            (self.at, self.counted) = (0, 0);
        }
        let room = self.raw.get_mut(self.part..).unwrap_or_default();
        let read = match self.input.read(room) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(unreadable(&error, self.line)),
        };
        self.ended = read == 0;
        let filled = self.part + read;
        self.part = append(&mut self.window, self.raw.get(..filled).unwrap_or_default(), self.ended);
        self.raw.copy_within(filled - self.part..filled, 0);
        Ok(())
    }

    /// All that has not been read, as text.
    ///
    /// # Errors
    /// If the input cannot be read, or there is more than `limit` bytes of it.
    pub(super) fn into_text(mut self, limit: u64) -> Result<String, HarnessError> {
        let line = self.line();
        let mut bytes = self.rest().as_bytes().to_vec();
        bytes.extend_from_slice(self.raw.get(..self.part).unwrap_or_default());
        (&mut self.input).take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(&error, line))?;
        match bytes.len() as u64 > limit {
            true => Err(HarnessError::new(line, 1, format!("more than {limit} bytes"), self.help)),
            false => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// What [`Elements::find`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A document starts here.
    Document,
    /// The line that starts here was to stop at.
    Stop,
    /// The input ends.
    End,
}

/// Adds bytes to a text, with invalid ones replaced. What may be a part of a character at the end stays out, unless this
/// `ended` it; its length is returned.
fn append(text: &mut String, bytes: &[u8], ended: bool) -> usize {
    // This is much faster than to go by chunks, and nearly always enough.
    let valid =
        str::from_utf8(bytes).unwrap_or_else(|error| str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default());
    text.push_str(valid);
    let bytes = &bytes[valid.len()..];
    let mut left = bytes.len();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        left -= chunk.valid().len() + chunk.invalid().len();
        let is_part =
            left == 0 && !ended && str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        match chunk.invalid() {
            [] => {}
            part if is_part => return part.len(),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    0
}

/// How long the value at the start of `text` is, by its brackets or by what stands behind it; `None` if it goes on.
fn length_of_value(text: &str) -> Option<usize> {
    if text.starts_with(['{', '[']) {
        return length_of_document(text);
    }
    text.bytes()
        .position(|byte| matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"' | b':') || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests;
