//! What came before a commit: its ancestors with their distance, and the trailers in their messages.
//!
//! Bounded: so many commits are looked at, and no more. A shallow clone ends earlier; the parents that its last commits
//! name are known all the same.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use super::git::{Git, is_hash};

/// So many ancestors are looked at.
const MOST: usize = 20_000;
/// So many ends of a shallow clone are asked for the parents that they name.
const ENDS: usize = 64;
/// So many commits are looked at for trailers.
const MOST_TRAILERS: usize = 2000;
/// The trailer that accepts a change.
const TRAILER: &str = "Backsight-Accept";

/// The ancestors of a commit, the nearest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ancestry {
    /// Each with its distance; the commit itself is the first, with 0. Those along first parents come before all others.
    pub commits: Vec<(String, usize)>,
    /// Whether more of the history exists than could be seen: the clone is shallow, or the history is very long.
    pub cut: bool,
}

/// A trailer of a commit's message that accepts a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// The commit, full hash.
    pub commit: String,
    /// Name and address of its author.
    pub author: String,
    /// When it was committed, seconds since 1970.
    pub committed_at: i64,
    /// What the trailer says.
    pub text: String,
}

/// The ancestors of a commit; none where git cannot tell.
pub fn ancestry(workspace: &Path, commit: &str, shallow: bool) -> Ancestry {
    if !is_hash(commit) {
        return Ancestry::default();
    }
    let git = Git::new(workspace);
    let limit = format!("--max-count={MOST}");
    let said = git.say("rev-list", &["rev-list", "--parents", &limit, "--end-of-options", commit]);
    let mut parents = BTreeMap::new();
    for line in said.unwrap_or_default().lines() {
        let mut hashes = line.split(' ').filter(|hash| is_hash(hash)).map(ToOwned::to_owned);
        if let Some(hash) = hashes.next() {
            parents.insert(hash, hashes.collect::<Vec<_>>());
        }
    }
    let full = parents.len() >= MOST;
    if shallow {
        let ends: Vec<&str> = parents
            .iter()
            .filter(|(_, parents)| parents.is_empty())
            .map(|(hash, _)| hash.as_str())
            .take(ENDS)
            .collect();
        let raw = git.commits(&ends).unwrap_or_default();
        parents.extend(raw.into_iter().map(|commit| (commit.hash, commit.parents)));
    }
    Ancestry { commits: ordered(commit, &parents), cut: full || shallow }
}

/// Along first parents, then all others by their distance.
fn ordered(start: &str, parents: &BTreeMap<String, Vec<String>>) -> Vec<(String, usize)> {
    let mut depth: BTreeMap<&str, usize> = BTreeMap::from([(start, 0)]);
    let mut queue = VecDeque::from([start]);
    let mut near = Vec::new();
    while let Some(hash) = queue.pop_front() {
        let distance = depth.get(hash).copied().unwrap_or_default();
        near.push((hash, distance));
        for parent in parents.get(hash).into_iter().flatten() {
            if !depth.contains_key(parent.as_str()) {
                depth.insert(parent, distance + 1);
                queue.push_back(parent);
            }
        }
    }
    let mut chain = vec![start];
    let mut last = start;
    while let Some(parent) = parents.get(last).and_then(|parents| parents.first()) {
        // Each is there once, whatever a broken history says.
        if chain.len() > depth.len() {
            break;
        }
        chain.push(parent);
        last = parent;
    }
    let on_chain: std::collections::BTreeSet<&str> = chain.iter().copied().collect();
    let along = chain.iter().map(|hash| (*hash, depth.get(hash).copied().unwrap_or_default()));
    let others = near.iter().copied().filter(|(hash, _)| !on_chain.contains(hash));
    along.chain(others).map(|(hash, distance)| (hash.to_owned(), distance)).collect()
}

/// The accepting trailers of the commits that lead from `base` to `head`, both full hashes; all up to a bound where there
/// is no base.
pub fn trailers(workspace: &Path, base: Option<&str>, head: &str) -> Vec<Trailer> {
    if !is_hash(head) || base.is_some_and(|base| !is_hash(base)) {
        return Vec::new();
    }
    let limit = format!("--max-count={MOST_TRAILERS}");
    let format =
        format!("--format=%H%x00%an <%ae>%x00%ct%x00%(trailers:key={TRAILER},valueonly,unfold,separator=%x01)%x02");
    let range = base.map_or_else(|| head.to_owned(), |base| format!("{base}..{head}"));
    let said = Git::new(workspace).say("log", &["log", "--no-color", &limit, &format, "--end-of-options", &range]);
    said.unwrap_or_default().split('\u{2}').flat_map(entry).collect()
}

