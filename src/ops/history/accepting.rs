//! Which change points were accepted by somebody.

use std::collections::BTreeMap;

use super::line::CommitLine;
use crate::results::{AcceptedRef, SeriesChange, SeriesHistory};
use crate::store::{Accepted, AcceptedKind, Reach};

/// How many measured commits beside the range of a change point an acceptance may stand: its place is an estimate.
const BESIDE: usize = 2;

/// Writes into each change point who accepted it, and how many commits it may have come with.
pub(super) fn mark(all: &mut [SeriesHistory], commits: &CommitLine, accepted: &[Accepted]) {
    let at: Vec<(&Accepted, &str)> = accepted
        .iter()
        .filter_map(|one| match (&one.kind, &one.reach) {
            (AcceptedKind::Change { .. }, Reach::Commit(commit)) => Some((one, commit.as_str())),
            // Of a change request it is not known with which commit it arrived.
            _ => None,
        })
        .collect();
    for series in all {
        let hashes: Vec<Option<String>> = series.points.iter().map(|point| point.commit.clone()).collect();
        let mut changes = std::mem::take(&mut series.changes);
        for change in &mut changes {
            let place = |hash: &Option<String>| hash.as_deref().and_then(|hash| commits.place(hash));
            change.commits = place(&change.after)
                .zip(place(&change.until))
                .and_then(|(after, until)| after.checked_sub(until))
                .map(|commits| commits as u64);
            change.accepted = at
                .iter()
                .find(|(one, commit)| matches(one, series) && covers(change, commit, &hashes, commits))
                .map(|(one, commit)| reference(one, commit));
        }
        series.changes = changes;
    }
}

fn matches(accepted: &Accepted, series: &SeriesHistory) -> bool {
    accepted.project.as_ref().is_none_or(|project| *project == series.project)
        && accepted.matcher().is_some_and(|glob| glob.is_match(&series.benchmark))
}

/// Whether the commit lies in the range of the change point, or so near that it may be the one that is meant.
fn covers(change: &SeriesChange, commit: &str, hashes: &[Option<String>], commits: &CommitLine) -> bool {
    let index = change.index as usize;
    let first = index.saturating_sub(1 + BESIDE);
    let last = (index + BESIDE).min(hashes.len().saturating_sub(1));
    let near = hashes.get(first..=last).unwrap_or_default();
    let measured: BTreeMap<&str, usize> =
        near.iter().enumerate().filter_map(|(at, hash)| Some((hash.as_deref()?, at))).collect();
    if let Some(place) = commits.place(commit) {
        let places: Vec<usize> = measured.keys().filter_map(|hash| commits.place(hash)).collect();
        if let (Some(newest), Some(oldest)) = (places.iter().min(), places.iter().max()) {
            return (*newest..*oldest).contains(&place);
        }
    }
    measured.get(commit).is_some_and(|at| *at > 0)
}

fn reference(accepted: &Accepted, commit: &str) -> AcceptedRef {
    let pattern = match &accepted.kind {
        AcceptedKind::Change { pattern } => pattern.clone(),
        AcceptedKind::Rename { from, .. } => from.clone(),
    };
    AcceptedRef {
        pattern,
        reason: accepted.reason.clone(),
        author: accepted.author.clone(),
        commit: Some(commit.to_owned()),
    }
}
