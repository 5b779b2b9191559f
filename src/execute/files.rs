//! Files that a step has written, found by pattern and told from those of an earlier run by their time.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Matches beyond this many are refused.
const MOST: usize = 10_000;
/// File systems stamp with a clock that may lag behind the one we read.
const LAG: Duration = Duration::from_millis(100);

/// What a pattern found, each list sorted by path.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Written since the step began.
    pub fresh: Vec<PathBuf>,
    /// Older: left by an earlier run, to be left alone.
    pub stale: Vec<PathBuf>,
}

/// Regular files below `folder` that match `pattern`, a path or a glob relative to it.
pub(super) fn written_since(folder: &Path, pattern: &str, since: SystemTime) -> Result<Found, String> {
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()));
    let paths = glob::glob(&whole).map_err(|error| format!("`{pattern}` is not a glob: {error}"))?;
    let mut found = Found::default();
    for path in paths {
        let path = path.map_err(|error| format!("{}: {}", error.path().display(), error.error()))?;
        let facts = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
        if !facts.is_file() {
            continue;
        }
        if is_fresh(&path, since) { &mut found.fresh } else { &mut found.stale }.push(path);
        if found.fresh.len() + found.stale.len() > MOST {
            return Err(format!("more than {MOST} files match `{pattern}`"));
        }
    }
    Ok(found)
}

/// Whether a file was written since then; yes where the system does not tell.
pub(super) fn is_fresh(file: &Path, since: SystemTime) -> bool {
    file.metadata().and_then(|facts| facts.modified()).map_or(true, |time| time + LAG >= since)
}
