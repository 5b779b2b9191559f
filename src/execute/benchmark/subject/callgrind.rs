//! Counts instructions by running a command under callgrind: nine to fifty times as slow, and the same every time.
//!
//! These are executions of their own, apart from the timed ones. The count is that of the whole tree of processes. One
//! thing is not as a processor would count: a process that forks and goes on without executing another program counts
//! again what its parent had counted before the fork.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Processes of one execution beyond this many are refused.
const MOST_PROCESSES: usize = 10_000;
/// The end of a report that is read for its last lines, in bytes.
const END: u64 = 8 << 10;

/// Why the reports of an execution give no count.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder or a file.
    #[error("callgrind's report cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A report without a total.
    #[error("callgrind's report of process {0} has no total; was the process killed?")]
    NoTotal(String),
    /// Nothing there.
    #[error("callgrind wrote no report; was the program killed?")]
    Nothing,
    /// Too much there.
    #[error("the command started more than {MOST_PROCESSES} processes; callgrind's reports are not read")]
    TooMany,
}

/// The words before the command: callgrind writes one report a process into `folder`.
pub(super) fn words(valgrind: &Path, folder: &Path) -> Vec<String> {
    // valgrind reads `%p` in the path as the process's number, and `%%` as `%`.
    let folder = folder.to_string_lossy().replace('%', "%%");
    vec![
        valgrind.to_string_lossy().into_owned(),
        "-q".into(),
        "--tool=callgrind".into(),
        "--trace-children=yes".into(),
        format!("--callgrind-out-file={folder}/%p"),
    ]
}

/// The instructions of all processes of one execution, by their reports, which are removed.
pub(super) fn collect(folder: &Path) -> Result<u64, ReportError> {
    let files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .take(MOST_PROCESSES + 1)
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let told = if files.len() > MOST_PROCESSES { Err(ReportError::TooMany) } else { total(&files) };
    for file in &files {
        std::fs::remove_file(file)?;
    }
    told
}

fn total(files: &[PathBuf]) -> Result<u64, ReportError> {
    let mut instructions = 0_u64;
    for path in files {
        let process = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let count = last_total(&mut File::open(path)?)?.ok_or_else(|| ReportError::NoTotal(process()))?;
        instructions = instructions.saturating_add(count);
    }
    if files.is_empty() { Err(ReportError::Nothing) } else { Ok(instructions) }
}

/// `totals: 2492690` near the end of a report.
fn last_total(file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let total = end.lines().rev().find_map(|line| line.strip_prefix("totals:"));
    Ok(total.and_then(|total| total.split_whitespace().next()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::{ReportError, collect, last_total, words};

    /// As callgrind 3.19 writes it, the body left out.
    fn report(command: &str, total: &str) -> String {
        format!(
            "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 7\ncmd:  {command}\npart: 1\n\n\
             desc: Trigger: Program termination\npositions: line\nevents: Ir\nsummary: 12\n\n\nob=(1) /x\n0 5\n\n\
             totals: {total}\n"
        )
    }

    fn collected(reports: &[String]) -> (Result<u64, ReportError>, usize) {
        let dir = tempfile::tempdir().unwrap();
        for (at, report) in reports.iter().enumerate() {
            std::fs::write(dir.path().join(at.to_string()), report).unwrap();
        }
        let total = collect(dir.path());
        (total, std::fs::read_dir(dir.path()).unwrap().count())
    }

    #[test]
    fn processes_are_added_up() {
        let (total, left) = collected(&[report("sh -c x", "100"), report("ls /", "7")]);
        assert_eq!((total.unwrap(), left), (107, 0));
    }

    #[test]
    fn reports_that_are_cut_or_missing_are_no_count() {
        assert!(matches!(collected(&[]).0, Err(ReportError::Nothing)));
        for odd in ["", "totals:", "totals: x\n", "totals: -1\n", "totals: 99999999999999999999\n"] {
            let (total, left) = collected(&[report("a", "1"), odd.to_owned()]);
            assert!(matches!(total, Err(ReportError::NoTotal(_))), "{odd}");
            assert_eq!(left, 0);
        }
        let long = format!("{}\ntotals: 5\n", "x".repeat(1 << 20));
        assert_eq!(last_total(&mut Cursor::new(long)).unwrap(), Some(5));
    }

    #[test]
    fn a_folder_with_a_percent_sign_is_not_expanded() {
        let words = words(Path::new("/usr/bin/valgrind"), Path::new("/x/50%p"));
        assert_eq!(words.last().unwrap(), "--callgrind-out-file=/x/50%%p/%p");
    }
}
