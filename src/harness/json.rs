//! One JSON document of any size: a list inside of it is handed out element by element, and long strings are cut, so
//! that memory stays bounded. Text before the document, such as what tests print, is passed over.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::xml::Utf8;
use super::{HarnessError, unreadable};

/// The longest string that is kept, in bytes of the file; the rest of a longer one is left out.
const LONGEST: usize = 256 << 10;

/// A document of results.
pub(super) struct Documents<R: Read> {
    input: Shortened<BufReader<Utf8<R>>>,
    /// Lines passed over so far.
    lines: u64,
}

impl<R: Read> Documents<R> {
    /// Gets ready to read.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(input: R) -> Result<Self, HarnessError> {
        let input = Utf8::new(input).map_err(|error| unreadable(&error, 1))?;
        let input = Shortened::new(BufReader::with_capacity(64 << 10, input));
        Ok(Self { input, lines: 0 })
    }

    /// Moves to the start of the next document, past lines that cannot be one; false if there is none.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn find(&mut self) -> Result<bool, HarnessError> {
        loop {
            let chunk = self.input.inner.fill_buf().map_err(|error| unreadable(&error, self.lines + 1))?;
            if chunk.is_empty() {
                return Ok(false);
            }
            if starts_document(chunk) {
                return Ok(true);
            }
            let end = memchr::memchr(b'\n', chunk);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.input.inner.consume(used);
            self.lines += u64::from(end.is_some());
        }
    }

    /// Reads the document that starts here.
    ///
    /// # Errors
    /// Where it is no JSON, cut off, or not as `seed` wants it.
    pub(super) fn read<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, HarnessError> {
        self.input.restart();
        let mut json = serde_json::Deserializer::from_reader(&mut self.input);
        let result = seed.deserialize(&mut json);
        let lines = self.lines;
        self.lines += self.input.newlines;
        result.map_err(|error| explain(&error, lines))
    }
}

/// Whether a document of results starts here: an object whose first key is in double quotes. What JavaScript prints of
/// an object has no quotes there.
fn starts_document(chunk: &[u8]) -> bool {
    let text = chunk.trim_ascii_start();
    text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
}

fn explain(error: &serde_json::Error, lines: u64) -> HarnessError {
    let (line, column) = (lines + error.line().max(1) as u64, error.column().max(1) as u64);
    match error.classify() {
        serde_json::error::Category::Eof => HarnessError::new(
            line,
            column,
            "cut off: the JSON ends in the middle",
            "was the test command killed, or the disk full?",
        ),
        serde_json::error::Category::Io => {
            HarnessError::new(line, column, format!("the input could not be read: {error}"), "check the file")
        }
        _ => {
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            HarnessError::new(
                line,
                column,
                format!("not as it should be: {}", super::quoted(words)),
                "is the file damaged?",
            )
        }
    }
}

/// Passes on a document, with long strings cut.
struct Shortened<R> {
    inner: R,
    in_string: bool,
    /// The rest of the string is left out.
    dropping: bool,
    /// How many bytes of an escape sequence are still to come.
    escape: usize,
    /// How many bytes of the string were passed on.
    length: usize,
    newlines: u64,
}

impl<R: BufRead> Shortened<R> {
    fn new(inner: R) -> Self {
        Self { inner, in_string: false, dropping: false, escape: 0, length: 0, newlines: 0 }
    }

    fn restart(&mut self) {
        (self.in_string, self.dropping, self.escape, self.length, self.newlines) = (false, false, 0, 0, 0);
    }

    /// Whether a byte is passed on.
    fn keep(&mut self, byte: u8) -> bool {
        if !self.in_string {
            self.newlines += u64::from(byte == b'\n');
            (self.in_string, self.dropping, self.length) = (byte == b'"', false, 0);
            return true;
        }
        let before = self.escape;
        self.escape = match (before, byte) {
            (0, b'\\') => 1,
            (0, b'"') => {
                self.in_string = false;
                return true;
            }
            (1, b'u') => 4,
            (0, _) => 0,
            _ => before - 1,
        };
        if self.dropping {
            return false;
        }
        self.length += 1;
        // Behind a character that stands for itself, the string can end; behind half a pair of escapes it cannot.
        let whole = before == 0 && self.escape == 0 && byte.is_ascii_graphic();
        self.dropping = self.length >= LONGEST && (whole || (self.length >= 2 * LONGEST && self.escape == 0));
        true
    }
}

impl<R: BufRead> Read for Shortened<R> {
    /// Gives one byte at a time, as serde_json asks for it: nothing behind a document is consumed with it.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(slot) = out.first_mut() else { return Ok(0) };
        while let Some(byte) = self.inner.fill_buf()?.first().copied() {
            self.inner.consume(1);
            if self.keep(byte) {
                *slot = byte;
                return Ok(1);
            }
        }
        Ok(0)
    }
}

/// Hands out the elements of a list as they are read.
pub(super) struct Each<'f, T, F> {
    take: &'f mut F,
    of: PhantomData<T>,
}

impl<'f, T, F: FnMut(T)> Each<'f, T, F> {
    /// A list whose elements go to `take`.
    pub(super) fn new(take: &'f mut F) -> Self {
        Self { take, of: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Each<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.take)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(bytes: &[u8]) -> Result<Vec<String>, HarnessError> {
        let mut documents = Documents::new(bytes)?;
        let mut found = Vec::new();
        while documents.find()? {
            let value = documents.read(PhantomData::<serde_json::Value>)?;
            found.extend(value["a"].as_str().map(str::to_owned));
        }
        Ok(found)
    }

    #[test]
    fn documents_are_found_among_other_text() {
        let text = b"\xef\xbb\xbf> demo\n{ a: 1 }\n{\r\n  \"a\": \"x\"}\nmore\n{\"a\": \"y\"}\n";
        assert_eq!(strings(text).unwrap(), ["x", "y"]);
        assert_eq!(strings(b"").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn long_strings_are_cut_and_stay_valid() {
        for unit in ["x", "\\n", "\\u00e9", "\\ud83d\\ude00", "\u{e9}"] {
            let text = format!("{{\"a\": \"{}\", \"b\": 1}}", unit.repeat(3 * LONGEST / unit.len()));
            let found = strings(text.as_bytes());
            assert!(found.as_ref().is_ok_and(|found| found.len() == 1 && found[0].len() <= 2 * LONGEST), "{unit}");
        }
    }

    #[test]
    fn a_place_counts_the_lines_before_the_document() {
        let error = strings(b"text\n{\n\"a\": nope}\n").unwrap_err();
        assert_eq!((error.line, error.column), (3, 7));
        let error = strings(b"text\n{\n\"a\": \"x").unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (3, "cut off: the JSON ends in the middle"));
    }
}
