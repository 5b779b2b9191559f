//! What git ignores and both copies need (data, installed packages): linked from the workspace.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use super::wanted::CopiesError;

/// Links each path of the workspace to the same place in a copy.
pub(super) fn link(workspace: &Path, folder: &Path, prefix: &str, carry: &[String]) -> Result<(), CopiesError> {
    for path in carry {
        let refused = |reason: &str| CopiesError::Carry { path: path.clone(), reason: reason.to_owned() };
        let relative = Path::new(path);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || relative.as_os_str().is_empty() {
            return Err(refused("wants a path inside the workspace, without `..`"));
        }
        let from = workspace.join(relative);
        if !from.exists() {
            return Err(refused("there is no such file or folder in the workspace"));
        }
        let copy = folder.join(prefix);
        let to = copy.join(relative);
        // A symbolic link of the checkout on the way would lead our own link out of the copy.
        let mut above = copy.clone();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            above.push(part);
            match above.symlink_metadata() {
                Ok(facts) if facts.is_symlink() || !facts.is_dir() => {
                    return Err(refused("a part of its path is a symbolic link or a file in the checkout"));
                }
                Ok(_) => {}
                Err(_) => fs::create_dir(&above).map_err(|source| place(&above, source))?,
            }
        }
        match to.symlink_metadata() {
            Ok(facts) if facts.is_symlink() => fs::remove_file(&to).map_err(|source| place(&to, source))?,
            Ok(_) => return Err(refused("git already has a file or folder of this name, or a build made one there")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(place(&to, source)),
        }
        std::os::unix::fs::symlink(&from, &to).map_err(|source| place(&to, source))?;
    }
    Ok(())
}

fn place(path: &Path, source: std::io::Error) -> CopiesError {
    CopiesError::Place { path: path.to_owned(), source }
}
