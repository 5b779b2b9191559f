//! Lines of an output of any size and encoding, one at a time in bounded memory.

use std::borrow::Cow;
use std::io::{self, Read};

use super::window::Window;

/// The longest line that is looked at, in bytes; of a longer one the start is kept.
const LONGEST: usize = 16 << 20;

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// The text; invalid UTF-8 is replaced.
    pub(super) text: &'a str,
    /// It has an end: the last line of an output that was cut off often has none.
    pub(super) ended: bool,
    /// It was longer than what is looked at.
    pub(super) cut: bool,
}

/// Reads lines.
pub(super) struct Lines<R> {
    window: Window<R>,
    /// The start of a line that is longer than what is looked at.
    long: String,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Gets ready to read.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(input: R) -> io::Result<Self> {
        Ok(Self { window: Window::new(input)?, long: String::new(), number: 0 })
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut looked = 0;
        let (length, ended) = loop {
            let rest = self.window.rest().as_bytes();
            match memchr::memchr(b'\n', rest.get(looked..).unwrap_or_default()) {
                Some(end) => break (looked + end, true),
                None if self.window.ended || rest.len() > LONGEST => break (rest.len(), false),
                None => looked = rest.len(),
            }
            self.window.fill()?;
        };
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number += 1;
        if length > LONGEST {
            return self.cut().map(Some);
        }
        let start = self.window.at;
        self.window.at += length + usize::from(ended);
        let text = self.window.text.get(start..start + length).unwrap_or_default();
        Ok(Some(Line { number: self.number, text: text.strip_suffix('\r').unwrap_or(text), ended, cut: false }))
    }

    /// The start of the line that begins here, which is passed.
    fn cut(&mut self) -> io::Result<Line<'_>> {
        let rest = self.window.rest();
        self.long.clear();
        self.long.push_str(rest.get(..rest.floor_char_boundary(LONGEST)).unwrap_or_default());
        let ended = loop {
            let rest = self.window.rest();
            match memchr::memchr(b'\n', rest.as_bytes()) {
                Some(end) => {
                    self.window.at += end + 1;
                    break true;
                }
                None => self.window.at = self.window.text.len(),
            }
            if self.window.ended {
                break false;
            }
            self.window.fill()?;
        };
        Ok(Line { number: self.number, text: &self.long, ended, cut: true })
    }

    /// How many lines have been read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// A text without the escape sequences that colour it on a terminal.
pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        rest = behind_escape(rest);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What follows an escape sequence whose escape character is gone.
fn behind_escape(rest: &str) -> &str {
    let mut chars = rest.chars();
    match chars.next() {
        // A control sequence ends with a character from `@` to `~`.
        Some('[') => {
            let sequence = chars.as_str();
            let end = sequence.find(|c: char| ('@'..='~').contains(&c));
            end.map_or("", |end| &sequence[end + 1..])
        }
        // A title or a link ends with a bell, or with an escape and a backslash, which is the next sequence.
        Some(']') => match chars.as_str().find(['\u{7}', '\u{1b}']) {
            Some(end) => chars.as_str().get(end..).map_or("", |rest| rest.strip_prefix('\u{7}').unwrap_or(rest)),
            None => "",
        },
        // A character set and its name: terminfo's reset is `ESC ( B ESC [ m`.
        Some('(' | ')' | '*' | '+' | '-' | '.' | '/' | '#' | '%' | ' ') => {
            chars.next();
            chars.as_str()
        }
        Some('@'..='_') => chars.as_str(),
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(bytes).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text.to_owned(), line.ended));
        }
        found
    }

    #[test]
    fn lines_are_numbered_whatever_ends_them() {
        let line = |number, text: &str, ended| (number, text.to_owned(), ended);
        assert_eq!(all(b"\xef\xbb\xbfa\r\n\nb"), [line(1, "a", true), line(2, "", true), line(3, "b", false)]);
        assert_eq!(all(b"\xff\xfea\0\r\0\n\0b\0"), [line(1, "a", true), line(2, "b", false)]);
        assert_eq!(all(b"a\xffb\n"), [line(1, "a\u{fffd}b", true)]);
        assert_eq!(all(b""), []);
    }

    /// However it comes in.
    #[test]
    fn pieces_of_an_input_do_not_matter() {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let length = self.1.min(out.len());
                (&mut self.0).take(length as u64).read(out)
            }
        }
        let text = "a line\r\n\nanöther ∞ line\n".repeat(60) + "end";
        let mut bytes = text.into_bytes();
        bytes.insert(40, 0xff);
        for length in [1, 2, 3, 7, 64] {
            let mut lines = Lines::new(Pieces(&bytes, length)).unwrap();
            for (number, text, ended) in all(&bytes) {
                assert_eq!(lines.next().unwrap(), Some(Line { number, text: &text, ended, cut: false }), "{length}");
            }
            assert_eq!(lines.next().unwrap(), None);
        }
    }

    #[test]
    fn a_line_of_any_length_takes_bounded_memory() {
        let long = io::repeat(b'x').take((LONGEST + 5) as u64).chain(&b"\nend"[..]);
        let mut lines = Lines::new(long).unwrap();
        let first = lines.next().unwrap().unwrap();
        assert!(first.cut && first.ended && first.text.len() == LONGEST);
        assert_eq!(lines.next().unwrap().unwrap().text, "end");
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(without_colours("\u{1b}[1;32mok\u{1b}[0m 1"), "ok 1");
        assert_eq!(without_colours("plain"), "plain");
        assert_eq!(without_colours("end\u{1b}[3"), "end");
        assert_eq!(without_colours("\u{1b}"), "");
        assert_eq!(without_colours("\u{1b}[36mbench\u{1b}(B\u{1b}[m: 1"), "bench: 1");
        assert_eq!(without_colours("\u{1b}]8;;file:///x\u{1b}\\a.rs\u{1b}]8;;\u{7} 2"), "a.rs 2");
        assert_eq!(without_colours("\u{1b}]0;title"), "");
    }
}
