//! A run and the shared results: what it reads before it compares, and what it adds when it is over.
//!
//! Neither keeps the run from being what it is: trouble is a remark, unless the pipeline file says `strict`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::prepare::Prepared;
use super::wanted::Share;
use crate::execute::{Cancel, Emitter};
use crate::host::{DataError, Patience};
use crate::ops::nearest::Line;
use crate::ops::shared::{self, SharedError, Whereabouts};
use crate::pipeline::PushPolicy;
use crate::results::{Document, ExitCode, Remark, RemarkLevel, Status};
use crate::store::{Accepted, Room, RunName, ShelfError, SqliteStore, escaped};

/// How long a run waits for shared results before it begins, and after it has ended.
const PULL: Duration = Duration::from_secs(60);
const PUSH: Duration = Duration::from_secs(90);
/// So many of the nearest commits are looked for, and so many runs of them are read.
const NEAREST: usize = 2000;
const READ_NEAREST: usize = 20;
/// So many of the newest runs are read besides: for a clone that does not know its history.
const READ_NEWEST: usize = 10;

/// What a run shares, and how.
pub(super) struct Sharing {
    whereabouts: Result<Option<Whereabouts>, SharedError>,
    /// Nobody asked for it: it is only done where the data branch is there.
    unasked: bool,
    policy: PushPolicy,
    strict: bool,
    workspace: std::path::PathBuf,
    cancel: Cancel,
    check_only: bool,
    /// Accepted changes from the history, to be added with the run.
    pub(super) accepted: Vec<Accepted>,
}

impl Sharing {
    /// As the pipeline file says, and no more than `share`. Where the file says nothing, a CI job looks for the data branch.
    pub(super) fn of(prepared: &Prepared, share: Share) -> Self {
        let config = &prepared.baseline;
        let workspace = prepared.workshop.workspace.clone();
        Self {
            whereabouts: match share {
                Share::Nothing => Ok(None),
                Share::All | Share::Read => Whereabouts::of_a_run(config, prepared.facts.ci, &workspace),
            },
            unasked: config.store.is_none(),
            policy: if share == Share::All { config.push.unwrap_or_default() } else { PushPolicy::Never },
            strict: config.strict,
            workspace,
            cancel: prepared.workshop.cancel.clone(),
            check_only: prepared.workshop.check_only,
            accepted: Vec::new(),
        }
    }

    /// Reads what the comparison may need: the runs of the nearest commits on this class of hosts, and what was accepted.
    pub(super) fn pull(
        &mut self,
        prepared: &Prepared,
        store: &mut SqliteStore,
        emitter: &Emitter,
        problems: &mut Vec<String>,
    ) {
        let found = match std::mem::replace(&mut self.whereabouts, Ok(None)) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return self.trouble(&error, "read", emitter, problems),
        };
        let class = escaped(&prepared.document.host.class_key);
        let line = Line::of(&self.workspace, &prepared.document.change).unwrap_or_default();
        let wanted = |names: &[RunName]| Some(needed(names, &class, &line));
        let cancel = self.cancel.clone();
        let stop = || cancel.is_asked();
        let patience = Patience { until: Instant::now() + PULL, stop: &stop };
        let pulled =
            found.open(&self.workspace, patience).and_then(|mut shelf| shared::pull(shelf.as_mut(), store, &wanted));
        match pulled {
            // Nobody asked, and the branch is not there: nothing is shared.
            Ok(pulled) if self.unasked && pulled.files == 0 => return,
            Ok(pulled) => {
                let skipped = pulled.skipped.iter().take(3).map(|(path, reason)| format!("{path}: {reason}"));
                for text in pulled.notices.iter().cloned().chain(skipped) {
                    emitter.remark(RemarkLevel::Warning, None, text);
                }
            }
            Err(error) if self.unasked && has_no_remote(&error) => return,
            Err(error) => self.trouble(&error, "read", emitter, problems),
        }
        self.whereabouts = Ok(Some(found));
    }

    fn trouble(&self, error: &SharedError, what: &str, emitter: &Emitter, problems: &mut Vec<String>) {
        let text = format!("the shared results could not be {what}: {error}");
        if self.strict {
            problems.push(text);
        } else {
            emitter.remark(RemarkLevel::Warning, None, text);
        }
    }

    /// Adds the run where it is one to be shared. Gives what to tell, and whether the document was changed by it.
    pub(super) fn push(&self, document: &mut Document, problems: &mut Vec<String>) -> (Vec<String>, bool) {
        let Ok(Some(found)) = &self.whereabouts else { return (Vec::new(), false) };
        // The parts of a plan are shared as one, by what joins them.
        if document.run.shard.is_some()
            || !shared::is_to_be_shared(document, self.policy)
            || self.check_only
            || self.cancel.is_asked()
        {
            return (Vec::new(), false);
        }
        let cancel = self.cancel.clone();
        let stop = || cancel.is_asked();
        let patience = Patience { until: Instant::now() + PUSH, stop: &stop };
        let documents = [document.clone()];
        let pushed = found
            .open(&self.workspace, patience)
            .and_then(|mut shelf| shared::push(shelf.as_mut(), &documents, &self.accepted));
        let text = match pushed {
            Ok(pushed) => return (vec![format!("the run was added to {}", pushed.place)], false),
            Err(error) => format!("the run was not added to the shared results: {error}"),
        };
        if self.strict {
            problems.push(text);
            document.run.status = Status::Errored;
            document.run.exit_code = document.run.exit_code.worst(ExitCode::Tool);
            return (Vec::new(), true);
        }
        document.remarks.push(Remark { level: RemarkLevel::Warning, step: None, text: text.clone() });
        (vec![text], true)
    }
}

