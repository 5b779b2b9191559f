//! XML of test reports, in one pass and bounded memory; what the elements mean is for each format to say.
//!
//! The way of the bytes: [`encoding`] makes them UTF-8, [`window`] shows tokens where they lie, [`reader`] finds them
//! and tells the format's [`Elements`] of them. [`report`] follows the nesting for formats that only want to know what
//! opened and closed.
//!
//! Markup is found with quick-xml's own tag scanner, but not through its event reader: that collects each text whole,
//! and a test may have printed a gigabyte.

mod encoding;
mod reader;
pub(super) mod report;
pub(super) mod tag;
pub(super) mod text;
mod window;

pub(super) use encoding::Utf8;
pub(super) use reader::read;

/// A place in the input. In files that are not UTF-8, `byte` counts after the conversion to UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The character in the line, from 1.
    pub column: u64,
    /// The byte in the input, from 0.
    pub byte: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.byte)
    }
}

/// How large single parts of a document may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How deep elements may nest.
    pub(super) depth: usize,
    /// The longest tag or comment, in bytes.
    pub(super) token: usize,
    /// How many attributes a tag may have.
    pub(super) attributes: usize,
}

/// What is wrong, without its place.
#[derive(Debug)]
pub(super) enum Problem {
    WrongRoot(String),
    Mismatch { found: String, open: String },
    UnknownEntity(String),
    TooDeep,
    TooManyAttributes,
}

impl From<text::UnknownEntity> for Problem {
    fn from(entity: text::UnknownEntity) -> Self {
        Self::UnknownEntity(entity.0)
    }
}

/// Why a document could not be read to its end.
#[derive(Debug)]
pub(super) enum XmlError {
    Empty,
    NotXml { at: Position, found: String },
    WrongRoot { at: Position, found: String },
    CutOff { at: Position, inside: String },
    Mismatch { at: Position, found: String, open: String },
    EntityDeclared { at: Position },
    UnknownEntity { at: Position, name: String },
    TooDeep { at: Position, limit: usize },
    TooLong { at: Position, limit: usize },
    TooManyAttributes { at: Position, limit: usize },
    Read(std::io::Error),
}

impl From<std::io::Error> for XmlError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

/// Follows the elements of a document.
pub(super) trait Elements {
    /// Whether a report can start with an element of this name, which has no prefix.
    fn is_root(&self, name: &[u8]) -> bool;
    /// An element opens; this is what stands between `<` and `>`.
    fn open(&mut self, content: &[u8]) -> Result<(), Problem>;
    /// An element closes; `name` is empty where its start tag closed it.
    fn close(&mut self, name: &[u8]) -> Result<(), Problem>;
    /// Character data with references.
    fn text(&mut self, raw: &[u8]) -> Result<(), Problem>;
    /// Character data of a CDATA section.
    fn verbatim(&mut self, bytes: &[u8]);
    /// Whether no element is open.
    fn outside(&self) -> bool;
    /// Whether there has been a root element.
    fn rooted(&self) -> bool;
    /// The innermost open element, for people.
    fn innermost(&self) -> String;
    /// Whether nobody wants to know more.
    fn stopped(&self) -> bool;
    /// Something is odd; a sentence.
    fn warn(&mut self, text: String);
    /// Called after each tag, with a way to find out where it stands; finding out takes time.
    fn place(&mut self, _at: impl FnOnce() -> Position) {}
}