fn entry(text: &str) -> Vec<Trailer> {
    let mut parts = text.trim_start_matches('\n').split('\0');
    let (Some(commit), Some(author), Some(at), Some(texts)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let trailer = |text: &str| Trailer {
        commit: commit.to_owned(),
        author: author.to_owned(),
        committed_at: at.parse().unwrap_or_default(),
        text: text.trim().to_owned(),
    };
    texts.split('\u{1}').filter(|text| !text.trim().is_empty()).map(trailer).collect()
}

/// The commits that lead from `base` to `head`, the head included; none where git cannot tell.
pub fn between(workspace: &Path, base: &str, head: &str) -> Vec<String> {
    if !is_hash(base) || !is_hash(head) {
        return Vec::new();
    }
    let limit = format!("--max-count={MOST}");
    let range = format!("{base}..{head}");
    let said = Git::new(workspace).say("rev-list", &["rev-list", &limit, "--end-of-options", &range]);
    said.unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

/// The commits from `good` to `bad` along first parents, the oldest first, both included; none where `good` is not among
/// the first parents of `bad`, or git cannot tell.
pub fn first_parents(workspace: &Path, good: &str, bad: &str) -> Vec<String> {
    if !is_hash(good) || !is_hash(bad) {
        return Vec::new();
    }
    let limit = format!("--max-count={MOST}");
    let asked = ["rev-list", "--first-parent", "--parents", &limit, "--end-of-options", bad];
    let said = Git::new(workspace).say("rev-list", &asked).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for hash in said.lines().filter_map(|line| line.split(' ').next()) {
        found.push(hash.to_owned());
        if hash == good {
            found.reverse();
            return found;
        }
    }
    Vec::new()
}

/// A commit in a line: its author and its subject.
pub fn headline(workspace: &Path, commit: &str) -> Option<(String, String)> {
    if !is_hash(commit) {
        return None;
    }
    let said = Git::new(workspace).say("log", &["log", "-1", "--format=%an%x00%s", "--end-of-options", commit]).ok()?;
    let (author, subject) = said.split_once('\0')?;
    Some((author.trim().to_owned(), subject.trim().to_owned()))
}

/// The commits that lead to this one, the newest first and each before its parents; none where git cannot tell.
pub fn line(workspace: &Path, commit: &str) -> Vec<String> {
    if !is_hash(commit) {
        return Vec::new();
    }
    let limit = format!("--max-count={MOST}");
    let words = ["rev-list", "--topo-order", &limit, "--end-of-options", commit];
    let said = Git::new(workspace).say("rev-list", &words);
    said.unwrap_or_default().lines().filter(|hash| is_hash(hash)).map(ToOwned::to_owned).collect()
}

/// The latest tag that a commit has behind it.
pub fn latest_tag(workspace: &Path, commit: &str) -> Option<String> {
    if !is_hash(commit) {
        return None;
    }
    let words = ["describe", "--tags", "--abbrev=0", commit];
    Git::new(workspace).say("describe", &words).ok().filter(|name| !name.trim().is_empty())
}

/// A text file of a commit, by its path relative to the workspace; absent where there is none, or where it is no text.
pub fn file_at(workspace: &Path, commit: &str, path: &str) -> Option<String> {
    if !is_hash(commit) {
        return None;
    }
    let named = format!("{commit}:./{path}");
    Git::new(workspace).say("cat-file", &["cat-file", "blob", &named]).ok()
}

/// The full hash of a revision, as people name it.
pub fn commit_named(workspace: &Path, name: &str) -> Option<String> {
    let wanted = format!("{name}^{{commit}}");
    let told = Git::new(workspace).say("rev-parse", &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]);
    told.ok().filter(|hash| is_hash(hash))
}

/// Who works here, by git's settings; absent where it has none.
pub fn author(workspace: &Path) -> Option<String> {
    let git = Git::new(workspace);
    let told = |key: &str| git.say("config", &["config", "--get", key]).ok().filter(|text| !text.trim().is_empty());
    match (told("user.name"), told("user.email")) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (name, email) => name.or(email),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{entry, ordered};

    #[test]
    fn first_parents_come_first_and_distances_are_the_shortest() {
        // d is a merge of c and x; x and c both come from a.
        let edges = [("d", vec!["c", "x"]), ("c", vec!["b"]), ("b", vec!["a"]), ("x", vec!["a"])];
        let edges = edges.map(|(hash, parents)| (hash.to_owned(), parents.into_iter().map(str::to_owned).collect()));
        let found = ordered("d", &BTreeMap::from(edges));
        let found: Vec<(&str, usize)> = found.iter().map(|(hash, distance)| (hash.as_str(), *distance)).collect();
        assert_eq!(found, [("d", 0), ("c", 1), ("b", 2), ("a", 2), ("x", 1)]);
    }

    #[test]
    fn trailers_are_read_one_by_one() {
        let found = entry("\nabc\0A <a@b>\u{0}17\0x/* because y\u{1}z because w\n");
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].text.as_str(), found[1].text.as_str(), found[0].committed_at),
            ("x/* because y", "z because w", 17)
        );
        assert!(entry("").is_empty() && entry("abc\0A\u{0}17\0\n").is_empty());
    }
}
