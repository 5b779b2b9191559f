//! The discussion of a merge request that holds our note: it can be resolved when what it told of is mended.

use serde::Deserialize;
use serde_json::json;

use super::{Gitlab, Project};
use crate::publish::comment::{Board, Post};
use crate::publish::http::{Failure, Method};
use crate::report::markdown::is_plain_url;

/// Discussions per page.
const PAGE: usize = 100;
/// Pages that are looked through.
const PAGES: usize = 100;

/// The discussions of one merge request.
#[derive(Debug)]
pub struct MergeRequest<'a> {
    gitlab: &'a Gitlab,
    project: &'a Project,
    iid: u64,
    /// The page of the merge request, if it is known.
    page: Option<String>,
    ours: String,
}

#[derive(Debug, Deserialize)]
struct User {
    username: String,
}

#[derive(Debug, Deserialize)]
struct Discussion {
    id: String,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Debug, Deserialize)]
struct Note {
    id: u64,
    #[serde(default)]
    body: String,
    author: Option<User>,
    #[serde(default)]
    system: bool,
}

impl<'a> MergeRequest<'a> {
    /// The discussions of this merge request; `page` is its address. `author` is the account whose notes are ours; if it is
    /// absent, the token's user is asked for.
    ///
    /// # Errors
    /// If GitLab does not take the token.
    pub async fn open(
        gitlab: &'a Gitlab,
        project: &'a Project,
        iid: u64,
        page: Option<&str>,
        author: Option<&str>,
    ) -> Result<Self, Failure> {
        let ours = match author {
            Some(login) => login.to_owned(),
            None => gitlab.get("/user").await?.json::<User>()?.username,
        };
        let page = page.filter(|page| is_plain_url(page)).map(str::to_owned);
        Ok(Self { gitlab, project, iid, page, ours })
    }

    fn path(&self, rest: &str) -> String {
        self.project.path(&format!("/merge_requests/{}/discussions{rest}", self.iid))
    }

    fn of(&self, post: &Post) -> String {
        self.path(&format!("/{}/notes/{}", post.handle, post.id))
    }

    fn url(&self, note: u64) -> Option<String> {
        self.page.as_deref().map(|page| format!("{page}#note_{note}"))
    }
}

/// What can be done where GitLab refuses a note.
pub const fn help(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused { status: 401, .. } => {
            "; `GITLAB_TOKEN` must be a project access token with the scope `api` (`CI_JOB_TOKEN` cannot write notes)"
        }
        Failure::Refused { .. } => "; the token needs the scope `api` and the role Reporter or more",
        Failure::Missing(_) => "; is the merge request in this project, and may the token see it?",
        _ => "",
    }
}

impl Board for MergeRequest<'_> {
    const LONGEST: usize = 1_000_000;

    async fn ours(&self, mark: &str) -> Result<Vec<Post>, Failure> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let answer = self.gitlab.get(&self.path(&format!("?per_page={PAGE}&page={page}"))).await?;
            let discussions: Vec<Discussion> = answer.json()?;
            let is_last = !answer.has_next && discussions.len() < PAGE;
            for discussion in discussions {
                // The first note is ours or none is: others answer it.
                let Some(note) = discussion.notes.into_iter().next() else { continue };
                let by_us = note.author.is_some_and(|author| author.username.eq_ignore_ascii_case(&self.ours));
                let is_id = discussion.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if by_us && is_id && !note.system && note.body.starts_with(mark) {
                    found.push(Post { id: note.id, handle: discussion.id, body: note.body, url: self.url(note.id) });
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn create(&self, text: &str) -> Result<Option<String>, Failure> {
        let discussion: Discussion = self.gitlab.make(&self.path(""), &json!({ "body": text })).await?.json()?;
        Ok(discussion.notes.first().and_then(|note| self.url(note.id)))
    }

    async fn update(&self, post: &Post, text: &str) -> Result<(), Failure> {
        self.gitlab.set(Method::Put, &self.of(post), Some(&json!({ "body": text }))).await?;
        Ok(())
    }

    async fn delete(&self, post: &Post) -> Result<(), Failure> {
        match self.gitlab.set(Method::Delete, &self.of(post), None).await {
            Ok(_) | Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn fold(&self, post: &Post, away: bool) -> Result<(), Failure> {
        let path = self.path(&format!("/{}", post.handle));
        self.gitlab.set(Method::Put, &path, Some(&json!({ "resolved": away }))).await.map(drop)
    }

    fn help(&self, failure: &Failure) -> &'static str {
        help(failure)
    }
}
