//! What two template sets have that is not the same.

use std::collections::BTreeSet;
use std::path::Path;

use similar::TextDiff;

use super::located::Located;
use super::{MANIFEST, TemplatesError};

/// The largest text that is compared line by line, in bytes.
const LARGEST: usize = 1 << 20;

/// A file that is not the same in both, or only in one.
#[derive(Debug)]
pub struct Difference {
    /// Its name, relative to the set's folder.
    pub file: String,
    /// The unified diff.
    pub diff: String,
}

/// What is not the same in two sets, each named by its name or its folder: the manifest first, then templates by their
/// names.
///
/// # Errors
/// If one of them is not there or its manifest is wrong.
pub fn differences(workspace: &Path, first: &str, second: &str) -> Result<Vec<Difference>, TemplatesError> {
    let (a, b) = (Located::find(workspace, first)?, Located::find(workspace, second)?);
    let names: BTreeSet<&String> = a.set.files.keys().chain(b.set.files.keys()).collect();
    let manifests = (MANIFEST, Some(a.manifest.as_str()), Some(b.manifest.as_str()));
    let templates = names.into_iter().map(|name| {
        (name.as_str(), a.set.files.get(name).map(String::as_str), b.set.files.get(name).map(String::as_str))
    });
    let differs = std::iter::once(manifests).chain(templates).filter(|(_, old, new)| old != new);
    let label = |located: &Located, file: &str| located.origin.file(&located.set.manifest.name, file);
    Ok(differs
        .map(|(file, old, new)| {
            let from = old.map_or_else(|| "/dev/null".to_owned(), |_| label(&a, file));
            let to = new.map_or_else(|| "/dev/null".to_owned(), |_| label(&b, file));
            Difference { file: file.to_owned(), diff: diff(old, new, &from, &to) }
        })
        .collect())
}

fn diff(old: Option<&str>, new: Option<&str>, from: &str, to: &str) -> String {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    if old.len().max(new.len()) > LARGEST {
        return format!("--- {from}\n+++ {to}\nthe files differ and are too large to be shown line by line\n");
    }
    TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(from, to).to_string()
}
