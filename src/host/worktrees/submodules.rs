//! The submodules of a working copy: from the clone's own copies first, which needs no network.
//!
//! `git submodule init` would write into the configuration that all worktrees share, so address and activity are given to
//! each command instead.

use std::path::{Component, Path, PathBuf};

use crate::host::git::Git;

/// Submodules of submodules are followed so far.
const DEEPEST: usize = 8;

/// Checks out the submodules; what cannot be had is a remark, since a build may not need it.
pub(super) fn update(git: &Git<'_>, common: &Path, folder: &Path, remarks: &mut Vec<String>) {
    below(git, Some(common), folder, 0, remarks);
}

/// `clone` is the repository whose own copies serve.
fn below(git: &Git<'_>, clone: Option<&Path>, folder: &Path, depth: usize, remarks: &mut Vec<String>) {
    if depth > DEEPEST || !folder.join(".gitmodules").is_file() {
        return;
    }
    let here = git.at(folder);
    let words = ["config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"];
    for entry in here.say("config", &words).unwrap_or_default().split('\0') {
        let Some((key, path)) = entry.split_once('\n') else { continue };
        let Some(name) = key.strip_prefix("submodule.").and_then(|key| key.strip_suffix(".path")) else { continue };
        let own = clone.and_then(|clone| copy_of(clone, name));
        match one(&here, name, path, own.as_deref()) {
            Ok(()) => below(git, own.as_deref(), &folder.join(path), depth + 1, remarks),
            Err(text) => remarks.push(format!("submodule `{path}` is missing in a working copy: {text}")),
        }
    }
}

fn one(here: &Git<'_>, name: &str, path: &str, own: Option<&Path>) -> Result<(), String> {
    let words = ["submodule", "--quiet", "update", "--force", "--", path];
    let active = format!("submodule.{name}.active=true");
    if let Some(own) = own {
        let url = format!("submodule.{name}.url={}", own.display());
        // Only this clone's own folder is named; what lies deeper gets a command of its own.
        let settings = [active.as_str(), &url, "protocol.file.allow=always"];
        if here.carry_out("submodule update", &settings, &[], &words).is_ok() {
            return Ok(());
        }
    }
    let key = format!("submodule.{name}.url");
    let known = here.say("config", &["config", "--get", &key]);
    let address = known.or_else(|_| here.say("config", &["config", "--file", ".gitmodules", "--get", &key]));
    let address = address.map_err(|_| "no address is known for it".to_owned())?;
    let url = format!("{key}={}", resolved(here, &address));
    let done = here.carry_out("submodule update", &[&active, &url], &[], &words);
    done.map(drop).map_err(|error| error.to_string())
}

/// An address such as `../other.git` is relative to where the repository came from.
fn resolved(here: &Git<'_>, address: &str) -> String {
    if !address.starts_with("./") && !address.starts_with("../") {
        return address.to_owned();
    }
    let Ok(origin) = here.say("config", &["config", "--get", "remote.origin.url"]) else { return address.to_owned() };
    let (mut base, mut rest) = (origin.trim_end_matches('/'), address);
    loop {
        if let Some(more) = rest.strip_prefix("./") {
            rest = more;
        } else if let (Some(more), Some(cut)) = (rest.strip_prefix("../"), base.rfind(['/', ':'])) {
            rest = more;
            base = base.get(..cut).unwrap_or_default();
        } else {
            return format!("{base}/{rest}");
        }
    }
}

/// The clone's own copy of a submodule.
fn copy_of(clone: &Path, name: &str) -> Option<PathBuf> {
    // A name with `..` would lead out of the folder of modules.
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let found = clone.join("modules").join(name);
    (inside && found.join("HEAD").is_file()).then_some(found)
}
