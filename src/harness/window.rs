//! A stretch of an input of any size and encoding, as text: more comes in behind it, and what was passed goes out.

use std::io::{self, Read};

use super::xml::Utf8;

/// How much is read in one go, in bytes.
const CHUNK: usize = 256 << 10;

/// An input on its way.
pub(super) struct Window<R> {
    input: Utf8<R>,
    /// Bytes on their way into the text.
    raw: Vec<u8>,
    /// The start of a character that goes on in what is read next.
    part: usize,
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
        Ok(Self { input, raw: vec![0; CHUNK], part: 0, text: String::new(), at: 0, ended: false })
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
        self.text.drain(..self.at);
        self.at = 0;
        let room = self.raw.get_mut(self.part..).unwrap_or_default();
        let read = match self.input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            read => read?,
        };
        self.ended = read == 0;
        let filled = self.part + read;
        self.part = append(&mut self.text, self.raw.get(..filled).unwrap_or_default(), self.ended);
        self.raw.copy_within(filled - self.part..filled, 0);
        Ok(())
    }

    /// All that has not been passed, and at most `limit` bytes behind the window.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn into_bytes(mut self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = self.rest().as_bytes().to_vec();
        bytes.extend_from_slice(self.raw.get(..self.part).unwrap_or_default());
        (&mut self.input).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
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
