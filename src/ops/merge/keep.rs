//! Writes the joined run. Where it has more cases than are kept in memory, they are read from the legs again, one leg at a
//! time.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::sources::Source;
use crate::compare::legs::Joined;
use crate::ops::files::{RESULTS, keep, write_reports};
use crate::results::{Document, ExitCode, Remark, RemarkLevel};
use crate::store::SqliteStore;

/// Writes the files and stores the run; the names of the files are given back.
pub(super) fn keep_joined(
    folder: &Path,
    joined: &mut Joined,
    sources: &[Source],
    store: &mut SqliteStore,
    problems: &mut Vec<String>,
) -> Vec<String> {
    if joined.unlisted == 0 {
        return keep(folder, &mut joined.document, store, problems);
    }
    let text = format!(
        "{} tests that did not fail are counted here and listed in {RESULTS} only; the run is not in the store of this workspace",
        joined.unlisted
    );
    joined.document.remarks.push(Remark { level: RemarkLevel::Info, step: None, text });
    let (files, unwritten) = write_reports(folder, &joined.document);
    problems.extend(unwritten);
    if let Err(error) = write_all(&folder.join(RESULTS), joined, sources) {
        problems.push(format!("{RESULTS} could not be written: {error}"));
    }
    if !problems.is_empty() {
        joined.document.run.exit_code = joined.document.run.exit_code.worst(ExitCode::Tool);
    }
    files
}

/// Writes the document with the cases of all legs.
fn write_all(path: &Path, joined: &Joined, sources: &[Source]) -> io::Result<()> {
    // Quotation marks inside of strings are escaped, so this stands once: where the list of all cases is.
    const EMPTY: &str = "\"cases\":[],\"generations\":";
    let bare = Document { cases: Vec::new(), ..joined.document.clone() };
    let text = serde_json::to_string(&bare)?;
    let (before, after) =
        text.split_once(EMPTY).ok_or_else(|| io::Error::other("the document has no place for its cases"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write!(out, "{before}\"cases\":[")?;
    let mut first = true;
    for (leg, source) in sources.iter().enumerate() {
        let document = source.read().map_err(io::Error::other)?;
        for case in document.cases {
            if !std::mem::take(&mut first) {
                out.write_all(b",")?;
            }
            serde_json::to_writer(&mut out, &joined.renames().of_case(leg, case))?;
        }
    }
    write!(out, "],\"generations\":{after}")?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    crate::ops::files::set_readable(file.as_file())?;
    file.persist(path)?;
    Ok(())
}
