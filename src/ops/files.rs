//! Files of a run: written whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::report;
use crate::results::Document;

/// The file of the document in a run's folder.
pub(super) const RESULTS: &str = "results.json";

/// Writes `text` beside `path` and renames it, so that a reader sees the old file or the new one.
pub(super) fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text)?;
    set_readable(beside.as_file())?;
    beside.persist(path)?;
    Ok(())
}

/// As a file made without a temporary one would be: artifacts are read by other users of the CI host.
fn set_readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Writes `results.json`, `junit.xml`, `report.md` and `report.html` into the run's folder. Each is tried even if another fails; the
/// names of those written and the sentences about those that were not are given back.
pub(super) fn write_reports(folder: &Path, document: &Document) -> (Vec<String>, Vec<String>) {
    let json = serde_json::to_vec_pretty(document).map_err(io::Error::other);
    let files: [(&str, io::Result<Vec<u8>>); 4] = [
        (RESULTS, json),
        ("junit.xml", Ok(report::junit::render(document, &report::junit::Limits::default()).into_bytes())),
        ("report.md", Ok(report::markdown(document).into_bytes())),
        ("report.html", Ok(report::html(document, None).into_bytes())),
    ];
    let (mut written, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match text.and_then(|text| write_whole(&folder.join(name), &text)) {
            Ok(()) => written.push(name.to_owned()),
            Err(error) => problems.push(format!("{name} could not be written: {error}")),
        }
    }
    (written, problems)
}

/// Writes the document to the system's folder for temporary files: where a run's own folder cannot take it, what was
/// measured is not lost.
pub(super) fn rescue(document: &Document) -> io::Result<PathBuf> {
    let json = serde_json::to_vec_pretty(document).map_err(io::Error::other)?;
    let prefix = format!("backsight-{}-", document.run.id);
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".json").tempfile()?;
    file.write_all(&json)?;
    let (_, path) = file.keep().map_err(|kept| kept.error)?;
    Ok(path)
}
