//! `backsight convert`: another tool's output to our JSON.

mod folder;
mod writer;

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tempfile::SpooledTempFile;

use self::writer::Writer;

use crate::harness::{
    Adapter, HEAD, HarnessError, Head, OnBenchmark, Parsed, Reading, Source, Tree, TreeFile, Undecided, Warning, detect,
};
use crate::results::{Benchmark, Case, Counts, ExitCode};

/// The largest benchmark report that is read, in bytes; test cases are streamed and have no such limit.
const LARGEST: u64 = 1 << 30;

/// How much of the answer is written in one go, in bytes.
const WRITTEN: usize = 64 << 10;

/// How much of a pipe is held in memory where it has to be read twice, in bytes; more goes into a file.
const HELD: usize = 8 << 20;

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
enum Wanted {
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
    let wanted = folder::wanted(choice, files, &mut told)?;
    let only = wanted.len() == 1;
    for wanted in wanted {
        let (path, adapter, input) = match opened(choice, wanted, &mut told) {
            Ok(Some(opened)) => opened,
            Ok(None) => continue,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        if let Some(out) = out.take() {
            answer = Some(Answer::begin(adapter.reading, only, out).map_err(ConvertError::Output)?);
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
    wanted: Wanted,
    told: &mut Converted,
) -> Result<Option<(PathBuf, &'static Adapter, Input)>, ConvertError> {
    let (path, in_folder) = match wanted {
        Wanted::Tree(path, tree, files) => return Ok(Some((path, tree.adapter, Input::Tree(tree, files)))),
        Wanted::File(path) => (path, false),
        Wanted::InFolder(path) => (path, true),
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
    Benchmarks(Benchmarks<'a>),
    Cases { counts: Counts, first: bool, out: &'a mut dyn Write },
}

impl<'a> Answer<'a> {
    /// `only`: there will be one file.
    fn begin(reading: Reading, only: bool, out: &'a mut dyn Write) -> io::Result<Self> {
        Ok(match reading {
            Reading::Benchmarks(_) | Reading::Lines(_) | Reading::Each(_) | Reading::Twice(_) => {
                Self::Benchmarks(Benchmarks { writer: Writer::default(), ready: Vec::new(), first: true, only, out })
            }
            Reading::Cases(_) => {
                out.write_all(b"{\"cases\":[")?;
                Self::Cases { counts: Counts::default(), first: true, out }
            }
        })
    }

    fn file(&mut self, adapter: &Adapter, path: &Path, input: Input, told: &mut Converted) -> Result<(), ConvertError> {
        let mixed = || ConvertError::Unreadable {
            path: path.to_path_buf(),
            text: format!("`{}` does not go together with the files before it", adapter.name),
        };
        let io = |source| ConvertError::Io { path: path.to_path_buf(), source };
        let mut written: io::Result<()> = Ok(());
        let warnings = match (adapter.reading, self, input) {
            (_, Self::Benchmarks(all), Input::Tree(tree, files)) => all.parsed((tree.read)(&files), &mut written),
            (Reading::Benchmarks(parse), Self::Benchmarks(all), Input::Stream(input)) => {
                let mut bytes = Vec::new();
                input.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
                all.parsed(parse(&bytes), &mut written)
            }
            (Reading::Lines(read), Self::Benchmarks(all), Input::Stream(mut input)) => {
                all.parsed(read(&mut input), &mut written)
            }
            (Reading::Each(read), Self::Benchmarks(all), Input::Stream(mut input)) => {
                all.each(&mut written, |take| read(&mut input, take))
            }
            (Reading::Twice(read), Self::Benchmarks(all), Input::Stream(input)) => {
                let mut input = source(path, input).map_err(io)?;
                all.each(&mut written, |take| read(&mut *input, take))
            }
            (Reading::Cases(read), Self::Cases { counts, first, out }, Input::Stream(mut input)) => {
                let mut take = |case: &Case| {
                    counts.add_case(case.outcome);
                    written = write_case(*out, case, std::mem::take(first));
                    flow(&written)
                };
                read(&mut input, &mut take).map(|totals| totals.warnings)
            }
            _ => return Err(mixed()),
        };
        written.map_err(ConvertError::Output)?;
        let warnings = warnings.map_err(|error| ConvertError::Misread {
            path: path.to_path_buf(),
            line: error.line,
            column: error.column,
            text: error.message(),
        })?;
        told.warnings.extend(warnings.iter().map(|one| format!("{}:{}: {}", path.display(), one.line, one.text)));
        Ok(())
    }

    /// Ends the document. Benchmarks are written only if all files could be read.
    fn end(self, failed: bool) -> io::Result<()> {
        match self {
            Self::Benchmarks(_) if failed => Ok(()),
            Self::Benchmarks(all) => all.end(),
            Self::Cases { counts, out, .. } => write_end(out, &counts),
        }
    }
}

/// Benchmarks on their way. Readers hand them out when they have read all of a file: the benchmarks of an only file go
/// out at once, those of several wait until all files could be read.
struct Benchmarks<'a> {
    writer: Writer,
    ready: Vec<u8>,
    first: bool,
    only: bool,
    out: &'a mut dyn Write,
}

impl Benchmarks<'_> {
    fn parsed(
        &mut self,
        parsed: Result<Parsed, HarnessError>,
        written: &mut io::Result<()>,
    ) -> Result<Vec<Warning>, HarnessError> {
        let Parsed { benchmarks, warnings } = parsed?;
        let _ = benchmarks.iter().try_for_each(|benchmark| self.write(benchmark, written));
        Ok(warnings)
    }

    /// Writes the benchmarks that `read` hands out.
    fn each(
        &mut self,
        written: &mut io::Result<()>,
        read: impl FnOnce(&mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError>,
    ) -> Result<Vec<Warning>, HarnessError> {
        read(&mut |benchmark| self.write(benchmark, written))
    }

    fn write(&mut self, benchmark: &Benchmark, written: &mut io::Result<()>) -> ControlFlow<()> {
        *written = self.put(benchmark);
        flow(written)
    }

    fn put(&mut self, benchmark: &Benchmark) -> io::Result<()> {
        let before: &[u8] = if std::mem::take(&mut self.first) { b"{\"benchmarks\":[" } else { b"," };
        self.ready.extend_from_slice(before);
        self.writer.put(benchmark, &mut self.ready)?;
        if self.only && self.ready.len() > WRITTEN {
            self.out.write_all(&self.ready)?;
            self.ready.clear();
        }
        Ok(())
    }

    fn end(self) -> io::Result<()> {
        let before: &[u8] = if self.first { b"{\"benchmarks\":[" } else { b"" };
        self.out.write_all(before)?;
        self.out.write_all(&self.ready)?;
        self.out.write_all(b"]}\n")
    }
}

fn flow(written: &io::Result<()>) -> ControlFlow<()> {
    if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
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

/// The input in a form that can be read twice: a file as it is, a pipe by a copy, which is in a file that has no name if
/// there is much of it.
fn source(path: &Path, mut input: Box<dyn Read>) -> io::Result<Box<dyn Source>> {
    if path.as_os_str() != "-" && path.is_file() {
        return Ok(Box::new(File::open(path)?));
    }
    let mut copy = SpooledTempFile::new(HELD);
    io::copy(&mut input, &mut copy)?;
    Ok(Box::new(copy))
}

/// The file, or standard input for `-`.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path)?))
}