fn has_no_remote(error: &SharedError) -> bool {
    matches!(error, SharedError::Shelf(ShelfError::Git(DataError::NoRepository(_) | DataError::NoRemote(_))))
}

/// The runs that may be the baseline: of the class, those of the nearest commits, and the newest of the default branch.
fn needed(names: &[RunName], class: &str, line: &Line) -> BTreeSet<Uuid> {
    let near: BTreeMap<&str, usize> = line
        .commits
        .iter()
        .take(NEAREST)
        .enumerate()
        .filter_map(|(at, (hash, _))| Some((hash.get(..12)?, at)))
        .rev()
        .collect();
    let of_class = || names.iter().filter(|name| name.class == class);
    let mut nearest: Vec<(usize, &RunName)> =
        of_class().filter_map(|name| Some((*near.get(name.commit.as_str())?, name))).collect();
    nearest.sort_by_key(|(at, name)| (*at, std::cmp::Reverse(name.started_at())));
    let mut newest: Vec<&RunName> = of_class().filter(|name| name.room == Room::Default).collect();
    newest.sort_by_key(|name| std::cmp::Reverse(name.started_at()));
    let nearest = nearest.into_iter().take(READ_NEAREST).map(|(_, name)| name.run);
    nearest.chain(newest.into_iter().take(READ_NEWEST).map(|name| name.run)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Line, needed};
    use crate::store::RunName;

    fn name(room: &str, commit: u8, class: &str, day: u8) -> RunName {
        let path = format!(
            "{room}/2026/11/{day:02}/{commit:012x}-{class}-0199f3a0-1c00-7abc-8def-{commit:06x}{day:06x}.json.gz"
        );
        RunName::parse(&path).unwrap_or_else(|| panic!("{path}"))
    }

    #[test]
    fn the_nearest_commits_and_the_newest_runs_of_the_class_are_read() {
        let line = Line {
            commits: (0..5).map(|at| (format!("{at:012x}{}", "0".repeat(28)), at)).collect(),
            ..Line::default()
        };
        let mut names: Vec<_> = (100..130).map(|commit| name("runs", commit, "aa", 1)).collect();
        names.extend([name("branches/x", 3, "aa", 1), name("runs", 4, "bb", 2), name("requests/1", 9, "aa", 3)]);
        names.push(name("runs", 200, "aa", 9));
        let found = needed(&names, "aa", &line);
        assert!(found.contains(&names[30].run) && found.contains(&names[33].run));
        assert!(!found.contains(&names[31].run) && !found.contains(&names[32].run));
        assert_eq!(found.len(), 11);
    }
}
