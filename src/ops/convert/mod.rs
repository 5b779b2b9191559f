//! `backsight convert`: another tool's output to our JSON.

mod folder;

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::harness::{Adapter, HEAD, HarnessError, Head, Parsed, Reading, Tree, TreeFile, Undecided, Warning, detect};
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
    /// A folder holds too much, or nothing.
    #[error("{}: {text}", path.display())]
    Folder {
        /// As it was named.
        path: PathBuf,
        /// What is wrong with it, and what to do.
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
            Self::Io { .. } | Self::Unreadable { .. } | Self::Misread { .. } | Self::Folder { .. } => ExitCode::Usage,
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

/// Something to read.
enum Source {
    /// A file, or standard input.
    File(PathBuf),
    /// A file of a folder; if no format fits it, it is left out with a warning.
    InFolder(PathBuf),
    /// A folder whose files belong together.
    Tree(PathBuf, Tree, Vec<TreeFile>),
}

/// Converts files and folders to one JSON document: benchmarks, or test cases with their counts. Test cases are written one by one,
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
    for source in folder::sources(choice, files, &mut told)? {
        let (path, adapter, input) = match opened(choice, source, &mut told) {
            Ok(Some(opened)) => opened,
            Ok(None) => continue,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        if let Some(out) = out.take() {
            answer = Some(Answer::begin(adapter.reading, out).map_err(ConvertError::Output)?);
        }
        let Some(answer) = &mut answer else { break };
        if let Err(error) = answer.file(adapter, &path, input, &mut told) {
            problem = Some(error);
            break;
        }
    }
    let written = answer.map_or(Ok(()), |answer| answer.end(problem.is_some()));
    written.map_err(ConvertError::Output)?;
    problem.map_or(Ok(told), Err)
}

/// What a source holds.
enum Input {
    Stream(Box<dyn Read>),
    Tree(Tree, Vec<TreeFile>),
}

/// Opens a source and finds out its format; `None` for a file of a folder that fits none.
fn opened(
    choice: Choice,
    source: Source,
    told: &mut Converted,
) -> Result<Option<(PathBuf, &'static Adapter, Input)>, ConvertError> {
    let (path, in_folder) = match source {
        Source::Tree(path, tree, files) => return Ok(Some((path, tree.adapter, Input::Tree(tree, files)))),
        Source::File(path) => (path, false),
        Source::InFolder(path) => (path, true),
    };
    let io = |source| ConvertError::Io { path: path.clone(), source };
    let mut input = open(&path).map_err(io)?;
    if let Choice::Named(adapter) = choice {
        return Ok(Some((path, adapter, Input::Stream(input))));
    }
    let mut head = Vec::new();
    input.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    let adapter = match detect(&Head::new(&head)) {
        Ok(adapter) => adapter,
        Err(Undecided::Unknown(_)) if in_folder => {
            told.warnings.push(format!("{}:1: no known format fits; left out", path.display()));
            return Ok(None);
        }
        Err(why) => return Err(ConvertError::Unreadable { path, text: why.to_string() }),
    };
    told.found.push(format!("{}: read as `{}` ({})", path.display(), adapter.name, adapter.title));
    Ok(Some((path, adapter, Input::Stream(Box::new(io::Cursor::new(head).chain(input))))))
}

/// The document on its way.
enum Answer<'a> {
    Benchmarks { all: Vec<Benchmark>, out: &'a mut dyn Write },
    Cases { counts: Counts, first: bool, out: &'a mut dyn Write },
}

impl<'a> Answer<'a> {
    fn begin(reading: Reading, out: &'a mut dyn Write) -> io::Result<Self> {
        Ok(match reading {
            Reading::Benchmarks(_) | Reading::Lines(_) => Self::Benchmarks { all: Vec::new(), out },
            Reading::Cases(_) => {
                out.write_all(b"{\"cases\":[")?;
                Self::Cases { counts: Counts::default(), first: true, out }
            }
        })
    }

    fn file(&mut self, adapter: &Adapter, path: &Path, input: Input, told: &mut Converted) -> Result<(), ConvertError> {
        let unreadable = |text: String| ConvertError::Unreadable { path: path.to_path_buf(), text };
        let placed = |error: &HarnessError| ConvertError::Misread {
            path: path.to_path_buf(),
            line: error.line,
            column: error.column,
            text: error.message(),
        };
        let tell = |warning: &Warning| format!("{}:{}: {}", path.display(), warning.line, warning.text);
        let mut keep = |parsed: Result<Parsed, HarnessError>, all: &mut Vec<Benchmark>| {
            let Parsed { benchmarks, warnings } = parsed.map_err(|error| placed(&error))?;
            all.extend(benchmarks);
            told.warnings.extend(warnings.iter().map(tell));
            Ok(())
        };
        let mut input = match (input, &mut *self) {
            (Input::Stream(input), _) => input,
            (Input::Tree(tree, files), Self::Benchmarks { all, .. }) => return keep((tree.read)(&files), all),
            (Input::Tree(..), Self::Cases { .. }) => {
                return Err(unreadable(format!("`{}` does not go together with the files before it", adapter.name)));
            }
        };
        match (adapter.reading, self) {
            (Reading::Benchmarks(parse), Self::Benchmarks { all, .. }) => {
                let mut bytes = Vec::new();
                let io = |source| ConvertError::Io { path: path.to_path_buf(), source };
                input.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
                keep(parse(&bytes), all)
            }
            (Reading::Lines(read), Self::Benchmarks { all, .. }) => keep(read(&mut input), all),
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
