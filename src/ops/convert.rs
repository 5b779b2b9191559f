//! `backsight convert`: another tool's output to our JSON.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::harness::{Format, Parsed, Warning, junit};
use crate::results::{Benchmark, Case, Counts, ExitCode};

/// The largest benchmark report that is read, in bytes; JUnit is streamed and has no such limit.
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
            Self::Io { .. } | Self::Unreadable { .. } => ExitCode::Usage,
        }
    }
}

/// Converts benchmark reports in the format `name`; warnings are given back.
///
/// # Errors
/// If a file cannot be read or holds no benchmark.
pub fn benchmarks(name: &str, files: &[PathBuf], out: &mut dyn Write) -> Result<Vec<String>, ConvertError> {
    #[derive(Serialize)]
    struct Answer {
        benchmarks: Vec<Benchmark>,
    }
    let mut answer = Answer { benchmarks: Vec::new() };
    let mut warnings = Vec::new();
    for path in files {
        let mut bytes = Vec::new();
        let io = |source| ConvertError::Io { path: path.clone(), source };
        open(path).map_err(io)?.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
        let unreadable = |text: String| ConvertError::Unreadable { path: path.clone(), text };
        let parser = Format::parse(name).and_then(Format::parser);
        let parser = parser.ok_or_else(|| unreadable(format!("`{name}` is no format of benchmarks")))?;
        let Parsed { benchmarks, warnings: told } = parser(&bytes).map_err(|error| unreadable(error.to_string()))?;
        answer.benchmarks.extend(benchmarks);
        let tell = |warning: &Warning| format!("{}:{}: {}", path.display(), warning.line, warning.text);
        warnings.extend(told.iter().map(tell));
    }
    serde_json::to_writer(&mut *out, &answer).map_err(|error| ConvertError::Output(error.into()))?;
    out.write_all(b"\n").map_err(ConvertError::Output)?;
    Ok(warnings)
}

/// Converts JUnit XML, case by case in constant memory; warnings are given back.
///
/// # Errors
/// If a file cannot be read or is cut off; the cases before that are written, and the answer stays valid JSON.
pub fn junit(files: &[PathBuf], out: &mut dyn Write) -> Result<Vec<String>, ConvertError> {
    let mut counts = Counts::default();
    let mut first = true;
    let mut failed: io::Result<()> = out.write_all(b"{\"cases\":[");
    let (mut problem, mut warnings) = (None, Vec::new());
    for path in files {
        let mut take = |case: &Case| {
            counts.add_case(case.outcome);
            failed = write_case(out, case, std::mem::take(&mut first));
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let reader = open(path).map_err(|source| ConvertError::Io { path: path.clone(), source })?;
        match junit::read(reader, &junit::Limits::default(), &mut take) {
            Ok(totals) => warnings.extend(totals.warnings.iter().map(|text| format!("{}: {text}", path.display()))),
            Err(error) => {
                problem = Some(ConvertError::Unreadable { path: path.clone(), text: error.to_string() });
                break;
            }
        }
    }
    failed.map_err(ConvertError::Output)?;
    write_end(out, &counts).map_err(ConvertError::Output)?;
    problem.map_or(Ok(warnings), Err)
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
