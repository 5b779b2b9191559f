//! What git ignores and both copies need (data, installed packages): linked from the workspace.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use super::wanted::CopiesError;
use crate::host::git::Git;

/// Links each path of the workspace to the same place in a copy. What a copy has of its own, because git tracks it there,
/// stays, with a remark; what a build left there gives way.
pub(super) fn link(
    git: &Git<'_>,
    (workspace, copy): (&Path, &Path),
    arm: &str,
    carry: &[String],
    remarks: &mut Vec<String>,
) -> Result<(), CopiesError> {
    for path in carry {
        let refused = |reason: &str| CopiesError::Carry { path: path.clone(), reason: reason.to_owned() };
        let relative = Path::new(path.trim_end_matches('/'));
        let relative = relative.strip_prefix(".").unwrap_or(relative);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || relative.as_os_str().is_empty() {
            return Err(refused("wants a path inside the workspace, without `..`"));
        }
        let from = workspace.join(relative);
        if !from.exists() {
            return Err(refused(
                "there is no such file or folder in the workspace; name one that is there, or make it first",
            ));
        }
        let to = copy.join(relative);
        make_way(copy, relative)?.then_some(()).ok_or_else(|| {
            refused("a part of its path is a symbolic link or a file in the checkout, which could lead out of it")
        })?;
        if is_tracked(git, &to) {
            remarks.push(format!("carry: `{path}` is tracked by git in the {arm}, so it is not linked there"));
            continue;
        }
        let done = match to.symlink_metadata() {
            Ok(facts) if facts.is_dir() => fs::remove_dir_all(&to),
            Ok(_) => fs::remove_file(&to),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        done.and_then(|()| std::os::unix::fs::symlink(&from, &to)).map_err(|source| place(&to, source))?;
    }
    Ok(())
}

/// Makes the folders above a path in a copy; `false` where a symbolic link of the checkout stands in the way: it would lead
/// our own link out of the copy.
fn make_way(copy: &Path, relative: &Path) -> Result<bool, CopiesError> {
    let mut above = copy.to_owned();
    // The workspace may be a folder that one of the arms lacks.
    fs::create_dir_all(&above).map_err(|source| place(&above, source))?;
    for part in relative.parent().into_iter().flat_map(Path::components) {
        above.push(part);
        match above.symlink_metadata() {
            Ok(facts) if !facts.is_dir() => return Ok(false),
            Ok(_) => {}
            Err(_) => fs::create_dir(&above).map_err(|source| place(&above, source))?,
        }
    }
    Ok(true)
}

fn is_tracked(git: &Git<'_>, path: &Path) -> bool {
    let literal = format!(":(literal){}", path.display());
    git.say("ls-files", &["ls-files", "--", &literal]).is_ok_and(|listed| !listed.is_empty())
}

fn place(path: &Path, source: std::io::Error) -> CopiesError {
    CopiesError::Place { path: path.to_owned(), source }
}
