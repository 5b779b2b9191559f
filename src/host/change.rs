//! Which source a run measures: git's facts and the CI's claims brought together.
//!
//! What is checked out decides. A platform names the head of a change request, but a job may measure that head, the
//! platform's test merge of it, or (GitHub's `pull_request_target`) the target branch; the commit's parents tell
//! which. So a run never counts for a commit that it did not see.

use std::path::Path;

use super::environment::{Base, Claims, Env, RequestClaims, claims};
use super::git::{Commit, Git, WorkTree, is_branch};
use super::repository::Repository;
use crate::results::{Change, ChangeRequest};

/// Finds out what is measured in `workspace`; `env` looks up environment variables. Never fails: what cannot be told
/// is absent, and the second value has a sentence for each thing that people should know or mend.
///
/// The branch of a change request from a fork reads `owner:branch`, so that a fork's `main` is never taken for ours.
pub fn change(workspace: &Path, env: &dyn Fn(&str) -> Option<String>) -> (Change, Vec<String>) {
    let mut remarks = Vec::new();
    let claims = claims(env as Env<'_>, &mut remarks);
    let source = Source::read(workspace, &claims, &mut remarks);
    let mut change = Change {
        default_branch: claims.default_branch.clone().or_else(|| source.remote_default.clone()),
        dirty: source.work_tree.as_ref().map(|tree| tree.dirty),
        shallow: source.shallow,
        repository: claims.repository.clone(),
        server: claims.server.clone(),
        provider: claims.provider,
        job_url: claims.job_url.clone(),
        ..Change::default()
    };
    let part = place(&mut change, &source, &claims, &mut remarks);
    change.committed_at = (change.commit.as_deref())
        .and_then(|hash| source.commits.iter().find(|commit| commit.hash == hash))
        .and_then(|commit| jiff::Timestamp::from_second(commit.committed_at?).ok());
    change.base = base(&change, workspace, &claims, part, &mut remarks);
    change.request = claims.request.map(|request| ChangeRequest {
        number: request.number,
        target_branch: request.target_branch,
        source_branch: request.source_branch,
        from_fork: request.from_fork,
        labels: request.labels,
    });
    (change, remarks)
}

/// What lies in the workspace.
#[derive(Debug, Default)]
struct Source {
    work_tree: Option<WorkTree>,
    commits: Vec<Commit>,
    shallow: Option<bool>,
    remote_default: Option<String>,
}

impl Source {
    fn read(workspace: &Path, claims: &Claims, remarks: &mut Vec<String>) -> Self {
        let Some(repository) = Repository::find(workspace) else { return Self::default() };
        let git = Git::new(workspace);
        let work_tree = git.work_tree().map_err(|error| remarks.push(error.to_string())).ok();
        let mut names = vec!["HEAD"];
        names.extend(claims.request.as_ref().and_then(|request| request.head.as_deref()));
        let commits = if work_tree.is_some() { git.commits(&names) } else { Ok(Vec::new()) };
        Self {
            work_tree,
            commits: commits.map_err(|error| remarks.push(error.to_string())).unwrap_or_default(),
            shallow: Some(repository.is_shallow()),
            remote_default: repository.remote_default().filter(|name| is_branch(name)),
        }
    }

    fn head(&self) -> Option<&str> {
        self.work_tree.as_ref().and_then(|tree| tree.commit.as_deref())
    }
}

/// Which part of the change request the checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The request's head, or the platform's test merge of it.
    Head,
    /// Something else, or there is no request.
    Other,
}

/// Fills in commit, checkout and branch.
fn place(change: &mut Change, source: &Source, claims: &Claims, remarks: &mut Vec<String>) -> Part {
    // Without git (a container that has none, a download instead of a clone) the platform's word is all there is.
    let checkout = source.head().or(claims.commit.as_deref()).map(ToOwned::to_owned);
    let local = source.work_tree.as_ref().and_then(|tree| tree.branch.clone());
    let request = claims.request.as_ref();
    if let (Some(checkout), Some(request), Some(head)) = (&checkout, request, request.and_then(|r| r.head.as_ref())) {
        if is_of_request(checkout, head, source, claims) {
            change.commit = Some(head.clone());
            change.checkout = (checkout != head).then(|| checkout.clone());
            change.branch = request.source_label.clone().or(local);
            return Part::Head;
        }
        remarks.push(format!(
            "the checkout {checkout} is not the head of change request {} ({head}); the results stand for the checkout",
            request.number
        ));
    }
    // The platform's branch is that of the commit it started the job for, not of another one checked out since.
    let named = claims.branch.clone().filter(|_| checkout.is_none() || checkout == claims.commit);
    change.branch = named.or(local);
    change.commit = checkout;
    Part::Other
}

/// Whether the checkout is the head of the request or a merge of it.
fn is_of_request(checkout: &str, head: &str, source: &Source, claims: &Claims) -> bool {
    let merges_head =
        source.commits.iter().any(|commit| commit.hash == checkout && commit.parents.iter().any(|p| p == head));
    // Where no commit could be read, the job's own commit on a request is its test merge.
    let unread = source.commits.is_empty() && claims.commit.as_deref() == Some(checkout) && claims.is_test_merge();
    checkout == head || merges_head || unread
}

impl Claims {
    /// Whether the job's commit belongs to no branch, as GitHub's and GitLab's test merges do.
    fn is_test_merge(&self) -> bool {
        self.request.is_some() && self.branch.is_none()
    }
}

/// The commit the change started from.
fn base(change: &Change, workspace: &Path, claims: &Claims, part: Part, remarks: &mut Vec<String>) -> Option<String> {
    let commit = change.commit.as_deref()?;
    let request = claims.request.as_ref().filter(|_| part == Part::Head);
    let target = request.and_then(target).or(change.default_branch.as_deref())?;
    let tip = match (&claims.base, part) {
        (Some(Base::Merge(hash)), Part::Head) => return Some(hash.clone()),
        (Some(Base::Tip(hash)), Part::Head) => Some(hash.clone()),
        (Some(Base::Tip(hash)), Part::Other) if claims.request.is_none() => Some(hash.clone()),
        _ => None,
    };
    // On the target itself there is nothing to look back from.
    let on_target = request.is_none() && tip.is_none() && change.branch.as_deref() == Some(target);
    if on_target || change.shallow.is_none() {
        return None;
    }
    let mut candidates: Vec<String> = tip.into_iter().collect();
    candidates.extend([format!("refs/remotes/origin/{target}"), format!("refs/heads/{target}")]);
    let found = Git::new(workspace).merge_base(commit, &candidates);
    if found.is_none() && change.shallow == Some(true) {
        remarks.push(format!(
            "the clone is shallow, so the commit where the change left {target} is not known; clone the whole history \
             (GitHub: fetch-depth: 0, GitLab: GIT_DEPTH: 0)"
        ));
    }
    found
}

fn target(request: &RequestClaims) -> Option<&str> {
    request.target_branch.as_deref()
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
