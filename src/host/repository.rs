//! What a git repository's folder tells without starting git: whether there is one, whether the clone is shallow, and
//! which branch the remote calls its default.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Link files and references are one short line.
const LINE_BYTES: u64 = 4096;

/// The part of a configuration that is read.
const CONFIG_BYTES: u64 = 256 << 10;

/// The folders of a repository.
#[derive(Debug)]
pub(super) struct Repository {
    /// What all its work trees share: objects, references, configuration.
    common: PathBuf,
}

impl Repository {
    /// Looks for a repository in the folder and those above it.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let (top, entry) = folder.ancestors().map(|top| (top, top.join(".git"))).find(|(_, entry)| entry.exists())?;
        let private = if entry.is_dir() {
            entry
        } else {
            // A linked work tree or a submodule: a file with the place of the real folder.
            top.join(line(&entry)?.strip_prefix("gitdir:")?.trim())
        };
        let common = line(&private.join("commondir")).map_or_else(|| private.clone(), |path| private.join(path));
        Some(Self { common })
    }

    /// Whether history is cut off at some depth.
    pub(super) fn is_shallow(&self) -> bool {
        self.common.join("shallow").metadata().is_ok_and(|file| file.len() > 0)
    }

    /// The branch the remote `origin` points at, as the clone remembers it.
    pub(super) fn remote_default(&self) -> Option<String> {
        let head = line(&self.common.join("refs/remotes/origin/HEAD"))?;
        head.strip_prefix("ref: refs/remotes/origin/").map(ToOwned::to_owned)
    }
}

/// The repository's name, of which the folder is the top: the last part of the address of its remote `origin`. Clones in
/// folders of different names have it in common.
pub fn repository_name(folder: &Path) -> Option<String> {
    if !folder.join(".git").exists() {
        return None;
    }
    let mut bytes = Vec::new();
    let config = Repository::find(folder)?.common.join("config");
    File::open(config).ok()?.take(CONFIG_BYTES).read_to_end(&mut bytes).ok()?;
    name_of(&String::from_utf8_lossy(&bytes))
}

fn name_of(config: &str) -> Option<String> {
    let lines = config.lines().map(str::trim).skip_while(|line| *line != "[remote \"origin\"]").skip(1);
    let mut own = lines.take_while(|line| !line.starts_with('['));
    let url = own.find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == "url"))?.1.trim();
    let last = url.trim_end_matches('/').rsplit(['/', ':', '\\']).next()?;
    let name = last.strip_suffix(".git").unwrap_or(last);
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn line(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LINE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.lines().next().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_repository_is_called_what_its_remote_is_called() {
        let of = |url: &str| {
            name_of(&format!(
                "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n[remote \"b\"]\nurl = x/no\n"
            ))
        };
        for url in
            ["https://example.com/o/tool.git", "git@example.com:o/tool.git", "/srv/tool.git/", "tool", "ssh://h/o/tool"]
        {
            assert_eq!(of(url).as_deref(), Some("tool"), "{url}");
        }
        assert_eq!(of(""), None);
        assert_eq!(name_of("[remote \"up\"]\nurl = a/b\n"), None);
    }
}
