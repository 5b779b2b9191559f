//! Comments of a pull request.

use serde::Deserialize;
use serde_json::json;

use super::{GRAPHQL, Github, Repository};
use crate::publish::comment::{Board, Post};
use crate::publish::http::{Failure, Method};
use crate::report::markdown::is_plain_url;

/// Comments per page.
const PAGE: usize = 100;
/// Pages that are looked through.
const PAGES: usize = 100;

/// The comments of one pull request.
#[derive(Debug)]
pub struct Pull<'a> {
    github: &'a Github,
    repository: &'a Repository,
    number: u64,
    ours: Ours,
}

/// A comment as GitHub tells of it.
#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    node_id: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Whose comments are ours.
#[derive(Debug)]
enum Ours {
    Login(String),
    /// A token of an app cannot ask who it is; comments of bots begin with no text of others.
    AnyBot,
}

impl<'a> Pull<'a> {
    /// The comments of this pull request. `author` is the account whose comments are ours; if it is absent, the token's user
    /// is asked for.
    ///
    /// # Errors
    /// If GitHub does not take the token.
    pub async fn open(
        github: &'a Github,
        repository: &'a Repository,
        number: u64,
        author: Option<&str>,
    ) -> Result<Self, Failure> {
        let ours = match author {
            Some(login) => Ours::Login(login.to_owned()),
            None => match github.get("/user").await {
                Ok(answer) => Ours::Login(answer.json::<User>()?.login),
                Err(Failure::Refused { status: 403, .. } | Failure::Missing(_)) => Ours::AnyBot,
                Err(failure) => return Err(failure),
            },
        };
        Ok(Self { github, repository, number, ours })
    }

    fn path(&self, post: &Post) -> String {
        self.repository.path(&format!("/issues/comments/{}", post.id))
    }

    fn is_ours(&self, comment: &Comment) -> bool {
        comment.user.as_ref().is_some_and(|user| match &self.ours {
            Ours::Login(login) => user.login.eq_ignore_ascii_case(login),
            Ours::AnyBot => user.kind == "Bot",
        })
    }
}

/// What can be done where GitHub refuses a comment.
pub const fn help(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused { status: 401, .. } => "; is the token valid?",
        Failure::Refused { .. } => {
            "; the job needs `pull-requests: write`, and pull requests from forks never get it: `docs/github.md` shows the \
             second workflow that writes for them"
        }
        Failure::Missing(_) => "; is the pull request in this repository, and may the token see it?",
        _ => "",
    }
}

impl Board for Pull<'_> {
    const LONGEST: usize = 65_536;

    async fn ours(&self, mark: &str) -> Result<Vec<Post>, Failure> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/issues/{}/comments?per_page={PAGE}&page={page}", self.number);
            let answer = self.github.get(&self.repository.path(&path)).await?;
            let comments: Vec<Comment> = answer.json()?;
            let is_last = !answer.has_next && comments.len() < PAGE;
            for comment in comments {
                if self.is_ours(&comment) && comment.body.as_deref().is_some_and(|body| body.starts_with(mark)) {
                    let url = comment.html_url.filter(|url| is_plain_url(url));
                    let body = comment.body.unwrap_or_default();
                    found.push(Post { id: comment.id, handle: comment.node_id, body, url });
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn create(&self, text: &str) -> Result<Option<String>, Failure> {
        let path = self.repository.path(&format!("/issues/{}/comments", self.number));
        let comment: Comment = self.github.make(&path, &json!({ "body": text })).await?.json()?;
        Ok(comment.html_url.filter(|url| is_plain_url(url)))
    }

    async fn update(&self, post: &Post, text: &str) -> Result<(), Failure> {
        self.github.set(Method::Patch, &self.path(post), Some(&json!({ "body": text }))).await.map(drop)
    }

    async fn delete(&self, post: &Post) -> Result<(), Failure> {
        match self.github.set(Method::Delete, &self.path(post), None).await {
            Ok(_) | Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Only GraphQL can.
    async fn fold(&self, post: &Post, away: bool) -> Result<(), Failure> {
        let query = if away {
            "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: RESOLVED}) { clientMutationId } }"
        } else {
            "mutation($id: ID!) { unminimizeComment(input: {subjectId: $id}) { clientMutationId } }"
        };
        let body = json!({ "query": query, "variables": { "id": post.handle } });
        self.github.make(GRAPHQL, &body).await.map(drop)
    }

    fn help(&self, failure: &Failure) -> &'static str {
        help(failure)
    }
}
