//! Follows the nesting of a report for formats that only want to know which elements open and close, with which text.

use std::io::Read;

use super::tag::{Tag, local};
use super::text::{Collector, Keep, UnknownEntity, attribute, shown};
use super::{Elements, Limits, Position, Problem, XmlError};
use crate::harness::HarnessError;

/// The limits for markup of all formats that are read this way.
const LIMITS: Limits = Limits { depth: 200, token: 16 << 20, attributes: 500 };

/// A format of elements.
pub(in crate::harness) trait Report {
    /// The names that the first element can have, and what wrote such files, for messages.
    const ROOTS: &'static [&'static str];
    /// What the format is called, for messages.
    const TITLE: &'static str;

    /// An element opens inside of the elements `path`, outermost first. How to keep its text, if it is wanted.
    ///
    /// # Errors
    /// Where an attribute cannot be understood.
    fn open(&mut self, tag: Tag<'_>, path: &Path) -> Result<Option<Keep>, UnknownEntity>;

    /// The element `name` closes inside of `path`, with its text if that was wanted.
    fn close(&mut self, name: &str, path: &Path, text: Option<String>);

    /// Whether nobody wants to know more.
    fn stopped(&self) -> bool;

    /// Something is odd in this line.
    fn warn(&mut self, line: u64, text: String);

    /// What the report found to be odd since it was asked last, and could not place itself.
    fn odd(&mut self) -> Option<String> {
        None
    }
}

/// The names of open elements, outermost first.
#[derive(Debug, Default)]
pub(in crate::harness) struct Path(Vec<String>);

impl Path {
    /// The element that an element stands in; empty for the root.
    pub(in crate::harness) fn parent(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Whether any of the elements around has this name.
    pub(in crate::harness) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|open| open == name)
    }
}

/// An attribute's value, if it is there and not empty.
///
/// # Errors
/// Where it holds an entity that nobody declared.
pub(in crate::harness) fn value(tag: Tag<'_>, key: &str, limit: usize) -> Result<Option<String>, UnknownEntity> {
    let Some((_, raw)) = tag.attributes().find(|(name, _)| local(name) == key.as_bytes()) else { return Ok(None) };
    let mut text = String::new();
    attribute(raw, limit, &mut text)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Reads a report.
///
/// # Errors
/// Where it is no XML, another format's, damaged or cut off; what was complete before that has been told.
pub(in crate::harness) fn read<R: Report>(input: impl Read, report: &mut R) -> Result<(), HarnessError> {
    let mut follower =
        Follower { report, path: Path::default(), collector: Collector::new(), collecting: None, rooted: false };
    super::read(input, LIMITS, &mut follower).map_err(|error| explain(error, R::TITLE, R::ROOTS))
}

struct Follower<'a, R> {
    report: &'a mut R,
    path: Path,
    collector: Collector,
    /// How deep the element is whose text is collected.
    collecting: Option<usize>,
    rooted: bool,
}

impl<R: Report> Elements for Follower<'_, R> {
    fn is_root(&self, name: &[u8]) -> bool {
        R::ROOTS.iter().any(|root| root.as_bytes() == name)
    }

    fn open(&mut self, content: &[u8]) -> Result<(), Problem> {
        let tag = Tag::new(content);
        if self.path.0.is_empty() && !self.is_root(tag.name) {
            return Err(Problem::WrongRoot(shown(tag.name)));
        }
        if self.path.0.len() >= LIMITS.depth {
            return Err(Problem::TooDeep);
        }
        if content.len() / 4 > LIMITS.attributes && tag.attributes().count() > LIMITS.attributes {
            return Err(Problem::TooManyAttributes);
        }
        self.rooted = true;
        let keep = self.report.open(tag, &self.path)?;
        self.path.0.push(String::from_utf8_lossy(tag.name).into_owned());
        if let Some(keep) = keep.filter(|_| self.collecting.is_none()) {
            self.collector.begin(keep);
            self.collecting = Some(self.path.0.len());
        }
        Ok(())
    }

    fn close(&mut self, name: &[u8]) -> Result<(), Problem> {
        let name = local(name.trim_ascii());
        if !name.is_empty() && self.path.parent().as_bytes() != name {
            return Err(Problem::Mismatch { found: shown(name), open: self.innermost() });
        }
        let text = (self.collecting == Some(self.path.0.len())).then(|| self.collector.finish().unwrap_or_default());
        if text.is_some() {
            self.collecting = None;
        }
        if let Some(name) = self.path.0.pop() {
            self.report.close(&name, &self.path, text);
        }
        Ok(())
    }

    fn text(&mut self, raw: &[u8]) -> Result<(), Problem> {
        if self.collecting.is_some() {
            self.collector.text(raw)?;
        }
        Ok(())
    }

    fn verbatim(&mut self, bytes: &[u8]) {
        if self.collecting.is_some() {
            self.collector.verbatim(bytes);
        }
    }

    fn outside(&self) -> bool {
        self.path.0.is_empty()
    }

    fn rooted(&self) -> bool {
        self.rooted
    }

    fn innermost(&self) -> String {
        self.path.0.last().map_or("anything".into(), |name| format!("`<{}>`", shown(name.as_bytes())))
    }

    fn stopped(&self) -> bool {
        self.report.stopped()
    }

    fn warn(&mut self, text: String) {
        self.report.warn(1, text);
    }

    fn place(&mut self, at: impl FnOnce() -> Position) {
        if let Some(text) = self.report.odd() {
            self.report.warn(at().line, text);
        }
    }
}

/// An error of the reader in the words of a format.
fn explain(error: XmlError, title: &str, roots: &[&str]) -> HarnessError {
    let start = Position { line: 1, column: 1, byte: 0 };
    let root = roots.first().unwrap_or(&"");
    let damaged = "the file is damaged, or two programs wrote into it";
    let (at, text, help) = match error {
        XmlError::Empty => (start, "the file is empty".into(), "did the test command write its report?".into()),
        XmlError::NotXml { at, found } => {
            (at, format!("not XML: `{found}` stands where `<{root}>` was expected"), format!("is this a {title} file?"))
        }
        XmlError::WrongRoot { at, found } => {
            let help = "let `--harness auto` find the format".into();
            (at, format!("not {title}: `<{found}>` stands where `<{root}>` was expected"), help)
        }
        XmlError::CutOff { at, inside } => {
            let help = "was the test command killed, or the disk full?".into();
            (at, format!("cut off: the file ends inside {inside}"), help)
        }
        XmlError::Mismatch { at, found, open } => (at, format!("`</{found}>` does not close {open}"), damaged.into()),
        XmlError::EntityDeclared { at } => {
            let help = "remove the declaration: it can blow up a small file".into();
            (at, "the DOCTYPE declares entities, which are refused".into(), help)
        }
        XmlError::UnknownEntity { at, name } => {
            let help = "XML knows only &lt; &gt; &amp; &quot; &apos; and numbers".into();
            (at, format!("the entity `&{name};` is not declared"), help)
        }
        XmlError::TooDeep { at, limit } => (at, format!("elements nest deeper than {limit}"), damaged.into()),
        XmlError::TooLong { at, limit } => {
            (at, format!("a tag or comment is longer than {limit} bytes"), damaged.into())
        }
        XmlError::TooManyAttributes { at, limit } => {
            (at, format!("a tag has more than {limit} attributes"), damaged.into())
        }
        XmlError::Read(error) => (start, format!("could not be read: {error}"), "check the file".into()),
    };
    HarnessError::new(at.line, at.column, text, help)
}
