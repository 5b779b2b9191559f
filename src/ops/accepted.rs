//! Accepted changes: who may accept what, which comparison an acceptance covers, and what it does there.
//!
//! A change request cannot accept itself: trailers count on the default branch alone, what stands on the shelf needs the
//! right to write there, and labels the right to set them.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::shared::SharedError;
use crate::host;
use crate::results::{AcceptedRef, Change, Comparison, Document, Verdict};
use crate::store::{Accepted, AcceptedKind, Reach};

/// Accepted changes that may cover a comparison, with what people should know of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Covering {
    /// They.
    pub accepted: Vec<Accepted>,
    /// Those of them that come from trailers, to be put on the shelf.
    pub from_trailers: Vec<Accepted>,
    /// Such as a trailer without a reason.
    pub remarks: Vec<String>,
}

/// Those of the stored acceptances, and of the trailers in the history, that lie between `base` (a commit) and the head.
pub fn covering(
    workspace: &Path,
    project: &str,
    change: &Change,
    base: Option<&str>,
    stored: Vec<Accepted>,
) -> Covering {
    let mut covering = Covering::default();
    let Some(head) = change.commit.as_deref() else { return covering };
    covering.trailers(workspace, change, base, head);
    let request = change.request.as_ref().map(|request| request.number);
    let between: BTreeSet<String> =
        base.map(|base| host::between(workspace, base, head)).unwrap_or_default().into_iter().collect();
    let ours = |accepted: &Accepted| accepted.project.as_deref().is_none_or(|named| named == project);
    let covers = |accepted: &Accepted| match &accepted.reach {
        Reach::Request(number) => request == Some(*number),
        Reach::Commit(commit) => between.contains(commit),
    };
    covering.accepted = stored.into_iter().filter(|accepted| ours(accepted) && covers(accepted)).collect();
    let known: BTreeSet<_> = covering.accepted.iter().map(|accepted| accepted.id).collect();
    let new = covering.from_trailers.iter().filter(|accepted| !known.contains(&accepted.id)).cloned();
    covering.accepted.extend(new);
    covering.accepted.extend(change.request.iter().flat_map(|request| of_labels(request.number, &request.labels)));
    covering
}

/// The label that accepts what changes; behind it a colon and a pattern, or everything.
const LABEL: &str = "backsight-accept";

/// What the labels of a change request accept: only people whom the platform trusts can set them.
fn of_labels(number: u64, labels: &[String]) -> Vec<Accepted> {
    let pattern = |label: &String| {
        let rest = label.strip_prefix(LABEL)?;
        let pattern = rest.strip_prefix(':').map_or(rest, str::trim);
        let is_label = rest.is_empty() || rest.starts_with(':') && !pattern.is_empty();
        is_label.then(|| if pattern.is_empty() { "*".to_owned() } else { pattern.to_owned() })
    };
    let made = |label: &String| {
        let kind = AcceptedKind::Change { pattern: pattern(label)? };
        let reason = format!("the label `{label}` is set");
        let made = Accepted::new(None, kind, reason, "the change request's labels".into(), Reach::Request(number));
        made.matcher().is_some().then_some(made)
    };
    labels.iter().filter_map(made).collect()
}

impl Covering {
    fn trailers(&mut self, workspace: &Path, change: &Change, base: Option<&str>, head: &str) {
        let on_default = change.request.is_none() && change.branch.is_some() && change.branch == change.default_branch;
        // What a change brings along itself does not count until it has arrived.
        let Some(tip) = (if on_default { Some(head) } else { change.base.as_deref() }) else { return };
        for trailer in base.map(|base| host::trailers(workspace, Some(base), tip)).unwrap_or_default() {
            match made(&trailer) {
                Some(made) => self.from_trailers.push(made),
                None => self.remarks.push(odd(&trailer.commit)),
            }
        }
    }

    /// Gives the base's benchmarks the names that they go by now.
    pub fn rename(&self, base: &mut Document) {
        for accepted in &self.accepted {
            let AcceptedKind::Rename { from, to } = &accepted.kind else { continue };
            for benchmark in base.benchmarks.iter_mut().filter(|benchmark| benchmark.series() == *from) {
                // The new name is that of the whole series: of its own step, or of another one.
                let step = benchmark.step.strip_prefix("benchmarks/").unwrap_or(&benchmark.step);
                match to.strip_prefix(step).and_then(|rest| rest.strip_prefix('/')) {
                    Some(rest) => benchmark.name = rest.to_owned(),
                    None => (benchmark.step, benchmark.name) = (String::new(), to.clone()),
                }
                benchmark.parameters.clear();
            }
        }
    }

    /// Marks what was accepted in a comparison.
    pub fn mark(&self, comparison: &mut Comparison) {
        for accepted in &self.accepted {
            let (pattern, reason) = match &accepted.kind {
                AcceptedKind::Change { pattern } => (pattern, accepted.reason.clone()),
                AcceptedKind::Rename { from, to } => (from, format!("it is called {to} now")),
            };
            let glob = accepted.matcher();
            let matches = |name: &str| glob.as_ref().map_or(name == pattern, |glob| glob.is_match(name));
            let told = AcceptedRef {
                pattern: pattern.clone(),
                reason,
                author: accepted.author.clone(),
                commit: match &accepted.reach {
                    Reach::Commit(commit) => Some(commit.clone()),
                    Reach::Request(_) => None,
                },
            };
            for row in comparison.rows.iter_mut().filter(|row| matches(&row.benchmark)) {
                let changed = matches!(row.verdict, Verdict::Regressed | Verdict::Missing);
                if changed && row.accepted.is_none() {
                    row.note = Some(format!("accepted by {}: {}", told.author, told.reason));
                    row.accepted = Some(told.clone());
                }
            }
        }
    }
}

