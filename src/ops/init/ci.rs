//! Ready files for a CI platform: which there are, and how they come into a project without touching what is there.
//!
//! A list for each platform, in a file of its own; [`super::ci_files`] gives it. The texts are files below `templates/ci/`, which
//! `scripts/test` lints; the one thing that is filled in is where the action is.

use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::InitError;

/// What stands in the templates where the action is used: an owner that must be named, and a hash that no commit has.
pub const PLACEHOLDER: &str = "OWNER/backsight@0000000000000000000000000000000000000000";

/// A platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
}

/// A file that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CiFile {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Where it belongs in the project.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Whether it is written where none is named.
    pub is_usual: bool,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was written; otherwise there was one already, and it is as it was.
    pub is_new: bool,
}

/// Those of a platform's files that are named, or the usual ones.
///
/// # Errors
/// [`InitError::CiName`] if one is not known.
pub fn chosen(all: &'static [CiFile], names: &[String]) -> Result<Vec<&'static CiFile>, InitError> {
    if names.is_empty() {
        return Ok(all.iter().filter(|file| file.is_usual).collect());
    }
    let known = || all.iter().map(|file| file.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let found = all.iter().find(|file| file.name == name);
        found.ok_or_else(|| InitError::CiName { name: name.clone(), known: known() })
    };
    names.iter().map(find).collect()
}

/// The text with the action's place filled in: `OWNER/REPO@REF`, or `./` where the project is the action's own.
///
/// # Errors
/// [`InitError::Action`] if that names no action.
pub fn filled(file: &CiFile, action: Option<&str>) -> Result<String, InitError> {
    let Some(action) = action else { return Ok(file.text.to_owned()) };
    if !is_action(action) {
        return Err(InitError::Action(action.to_owned()));
    }
    Ok(file.text.replace(PLACEHOLDER, action))
}

/// Whether this may stand behind `uses:` as it is: nothing in it means anything to YAML.
fn is_action(text: &str) -> bool {
    let plain = |part: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !part.is_empty() && part != ".." && part.chars().all(inside) && !part.starts_with('-')
    };
    if let Some(below) = text.strip_prefix("./") {
        return below.is_empty() || below.split('/').all(plain);
    }
    let Some((place, reference)) = text.split_once('@') else { return false };
    place.split('/').count() >= 2 && place.split('/').all(plain) && reference.split('/').all(plain)
}

/// Writes files into the folder; one that is there is left as it is.
///
/// # Errors
/// [`InitError::Action`] before anything is written; [`InitError::Outside`] where a link leads out of the folder, and
/// [`InitError::Write`] where writing fails: files before that one are there.
pub fn place(folder: &Path, files: &[&CiFile], action: Option<&str>) -> Result<Vec<Placed>, InitError> {
    let texts = files.iter().map(|file| filled(file, action)).collect::<Result<Vec<_>, _>>()?;
    files.iter().zip(texts).map(|(file, text)| write_new(folder, Path::new(file.path), &text)).collect()
}

fn write_new(folder: &Path, below: &Path, text: &str) -> Result<Placed, InitError> {
    let path = folder.join(below);
    let failed = |source| InitError::Write { path: path.clone(), source };
    let mut at = folder.to_owned();
    for component in below.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = component else { return Err(InitError::Outside { path: path.clone() }) };
        at.push(name);
        match at.symlink_metadata() {
            Ok(facts) if facts.is_dir() => {}
            Ok(_) => return Err(InitError::Outside { path: at }),
            Err(_) => fs::create_dir(&at).map_err(failed)?,
        }
    }
    // A link, too, even one that leads nowhere, is something that is there.
    if path.symlink_metadata().is_ok() {
        return Ok(Placed { path, is_new: false });
    }
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(&at)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(Placed { path, is_new: true }),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Placed { path, is_new: false }),
        Err(error) => Err(failed(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACEHOLDER, Platform, is_action};
    use crate::ops::init::ci_files;

    #[test]
    fn an_action_is_an_owner_a_repository_and_a_reference() {
        for good in ["o/r@v1", "o/r/sub@0123abc", "o/r@refs/tags/v1", "./", "./tools/backsight", PLACEHOLDER] {
            assert!(is_action(good), "{good}");
        }
        for bad in ["", "r@v1", "o/r", "o/r@", "o/r@v1 # x", "o/r@v1\n", "../o/r@v1", "./../x", "o/r@$(x)", "o r/x@v"] {
            assert!(!is_action(bad), "{bad}");
        }
    }

    #[test]
    fn names_and_places_are_told_apart() {
        let files = ci_files(Platform::Github);
        for (at, one) in files.iter().enumerate() {
            assert!(one.text.contains(PLACEHOLDER), "{}", one.name);
            let others = files.iter().skip(at + 1);
            assert!(others.clone().all(|other| other.name != one.name && other.path != one.path), "{}", one.name);
        }
    }
}
