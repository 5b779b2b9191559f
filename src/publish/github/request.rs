//! Which pull request a report belongs to.
//!
//! In the job of a pull request the event says it. In a second workflow, which writes for pull requests of forks, the
//! event says which commit was run, and GitHub which pull request has it: what the first workflow left behind says
//! nothing of it, for it comes from the fork.

use serde::Deserialize;

use super::{Github, Repository};
use crate::publish::http::Failure;

/// A pull request, found through the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub number: u64,
    /// Its last commit now, full hash.
    pub head: String,
}

#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    head: Head,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Deserialize)]
struct Head {
    sha: String,
}

/// The commit that a first workflow ran, as the platform's event tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its full hash.
    pub commit: String,
    /// `owner:branch` of where it comes from, if that is known.
    pub label: Option<String>,
}

/// The open pull request whose last commit this is; `None` where there is none, or where it has gone on since.
///
/// # Errors
/// If GitHub does not say.
pub async fn of_commit(github: &Github, repository: &Repository, origin: &Origin) -> Result<Option<Found>, Failure> {
    let by_branch =
        origin.label.as_deref().map(|label| format!("/pulls?state=open&per_page=100&head={}", encoded(label)));
    let by_commit = format!("/commits/{}/pulls?per_page=100", origin.commit);
    for path in by_branch.into_iter().chain([by_commit]) {
        let pulls: Vec<Pull> = match github.get(&repository.path(&path)).await {
            Ok(answer) => answer.json()?,
            // A commit that is only in a fork.
            Err(Failure::Missing(_) | Failure::Invalid { .. }) => continue,
            Err(failure) => return Err(failure),
        };
        let pull = pulls.into_iter().find(|pull| pull.head.sha == origin.commit && pull.state == "open");
        if let Some(pull) = pull {
            return Ok(Some(Found { number: pull.number, head: pull.head.sha }));
        }
    }
    Ok(None)
}

/// Text as a value of a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