/// What the trailers of the commits up to `tip` accept; those that accept nothing are passed over.
pub fn of_trailers(workspace: &Path, tip: &str) -> Vec<Accepted> {
    host::trailers(workspace, None, tip).iter().filter_map(made).collect()
}

/// The acceptance that a trailer stands for, if it does for one.
fn made(trailer: &host::Trailer) -> Option<Accepted> {
    let (pattern, reason) = parse(&trailer.text)?;
    let at = Timestamp::from_second(trailer.committed_at).unwrap_or(Timestamp::UNIX_EPOCH);
    let made = Accepted::of_trailer(&trailer.commit, at, trailer.author.clone(), pattern, reason);
    (made.matcher().is_some() && made.pack().is_ok()).then_some(made)
}

/// Reads `PATTERN because REASON`.
fn parse(text: &str) -> Option<(&str, &str)> {
    let (pattern, reason) = text.split_once(" because ")?;
    let (pattern, reason) = (pattern.trim(), reason.trim());
    (!pattern.is_empty() && !reason.is_empty()).then_some((pattern, reason))
}

fn odd(commit: &str) -> String {
    let commit = commit.get(..9).unwrap_or(commit);
    format!("the trailer of {commit} accepts nothing: write `Backsight-Accept: PATTERN because REASON`")
}

/// What somebody accepts on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// What.
    pub kind: AcceptedKind,
    /// Why.
    pub reason: String,
    /// From which commit on, as git names it; HEAD where neither this nor a request is given.
    pub commit: Option<String>,
    /// For which change request.
    pub request: Option<u64>,
    /// Who, where git's settings should not tell.
    pub author: Option<String>,
}

/// Makes the acceptance that is to be put on a shelf.
///
/// # Errors
/// If the commit cannot be found, nobody is named, or the pattern is no glob.
pub fn accept(workspace: &Path, wanted: Acceptance) -> Result<Accepted, SharedError> {
    let reach = match (wanted.request, wanted.commit.as_deref()) {
        (Some(number), _) => Reach::Request(number),
        (None, named) => {
            let named = named.unwrap_or("HEAD");
            let lost = || SharedError::Commit(format!("git knows no commit `{named}`; name a branch, a tag or a hash"));
            Reach::Commit(host::commit_named(workspace, named).ok_or_else(lost)?)
        }
    };
    let nobody = || SharedError::Commit("nobody is named; set git's user.name, or give --author".into());
    let author = wanted.author.or_else(|| host::author(workspace)).ok_or_else(nobody)?;
    let made = Accepted::new(None, wanted.kind, wanted.reason, author, reach);
    if let AcceptedKind::Change { pattern } = &made.kind {
        globset::Glob::new(pattern)
            .map_err(|error| SharedError::Pattern { pattern: pattern.clone(), detail: error.kind().to_string() })?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::{Covering, of_labels, parse};
    use crate::results::{Benchmark, Document, PipelineRef};
    use crate::store::{Accepted, AcceptedKind, Reach};

    #[test]
    fn a_trailer_needs_a_pattern_and_a_reason() {
        assert_eq!(parse("parse/* because a new parser"), Some(("parse/*", "a new parser")));
        assert_eq!(parse("a because b because c"), Some(("a", "b because c")));
        for odd in ["", "parse/*", "because x", " because x", "x because ", "x becausey"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn labels_accept_all_or_a_pattern() {
        let labels =
            ["bug", "backsight-accept", "backsight-accept: parse/*", "backsight-accept:", "backsight-acceptable"];
        let made = of_labels(7, &labels.map(str::to_owned));
        let patterns: Vec<_> = made
            .iter()
            .map(|one| match &one.kind {
                AcceptedKind::Change { pattern } => pattern.as_str(),
                AcceptedKind::Rename { .. } => "",
            })
            .collect();
        assert_eq!(patterns, ["*", "parse/*"]);
        assert!(made.iter().all(|one| one.reach == Reach::Request(7)));
    }

    #[test]
    fn a_renamed_benchmark_is_found_under_its_new_name() {
        let kind = AcceptedKind::Rename { from: "criterion/old n=1".into(), to: "criterion/new n=1".into() };
        let reach = Reach::Request(1);
        let accepted = vec![Accepted::new(None, kind, String::new(), "A".into(), reach)];
        let pipeline = PipelineRef { path: String::new(), sha256: String::new() };
        let mut base = Document::begun(uuid::Uuid::nil(), jiff::Timestamp::UNIX_EPOCH, "p", pipeline);
        let mut old = Benchmark { step: "benchmarks/criterion".into(), ..Benchmark::new("old") };
        old.parameters.insert("n".into(), "1".into());
        base.benchmarks = vec![old, Benchmark::new("other")];
        Covering { accepted, ..Covering::default() }.rename(&mut base);
        let names: Vec<_> = base.benchmarks.iter().map(Benchmark::series).collect();
        assert_eq!(names, ["criterion/new n=1", "other"]);
    }
}
