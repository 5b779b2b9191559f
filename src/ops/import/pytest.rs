//! pytest-benchmark: the files that `--benchmark-autosave` leaves in `.benchmarks/MACHINE/`.

use super::json::{at, commit, documents, instant, parsed, text};
use super::source::{SourceError, content, is_json};
use super::{Found, Imported};
use crate::execute::FileBelow;

pub(super) fn read(files: &[FileBelow]) -> Result<Found, SourceError> {
    let mut found = Found::default();
    for (name, path) in files.iter().filter(|(name, _)| is_json(name)) {
        let documents = match documents(path, &content(path)?) {
            Ok(documents) => documents,
            Err(error) => {
                found.warnings.push(format!("{error}; left out"));
                continue;
            }
        };
        for document in &documents {
            let Some(when) = instant(document, &["datetime"]).or_else(|| instant(document, &["commit_info", "time"]))
            else {
                found.warn(name, "its `datetime` is no time; left out");
                continue;
            };
            match parsed("pytest-benchmark", document) {
                Ok((benchmarks, warnings)) => {
                    warnings.iter().for_each(|text| found.warn(name, text));
                    let cpu = at(document, &["machine_info", "cpu"]).and_then(|cpu| text(cpu, &["brand_raw"]));
                    let python = text(document, &["machine_info", "python_version"]).unwrap_or("?");
                    let node = text(document, &["machine_info", "node"]).unwrap_or("an unknown machine");
                    found.all.push(Imported {
                        at: when,
                        commit: commit(document, &["commit_info", "id"]),
                        branch: text(document, &["commit_info", "branch"])
                            .filter(|branch| !branch.starts_with('('))
                            .map(str::to_owned),
                        request: None,
                        machine: format!("{} (Python {python})", cpu.unwrap_or(node)),
                        suite: "pytest-benchmark".into(),
                        benchmarks,
                    });
                }
                Err(why) => found.warn(name, format!("{why}; left out")),
            }
        }
    }
    Ok(found)
}
