//! Other tools' output to results; one file per format. The caller reads the files and hands in text or readers.
//!
//! A benchmark format turns a text into [`Parsed`]. The rule that all of them keep: a text without a benchmark, or one
//! that is cut off, is an error; a line that looks like a result and is none is a warning with its number. "0
//! benchmarks, all fine" is never an answer. [`junit`] reads test cases and is a stream, since its files get large.

/// (shared) What the readers of test cases have in common.
pub mod cases;
pub mod ctrf;
pub mod dart_json;
pub mod go_test_json;
/// (shared) One JSON document as a stream.
mod json;
pub mod junit;
pub mod libtest;
pub mod libtest_json;
/// (shared) Lines of an output of any size.
mod lines;
pub mod mocha_json;
pub mod nunit3;
pub mod pytest_benchmark;
pub mod tap;
pub mod trx;
/// (shared) XML of test reports, as a stream.
mod xml;
pub mod xunit2;

use std::collections::HashMap;

use crate::pipeline;
use crate::results::Benchmark;

/// The formats that can be read, by the name that `harness:` and `--harness` take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Rust's `test ... bench:` lines, also written by criterion with `--output-format bencher`.
    Libtest,
    /// The JSON of pytest-benchmark.
    PytestBenchmark,
    /// JUnit XML: test cases, see [`junit::read`].
    Junit,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Libtest, Self::PytestBenchmark, Self::Junit];

    /// The canonical name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Libtest => "libtest",
            Self::PytestBenchmark => "pytest-benchmark",
            Self::Junit => "junit",
        }
    }

    /// The format of this name; `None` if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// The function that reads benchmarks in this format; `None` for [`Format::Junit`], which has test cases.
    pub fn parser(self) -> Option<Parser> {
        match self {
            Self::Libtest => Some(libtest::parse),
            Self::PytestBenchmark => Some(pytest_benchmark::parse),
            Self::Junit => None,
        }
    }
}

impl From<pipeline::Harness> for Format {
    fn from(harness: pipeline::Harness) -> Self {
        match harness {
            pipeline::Harness::Libtest => Self::Libtest,
            pipeline::Harness::PytestBenchmark => Self::PytestBenchmark,
        }
    }
}

/// Reads the benchmarks of one output.
pub type Parser = fn(&[u8]) -> Result<Parsed, HarnessError>;

/// What an output holds: at least one benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The benchmarks in the order of the output; their `step` is empty.
    pub benchmarks: Vec<Benchmark>,
    /// What was odd.
    pub warnings: Vec<Warning>,
}

/// Something that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1.
    pub line: u64,
    /// What it is, as a lowercase fragment.
    pub text: String,
}

/// Why an output could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} at line {line}, column {column}; {help}")]
pub struct HarnessError {
    /// The line, from 1.
    pub line: u64,
    /// The character in the line, from 1.
    pub column: u64,
    /// What is wrong, as a lowercase fragment.
    pub text: String,
    /// What to do about it.
    pub help: String,
}

impl HarnessError {
    fn new(line: u64, column: u64, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line, column, text: text.into(), help: help.into() }
    }
}

/// The input could not be read on at this line.
fn unreadable(error: &std::io::Error, line: u64) -> HarnessError {
    HarnessError::new(line.max(1), 1, format!("the input could not be read: {error}"), "check the file or the pipe")
}

/// An output as text: UTF-16 where a byte order mark says so (PowerShell's `>` writes it), otherwise UTF-8 with invalid
/// bytes replaced, without a mark.
fn decoded(bytes: &[u8]) -> String {
    let utf_16 = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, ..] => utf_16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf_16(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned(),
    }
}

/// Makes benchmarks of equal name distinct: the second one gets the parameter `occurrence` = 2, and so on, and a
/// warning. They may be two benchmarks of two programs or two runs of one; nothing in these formats tells, so none is
/// dropped and none is mixed into another's samples. `lines` are the places of the benchmarks.
fn number_repeats(benchmarks: &mut [Benchmark], lines: &[u64], warnings: &mut Vec<Warning>) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for (benchmark, line) in benchmarks.iter_mut().zip(lines) {
        let count = seen.entry(benchmark.series()).or_default();
        *count += 1;
        if *count > 1 {
            let text = format!("`{}` stands here again; it is kept as occurrence {count}", quoted(&benchmark.name));
            warnings.push(Warning { line: *line, text });
            benchmark.parameters.insert("occurrence".into(), count.to_string());
        }
    }
}

/// A text of another program, for a message: short, without control characters.
fn quoted(text: &str) -> String {
    let mut quote: String = text.trim().chars().take(80).filter(|c| !c.is_control()).collect();
    if text.trim().chars().count() > 80 {
        quote.push('…');
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn names_are_read_back() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
        assert_eq!(Format::parse("Libtest"), None);
    }
}
