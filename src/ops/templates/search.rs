//! Lists the template sets that there are.

use std::path::Path;

use serde::Serialize;

use super::TemplatesError;
use super::located::{Located, Origin};
use super::walk::folders;
use crate::ops::load::LoadError;
use crate::templating::{built_in, built_ins};

/// One set in a list.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name; of one that cannot be read, its folder's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it makes.
    pub description: String,
    /// Where it lies.
    pub origin: Origin,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// The sets that come with Backsight, then those in folders below this one, by their paths.
///
/// # Errors
/// If there is no such folder.
pub fn list(folder: &Path) -> Result<Vec<Row>, TemplatesError> {
    if !folder.is_dir() {
        return Err(LoadError::Refused { path: folder.to_owned(), text: "there is no such folder".to_owned() }.into());
    }
    let own = built_ins().iter().filter_map(|name| built_in(name)).map(|set| Row {
        name: set.manifest.name,
        version: set.manifest.version,
        description: set.manifest.description,
        origin: Origin::BuiltIn,
        problem: None,
    });
    Ok(own.chain(folders(folder).iter().map(|folder| row(folder))).collect())
}

fn row(folder: &Path) -> Row {
    let origin = Origin::Folder { path: folder.to_owned() };
    match Located::read(folder) {
        Ok(Located { set, .. }) => Row {
            name: set.manifest.name,
            version: set.manifest.version,
            description: set.manifest.description,
            origin,
            problem: None,
        },
        Err(error) => {
            let problem = match error {
                TemplatesError::Load(LoadError::Wrong { diagnostics, .. }) => {
                    let first = diagnostics.first().map(|first| first.message.clone()).unwrap_or_default();
                    format!("{first}; `backsight templates validate` shows all")
                }
                other => other.to_string(),
            };
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Row { name, version: String::new(), description: String::new(), origin, problem: Some(problem) }
        }
    }
}
