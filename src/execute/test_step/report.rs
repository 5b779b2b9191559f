//! Where a test command leaves its report, and reading it: files, a stream of its output, or `$BACKSIGHT_JUNIT`.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Cursor, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::attempts::Attempts;
use crate::execute::file_stem;
use crate::execute::files::{Found, written_since};
use crate::execute::log::Log;
use crate::execute::process::Sink;
use crate::harness::{Adapter, HEAD, Head, Reading, adapter, detect};
use crate::pipeline::{OutputSource, TestHarness};
use crate::results::Case;

/// The first attempt and the most retries that a pipeline may ask for.
const MOST_ATTEMPTS: u32 = 11;

/// The ending of what a step wrote to `$BACKSIGHT_JUNIT`; what it printed has its format's name.
pub(super) const WRITTEN: &str = "xml";

/// The path below a run's folder of what the command reports in this attempt.
pub(super) fn name(step: &str, attempt: u32, ending: &str) -> String {
    format!("junit/{}.{attempt}.{ending}", file_stem(step))
}

/// Output that goes to the log and to the report.
pub(super) struct Both<'a, 'b, 'c> {
    pub(super) log: &'a RefCell<&'a mut Log<'b>>,
    pub(super) report: Option<&'a mut Log<'c>>,
}

impl Sink for Both<'_, '_, '_> {
    fn take(&mut self, piece: &[u8]) {
        self.log.borrow_mut().write(piece);
        if let Some(report) = &mut self.report {
            report.write(piece);
        }
    }
}

/// The files of a report, and how they are named to people; none where the command wrote nothing and need not.
pub(super) fn files(
    source: Option<&OutputSource>,
    kept: &Path,
    cwd: &Path,
    since: SystemTime,
) -> Result<Vec<(String, PathBuf)>, String> {
    let pattern = match source {
        Some(OutputSource::Stdout) => return Ok(vec![("standard output".into(), kept.to_owned())]),
        Some(OutputSource::Stderr) => return Ok(vec![("standard error".into(), kept.to_owned())]),
        // Its path differs from run to run, and the file is removed in the end.
        None if kept.is_file() => return Ok(vec![("$BACKSIGHT_JUNIT".into(), kept.to_owned())]),
        None if kept.symlink_metadata().is_ok() => return Err("$BACKSIGHT_JUNIT is no regular file".into()),
        None => return Ok(Vec::new()),
        Some(OutputSource::Files(pattern)) => pattern,
    };
    match written_since(cwd, pattern, since)? {
        Found { fresh, .. } if !fresh.is_empty() => {
            let shown = |file: &Path| file.strip_prefix(cwd).unwrap_or(file).display().to_string();
            Ok(fresh.into_iter().map(|file| (shown(&file), file)).collect())
        }
        Found { stale, .. } => {
            let hint = match stale.len() {
                0 => String::new(),
                n => format!("; {n} older files match and were left alone"),
            };
            Err(format!("the command wrote no report that matches `{pattern}`{hint}"))
        }
    }
}

/// Reads one report; cases before a mistake are handed on. Gives what was odd about it.
///
/// # Errors
/// If it cannot be read, or is in another format.
pub(super) fn read(file: &Path, harness: TestHarness, on_case: &mut dyn FnMut(Case)) -> Result<Vec<String>, String> {
    let mut opened = File::open(file).map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    if harness == TestHarness::Auto {
        opened.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
    }
    let format = format(harness, &head)?;
    let Reading::Cases(read) = format.reading else {
        return Err(format!("it is `{}`, which has benchmarks and no test cases", format.name));
    };
    let mut lend = |case: &Case| {
        on_case(case.clone());
        ControlFlow::Continue(())
    };
    let totals = read(&mut Cursor::new(head).chain(opened), &mut lend).map_err(|error| error.to_string())?;
    Ok(totals.warnings.iter().map(|warning| format!("line {}: {}", warning.line, warning.text)).collect())
}

fn format(harness: TestHarness, head: &[u8]) -> Result<&'static Adapter, String> {
    if harness == TestHarness::Auto {
        return detect(&Head::new(head)).map_err(|error| error.in_pipeline());
    }
    adapter(harness.as_str()).ok_or_else(|| format!("there is no reader for `{}`", harness.as_str()))
}

/// The reports that a step's command has left in the run's folder, by attempt, with their formats.
pub(super) fn left(run_dir: &Path, step: &str) -> Vec<(PathBuf, TestHarness)> {
    let attempts = (1..=MOST_ATTEMPTS).flat_map(|attempt| {
        let printed = TestHarness::ALL.into_iter().map(|harness| (harness.as_str(), harness));
        let all = std::iter::once((WRITTEN, TestHarness::Junit)).chain(printed);
        all.map(move |(ending, harness)| (run_dir.join(name(step, attempt, ending)), harness))
    });
    attempts.filter(|(file, _)| file.is_file()).collect()
}

/// Takes in what a step that was killed had reported in the run's folder, its attempts joined, without the first `told`
/// cases, which are known already; then removes the files. What cannot be read of a file that a killed process was
/// writing is lost with that process.
pub fn adopt_reports(run_dir: &Path, step: &str, told: usize, on_case: &mut dyn FnMut(Case)) {
    let files = left(run_dir, step);
    let mut attempts = Attempts::new(true);
    for (file, harness) in &files {
        attempts.begin();
        let mut take = |case: Case| attempts.take(Case { step: step.to_owned(), ..case }, &mut |_| {});
        let _ = read(file, *harness, &mut take);
    }
    let mut known = told;
    attempts.finish(&mut |case| {
        if known == 0 {
            on_case(case);
        }
        known = known.saturating_sub(1);
    });
    for (file, _) in &files {
        let _ = std::fs::remove_file(file);
    }
}
