//! The one comment on a pull request.
//!
//! It is ours if a comment of ours begins with the project's mark; all pages are searched. GitHub has no way to write a
//! comment only if it is still as it was read, and legs of one CI write at the same time. So who has written looks again,
//! after longer than any other takes from reading to writing: if its section is there then, all who read before it was
//! written have written, and all who write later have read it. If it is not, it is put in again.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{GRAPHQL, Github, Repository};
use crate::publish::http::{Failure, Method};
use crate::publish::sections::{Body, Put, Section};
use crate::publish::{Outcome, Policy, Quiet};
use crate::report::markdown::Measure;

/// The longest comment that GitHub takes, in characters.
pub const LONGEST: usize = 65_536;
/// Comments per page.
const PAGE: usize = 100;
/// Pages that are looked through.
const PAGES: usize = 100;
/// How often a section that others overwrote is put in again.
const ROUNDS: usize = 40;
/// From reading to writing at most; who took longer reads again.
const STALE: Duration = Duration::from_secs(1);
/// How long after writing a leg looks whether its section is still there, at least.
const SETTLED: Duration = Duration::from_millis(2500);
const WHAT: &str = "comment";

/// What is to be written, and how.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The pull request's number.
    pub number: u64,
    /// The project, which has one comment a pull request.
    pub slot: &'a str,
    /// What there is to say, a section a leg.
    pub sections: &'a [Section],
    /// Whether other processes may write sections of their own at the same time.
    pub has_others: bool,
    /// When there is a comment.
    pub policy: Policy,
    /// What becomes of it where there is nothing to say.
    pub quiet: Quiet,
    /// A sentence for the end of a shortened comment.
    pub left_out: &'a str,
    /// Whose comments are ours; absent: those of any bot, and of the token's user.
    pub author: Option<&'a str>,
}

/// A comment as GitHub tells of it.
#[derive(Debug, Clone, Deserialize)]
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

#[derive(Debug, Clone, Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Whose comments are ours.
enum Ours {
    Login(String),
    /// A token of an app cannot ask who it is; comments of bots begin with no text of others.
    AnyBot,
}

impl Ours {
    fn wrote(&self, comment: &Comment) -> bool {
        comment.user.as_ref().is_some_and(|user| match self {
            Self::Login(login) => user.login.eq_ignore_ascii_case(login),
            Self::AnyBot => user.kind == "Bot",
        })
    }
}

/// Writes the comment, and says what became of it. A platform that refuses is an outcome, not an error.
pub async fn publish(github: &Github, repository: &Repository, wanted: &Wanted<'_>) -> Outcome {
    if wanted.policy == Policy::Never {
        return Outcome::Nothing { what: WHAT, why: "none is wanted (`comment: never`)".into() };
    }
    match Writer::new(github, repository, wanted).await {
        Ok(writer) => writer.write().await.unwrap_or_else(|failure| refused(&failure)),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &Failure) -> Outcome {
    let help = match failure {
        Failure::Refused { status: 401, .. } => "; is the token valid?",
        Failure::Refused { .. } => {
            "; the job needs `pull-requests: write`, and pull requests from forks never get it: `docs/github.md` shows the \
             second workflow that writes for them"
        }
        Failure::Missing(_) => "; is the pull request in this repository, and may the token see it?",
        _ => "",
    };
    Outcome::Refused { what: WHAT, why: format!("{failure}{help}") }
}

struct Writer<'a> {
    github: &'a Github,
    repository: &'a Repository,
    wanted: &'a Wanted<'a>,
    ours: Ours,
}

impl<'a> Writer<'a> {
    async fn new(github: &'a Github, repository: &'a Repository, wanted: &'a Wanted<'a>) -> Result<Self, Failure> {
        let ours = match wanted.author {
            Some(login) => Ours::Login(login.to_owned()),
            None => match github.get("/user").await {
                Ok(answer) => Ours::Login(answer.json::<User>()?.login),
                Err(Failure::Refused { status: 403, .. } | Failure::Missing(_)) => Ours::AnyBot,
                Err(failure) => return Err(failure),
            },
        };
        Ok(Self { github, repository, wanted, ours })
    }

