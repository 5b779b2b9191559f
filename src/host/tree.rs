//! Bounded reading below a root folder, so that the same code reads the living system and captured trees.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest text kept of any single fact, in characters.
const FACT_CHARS: usize = 200;

/// A file system as seen from a root: `/` in life, a captured tree in tests.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether this is the system the process itself lives in.
    pub(super) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path.trim_start_matches('/')).exists()
    }

    /// The first `limit` bytes of a file as text, or the reason why there is none, for people.
    pub(super) fn text(&self, path: &str, limit: u64) -> Result<String, String> {
        let path = path.trim_start_matches('/');
        let mut bytes = Vec::new();
        File::open(self.root.join(path))
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(|error| reason(path, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The first line of a small file, cleaned; a file without one counts as unreadable.
    pub(super) fn line(&self, path: &str) -> Result<String, String> {
        let text = self.text(path, 4096)?;
        fact(text.lines().next().unwrap_or_default())
            .ok_or_else(|| format!("/{} is empty", path.trim_start_matches('/')))
    }
}

/// A fact fit to print: whitespace collapsed, control characters dropped, bounded; absent where nothing is left.
pub(super) fn fact(raw: &str) -> Option<String> {
    let words: Vec<&str> = raw.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let text: String = words.join(" ").chars().take(FACT_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

fn reason(path: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("/{path} does not exist"),
        std::io::ErrorKind::PermissionDenied => format!("/{path} may not be read"),
        kind => format!("/{path} cannot be read: {kind}"),
    }
}
