//! A stretch of an input of any size and encoding, as text: more comes in behind it, and what was passed goes out.

use std::io::{self, Read};

use super::xml::Utf8;

/// How much is read in one go, in bytes.
const CHUNK: usize = 64 << 10;

/// An input on its way.
pub(super) struct Window<R> {
    input: Utf8<R>,
    /// The start of a character that goes on in what is read next.
    part: Vec<u8>,
    /// What is in the window; invalid UTF-8 is replaced.
    pub(super) text: String,
    /// What has not been passed stands in the text from here.
    pub(super) at: usize,
    /// The input has been read to its end.
    pub(super) ended: bool,
}

impl<R: Read> Window<R> {
    /// Gets ready to read.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(input: R) -> io::Result<Self> {
        let input = Utf8::new(input)?;
        Ok(Self { input, part: Vec::new(), text: String::new(), at: 0, ended: false })
    }

    /// What has not been passed.
    pub(super) fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads more, and forgets what was passed: then `at` is zero.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        // The text's own memory is read into: copying what was read took as long as the system's copy.
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.drain(..self.at);
        self.at = 0;
        let kept = bytes.len();
        bytes.append(&mut self.part);
        let from = bytes.len();
        // All that is kept is looked at again, so the more is kept, the more is read.
        bytes.resize(from + CHUNK.max(kept), 0);
        let read = loop {
            match self.input.read(bytes.get_mut(from..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        bytes.truncate(from + *read.as_ref().unwrap_or(&0));
        self.ended = read.as_ref().is_ok_and(|read| *read == 0);
        (self.text, self.part) = text(bytes, self.ended);
        read.map(drop)
    }

    /// All that has not been passed, and at most `limit` bytes behind the window.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn into_bytes(mut self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = self.rest().as_bytes().to_vec();
        bytes.extend_from_slice(&self.part);
        (&mut self.input).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Bytes as a text, with invalid ones replaced. What may be a part of a character at the end stays out, unless this `ended`
/// it, and is returned.
fn text(bytes: Vec<u8>, ended: bool) -> (String, Vec<u8>) {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return (text, Vec::new()),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.capacity());
    let mut left = bytes.len();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        left -= chunk.valid().len() + chunk.invalid().len();
        let is_part =
            left == 0 && !ended && str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        match chunk.invalid() {
            [] => {}
            part if is_part => return (text, part.to_vec()),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    (text, Vec::new())
}
