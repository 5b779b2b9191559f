//! The tools whose history is read, and how they are recognised.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Found, asv, bencher, conbench, gab, pytest};
use crate::execute::FileBelow;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 128 << 20;

/// How much of a file shows what it is, in bytes.
const HEAD: u64 = 64 << 10;

/// A tool that keeps a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// github-action-benchmark's `data.js`.
    GithubActionBenchmark,
    /// Bencher's reports as JSON, or Bencher Metric Format.
    Bencher,
    /// asv's folder `results`.
    Asv,
    /// pytest-benchmark's folder `.benchmarks`.
    PytestBenchmark,
    /// Conbench's benchmark results as JSON.
    Conbench,
}

/// Why a path is not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It is too large.
    #[error("{}: larger than {} MiB; split it", .0.display(), LARGEST >> 20)]
    Large(PathBuf),
    /// It is of no known tool.
    #[error(
        "{}: this looks like the history of no known tool; name it with --from: {}",
        .0.display(),
        Source::ALL.map(Source::as_str).join(", ")
    )]
    Unknown(PathBuf),
    /// It is damaged as a whole.
    #[error("{}:{line}:{column}: {text}", path.display())]
    Damaged {
        /// The path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        text: String,
    },
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::GithubActionBenchmark, Self::Bencher, Self::Asv, Self::PytestBenchmark, Self::Conbench];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GithubActionBenchmark => "github-action-benchmark",
            Self::Bencher => "bencher",
            Self::Asv => "asv",
            Self::PytestBenchmark => "pytest-benchmark",
            Self::Conbench => "conbench",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::GithubActionBenchmark => "github-action-benchmark's data.js",
            Self::Bencher => "Bencher's reports",
            Self::Asv => "asv's results",
            Self::PytestBenchmark => "pytest-benchmark's storage",
            Self::Conbench => "Conbench's results",
        }
    }

    /// Whether this is the start of a file of this tool.
    fn fits(self, head: &str) -> bool {
        let has = |keys: &[&str]| keys.iter().all(|key| head.contains(&format!("\"{key}\"")));
        match self {
            Self::GithubActionBenchmark => head.contains("BENCHMARK_DATA") || has(&["lastUpdate", "entries"]),
            Self::Bencher => has(&["testbed", "branch"]) || has(&["benchmark", "measures"]),
            Self::Asv => has(&["commit_hash", "env_name", "results"]),
            Self::PytestBenchmark => has(&["machine_info", "commit_info"]) && !has(&["batch_id"]),
            Self::Conbench => has(&["batch_id", "stats"]) || has(&["run_id", "stats", "tags"]),
        }
    }

    /// Reads the files.
    pub(super) fn read(self, files: &[FileBelow]) -> Result<Found, SourceError> {
        match self {
            Self::GithubActionBenchmark => gab::read(files),
            Self::Bencher => bencher::read(files),
            Self::Asv => asv::read(files),
            Self::PytestBenchmark => pytest::read(files),
            Self::Conbench => conbench::read(files),
        }
    }
}

/// The tool that was named, or that these files show.
pub(super) fn of(named: Option<Source>, path: &Path, files: &[FileBelow]) -> Result<Source, SourceError> {
    if let Some(named) = named {
        return Ok(named);
    }
    for (_, file) in files.iter().filter(|(name, _)| is_json(name)) {
        let io = |source| SourceError::Io { path: file.clone(), source };
        let mut head = Vec::new();
        File::open(file).map_err(io)?.take(HEAD).read_to_end(&mut head).map_err(io)?;
        let head = String::from_utf8_lossy(&head);
        if let Some(found) = Source::ALL.into_iter().find(|source| source.fits(&head)) {
            return Ok(found);
        }
    }
    Err(SourceError::Unknown(path.to_owned()))
}

/// Whether a file can be a history by its name; a `data.js` is JSON behind a few words.
pub(super) fn is_json(name: &str) -> bool {
    [".json", ".js", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}

/// The content of a file.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, SourceError> {
    let io = |source| SourceError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(SourceError::Large(path.to_owned()));
    }
    Ok(bytes)
}

/// The hash of the files' bytes, one after the other.
pub(super) fn sha256(files: &[FileBelow]) -> Result<String, SourceError> {
    let mut hash = Sha256::new();
    for (name, path) in files.iter().filter(|(name, _)| is_json(name)) {
        if files.len() > 1 {
            hash.update(name.as_bytes());
        }
        hash.update(content(path)?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
