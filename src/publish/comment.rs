//! The one comment on a change request, wherever it is.
//!
//! It is ours if a comment of ours begins with the project's mark; all pages are searched. No platform has a way to write a
//! comment only if it is still as it was read, and legs of one CI write at the same time. So who has written looks again,
//! after longer than any other takes from reading to writing: if its section is there then, all who read before it was
//! written have written, and all who write later have read it. If it is not, it is put in again.

use std::future::Future;
use std::time::{Duration, Instant};

use super::http::Failure;
use super::sections::{Body, Put, Section};
use super::{Outcome, Policy, Quiet};
use crate::report::markdown::Measure;

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
    /// The project, which has one comment a change request.
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
}

/// A comment of ours.
#[derive(Debug, Clone)]
pub struct Post {
    /// Its number: later ones are larger.
    pub id: u64,
    /// What else the platform knows it by: GitHub's node, GitLab's discussion.
    pub handle: String,
    /// Its text.
    pub body: String,
    /// Where it can be seen.
    pub url: Option<String>,
}

/// Where comments of one change request stand.
pub trait Board {
    /// The longest comment, in UTF-16 units.
    const LONGEST: usize;

    /// All comments of ours that begin with this mark.
    ///
    /// # Errors
    /// If the platform does not say.
    fn ours(&self, mark: &str) -> impl Future<Output = Result<Vec<Post>, Failure>>;

    /// Writes a new one, once, and says where it is.
    ///
    /// # Errors
    /// If it was not written; [`Failure::Down`] where that is not sure.
    fn create(&self, text: &str) -> impl Future<Output = Result<Option<String>, Failure>>;

    /// Gives one another text.
    ///
    /// # Errors
    /// If it has not.
    fn update(&self, post: &Post, text: &str) -> impl Future<Output = Result<(), Failure>>;

    /// Takes one away; one that is gone is no error.
    ///
    /// # Errors
    /// If it is still there.
    fn delete(&self, post: &Post) -> impl Future<Output = Result<(), Failure>>;

    /// Folds one away as resolved, or shows it again.
    ///
    /// # Errors
    /// If the platform does not.
    fn fold(&self, post: &Post, away: bool) -> impl Future<Output = Result<(), Failure>>;

    /// What can be done about a failure, beginning with `; `; empty where nothing can.
    fn help(&self, failure: &Failure) -> &'static str;
}

/// Writes the comment, and says what became of it. A platform that refuses is an outcome, not an error.
pub async fn publish<B: Board>(board: &B, wanted: &Wanted<'_>) -> Outcome {
    match (Writer { board, wanted }).write().await {
        Ok(outcome) => outcome,
        Err(failure) => Outcome::Refused { what: WHAT, why: format!("{failure}{}", board.help(&failure)) },
    }
}

struct Writer<'a, B> {
    board: &'a B,
    wanted: &'a Wanted<'a>,
}

impl<B: Board> Writer<'_, B> {
    async fn write(&self) -> Result<Outcome, Failure> {
        let mut last = None;
        for round in 0..ROUNDS {
            let since = Instant::now();
            let found = self.find().await?;
            if let Some(done) = self.settled(&found, last.as_ref()) {
                return Ok(done);
            }
            match self.once(found, since).await? {
                Step::Done(outcome) => return Ok(outcome),
                Step::Again => {}
                Step::Written { outcome, is_alone: true } => return Ok(outcome),
                Step::Written { outcome, is_alone: false } => {
                    // The first outcome tells whether it was new.
                    last.get_or_insert(outcome);
                    tokio::time::sleep(pause(round, since.elapsed())).await;
                }
            }
        }
        Err(Failure::Odd(format!("others have overwritten it {ROUNDS} times")))
    }

    /// The oldest first.
    async fn find(&self) -> Result<Vec<Post>, Failure> {
        let mut found = self.board.ours(&Body::marker(self.wanted.slot)).await?;
        found.sort_by_key(|post| post.id);
        Ok(found)
    }

    /// The outcome, if this leg has written and its section has stayed.
    fn settled(&self, found: &[Post], last: Option<&Outcome>) -> Option<Outcome> {
        let outcome = last?;
        let (first, others) = found.split_first()?;
        (others.is_empty() && self.is_in(&self.parsed(first)?)).then(|| outcome.clone())
    }

    async fn once(&self, found: Vec<Post>, since: Instant) -> Result<Step, Failure> {
        let mut posts = found.into_iter();
        let (first, extra) = (posts.next(), posts.collect::<Vec<_>>());
        let mut body = first.as_ref().and_then(|post| self.parsed(post)).unwrap_or_else(|| Body::new(self.wanted.slot));
        // Two legs that found none have both written one: the older one stays.
        for section in extra.iter().filter_map(|post| self.parsed(post)).flat_map(|body| body.sections().to_vec()) {
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
        let text = body.render(B::LONGEST, Measure::Characters, self.wanted.left_out);
        let outcome = match &first {
            Some(post) if is_quiet && self.wanted.quiet == Quiet::Delete => {
                self.board.delete(post).await?;
                return Ok(Step::Done(Outcome::Removed { what: WHAT }));
            }
            Some(post) => {
                self.board.update(post, &text).await?;
                Outcome::Updated { what: WHAT, url: post.url.clone() }
            }
            None => Outcome::Posted { what: WHAT, url: self.create(&text).await? },
        };
        if let Some(post) = first.as_ref().filter(|_| self.wanted.quiet == Quiet::Minimise) {
            self.board.fold(post, is_quiet).await?;
        }
        for post in extra {
            self.board.delete(&post).await?;
        }
        Ok(Step::Written { outcome, is_alone })
    }

    /// Writes a new comment. Where it is not sure whether it was written, only what is there can tell.
    async fn create(&self, text: &str) -> Result<Option<String>, Failure> {
        let failure = match self.board.create(text).await {
            Err(failure @ Failure::Down(_)) => failure,
            other => return other,
        };
        for pause in [Duration::ZERO, Duration::from_secs(2)] {
            tokio::time::sleep(pause).await;
            let there = self.find().await?;
            if let Some(post) = there.iter().find(|post| self.parsed(post).is_some_and(|body| self.is_in(&body))) {
                return Ok(post.url.clone());
            }
            if !there.is_empty() {
                return Err(failure);
            }
        }
        self.board.create(text).await
    }

    /// Whether what we say, or something later of the same legs, is in it.
    fn is_in(&self, body: &Body) -> bool {
        let later = |section: &Section| body.clone().put(section.clone()) == Put::TooOld;
        self.wanted.sections.iter().all(|section| later(section) || body.holds(section))
    }

    fn parsed(&self, post: &Post) -> Option<Body> {
        Body::parse(&post.body, self.wanted.slot)
    }
}

/// Longer than anybody takes from reading to writing, and for no two the same.
fn pause(round: usize, took: Duration) -> Duration {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    SETTLED.max(took * 3) + Duration::from_millis(seed % (500 * (round as u64 + 1).min(8)))
}

/// What came of one round.
enum Step {
    Done(Outcome),
    Again,
    Written { outcome: Outcome, is_alone: bool },
}
