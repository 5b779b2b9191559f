//! From bytes to elements: finds tags, text, CDATA, comments and declarations in the window.

use std::io::Read;

use quick_xml::parser::{ElementParser, Parser};

use super::encoding::Utf8;
use super::tag::local;
use super::text::{LONGEST_REFERENCE, shown};
use super::window::Window;
use super::{Elements, Limits, Position, Problem, XmlError};

/// Reads a document and tells `elements` of everything in it, in order.
///
/// # Errors
/// See [`XmlError`]; what stands before the place of the error has been told by then.
pub(in crate::harness) fn read<E: Elements>(
    input: impl Read,
    limits: Limits,
    elements: &mut E,
) -> Result<(), XmlError> {
    let input = Utf8::new(input)?;
    if let Some(name) = input.unknown() {
        let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
        elements.warn(format!("the encoding `{name}` is not known; all characters beyond ASCII were replaced"));
    }
    let mark = input.mark();
    Reader { window: Window::new(input, mark, limits.token), elements, limits, preamble: None }.run()
}

struct Reader<'a, R, E> {
    window: Window<R>,
    elements: &'a mut E,
    limits: Limits,
    /// Text before the report, such as the lines that npm prints.
    preamble: Option<Preamble>,
}

/// Where text before the report starts, and how.
struct Preamble {
    at: Position,
    found: String,
    /// Nothing of the report has been seen since: a tag may be part of the text.
    open: bool,
}

