//! What was measured: the commit, the branch and the change request, from git and from the CI's environment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The platform that a CI job runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// GitHub Actions (github.com or GitHub Enterprise Server).
    Github,
    /// GitLab CI (gitlab.com or self-managed).
    Gitlab,
    /// Another CI, known only by `CI` being set.
    Other,
}

/// The pull request or merge request that a run belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeRequest {
    /// Its number (GitLab: the iid), as people see it.
    pub number: u64,
    /// The branch it wants to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_branch: Option<String>,
    /// The branch it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_branch: Option<String>,
    /// Whether it comes from another repository; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_fork: Option<bool>,
    /// The labels that it had when the job was started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// The state of the source that a run measured. All absent outside a git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The commit that was checked out, full hash. On GitHub's merge commits of a pull request: the head commit of
    /// the request, since that is what people look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The commit in the working tree where it differs from `commit` (a platform's test merge).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<String>,
    /// When `commit` was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<jiff::Timestamp>,
    /// The branch; absent on a detached checkout whose environment names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The repository's default branch, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// The merge base with the target (or default) branch, full hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Whether tracked files differ from the commit; absent where git could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Whether the clone is shallow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shallow: Option<bool>,
    /// `owner/name` on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The address of the platform, such as `https://github.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The platform the job runs for; absent outside CI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// The web page of the CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_url: Option<String>,
    /// The change request, where the run belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ChangeRequest>,
}

impl Change {
    /// The commit, shortened for people.
    pub fn short_commit(&self) -> Option<&str> {
        self.commit.as_deref().map(|hash| hash.get(..9).unwrap_or(hash))
    }
}