    async fn write(&self) -> Result<Outcome, Failure> {
        let mut last = None;
        for round in 0..ROUNDS {
            let since = Instant::now();
            let found = self.find().await?;
            if let Some(done) = self.settled(&found, last.as_ref()) {
                return Ok(done);
            }
            let (outcome, is_alone) = match self.once(found, since).await? {
                Step::Done(outcome) => return Ok(outcome),
                Step::Again => continue,
                Step::Written { outcome, is_alone } => (outcome, is_alone),
            };
            if is_alone {
                return Ok(outcome);
            }
            // The first outcome tells whether it was new.
            last.get_or_insert(outcome);
            tokio::time::sleep(self.pause(round, since.elapsed())).await;
        }
        Err(Failure::Odd(format!("others have overwritten it {ROUNDS} times")))
    }

    /// The outcome, if this leg has written and its section has stayed.
    fn settled(&self, found: &[Comment], last: Option<&Outcome>) -> Option<Outcome> {
        let outcome = last?;
        let (first, others) = found.split_first()?;
        let body = Body::parse(first.body.as_deref()?, self.wanted.slot)?;
        (others.is_empty() && self.is_in(&body)).then(|| outcome.clone())
    }

    /// Longer than anybody takes from reading to writing, and for no two the same.
    fn pause(&self, round: usize, took: Duration) -> Duration {
        let seed = uuid::Uuid::now_v7().as_u128() as u64;
        let spread = Duration::from_millis(seed % (500 * (round as u64 + 1).min(8)));
        SETTLED.max(took * 3) + spread
    }

