//! The submodules of a working copy: from the clone's own copies first, which needs no network.

use std::path::Path;

use crate::host::git::Git;

/// Checks out the submodules; what cannot be had is a remark, since a build may not need it.
pub(super) fn update(top: &Path, folder: &Path, remarks: &mut Vec<String>) {
    if !folder.join(".gitmodules").is_file() {
        return;
    }
    let git = Git::new(folder);
    let listed = git.carry_out("config", &[], &[], &["config", "--file", ".gitmodules", "--get-regexp", r"\.path$"]);
    for line in listed.unwrap_or_default().lines() {
        let Some((key, path)) = line.split_once(' ') else { continue };
        let name = key.trim_start_matches("submodule.").trim_end_matches(".path");
        let words = ["submodule", "--quiet", "update", "--init", "--recursive", "--force", "--", path];
        let local = local(top, name).and_then(|url| {
            let (url, allowed) = (format!("submodule.{name}.url={url}"), "protocol.file.allow=always");
            git.carry_out("submodule update", &[&url, allowed], &[], &words).ok()
        });
        if local.is_some() {
            continue;
        }
        if let Err(error) = git.carry_out("submodule update", &[], &[], &words) {
            remarks.push(format!("submodule `{path}` is missing in a working copy: {error}"));
        }
    }
}

/// The clone's own copy of a submodule.
fn local(top: &Path, name: &str) -> Option<String> {
    let git = Git::new(top);
    let common = git.carry_out("rev-parse", &[], &[], &["rev-parse", "--git-common-dir"]).ok()?;
    let found = top.join(common).join("modules").join(name);
    // A name with `..` would lead out of the folder of modules.
    let inside = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    (inside && found.join("HEAD").is_file()).then(|| found.to_string_lossy().into_owned())
}
