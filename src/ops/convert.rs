//! `backsight convert`: another tool's output to our JSON.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::harness::{Adapter, HEAD, HarnessError, Head, Parsed, Reading, Warning, detect};
use crate::results::{Benchmark, Case, Counts, ExitCode};

/// The largest benchmark report that is read, in bytes; test cases are streamed and have no such limit.
const LARGEST: u64 = 1 << 30;

/// Why nothing was converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file is not what it is said to be.
    #[error("{}: {text}", path.display())]
    Unreadable {
        /// As it was named.
        path: PathBuf,
        /// Position and words of the reader.
        text: String,
    },
    /// A file breaks off or is damaged at a place.
    #[error("{}:{line}:{column}: {text}", path.display())]
    Misread {
        /// As it was named.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The character in the line, from 1.
        column: u64,
        /// Words of the reader.
        text: String,
    },
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(io::Error),
}

impl ConvertError {
    /// What the process returns for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Passed,
            Self::Output(_) => ExitCode::Tool,
            Self::Io { .. } | Self::Unreadable { .. } | Self::Misread { .. } => ExitCode::Usage,
        }
    }
}

/// Which format the files are in.
#[derive(Debug, Clone, Copy)]
pub enum Choice {
    /// This one.
    Named(&'static Adapter),
    /// Each file's content tells.
    Auto,
}

/// What there is to say about a conversion, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// Which format was found in which file, where nobody had named it.
    pub found: Vec<String>,
    /// What was odd, with file and line.
    pub warnings: Vec<String>,
}

/// Converts files to one JSON document: benchmarks, or test cases with their counts. Test cases are written one by one,
/// in memory that does not grow with the files.
///
/// # Errors
/// If a file cannot be read, is in no known format, or holds nothing; if some files hold benchmarks and others test
/// cases. Cases before a mistake are written, and the answer stays valid JSON.
pub fn convert(choice: Choice, files: &[PathBuf], out: &mut dyn Write) -> Result<Converted, ConvertError> {
    let mut told = Converted::default();
    let mut answer: Option<Answer<'_>> = None;
    let mut out = Some(out);
    let mut problem = None;
    for path in files {
        let (adapter, input) = match opened(choice, path, &mut told) {
            Ok(opened) => opened,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        if let Some(out) = out.take() {
            answer = Some(Answer::begin(adapter.reading, out).map_err(ConvertError::Output)?);
        }
        let Some(answer) = &mut answer else { break };
        if let Err(error) = answer.file(adapter, path, input, &mut told) {
            problem = Some(error);
            break;
        }
    }
    let written = answer.map_or(Ok(()), |answer| answer.end(problem.is_some()));
    written.map_err(ConvertError::Output)?;
    problem.map_or(Ok(told), Err)
}

/// Opens a file and finds out its format.
fn opened(
    choice: Choice,
    path: &Path,
    told: &mut Converted,
) -> Result<(&'static Adapter, Box<dyn Read>), ConvertError> {
    let io = |source| ConvertError::Io { path: path.to_path_buf(), source };
    let mut input = open(path).map_err(io)?;
    let Choice::Named(adapter) = choice else {
        let mut head = Vec::new();
        input.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
        let adapter = detect(&Head::new(&head))
            .map_err(|why| ConvertError::Unreadable { path: path.to_path_buf(), text: why.to_string() })?;
        told.found.push(format!("{}: read as `{}` ({})", path.display(), adapter.name, adapter.title));
        return Ok((adapter, Box::new(io::Cursor::new(head).chain(input))));
    };
    Ok((adapter, input))
}

/// The document on its way.
enum Answer<'a> {
    Benchmarks { all: Vec<Benchmark>, out: &'a mut dyn Write },
    Cases { counts: Counts, first: bool, out: &'a mut dyn Write },
}

impl<'a> Answer<'a> {
    fn begin(reading: Reading, out: &'a mut dyn Write) -> io::Result<Self> {
        Ok(match reading {
            Reading::Benchmarks(_) => Self::Benchmarks { all: Vec::new(), out },
            Reading::Cases(_) => {
                out.write_all(b"{\"cases\":[")?;
                Self::Cases { counts: Counts::default(), first: true, out }
            }
        })
    }

    fn file(
        &mut self,
        adapter: &Adapter,
        path: &Path,
        mut input: Box<dyn Read>,
        told: &mut Converted,
    ) -> Result<(), ConvertError> {
        let unreadable = |text: String| ConvertError::Unreadable { path: path.to_path_buf(), text };
        let placed = |error: &HarnessError| ConvertError::Misread {
            path: path.to_path_buf(),
            line: error.line,
            column: error.column,
            text: error.message(),
        };
        let tell = |warning: &Warning| format!("{}:{}: {}", path.display(), warning.line, warning.text);
        match (adapter.reading, self) {
            (Reading::Benchmarks(parse), Self::Benchmarks { all, .. }) => {
                let mut bytes = Vec::new();
                let io = |source| ConvertError::Io { path: path.to_path_buf(), source };
                input.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
                let Parsed { benchmarks, warnings } = parse(&bytes).map_err(|error| placed(&error))?;
                all.extend(benchmarks);
                told.warnings.extend(warnings.iter().map(tell));
                Ok(())
            }
            (Reading::Cases(read), Self::Cases { counts, first, out }) => {
                let mut failed: io::Result<()> = Ok(());
                let mut take = |case: &Case| {
                    counts.add_case(case.outcome);
                    failed = write_case(*out, case, std::mem::take(first));
                    if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                };
                let totals = read(&mut input, &mut take);
                failed.map_err(ConvertError::Output)?;
                told.warnings.extend(totals.map_err(|error| placed(&error))?.warnings.iter().map(tell));
                Ok(())
            }
            _ => Err(unreadable(format!("`{}` does not go together with the files before it", adapter.name))),
        }
    }

    /// Ends the document. Benchmarks are written only if all files could be read.
    fn end(self, failed: bool) -> io::Result<()> {
        #[derive(Serialize)]
        struct Benchmarks {
            benchmarks: Vec<Benchmark>,
        }
        match self {
            Self::Benchmarks { .. } if failed => Ok(()),
            Self::Benchmarks { all, out } => {
                serde_json::to_writer(&mut *out, &Benchmarks { benchmarks: all })?;
                out.write_all(b"\n")
            }
            Self::Cases { counts, out, .. } => write_end(out, &counts),
        }
    }
}

fn write_end(out: &mut dyn Write, counts: &Counts) -> io::Result<()> {
    out.write_all(b"],\"counts\":")?;
    serde_json::to_writer(&mut *out, counts)?;
    out.write_all(b"}\n")
}

fn write_case(out: &mut dyn Write, case: &Case, first: bool) -> io::Result<()> {
    if !first {
        out.write_all(b",")?;
    }
    out.write_all(b"\n")?;
    Ok(serde_json::to_writer(out, case)?)
}

/// The file, or standard input for `-`.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path)?))
}
