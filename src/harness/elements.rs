//! JSON documents of which most is one list, element by element through a window: memory does not grow with the file.
//!
//! One document or several after each other, with other lines before, between and after them, as in
//! [`documents`](super::documents); also `NaN`, the infinities and invalid UTF-8 are read alike.

use std::io::Read;

use serde::de::IgnoredAny;

use super::documents::{explain, length_of_document, one, without_nan};
use super::window::Window;
use super::{HarnessError, unreadable};

/// The longest element, key or other member that is read, in bytes.
const LONGEST: usize = 256 << 20;

/// How far behind an opening bracket is looked whether a document starts there, and the longest line that may stand
/// between documents and is looked at, in bytes.
const LOOK: usize = 64 << 10;

/// Reads an element at the start of this text, which stands on this line. It must change nothing unless it can be read.
pub(super) type Take<'a> = dyn FnMut(u64, &str) -> Result<Taken, serde_json::Error> + 'a;

/// How far an element goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// How long it is, in bytes.
    pub(super) length: usize,
    /// How many lines end in it, where its reader knows.
    pub(super) lines: Option<u64>,
}

impl From<usize> for Taken {
    fn from(length: usize) -> Self {
        Self { length, lines: None }
    }
}

/// An output on its way.
pub(super) struct Elements<R> {
    window: Window<R>,
    /// The line at `counted`, from 1.
    line: u64,
    counted: usize,
    /// How much of the window's first line was in earlier windows, in bytes.
    before: usize,
    help: &'static str,
}

impl<R: Read> Elements<R> {
    /// Gets ready to read; `help` says what was expected.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(input: R, help: &'static str) -> Result<Self, HarnessError> {
        let window = Window::new(input).map_err(|error| unreadable(&error, 1))?;
        Ok(Self { window, line: 1, counted: 0, before: 0, help })
    }

    /// The next text: at least `length` bytes, unless the input ends before.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn ahead(&mut self, length: usize) -> Result<&str, HarnessError> {
        while self.window.text.len() - self.window.at < length && !self.window.ended {
            self.fill()?;
        }
        Ok(self.rest())
    }

    /// The line that is read next, from 1.
    pub(super) fn line(&mut self) -> u64 {
        let passed = self.window.text.as_bytes().get(self.counted..self.window.at).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.counted = self.window.at;
        self.line
    }

    /// How much of its line stands before what is read next, in bytes.
    fn column(&self) -> usize {
        let passed = self.window.text.as_bytes().get(..self.window.at).unwrap_or_default();
        memchr::memrchr(b'\n', passed).map_or(self.before + passed.len(), |last| passed.len() - last - 1)
    }

    /// Moves to the start of the next document, past lines that cannot be one and do not make `stop` stop; false if
    /// there is none.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn find(&mut self, stop: impl Fn(&str) -> bool) -> Result<Found, HarnessError> {
        loop {
            while self.ahead(1)?.starts_with([' ', '\t', '\r']) {
                self.window.at += 1;
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
        self.window.at += 1;
        let mut found = false;
        if self.next()? == b'}' {
            self.window.at += 1;
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
                Ok(length.into())
            })?;
            self.expect(b':')?;
            match (is_list, found) {
                (true, false) => self.list(list, take)?,
                (true, true) => return Err(self.wrong(&format!("not as expected: `{list}` stands there twice"))),
                (false, _) => self.skip()?,
            }
            found |= is_list;
            match self.next()? {
                b',' => self.window.at += 1,
                _ => break self.expect(b'}')?,
            }
        }
        if found { Ok(()) } else { Err(self.wrong(&format!("not as expected: there are no `{list}`"))) }
    }

    fn list(&mut self, list: &str, take: &mut Take<'_>) -> Result<(), HarnessError> {
        if self.next()? != b'[' {
            return Err(self.wrong(&format!("not as expected: `{list}` is no list")));
        }
        self.window.at += 1;
        if self.next()? == b']' {
            self.window.at += 1;
            return Ok(());
        }
        loop {
            self.next()?;
            self.value(take)?;
            match self.next()? {
                b',' => self.window.at += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    fn skip(&mut self) -> Result<(), HarnessError> {
        self.next()?;
        self.value(&mut |_, text| one::<IgnoredAny>(text).map(|(_, length)| length.into()))
    }

    /// Reads the value that starts here. Where it does not end in the window, more is read and it is tried again.
    fn value(&mut self, take: &mut Take<'_>) -> Result<(), HarnessError> {
        let line = self.line();
        loop {
            let rest = self.rest();
            let is_closed = rest.starts_with(['{', '[', '"']);
            let error = match take(line, rest) {
                // A number can go on behind the window.
                Ok(taken) if is_closed || taken.length < rest.len() || self.window.ended => {
                    self.window.at += taken.length;
                    if let Some(lines) = taken.lines {
                        (self.line, self.counted) = (line + lines, self.window.at);
                    }
                    return Ok(());
                }
                Ok(_) => None,
                Err(error) if error.is_eof() && !self.window.ended => None,
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                let length = if error.is_syntax() { length_of_value(rest) } else { Some(0) };
                if let Some(length) = length.or(self.window.ended.then_some(rest.len())) {
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
            error.column += if error.line == line { self.column() as u64 } else { 0 };
            return Err(error);
        }
        self.window.at += length;
        Ok(())
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Result<u8, HarnessError> {
        loop {
            let rest = self.rest().as_bytes();
            match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(spaces) => {
                    let byte = rest.get(spaces).copied().unwrap_or_default();
                    self.window.at += spaces;
                    return Ok(byte);
                }
                None if self.window.ended => {
                    let line = self.line();
                    let (text, help) = ("cut off: the JSON ends in the middle", "did the tool run to its end?");
                    return Err(HarnessError::new(line, self.column() as u64 + 1, text, help));
                }
                None => {
                    self.window.at = self.window.text.len();
                    self.fill()?;
                }
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), HarnessError> {
        if self.next()? != byte {
            return Err(self.wrong("not JSON"));
        }
        self.window.at += 1;
        Ok(())
    }

    fn wrong(&mut self, text: &str) -> HarnessError {
        let line = self.line();
        HarnessError::new(line, self.column() as u64 + 1, text, self.help)
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
        self.window.at += length;
        loop {
            let rest = self.ahead(1)?;
            match memchr::memchr(b'\n', rest.as_bytes()) {
                Some(end) => {
                    self.window.at += end + 1;
                    return Ok(());
                }
                None if rest.is_empty() => return Ok(()),
                None => self.window.at = self.window.text.len(),
            }
        }
    }

    fn rest(&self) -> &str {
        self.window.rest()
    }

    /// Reads more behind a value that does not end in the window.
    fn grow(&mut self) -> Result<(), HarnessError> {
        let had = self.window.text.len() - self.window.at;
        if had > LONGEST {
            return Err(self.wrong(&format!("an entry is longer than {} MiB", LONGEST >> 20)));
        }
        // What is tried again each time must grow in steps of its own size.
        self.ahead(2 * had.max(1)).map(drop)
    }

    fn fill(&mut self) -> Result<(), HarnessError> {
        let (line, column) = (self.line(), self.column());
        self.window.fill().map_err(|error| unreadable(&error, line))?;
        (self.counted, self.before) = (0, column);
        Ok(())
    }

    /// All that has not been read, as text.
    ///
    /// # Errors
    /// If the input cannot be read, or there is more than `limit` bytes of it.
    pub(super) fn into_text(mut self, limit: u64) -> Result<String, HarnessError> {
        let line = self.line();
        let bytes = self.window.into_bytes(limit).map_err(|error| unreadable(&error, line))?;
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
