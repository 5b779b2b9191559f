//! asv: `results/benchmarks.json` and a file for each commit below `results/MACHINE/`.

use serde_json::Value;

use super::json::{commit, documents, instant, text};
use super::source::{SourceError, content, is_json};
use super::{Found, Imported};
use crate::execute::FileBelow;
use crate::harness::{TREES, TreeFile};

pub(super) fn read(files: &[FileBelow]) -> Result<Found, SourceError> {
    let mut found = Found::default();
    let is_list = |name: &str| name.rsplit('/').next() == Some("benchmarks.json");
    let mut list: Option<TreeFile> = None;
    if let Some((_, path)) = files.iter().find(|(name, _)| is_list(name)) {
        list = Some(("benchmarks.json".into(), content(path)?));
    }
    let Some(tree) = TREES.into_iter().find(|tree| tree.adapter.name == "asv") else { return Ok(found) };
    for (name, path) in files.iter().filter(|(name, _)| is_json(name) && !is_list(name)) {
        let bytes = content(path)?;
        let documents = match documents(path, &bytes) {
            Ok(documents) => documents,
            Err(error) => {
                found.warnings.push(format!("{error}; left out"));
                continue;
            }
        };
        // `machine.json` lies beside the results.
        let Some(document) = documents.first().filter(|document| document.get("results").is_some()) else { continue };
        let own = name.rsplit('/').next().unwrap_or(name);
        let mut needed: Vec<TreeFile> = list.iter().cloned().collect();
        needed.push((format!("machine/{own}"), bytes));
        match (tree.read)(&needed).map_err(|error| error.text).and_then(|parsed| Ok((date(document)?, parsed))) {
            Ok((at, parsed)) => found.all.push(Imported {
                at,
                commit: commit(document, &["commit_hash"]),
                branch: None,
                request: None,
                machine: machine(document),
                suite: "asv".into(),
                benchmarks: parsed.benchmarks,
            }),
            Err(why) => found.warn(name, format!("{why}; left out")),
        }
    }
    Ok(found)
}

/// The commit's date: asv measures commits long after they were made, and orders by it.
fn date(document: &Value) -> Result<jiff::Timestamp, String> {
    instant(document, &["date"]).ok_or_else(|| "its `date` is no time".into())
}

fn machine(document: &Value) -> String {
    let name = text(document, &["params", "machine"]).unwrap_or("an unknown machine");
    match (text(document, &["params", "cpu"]), text(document, &["env_name"])) {
        (cpu, Some(environment)) => {
            format!("{name} ({}{environment})", cpu.map(|cpu| format!("{cpu}, ")).unwrap_or_default())
        }
        (Some(cpu), None) => format!("{name} ({cpu})"),
        (None, None) => name.to_owned(),
    }
}
