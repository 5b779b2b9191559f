//! `backsight bisect`: the commit that changed a benchmark, each step a paired measurement, and nobody blamed by chance.
//!
//! First the two ends are measured against each other; if they do not differ, nothing is searched. Then commits between
//! them are measured against the good end, until the first changed one stands beside an unchanged one, and that one is
//! measured once more, against its own parent. The error budget of the pipeline is shared by all of these.
//! `docs/bisect.md` has the rules and what they cost.

mod measure;
mod search;
#[cfg(test)]
mod simulation;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use measure::{Bench, Outcome};
use search::{Next, Search, measurements};

pub use search::Mark;
pub use state::Measured;

use crate::execute::Cancel;
use crate::host::{self, CopiesError};
use crate::ops::against;
use crate::ops::planning::PlanningError;
use crate::results::{ExitCode, Verdict};
use crate::store::Places;
use state::State;

/// How often an undecided measurement is repeated, each time with twice the budget.
const TRIES: u32 = 3;

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The pipeline file, which says how the benchmark is built and run at each commit.
    pub pipeline: PathBuf,
    /// The benchmark: a step, or the series name of what a harness reports.
    pub benchmark: String,
    /// The metric; the one that decides if `None`.
    pub metric: Option<String>,
    /// A revision before the change.
    pub good: String,
    /// A revision after it.
    pub bad: String,
    /// Time for each measurement; one that stays undecided is given more.
    pub budget: Duration,
    /// What an ended search has measured is not used.
    pub restart: bool,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How the search is told to stop.
    pub cancel: Cancel,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Found {
    /// This commit did it.
    Commit {
        /// Its hash.
        commit: String,
        /// Who wrote it.
        author: String,
        /// Its subject.
        subject: String,
        /// Against its own parent, measured anew.
        confirmed: Measured,
    },
    /// One of these did it; the others could not be measured.
    OneOf {
        /// Their hashes, the oldest first.
        commits: Vec<String>,
    },
    /// No single commit can be blamed.
    NotAttributable {
        /// Why.
        reason: String,
    },
    /// More time is needed.
    Undecided {
        /// The commits that are still in question.
        commits: Vec<String>,
        /// What is missing.
        reason: String,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The good end's commit.
    pub good: String,
    /// The bad end's commit.
    pub bad: String,
    /// The benchmark.
    pub benchmark: String,
    /// The metric that was followed.
    pub metric: Option<String>,
    /// How many commits lie between the ends, the bad one included.
    pub commits: usize,
    /// The chance of calling a change where there is none, of each measurement.
    pub false_alarms_each: f64,
    /// The bad end against the good one.
    pub ends: Option<Measured>,
    /// How it ended.
    #[serde(flatten)]
    pub found: Found,
    /// All measurements between, in the order of the history.
    pub steps: Vec<Measured>,
}

impl Answer {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self.found {
            Found::Commit { .. } => ExitCode::Passed,
            Found::OneOf { .. } | Found::NotAttributable { .. } | Found::Undecided { .. } => ExitCode::Undecided,
        }
    }
}

/// Why nothing could be searched.
#[derive(Debug, thiserror::Error)]
pub enum BisectError {
    /// The file or the plan.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The working copies.
    #[error(transparent)]
    Copies(#[from] CopiesError),
    /// A revision.
    #[error("`{0}` is no commit here; is the clone shallow? `git fetch --unshallow` brings the history")]
    NoCommit(String),
    /// The two ends.
    #[error(
        "`{good}` is not among the first parents of `{bad}`: name the older commit with --good and the newer with --bad"
    )]
    NotOlder {
        /// As it was named.
        good: String,
        /// As it was named.
        bad: String,
    },
    /// The benchmark.
    #[error("{0}")]
    NoBenchmark(String),
    /// The state or a folder.
    #[error("{}: {source}", path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It was told to stop.
    #[error("stopped; the same command goes on where this one ended")]
    Stopped(Option<u32>),
}

impl BisectError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Planning(error) => error.exit_code(),
            Self::Copies(error) => against::exit_code(error),
            Self::NoCommit(_) | Self::NotOlder { .. } | Self::NoBenchmark(_) => ExitCode::Usage,
            Self::Place { .. } => ExitCode::Tool,
            Self::Stopped(None | Some(2)) => ExitCode::Interrupted,
            Self::Stopped(Some(_)) => ExitCode::Terminated,
        }
    }
}

/// Searches, telling each step as a sentence.
///
/// # Errors
/// If the search cannot begin, or is told to stop; what was measured is kept for the next time.
pub fn bisect(request: &Request, tell: &mut dyn FnMut(&str)) -> Result<Answer, BisectError> {
    let bench = Bench::prepare(request)?;
    let commits = commits(request, &bench)?;
    let key = key(request, &bench, &commits);
    let path = state::path(Places::of(&bench.workspace).folder());
    let state = if request.restart { State { key, ..State::default() } } else { State::load(&path, &key) };
    let each = bench.false_alarms / f64::from(measurements(commits.len() - 1));
    let mut hunt = Hunt { request, bench, commits, path, state, each, tell };
    let found = hunt.all()?;
    // A finished search is no longer there to go on with.
    let _ = std::fs::remove_file(&hunt.path);
    Ok(hunt.answer(found))
}

