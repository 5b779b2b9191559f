//! A template set with where it was found and the text of its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::walk::folders;
use super::{MANIFEST, TemplatesError, nearest_set};
use crate::ops::load::{LoadError, read};
use crate::pipeline;
use crate::templating::{Manifest, Set, built_in, built_in_manifest, parse_manifest, referenced};

/// What template files end with.
const ENDINGS: [&str; 3] = ["j2", "jinja", "jinja2"];
/// The most templates of one set, the largest of them in bytes, and how deep folders are looked into.
const MOST_FILES: usize = 500;
const LARGEST: u64 = 1 << 20;
const DEEPEST: usize = 6;

/// Where a set lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// In the program.
    BuiltIn,
    /// In a folder.
    Folder {
        /// The folder, as it was named or found.
        path: PathBuf,
    },
}

impl Origin {
    /// A file of the set, as messages name it.
    pub fn file(&self, set: &str, file: &str) -> String {
        match self {
            Self::BuiltIn => format!("{set}/{file}"),
            Self::Folder { path } => path.join(file).display().to_string(),
        }
    }
}

/// A set that was found.
#[derive(Debug, Clone)]
pub struct Located {
    /// Where.
    pub origin: Origin,
    /// The set.
    pub set: Set,
    /// The text of its manifest.
    pub manifest: String,
}

impl Located {
    /// The set of that name or in that folder. A name that is written as a path, or that a folder with a manifest has, is
    /// the folder; then come the sets of Backsight, then those whose manifest has the name somewhere below the workspace.
    ///
    /// # Errors
    /// If there is none, it cannot be read, or its manifest is wrong.
    pub fn find(workspace: &Path, name: &str) -> Result<Self, TemplatesError> {
        let folder = workspace.join(name);
        let file = folder.join(MANIFEST);
        if file.is_file() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Self::read(&folder);
        }
        if let (Some(set), Some(manifest)) = (built_in(name), built_in_manifest(name)) {
            return Ok(Self { origin: Origin::BuiltIn, set, manifest: manifest.to_owned() });
        }
        let mut names = Vec::new();
        for folder in folders(workspace) {
            let Ok(manifest) = read(&folder.join(MANIFEST)) else { continue };
            match parse_manifest(&manifest) {
                Ok(found) if found.name == name => return Self::read(&folder),
                Ok(found) => names.push(found.name),
                Err(_) => {}
            }
        }
        Err(TemplatesError::Unknown { name: name.to_owned(), near: nearest_set(name, &names) })
    }

    /// Reads the set in a folder.
    ///
    /// # Errors
    /// If it cannot be read, or its manifest is wrong.
    pub fn read(folder: &Path) -> Result<Self, TemplatesError> {
        let path = folder.join(MANIFEST);
        let text = read(&path)?;
        let parsed = parse_manifest(&text);
        let manifest = parsed.map_err(|diagnostics| LoadError::Wrong { path, text: text.clone(), diagnostics })?;
        let files = templates(folder, &manifest)?;
        let origin = Origin::Folder { path: folder.to_owned() };
        Ok(Self { origin, set: Set { manifest, files }, manifest: text })
    }
}

/// All files that end like a template, and those that the manifest or another template names.
fn templates(folder: &Path, manifest: &Manifest) -> Result<BTreeMap<String, String>, LoadError> {
    let mut files = BTreeMap::new();
    let mut names = Vec::new();
    gather(folder, "", DEEPEST, &mut names).map_err(|source| LoadError::Io { path: folder.to_owned(), source })?;
    names.extend(manifest.outputs.iter().map(|output| output.template.clone()));
    names.sort();
    names.reverse();
    while let Some(name) = names.pop() {
        if files.contains_key(&name) || name.split(['/', '\\']).any(|part| part == "..") {
            continue;
        }
        let path = folder.join(&name);
        // What is not there is told with its place, by the check of the set.
        if !std::fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file()) {
            continue;
        }
        if files.len() >= MOST_FILES {
            let text = format!("a set has at most {MOST_FILES} templates");
            return Err(LoadError::Refused { path: folder.to_owned(), text });
        }
        let source = text(&path)?;
        names.extend(referenced(&source));
        files.insert(name, source);
    }
    Ok(files)
}

fn text(path: &Path) -> Result<String, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let refused = |text: String| LoadError::Refused { path: path.to_owned(), text };
    if std::fs::metadata(path).map_err(io)?.len() > LARGEST {
        return Err(refused(format!("it is larger than {} MiB, which no template is", LARGEST >> 20)));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    pipeline::decode(&bytes).map(str::to_owned).map_err(|_| refused("it is no UTF-8 text".to_owned()))
}

/// The names of templates below a folder, with `/`. Links are not followed.
fn gather(folder: &Path, before: &str, deeper: usize, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let ends = Path::new(&name).extension().and_then(|end| end.to_str()).is_some_and(|end| ENDINGS.contains(&end));
        if kind.is_file() && ends && names.len() <= MOST_FILES {
            names.push(format!("{before}{name}"));
        } else if kind.is_dir() && deeper > 0 && !name.starts_with('.') {
            gather(&entry.path(), &format!("{before}{name}/"), deeper - 1, names)?;
        }
    }
    Ok(())
}