impl<R: Read, E: Elements> Reader<'_, R, E> {
    fn run(&mut self) -> Result<(), XmlError> {
        while self.text()? {
            self.markup()?;
            if self.elements.stopped() {
                return Ok(());
            }
        }
        match (self.elements.outside(), self.elements.rooted()) {
            (true, true) => Ok(()),
            (true, false) => Err(match self.preamble.take() {
                Some(Preamble { at, found, .. }) => XmlError::NotXml { at, found },
                None => XmlError::Empty,
            }),
            (false, _) => Err(self.cut_off(self.elements.innermost())),
        }
    }

    fn cut_off(&self, inside: String) -> XmlError {
        XmlError::CutOff { at: self.window.end_position(), inside }
    }

    /// Gives a problem its place: the start of what has not been consumed.
    fn place(&self, problem: Problem) -> XmlError {
        let at = self.window.position();
        match problem {
            Problem::WrongRoot(found) => XmlError::WrongRoot { at, found },
            Problem::Mismatch { found, open } => XmlError::Mismatch { at, found, open },
            Problem::UnknownEntity(name) => XmlError::UnknownEntity { at, name },
            Problem::TooDeep => XmlError::TooDeep { at, limit: self.limits.depth },
            Problem::TooManyAttributes => XmlError::TooManyAttributes { at, limit: self.limits.attributes },
        }
    }

    /// Takes text up to the next `<`; false at the end of the input.
    fn text(&mut self) -> Result<bool, XmlError> {
        loop {
            let rest = self.window.rest();
            let found = memchr::memchr(b'<', rest);
            let mut length = found.unwrap_or(rest.len());
            if self.elements.outside() {
                let blank = rest[..length].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                self.window.consume(blank);
                length -= blank;
            } else if found.is_none() {
                length = before_open_reference(rest);
            }
            self.take_text(length)?;
            if found.is_some() {
                return Ok(true);
            }
            if !self.window.more()? {
                let left = self.window.rest().len();
                self.take_text(left)?;
                return Ok(false);
            }
        }
    }

    fn take_text(&mut self, length: usize) -> Result<(), XmlError> {
        if length > 0 {
            let text = &self.window.rest()[..length];
            if self.elements.outside() && !self.elements.rooted() {
                if self.preamble.is_none() && !text.trim_ascii().is_empty() {
                    let found = shown(text.trim_ascii().split(|byte| *byte == b'\n').next().unwrap_or_default());
                    self.preamble = Some(Preamble { at: self.window.position(), found, open: true });
                }
                self.window.consume(length);
                return Ok(());
            }
            self.elements.text(text).map_err(|problem| self.place(problem))?;
            self.window.consume(length);
        }
        Ok(())
    }

    /// Takes the markup that starts here.
    fn markup(&mut self) -> Result<(), XmlError> {
        while self.window.rest().len() < 2 {
            if !self.window.more()? {
                return Err(self.cut_off("a tag".into()));
            }
        }
        if self.preamble.as_ref().is_some_and(|preamble| preamble.open) {
            if !self.report_starts()? {
                return self.take_text(1);
            }
            self.end_preamble();
        }
        let second = self.window.rest()[1];
        match second {
            b'/' => self.end_tag(),
            b'?' => self.until(2, b"?>", false, "a processing instruction"),
            b'!' if self.window.starts_with(b"<!--")? => self.until(4, b"-->", false, "a comment"),
            b'!' if self.window.starts_with(b"<![CDATA[")? => self.until(9, b"]]>", true, "a CDATA section"),
            b'!' => self.declaration(),
            first if first.is_ascii_alphabetic() || matches!(first, b'_' | b':' | 0x80..) => self.start_tag(),
            // A bare `<` in a text: not XML, but written by tools that do not escape.
            _ => self.take_text(1),
        }
    }

    /// Whether the markup that starts here, after some text, can be a report's first.
    fn report_starts(&mut self) -> Result<bool, XmlError> {
        for known in ["<?xml ", "<!--", "<!DOCTYPE "] {
            if self.window.starts_with(known.as_bytes())? {
                return Ok(true);
            }
        }
        let name_end = |byte: &u8| !byte.is_ascii_alphanumeric() && !b":_-.".contains(byte);
        loop {
            let rest = &self.window.rest()[1..];
            if let Some(end) = rest.iter().position(name_end) {
                return Ok(self.elements.is_root(local(&rest[..end])));
            }
            if rest.len() > LONGEST_REFERENCE || !self.window.more()? {
                return Ok(false);
            }
        }
    }

    fn end_preamble(&mut self) {
        if let Some(preamble) = &mut self.preamble {
            preamble.open = false;
            self.elements.warn(format!("the text before the report was left out; it starts with `{}`", preamble.found));
        }
    }

    fn start_tag(&mut self) -> Result<(), XmlError> {
        let end = match end_of_plain_tag(self.window.rest()) {
            Some(end) => end,
            None => self.end_of_start_tag()?,
        };
        let content = &self.window.rest()[1..end];
        let (content, closed) = match content.strip_suffix(b"/") {
            Some(content) => (content, true),
            None => (content, false),
        };
        let mut result = self.elements.open(content);
        if closed && result.is_ok() {
            result = self.elements.close(b"");
        }
        result.map_err(|problem| self.place(problem))?;
        self.elements.place(|| self.window.position());
        self.window.consume(end + 1);
        Ok(())
    }

    fn end_of_start_tag(&mut self) -> Result<usize, XmlError> {
        let mut parser = ElementParser::default();
        let mut seen = 1;
        loop {
            let rest = self.window.rest();
            if let Some(found) = parser.feed(&rest[seen..]) {
                return Ok(seen + found);
            }
            seen = rest.len();
            if !self.window.more()? {
                return Err(self.cut_off_in_tag());
            }
        }
    }

    fn cut_off_in_tag(&self) -> XmlError {
        let inside = if self.elements.outside() { String::new() } else { format!(" in {}", self.elements.innermost()) };
        self.cut_off(format!("a tag{inside}"))
    }

    fn end_tag(&mut self) -> Result<(), XmlError> {
        let mut seen = 2;
        let end = loop {
            let rest = self.window.rest();
            if let Some(found) = memchr::memchr(b'>', &rest[seen..]) {
                break seen + found;
            }
            seen = rest.len();
            if !self.window.more()? {
                return Err(self.cut_off_in_tag());
            }
        };
        let name = self.window.rest()[2..end].trim_ascii();
        // `</>` closes nothing: an empty name would mean that a start tag closed itself.
        let name = if name.is_empty() { b"?" } else { name };
        self.elements.close(name).map_err(|problem| self.place(problem))?;
        self.elements.place(|| self.window.position());
        self.window.consume(end + 1);
        Ok(())
    }

    /// Skips `opening` bytes, then takes everything up to `closing`, in pieces of any size.
    fn until(&mut self, opening: usize, closing: &[u8], wanted: bool, what: &str) -> Result<(), XmlError> {
        self.window.consume(opening);
        loop {
            let rest = self.window.rest();
            let found = memchr::memmem::find(rest, closing);
            let length = found.unwrap_or(rest.len().saturating_sub(closing.len() - 1));
            if wanted {
                self.elements.verbatim(&rest[..length]);
            }
            self.window.consume(length);
            if found.is_some() {
                self.window.consume(closing.len());
                return Ok(());
            }
            if !self.window.more()? {
                return Err(self.cut_off(what.into()));
            }
        }
    }

    /// Skips a DOCTYPE, unless it declares entities.
    fn declaration(&mut self) -> Result<(), XmlError> {
        let (mut seen, mut depth) = (2, 0u32);
        let end = loop {
            let rest = self.window.rest();
            let end = rest[seen..].iter().position(|byte| {
                match byte {
                    b'[' => depth += 1,
                    b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                *byte == b'>' && depth == 0
            });
            if let Some(end) = end {
                break seen + end + 1;
            }
            seen = rest.len();
            if !self.window.more()? {
                return Err(self.cut_off("a DOCTYPE".into()));
            }
        };
        let content = &self.window.rest()[..end];
        if content.windows(8).any(|part| part.eq_ignore_ascii_case(b"<!ENTITY")) {
            return Err(XmlError::EntityDeclared { at: self.window.position() });
        }
        self.window.consume(end);
        Ok(())
    }
}

/// Where the tag at the start of `rest` ends, if that is easy to tell: without a single quote before the first `>`, an
/// even number of double ones means that it stands outside of them.
fn end_of_plain_tag(rest: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'>', rest)?;
    let tag = &rest[..end];
    let plain = memchr::memchr(b'\'', tag).is_none() && memchr::memchr_iter(b'"', tag).count().is_multiple_of(2);
    plain.then_some(end)
}

/// How much of `text` can be taken when more may follow: not the start of a reference.
fn before_open_reference(text: &[u8]) -> usize {
    let from = text.len().saturating_sub(LONGEST_REFERENCE);
    match memchr::memrchr(b'&', &text[from..]) {
        Some(at) if memchr::memchr(b';', &text[from + at..]).is_none() => from + at,
        _ => text.len(),
    }
}
