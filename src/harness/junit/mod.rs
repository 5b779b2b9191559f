//! JUnit XML, the format that every test framework writes and none defines.
//!
//! A tolerant reader in one pass and bounded memory: cases are handed out while the file is read, so that a file of
//! any size takes no more than the limits below, and a file that is cut off gives all that was complete in it.
//! `docs/harness/junit.md` has the rules in full.
//!
//! The way of the bytes: [`encoding`] makes them UTF-8, [`window`] shows tokens where they lie, [`reader`] finds them,
//! [`elements`] knows what they mean and fills [`draft`]s, [`retries`] finds the attempts of one test, and the callback
//! gets the case.
//! Markup is found with quick-xml's own tag scanner, but not through its event reader: that collects each text whole,
//! and a test may have printed a gigabyte.

mod draft;
mod elements;
mod encoding;
mod numbers;
mod reader;
mod retries;
mod tag;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::io::Read;
use std::ops::ControlFlow;

use crate::results::{Case, Counts};

/// How much of a file is kept. All sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest name, class or suite name; longer ones are cut.
    pub name: usize,
    /// The longest message of a failure; longer ones are cut.
    pub message: usize,
    /// How much of a failure's text is kept, from its start.
    pub text: usize,
    /// How much of a case's standard output and of its standard error is kept, from the end.
    pub output: usize,
    /// How many failures of one attempt are kept.
    pub failures: usize,
    /// How many attempts of one case are kept.
    pub attempts: usize,
    /// How many properties of one case are kept.
    pub properties: usize,
    /// How deep elements may nest; deeper is an error.
    pub depth: usize,
    /// The longest tag or comment; longer is an error.
    pub token: usize,
    /// How many attributes a tag may have; more is an error.
    pub attributes: usize,
    /// With how many of the suite's latest cases a case is compared to find repeated attempts.
    pub recent: usize,
    /// How many cases that did not pass are compared beyond those.
    pub held: usize,
    /// How much memory the latest cases, and those held beyond them, may take each.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name: 4 << 10,
            message: 8 << 10,
            text: 64 << 10,
            output: 16 << 10,
            failures: 50,
            attempts: 50,
            properties: 100,
            depth: 200,
            token: 16 << 20,
            attributes: 500,
            recent: 64,
            held: 1_000,
            held_bytes: 3 << 20,
        }
    }
}

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

/// What a whole file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// The cases that were handed out, by outcome; all zero for a file without cases, which is no error here.
    pub counts: Counts,
    /// How many `testsuite` elements there were.
    pub suites: u64,
    /// How many elements were attempts of another element's case (see `docs/harness/junit.md`, "Repeated cases").
    pub merged: u64,
    /// The callback asked to stop before the end.
    pub stopped: bool,
    /// Sentences about what was odd, at most twenty.
    pub warnings: Vec<String>,
}

/// Why a file could not be read to its end. Cases that were complete before that place have been handed out.
#[derive(Debug, thiserror::Error)]
pub enum JunitError {
    /// There is nothing in it.
    #[error("the file is empty; did the test command write its report?")]
    Empty,
    /// It does not start with an element.
    #[error("not XML: found `{found}` at {at} where `<testsuites>` or `<testsuite>` was expected")]
    NotXml {
        /// Where.
        at: Position,
        /// The start of what is there instead.
        found: String,
    },
    /// The first element is none of JUnit's.
    #[error("not JUnit XML: found `<{found}>` at {at} where `<testsuites>` or `<testsuite>` was expected{hint}")]
    WrongRoot {
        /// Where.
        at: Position,
        /// The element's name.
        found: String,
        /// What the file may be, with a next step; may be empty.
        hint: &'static str,
    },
    /// The input ends inside an element.
    #[error("cut off at {at}: the file ends inside {inside}; was the test command killed, or the disk full?")]
    CutOff {
        /// The end of the input.
        at: Position,
        /// What was open there.
        inside: String,
    },
    /// An end tag does not fit the element that is open.
    #[error("`</{found}>` at {at} does not close {open}; the file is damaged or two programs wrote into it")]
    Mismatch {
        /// Where.
        at: Position,
        /// The name in the end tag.
        found: String,
        /// The innermost open element.
        open: String,
    },
    /// The DOCTYPE declares entities.
    #[error("the DOCTYPE at {at} declares entities, which are refused since they can blow up a small file; remove it")]
    EntityDeclared {
        /// Where.
        at: Position,
    },
    /// A reference to an entity that XML does not define.
    #[error(
        "the entity `&{name};` near {at} is not declared; XML knows only &lt; &gt; &amp; &quot; &apos; and numbers"
    )]
    UnknownEntity {
        /// The start of the tag or piece of text that holds it.
        at: Position,
        /// Its name.
        name: String,
    },
    /// Elements nest deeper than [`Limits::depth`].
    #[error("elements nest deeper than {limit} at {at}; no test report does")]
    TooDeep {
        /// Where.
        at: Position,
        /// The limit.
        limit: usize,
    },
    /// One tag or comment is larger than [`Limits::token`].
    #[error("the tag or comment at {at} is longer than {limit} bytes; shorten the test's name or message")]
    TooLong {
        /// Where.
        at: Position,
        /// The limit in bytes.
        limit: usize,
    },
    /// A tag has more attributes than [`Limits::attributes`].
    #[error("the tag at {at} has more than {limit} attributes; no test report does")]
    TooManyAttributes {
        /// Where.
        at: Position,
        /// The limit.
        limit: usize,
    },
    /// The input could not be read.
    #[error("could not read the report: {0}")]
    Read(#[from] std::io::Error),
}

/// Reads a JUnit XML file and hands out its cases.
///
/// The order is the file's, but a case may come later than the ones after it where it did not pass in a large suite,
/// since it may still turn out to be one of several attempts. The `step` of the cases is empty.
///
/// The case is lent for the time of the call: clone what must be kept. Returning `Break` ends the reading with `Ok`.
///
/// # Errors
/// See [`JunitError`]; what was complete before the place of the error has been handed out by then.
pub fn read(
    input: impl Read,
    limits: &Limits,
    on_case: &mut dyn FnMut(&Case) -> ControlFlow<()>,
) -> Result<Totals, JunitError> {
    reader::read(input, limits, on_case)
}