    /// Our comments on the pull request, the oldest first.
    async fn find(&self) -> Result<Vec<Comment>, Failure> {
        let marker = Body::marker(self.wanted.slot);
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/issues/{}/comments?per_page={PAGE}&page={page}", self.wanted.number);
            let answer = self.github.get(&self.repository.path(&path)).await?;
            let comments: Vec<Comment> = answer.json()?;
            let is_last = !answer.has_next && comments.len() < PAGE;
            let is_ours = |comment: &Comment| {
                comment.body.as_deref().is_some_and(|body| body.starts_with(&marker)) && self.ours.wrote(comment)
            };
            found.extend(comments.into_iter().filter(is_ours));
            if is_last {
                break;
            }
        }
        found.sort_by_key(|comment| comment.id);
        Ok(found)
    }

    async fn once(&self, found: Vec<Comment>, since: Instant) -> Result<Step, Failure> {
        let mut comments = found.into_iter();
        let (first, extra) = (comments.next(), comments.collect::<Vec<_>>());
        let mut body = first.as_ref().and_then(|comment| self.parsed(comment)).unwrap_or_else(|| self.empty());
        // Two legs that found none have both written one: the older one stays.
        for section in extra.iter().filter_map(|comment| self.parsed(comment)).flat_map(|body| body.sections().to_vec())
        {
            body.put(section);
        }
        let put = self.wanted.sections.iter().filter(|section| body.put((*section).clone()) == Put::In).count();
        if put == 0 {
            let why = "a later run has written it already".into();
            return Ok(Step::Done(Outcome::Nothing { what: WHAT, why }));
        }
        let is_alone = !self.wanted.has_others && extra.is_empty();
        let is_quiet = body.is_quiet() && self.wanted.policy == Policy::OnChange;
        if is_quiet && first.is_none() {
            let why = "nothing moved and nothing failed (`comment: on-change`)".into();
            return Ok(Step::Done(Outcome::Nothing { what: WHAT, why }));
        }
        if since.elapsed() > STALE && !is_alone {
            return Ok(Step::Again);
        }
        let outcome = match &first {
            Some(comment) if is_quiet && self.wanted.quiet == Quiet::Delete => {
                self.delete(comment.id).await?;
                return Ok(Step::Done(Outcome::Removed { what: WHAT }));
            }
            Some(comment) => self.update(comment, &body).await?,
            None => self.create(&body).await?,
        };
        if let Some(comment) = first.as_ref().filter(|_| self.wanted.quiet == Quiet::Minimise) {
            self.fold(&comment.node_id, is_quiet).await?;
        }
        for comment in extra {
            self.delete(comment.id).await?;
        }
        Ok(Step::Written { outcome, is_alone })
    }

    /// Whether what we say, or something later of the same legs, is in it.
    fn is_in(&self, body: &Body) -> bool {
        self.wanted
            .sections
            .iter()
            .all(|section| body.clone().put(section.clone()) == Put::TooOld || body.holds(section))
    }

    fn empty(&self) -> Body {
        Body::new(self.wanted.slot)
    }

    fn parsed(&self, comment: &Comment) -> Option<Body> {
        Body::parse(comment.body.as_deref()?, self.wanted.slot)
    }

    fn text(&self, body: &Body) -> Value {
        json!({ "body": body.render(LONGEST, Measure::Characters, self.wanted.left_out) })
    }

    async fn update(&self, comment: &Comment, body: &Body) -> Result<Outcome, Failure> {
        let path = self.repository.path(&format!("/issues/comments/{}", comment.id));
        self.github.set(Method::Patch, &path, Some(&self.text(body))).await?;
        Ok(Outcome::Updated { what: WHAT, url: plain(comment.html_url.as_deref()) })
    }

    async fn create(&self, body: &Body) -> Result<Outcome, Failure> {
        let path = self.repository.path(&format!("/issues/{}/comments", self.wanted.number));
        match self.github.make(&path, &self.text(body)).await {
            Ok(answer) => {
                let comment: Comment = answer.json()?;
                Ok(Outcome::Posted { what: WHAT, url: plain(comment.html_url.as_deref()) })
            }
            // It may have been written all the same: only what is there now can tell.
            Err(failure @ Failure::Down(_)) => {
                let there = self.find().await?;
                let ours = there.iter().find(|comment| self.parsed(comment).is_some_and(|body| self.is_in(&body)));
                match ours {
                    Some(comment) => Ok(Outcome::Posted { what: WHAT, url: plain(comment.html_url.as_deref()) }),
                    None => self.create_once_more(&path, body, failure).await,
                }
            }
            Err(failure) => Err(failure),
        }
    }

    async fn create_once_more(&self, path: &str, body: &Body, before: Failure) -> Result<Outcome, Failure> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // What came late has come by now.
        if !self.find().await?.is_empty() {
            return Err(before);
        }
        let comment: Comment = self.github.make(path, &self.text(body)).await?.json()?;
        Ok(Outcome::Posted { what: WHAT, url: plain(comment.html_url.as_deref()) })
    }

    async fn delete(&self, id: u64) -> Result<(), Failure> {
        let path = self.repository.path(&format!("/issues/comments/{id}"));
        match self.github.set(Method::Delete, &path, None).await {
            Ok(_) | Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Folds a comment away as resolved, or shows it again: only GraphQL can.
    async fn fold(&self, node: &str, away: bool) -> Result<(), Failure> {
        let query = if away {
            "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: RESOLVED}) { clientMutationId } }"
        } else {
            "mutation($id: ID!) { unminimizeComment(input: {subjectId: $id}) { clientMutationId } }"
        };
        self.github.make(GRAPHQL, &json!({ "query": query, "variables": { "id": node } })).await.map(drop)
    }
}

/// What came of one round.
enum Step {
    Done(Outcome),
    Again,
    Written { outcome: Outcome, is_alone: bool },
}

/// An address of the platform, if it can be shown as it is.
fn plain(url: Option<&str>) -> Option<String> {
    url.filter(|url| crate::report::markdown::is_plain_url(url)).map(str::to_owned)
}
