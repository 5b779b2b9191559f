//! Whose runs are told, and in which order their commits stand.

use std::collections::BTreeMap;
use std::path::Path;

use super::{HistoryError, Question, pick};
use crate::host;
use crate::store::{LineFacts, RunLabel, Store};

/// The runs that are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Those of a branch, or those that know none; change requests are left out.
    Branch(Option<String>),
    /// Those of a change request.
    Request(u64),
}

impl Line {
    pub(super) fn holds(&self, label: &RunLabel) -> bool {
        match self {
            Self::Branch(branch) => label.request.is_none() && label.branch == *branch,
            Self::Request(number) => label.request == Some(*number),
        }
    }

    pub(super) fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(branch) => branch.as_deref(),
            Self::Request(_) => None,
        }
    }

    pub(super) const fn request(&self) -> Option<u64> {
        match self {
            Self::Request(number) => Some(*number),
            Self::Branch(_) => None,
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Branch(Some(branch)) => format!("branch {branch}"),
            Self::Branch(None) => "no branch".to_owned(),
            Self::Request(number) => format!("change request {number}"),
        }
    }
}

/// Whose runs: those that were asked for, or of the default branch, or of the branch that has most.
pub(super) fn choose(
    store: &dyn Store,
    workspace: &Path,
    question: &Question,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Line, Vec<String>), HistoryError> {
    let lines = store.lines()?;
    if let Some(number) = question.request {
        let known = lines.iter().any(|line| line.request == Some(number));
        let candidates = lines.iter().filter_map(|line| Some(line.request?.to_string())).take(pick::NAMED).collect();
        let lost = HistoryError::Unknown { what: "run of change request", name: number.to_string(), candidates };
        return if known { Ok((Line::Request(number), Vec::new())) } else { Err(lost) };
    }
    let own: Vec<&LineFacts> = lines.iter().filter(|line| line.request.is_none()).collect();
    if let Some(wanted) = &question.branch {
        if own.iter().any(|line| line.branch.as_ref() == Some(wanted)) {
            return Ok((Line::Branch(Some(wanted.clone())), Vec::new()));
        }
        let names: Vec<&str> = own.iter().filter_map(|line| line.branch.as_deref()).collect();
        let candidates = pick::near(wanted, &names);
        return Err(HistoryError::Unknown { what: "run of branch", name: wanted.clone(), candidates });
    }
    let (change, _) = host::change(workspace, env);
    let told = [change.default_branch, own.iter().find_map(|line| line.default_branch.clone())];
    let has = |name: &String| own.iter().any(|line| line.branch.as_ref() == Some(name));
    if let Some(name) = told.iter().flatten().find(|name| has(name)) {
        return Ok((Line::Branch(Some(name.clone())), Vec::new()));
    }
    let most = own.iter().max_by_key(|line| line.runs);
    let line = Line::Branch(most.and_then(|line| line.branch.clone()));
    let note =
        told.iter().flatten().next().map(|name| {
            format!("no run of the default branch ({name}) is stored; these are the runs of {}", line.words())
        });
    Ok((line, note.into_iter().collect()))
}

/// The commits of the line as the repository has them.
#[derive(Debug, Default)]
pub(super) struct CommitLine {
    /// How many commits come after each: 0 for the newest.
    places: BTreeMap<String, usize>,
    /// The newest commit of the branch itself.
    tip: Option<String>,
}

impl CommitLine {
    /// The newest commit of the branch; of a change request, none: what its own commits accept does not count yet.
    pub(super) fn tip(&self) -> Option<&str> {
        self.tip.as_deref()
    }

    pub(super) fn of(workspace: &Path, line: &Line) -> Self {
        let named = |name: &str| host::commit_named(workspace, name);
        let branch = line.branch().filter(|name| host::is_branch(name));
        // What the remote has is the newest that all know; a local branch may have been left behind.
        let tips: Vec<String> = match branch {
            Some(name) => [format!("refs/remotes/origin/{name}"), format!("refs/heads/{name}")]
                .iter()
                .filter_map(|name| named(name))
                .collect(),
            None => Vec::new(),
        };
        let tip = tips.first().cloned();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for tip in tips.into_iter().chain(named("HEAD")) {
            if places.contains_key(&tip) {
                continue;
            }
            let commits = host::commit_line(workspace, &tip).into_iter().enumerate();
            let line: BTreeMap<String, usize> = commits.map(|(place, hash)| (hash, place)).collect();
            // A tip that has all before it is ahead of them; any other would only mix things up.
            if places.keys().all(|hash| line.contains_key(hash)) {
                places = line;
            }
        }
        Self { places, tip }
    }

    /// How many commits come after this one; `None` where it is not on the line.
    pub(super) fn place(&self, commit: &str) -> Option<usize> {
        self.places.get(commit).copied()
    }

    /// Puts what is in the order of time into the order of commits. What has no commit on the line keeps its place.
    pub(super) fn sort<T: Clone>(&self, items: &mut [T], commit: impl Fn(&T) -> Option<&str>) {
        let place = |item: &T| commit(item).and_then(|hash| self.place(hash));
        let at: Vec<usize> =
            items.iter().enumerate().filter(|(_, item)| place(item).is_some()).map(|(at, _)| at).collect();
        let mut on: Vec<T> = at.iter().filter_map(|at| items.get(*at).cloned()).collect();
        // Stable: of several runs of one commit the order of time stays.
        on.sort_by_key(|item| std::cmp::Reverse(place(item)));
        for (at, item) in at.into_iter().zip(on) {
            if let Some(slot) = items.get_mut(at) {
                *slot = item;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CommitLine;

    #[test]
    fn what_is_on_the_line_is_ordered_and_the_rest_stays() {
        let names = ["d", "c", "b", "a"];
        let line = CommitLine {
            tip: None,
            places: names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), at)).collect(),
        };
        let mut items = vec!["b", "x", "a", "y", "d", "c", "a"];
        line.sort(&mut items, |item| Some(item));
        assert_eq!(items, ["a", "x", "a", "y", "b", "c", "d"]);
        let mut unknown = vec!["z", "y"];
        line.sort(&mut unknown, |item| Some(item));
        assert_eq!(unknown, ["z", "y"]);
        line.sort(&mut Vec::<&str>::new(), |item| Some(item));
    }
}