fn commits(request: &Request, bench: &Bench) -> Result<Vec<String>, BisectError> {
    let commit = |named: &String| {
        host::commit_named(&bench.workspace, named).ok_or_else(|| BisectError::NoCommit(named.clone()))
    };
    let (good, bad) = (commit(&request.good)?, commit(&request.bad)?);
    let commits = host::first_parents(&bench.workspace, &good, &bad);
    if commits.len() < 2 {
        return Err(BisectError::NotOlder { good: request.good.clone(), bad: request.bad.clone() });
    }
    Ok(commits)
}

/// What is searched for, in short: the ends, the benchmark and how it is run.
fn key(request: &Request, bench: &Bench, commits: &[String]) -> String {
    let mut hash = Sha256::new();
    for word in commits.first().into_iter().chain(commits.last()).chain([&request.benchmark, &bench.sha256]) {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    hash.update(request.metric.as_deref().unwrap_or_default());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

struct Hunt<'a> {
    request: &'a Request,
    bench: Bench,
    commits: Vec<String>,
    path: PathBuf,
    state: State,
    each: f64,
    tell: &'a mut dyn FnMut(&str),
}

impl Hunt<'_> {
    fn all(&mut self) -> Result<Found, BisectError> {
        let last = self.commits.len() - 1;
        if !self.state.marks.is_empty() || self.state.ends.is_some() {
            let done = self.state.marks.len() + usize::from(self.state.ends.is_some());
            (self.tell)(&format!("going on with a search that was ended: {done} measurements are there"));
        }
        let ends = match self.state.ends.clone() {
            Some(ends) => ends,
            None => match self.ends(last)? {
                Ok(ends) => ends,
                Err(found) => return Ok(found),
            },
        };
        let size = ends.change.unwrap_or_default();
        let mut search = Search::new(last);
        for (index, commit) in self.commits.iter().enumerate() {
            if let Some(known) = self.state.marks.get(commit) {
                search.mark(index, known.mark);
            }
        }
        loop {
            match search.next() {
                Next::Measure(index) => match self.between(index, size)? {
                    Some(mark) => search.mark(index, mark),
                    None => return Ok(self.undecided(&search)),
                },
                Next::Found(index) => return self.confirm(index, size),
                Next::OneOf(range) => {
                    let commits = range.into_iter().filter_map(|index| self.commits.get(index).cloned()).collect();
                    return Ok(Found::OneOf { commits });
                }
            }
        }
    }

    /// The two ends; the other side is why the search is over before it begins.
    fn ends(&mut self, last: usize) -> Result<Result<Measured, Found>, BisectError> {
        let (first, end) = (self.short(0), self.short(last));
        let most = measurements(last);
        (self.tell)(&format!("{last} commits from {first} to {end}: at most {most} measurements; first the two ends"));
        let limit = self.bench.limit;
        let (row, measured) = match self.measured(0, last, limit)? {
            Outcome::Row(row) => {
                let measured = measure::told(&row, self.hash(last), Mark::Bad);
                (row, measured)
            }
            Outcome::Skipped(reason) => {
                let reason = format!("one of the two ends cannot be measured: {reason}");
                return Ok(Err(Found::NotAttributable { reason }));
            }
        };
        (self.tell)(&format!("  {}", sentence(&measured, "the ends differ by", &row.metric)));
        match row.verdict {
            Verdict::Regressed | Verdict::Improved => {
                self.state.metric = Some(row.metric);
                self.state.ends = Some(measured.clone());
                self.keep()?;
                Ok(Ok(measured))
            }
            Verdict::Unchanged => {
                let reason = format!("the two ends do not differ: {}", interval(&measured));
                self.state.ends = Some(measured);
                Ok(Err(Found::NotAttributable { reason }))
            }
            _ => {
                let reason = format!(
                    "whether the two ends differ could not be decided: {}; give it a larger --budget",
                    interval(&measured)
                );
                let commits = self.commits.iter().skip(1).cloned().collect();
                self.state.ends = Some(measured);
                Ok(Err(Found::Undecided { commits, reason }))
            }
        }
    }

    /// A commit between them; `None` if it stays undecided.
    fn between(&mut self, index: usize, size: f64) -> Result<Option<Mark>, BisectError> {
        let (good, bad) = (self.short(0), self.short(index));
        // Half of the whole change parts the two levels.
        let outcome = self.measured(0, index, size.abs() / 2.0)?;
        let measured = match outcome {
            Outcome::Skipped(reason) => Measured {
                commit: self.hash(index),
                mark: Mark::Skipped,
                change: None,
                low: None,
                high: None,
                pairs: 0,
                reason: Some(reason),
            },
            Outcome::Row(row) => {
                let Some(mark) = mark(row.verdict, size, self.bench.is_worse(&row)) else {
                    (self.tell)(&format!("  {bad} stays undecided"));
                    return Ok(None);
                };
                measure::told(&row, self.hash(index), mark)
            }
        };
        let (mark, what) = (
            measured.mark,
            match measured.mark {
                Mark::Good => "as good",
                Mark::Bad => "changed",
                Mark::Skipped => "skipped",
            },
        );
        let why = measured.reason.clone().unwrap_or_else(|| interval(&measured));
        (self.tell)(&format!("  {bad} against {good}: {what}: {why}"));
        self.state.marks.insert(measured.commit.clone(), measured);
        self.keep()?;
        Ok(Some(mark))
    }

    /// Measures what was found against its own parent: fresh data, and the size that it alone has.
    fn confirm(&mut self, index: usize, size: f64) -> Result<Found, BisectError> {
        let (parent, commit) = (index - 1, self.hash(index));
        let found = self.short(index);
        (self.tell)(&format!("  {found} is the first; once more against its parent"));
        let row = match self.measured(parent, index, size.abs() / 2.0)? {
            Outcome::Row(row) => row,
            Outcome::Skipped(reason) => {
                let reason = format!("{} could not be measured against its parent: {reason}", self.short(index));
                return Ok(Found::NotAttributable { reason });
            }
        };
        let confirmed = measure::told(&row, commit.clone(), Mark::Bad);
        match mark(row.verdict, size, self.bench.is_worse(&row)) {
            Some(Mark::Bad) => {
                let (author, subject) = host::headline(&self.bench.workspace, &commit).unwrap_or_default();
                Ok(Found::Commit { commit, author, subject, confirmed })
            }
            Some(_) => {
                let reason = format!(
                    "{} is the first that differs from the good end by so much, but not from its own parent ({}): \
                     the change came little by little, or in several steps",
                    self.short(index),
                    interval(&confirmed)
                );
                Ok(Found::NotAttributable { reason })
            }
            None => Ok(Found::Undecided {
                commits: vec![commit],
                reason: format!("the confirmation against its parent stays open: {}", interval(&confirmed)),
            }),
        }
    }

    /// One pair of commits, again with more time as long as it stays undecided.
    fn measured(&mut self, base: usize, head: usize, limit: f64) -> Result<Outcome, BisectError> {
        let mut budget = self.request.budget;
        let mut tries = 1;
        loop {
            let terms = measure::Terms { limit, budget, false_alarms: self.each / f64::from(TRIES) };
            let metric = self.state.metric.as_deref().or(self.request.metric.as_deref());
            let (base, head) = (self.hash(base), self.hash(head));
            let outcome = self.bench.measure(self.request, (&base, &head), metric, terms)?;
            let open = matches!(&outcome, Outcome::Row(row) if row.verdict == Verdict::Inconclusive);
            if !open || tries == TRIES {
                return Ok(outcome);
            }
            tries += 1;
            budget *= 2;
        }
    }

    fn undecided(&self, search: &Search) -> Found {
        let (good, bad) = search.ends();
        let commits = self.commits.get(good + 1..=bad).unwrap_or_default().to_vec();
        Found::Undecided { commits, reason: "a commit between them stays undecided; give it a larger --budget".into() }
    }

    fn keep(&self) -> Result<(), BisectError> {
        self.state.save(&self.path).map_err(|source| BisectError::Place { path: self.path.clone(), source })
    }

    fn hash(&self, index: usize) -> String {
        self.commits.get(index).cloned().unwrap_or_default()
    }

    fn short(&self, index: usize) -> String {
        self.commits.get(index).map_or("", |hash| hash.get(..9).unwrap_or(hash)).to_owned()
    }

    fn answer(self, found: Found) -> Answer {
        let steps = self.commits.iter().filter_map(|commit| self.state.marks.get(commit).cloned()).collect();
        Answer {
            good: self.hash(0),
            bad: self.hash(self.commits.len() - 1),
            benchmark: self.request.benchmark.clone(),
            metric: self.state.metric.clone(),
            commits: self.commits.len() - 1,
            false_alarms_each: self.each,
            ends: self.state.ends,
            found,
            steps,
        }
    }
}

/// What a verdict against the good end makes of a commit, where the ends differ by `size`. A change the other way is not
/// the one that is searched for.
fn mark(verdict: Verdict, size: f64, is_worse: Option<bool>) -> Option<Mark> {
    match verdict {
        Verdict::Unchanged => Some(Mark::Good),
        Verdict::Regressed | Verdict::Improved => {
            Some(if is_worse == Some(size > 0.0) { Mark::Bad } else { Mark::Good })
        }
        _ => None,
    }
}

fn interval(measured: &Measured) -> String {
    let percent = |value: f64| format!("{:+.2} %", value * 100.0).replace('-', "−");
    let change = measured.change.map_or_else(|| "no change can be told".to_owned(), percent);
    let within = measured.low.zip(measured.high).map(|(low, high)| format!(" [{} … {}]", percent(low), percent(high)));
    format!("{change}{} in {} pairs", within.unwrap_or_default(), measured.pairs)
}

fn sentence(measured: &Measured, what: &str, metric: &str) -> String {
    format!("{what} {} ({metric})", interval(measured))
}
