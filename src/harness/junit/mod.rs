//! JUnit XML, the format that every test framework writes and none defines.
//!
//! A tolerant reader in one pass and bounded memory: cases are handed out while the file is read, so that a file of
//! any size takes no more than the limits below, and a file that is cut off gives all that was complete in it.
//! `docs/harness/junit.md` has the rules in full.
//!
//! The XML reader tells of elements, [`elements`] knows what they mean and fills [`draft`]s, the attempts of one test are
//! found, and the callback gets the case.

mod draft;
mod elements;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::ops::ControlFlow;

use crate::results::{Case, Counts};

use super::adapter::{Adapter, Reading};
pub use super::cases::Limits;
use super::cases::{CaseTotals, OnCase};
pub use super::xml::Position;
use super::xml::{self, XmlError};
use super::{HarnessError, Warning};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "junit",
    title: "JUnit XML of any tool",
    reading: Reading::Cases(read_cases),
    sniff: |head| head.with_root(&["testsuites", "testsuite", "testcase"]),
};

/// Reads a file with the usual limits, as any other format of test cases.
fn read_cases(input: &mut dyn Read, on_case: &mut OnCase<'_>) -> Result<CaseTotals, HarnessError> {
    let totals = read(input, &Limits::default(), on_case).map_err(|error| {
        let (line, column) = error.position().map_or((1, 1), |at| (at.line, at.column));
        HarnessError { line, column, text: error.to_string(), help: String::new() }
    })?;
    let Totals { counts, merged, stopped, warnings, .. } = totals;
    let warnings = warnings.into_iter().map(|text| Warning { line: 1, text }).collect();
    Ok(CaseTotals { counts, merged, stopped, warnings })
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
    let mut elements = elements::Elements::new(limits, on_case);
    let markup = xml::Limits { depth: limits.depth, token: limits.token, attributes: limits.attributes };
    let result = xml::read(input, markup, &mut elements);
    elements.hand_out_all();
    result.map(|()| elements.totals).map_err(JunitError::from)
}

impl JunitError {
    /// Where it is, if there is a place.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Empty | Self::Read(_) => None,
            Self::NotXml { at, .. }
            | Self::WrongRoot { at, .. }
            | Self::CutOff { at, .. }
            | Self::Mismatch { at, .. }
            | Self::EntityDeclared { at }
            | Self::UnknownEntity { at, .. }
            | Self::TooDeep { at, .. }
            | Self::TooLong { at, .. }
            | Self::TooManyAttributes { at, .. } => Some(*at),
        }
    }
}

impl From<XmlError> for JunitError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::Empty => Self::Empty,
            XmlError::NotXml { at, found } => Self::NotXml { at, found },
            XmlError::WrongRoot { at, found } => Self::WrongRoot { at, hint: hint(&found), found },
            XmlError::CutOff { at, inside } => Self::CutOff { at, inside },
            XmlError::Mismatch { at, found, open } => Self::Mismatch { at, found, open },
            XmlError::EntityDeclared { at } => Self::EntityDeclared { at },
            XmlError::UnknownEntity { at, name } => Self::UnknownEntity { at, name },
            XmlError::TooDeep { at, limit } => Self::TooDeep { at, limit },
            XmlError::TooLong { at, limit } => Self::TooLong { at, limit },
            XmlError::TooManyAttributes { at, limit } => Self::TooManyAttributes { at, limit },
            XmlError::Read(error) => Self::Read(error),
        }
    }
}

/// What a file with another root may be.
fn hint(root: &str) -> &'static str {
    match root {
        "test-results" => "; this looks like NUnit 2, which has its own format: convert it to JUnit",
        "events" | "execution" => "; this looks like Open Test Reporting: take the `TEST-*.xml` files beside it",
        "testExecutions" => "; this looks like SonarQube's own format: let the test tool write JUnit",
        "Site" | "Testing" => "; this looks like CTest's own format: run it with `--output-junit FILE`",
        "TestCase" => "; this looks like Qt Test's own format: run it with `-o FILE,junitxml`",
        "TestLog" | "TestResult" => "; this looks like Boost.Test's own format: run it with `--log_format=JUNIT`",
        "doctest" => "; this looks like doctest's own format: run it with `-r=junit`",
        "test-suite" => "; this looks like Allure 1, which has its own format: let the test tool write JUnit",
        "checkstyle" | "pmd" => "; this is the report of a linter, not of tests",
        "project" => "; this looks like a build file, not a report: check the pattern",
        "html" | "HTML" => "; this is a web page, perhaps an HTML report or a log-in page",
        "test-run" => "; this is NUnit 3: read it as `nunit3`",
        "assemblies" | "assembly" => "; this is xUnit.net 2: read it as `xunit2`",
        "TestRun" => "; this is a Visual Studio TRX file: read it as `trx`",
        "robot" => "; this looks like Robot Framework's own output: run it with `--xunit FILE`",
        "testng-results" => "; this looks like TestNG's own format: it writes JUnit beside it in `junitreports`",
        "coverage" | "report" => "; this looks like a coverage report",
        "Catch2TestRun" | "Catch" => "; this looks like Catch2's own format: run it with `-r junit`",
        _ => "",
    }
}
