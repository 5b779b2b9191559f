//! Which stored run is the baseline of a commit: that of the nearest commit before it that was measured.
//!
//! A change request is held against the commit where it left its target, or the nearest one before that; any other commit
//! against the nearest one before itself. Only runs of the same project on the same class of hosts count, and none of a
//! change request. Along first parents comes before all other ways. "The last stored run" is never taken for it; only
//! where a shallow clone hides the history, the newest run of the target branch stands in, and the comparison says so.

use std::collections::BTreeMap;
use std::path::Path;

use super::baseline::{self, Baseline, Wanted};
use crate::host::{Ancestry, Revision, ancestry, start};
use crate::results::{Change, Document};
use crate::store::{BaselineQuery, RunFacts, Store, StoreError};

/// The commits that a baseline may have measured, the nearest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Each with its distance from the first.
    pub commits: Vec<(String, usize)>,
    /// Whether the history goes on where it could not be seen.
    pub cut: bool,
    /// What the first commit is to the change, for people.
    pub first: &'static str,
    /// The commit itself.
    pub head: String,
}

impl Line {
    /// That of a change; `None` where its commit is not known.
    pub fn of(workspace: &Path, change: &Change) -> Option<Self> {
        let head = change.commit.as_deref()?;
        let shallow = change.shallow?;
        let head = head.to_owned();
        let whole = |Ancestry { commits, cut }: Ancestry, first| Some(Self { commits, cut, first, head: head.clone() });
        if change.request.is_some() {
            let first = "the commit where the change left its target";
            return match start(workspace, change) {
                Some(Revision::Start(hash)) => whole(ancestry(workspace, &hash, shallow), first),
                _ if change.base.as_ref() == Some(&head) => whole(ancestry(workspace, &head, shallow), first),
                _ => Some(Self { commits: Vec::new(), cut: true, first, head }),
            };
        }
        let Ancestry { mut commits, cut } = ancestry(workspace, &head, shallow);
        if change.dirty != Some(true) {
            // The commit itself is not before itself; with changes on top of it, it is.
            commits.retain(|(hash, _)| *hash != head);
            commits.iter_mut().for_each(|(_, distance)| *distance -= 1);
        }
        Some(Self { commits, cut, first: "the commit before", head })
    }

    fn short(&self) -> Option<&str> {
        self.commits.first().and_then(|(hash, _)| hash.get(..9))
    }
}

/// The baseline, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// This one.
    Found(Box<Baseline>),
    /// None, for this reason.
    None(String),
}

/// Chooses among the runs of a store. Without a line of commits, by branch and date.
///
/// # Errors
/// Where the store cannot be read.
pub fn choose(store: &dyn Store, wanted: &Wanted, line: Option<&Line>) -> Result<Choice, StoreError> {
    let Some(line) = line else {
        let found = baseline::choose(store, wanted)?;
        return Ok(match found {
            Some(found) => Choice::Found(Box::new(found)),
            None => Choice::None(unmeasured(store, wanted)?.unwrap_or_else(first_run)),
        });
    };
    if let Some(found) = nearest(store, wanted, line)? {
        return Ok(Choice::Found(Box::new(found)));
    }
    // Of any branch but the request's own.
    let by_date = Wanted { request: None, branch: wanted.target_branch.clone(), ..wanted.clone() };
    let newest = baseline::choose(store, &by_date)?;
    match newest {
        Some(newest) if line.cut => Ok(Choice::Found(Box::new(stand_in(newest)))),
        Some(newest) => Ok(Choice::None(no_ancestor(line, &newest.document))),
        None => Ok(Choice::None(unmeasured(store, wanted)?.unwrap_or_else(first_run))),
    }
}

fn nearest(store: &dyn Store, wanted: &Wanted, line: &Line) -> Result<Option<Baseline>, StoreError> {
    let query = BaselineQuery {
        project: wanted.project.clone(),
        class_key: wanted.class_key.clone(),
        exclude: wanted.run,
        with_benchmarks: wanted.with_benchmarks,
        ..BaselineQuery::default()
    };
    let hashes: Vec<String> = line.commits.iter().map(|(hash, _)| hash.clone()).collect();
    let places: BTreeMap<&str, usize> = hashes.iter().enumerate().map(|(at, hash)| (hash.as_str(), at)).collect();
    let mut found = store.of_commits(&query, &hashes)?;
    if let Some(branch) = &wanted.compare_with {
        found.retain(|facts| facts.branch.as_ref() == Some(branch));
    }
    let place =
        |facts: &RunFacts| facts.commit.as_deref().and_then(|hash| places.get(hash)).copied().unwrap_or(usize::MAX);
    // Stable: of two runs of one commit the newest stays first.
    found.sort_by_key(place);
    for facts in &found {
        let Some(document) = store.load(facts.id)? else { continue };
        let distance = line.commits.get(place(facts)).map(|(_, distance)| *distance as u64);
        let note = note(facts, line, distance.unwrap_or_default());
        return Ok(Some(Baseline { document, note, distance }));
    }
    Ok(None)
}

fn note(facts: &RunFacts, line: &Line, distance: u64) -> Option<String> {
    let mut notes = Vec::new();
    if distance > 0 {
        let hash = facts.commit.as_deref().and_then(|hash| hash.get(..9)).unwrap_or_default();
        let commits = if distance == 1 { "1 commit".to_owned() } else { format!("{distance} commits") };
        let first = line.short().unwrap_or_default();
        notes.push(format!("{} ({first}) was not measured here; {hash}, {commits} earlier, was", line.first));
    }
    if facts.dirty == Some(true) {
        notes.push("the baseline's tree had changes that were not committed".to_owned());
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn stand_in(newest: Baseline) -> Baseline {
    let why = "the clone is shallow, so it is not known which commits came before; the newest run by date stands in (GitHub: \
               fetch-depth: 0, GitLab: GIT_DEPTH: 0 give the history)";
    let note = newest.note.map_or_else(|| why.to_owned(), |note| format!("{why}; {note}"));
    Baseline { note: Some(note), ..newest }
}

fn no_ancestor(line: &Line, newest: &Document) -> String {
    let commit = newest.change.short_commit().unwrap_or("no commit");
    let branch = newest.change.branch.as_deref().unwrap_or("no branch");
    let day = newest.run.started_at.strftime("%Y-%m-%d");
    if newest.change.commit.as_ref() == Some(&line.head) {
        return format!(
            "no baseline yet: none of the {} commits before was measured on this kind of host; the newest stored run there is of \
             this very commit, which is not compared with itself",
            line.commits.len()
        );
    }
    format!(
        "no baseline yet: none of the {} commits before was measured on this kind of host; the newest stored run there is \
         of {commit} on {branch} ({day}), which is no ancestor and is not compared with",
        line.commits.len()
    )
}

/// Says so where the project was measured, but not on this kind of host.
fn unmeasured(store: &dyn Store, wanted: &Wanted) -> Result<Option<String>, StoreError> {
    let elsewhere = store.baselines(Some(&wanted.project))?;
    let here = elsewhere.iter().any(|facts| facts.class_key == wanted.class_key);
    let hosts: std::collections::BTreeSet<&str> = elsewhere.iter().map(|facts| facts.host.as_str()).collect();
    Ok((!here && !elsewhere.is_empty()).then(|| {
        let hosts: Vec<&str> = hosts.into_iter().take(3).collect();
        format!("no baseline yet for this kind of host; stored runs are of {}", hosts.join(", "))
    }))
}

fn first_run() -> String {
    "no baseline yet: no earlier run of this branch on this kind of host is stored; this run can be the next one's baseline"
        .to_owned()
}
