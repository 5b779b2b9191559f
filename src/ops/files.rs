//! Files of a run: written whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::report;
use crate::results::{Document, ExitCode, Status};
use crate::store::{Places, Store};

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
pub(super) fn set_readable(file: &std::fs::File) -> io::Result<()> {
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

/// Stores the document and writes the reports; the names of the files written are given back. The document goes to the
/// files last, so that they tell of a store that failed.
pub(super) fn keep(
    folder: &Path,
    document: &mut Document,
    store: &mut dyn Store,
    problems: &mut Vec<String>,
) -> Vec<String> {
    if let Err(error) = store.save(document) {
        problems.push(format!("the run is not in the store: {error}"));
        document.run.status = Status::Errored;
        document.run.exit_code = document.run.exit_code.worst(ExitCode::Tool);
    }
    let (files, unwritten) = write_reports(folder, document);
    if !unwritten.is_empty() {
        problems.extend(unwritten);
        document.run.exit_code = document.run.exit_code.worst(ExitCode::Tool);
    }
    if !files.iter().any(|file| file == RESULTS) {
        problems.push(match rescue(document) {
            Ok(path) => format!("the results are in {} instead", path.display()),
            Err(error) => format!("the results could not be kept anywhere else either: {error}"),
        });
    }
    files
}

/// Makes the folder of a run, and keeps the folder of all runs out of commits.
pub(super) fn make_run_folder(places: &Places, id: Uuid) -> io::Result<PathBuf> {
    let folder = places.run(id);
    std::fs::create_dir_all(&folder)?;
    let ignore = places.folder().join(".gitignore");
    if !ignore.exists() {
        // Not worth failing for: it only keeps the folder out of commits.
        let _ = std::fs::write(ignore, "*\n");
    }
    Ok(folder)
}
