//! Where a change request starts: the base of its paired measurement, where nobody names another.

use std::path::Path;

use super::git::{Git, is_branch};
use super::worktrees::Revision;
use crate::results::Change;

/// The base that a change request means: of a platform's test merge its first parent, otherwise the commit where the
/// change left its target. `None` where there is no change request, or the checkout is not ahead of its target.
pub fn start(workspace: &Path, change: &Change) -> Option<Revision> {
    let request = change.request.as_ref()?;
    let head = change.commit.as_deref()?;
    let start = merged_into(workspace, change).or_else(|| change.base.clone());
    match start {
        // The target itself is checked out, as in GitHub's `pull_request_target`.
        Some(hash) if hash == head => None,
        Some(hash) => Some(Revision::Start(hash)),
        None => request.target_branch.clone().filter(|name| is_branch(name)).map(Revision::MergeBase),
    }
}

/// What the platform merged the change into for this checkout. The raw commit names it even where a shallow clone ends.
fn merged_into(workspace: &Path, change: &Change) -> Option<String> {
    let (head, checkout) = (change.commit.as_deref()?, change.checkout.as_deref()?);
    let commits = Git::new(workspace).commits(&[checkout]).ok()?;
    let parents = &commits.first()?.parents;
    let first = parents.first()?;
    (parents.len() == 2 && first != head && parents.iter().any(|parent| parent == head)).then(|| first.clone())
}
