//! `--against`: the base's and the head's working copies for a paired measurement, and the terms that the base sets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::load::load;
use crate::execute::{Arms, Cancel, Emitter, Place};
use crate::host::{CopiesError, Revision, Wanted, WorkingCopies, working_copies};
use crate::pipeline::{Gate, Pipeline};
use crate::plan::{Item, Work};
use crate::results::{Against, ExitCode, Kind, Step, StepStatus};

/// Ignored files and folders that are named.
const NAMED: usize = 5;

/// What stands for the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The revision.
    pub revision: Revision,
    /// As it was named.
    pub named: String,
    /// Paths that git ignores and both copies need.
    pub carry: Vec<String>,
}

impl Side {
    /// From the command line.
    pub fn parse(text: &str, carry: Vec<String>) -> Self {
        Self { revision: Revision::parse(text), named: text.to_owned(), carry }
    }
}

/// The two copies, ready.
#[derive(Debug)]
pub struct Copies {
    /// Where both arms work.
    pub arms: Arms,
    /// What the document says of them.
    pub told: Against,
    /// Sentences for people.
    pub remarks: Vec<String>,
    /// Others stay out of the copies as long as this lives.
    held: WorkingCopies,
}

impl Copies {
    /// A sentence for a head that could not be built or run: what its copy lacks because git ignores it.
    pub fn left_behind(&self, workspace: &Path) -> Option<String> {
        let names = self.held.left_behind(workspace);
        let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        (!names.is_empty()).then(|| {
            format!(
                "git ignores {}{more}, so the working copies lack them; let `build` make what a benchmark needs, or link it \
                 with `--carry` or `baseline.carry`",
                shown.join(", ")
            )
        })
    }
}

/// The code that the process returns for it: a base that cannot be found is a mistake of the command line.
pub const fn exit_code(error: &CopiesError) -> ExitCode {
    match error {
        CopiesError::Git(_) | CopiesError::Place { .. } => ExitCode::Tool,
        CopiesError::NoBase { .. }
        | CopiesError::NoRepository(_)
        | CopiesError::TooLarge { .. }
        | CopiesError::Carry { .. } => ExitCode::Usage,
        CopiesError::Stopped => ExitCode::Interrupted,
    }
}

/// Makes the copies of the repository that `workspace` lies in.
///
/// # Errors
/// If there is no such commit, or the copies cannot be made.
pub fn copies(
    workspace: &Path,
    side: &Side,
    env: &BTreeMap<String, String>,
    cancel: &Cancel,
) -> Result<Copies, CopiesError> {
    let cache = cache(env);
    let stop = || cancel.is_asked();
    let base = side.revision.clone();
    let wanted = Wanted { workspace, base, cache: &cache, carry: &side.carry, stop: &stop };
    let mut held = working_copies(&wanted)?;
    let place = |arm: &str, workspace: &Path| -> Result<Place, CopiesError> {
        let mut variables = vec![("TMPDIR".to_owned(), emptied(&held.place.join(format!("{arm}-tmp")))?)];
        // One folder for both would let the second build overwrite what the first arm runs.
        if env.contains_key("CARGO_TARGET_DIR") {
            let target = held.place.join(format!("{arm}-cargo")).to_string_lossy().into_owned();
            variables.push(("CARGO_TARGET_DIR".to_owned(), target));
        }
        Ok(Place { workspace: workspace.to_owned(), variables })
    };
    let arms = Arms { base: place("base", &held.base)?, head: place("head", &held.head)? };
    let told = Against {
        named: side.named.clone(),
        base: held.base_commit.clone(),
        head: held.head_commit.clone(),
        changed: held.dirty,
    };
    Ok(Copies { arms, told, remarks: std::mem::take(&mut held.remarks), held })
}

/// Whether a benchmark of the run could not be built or run.
pub(super) fn any_failed(emitter: &Emitter) -> bool {
    let failed =
        |step: &Step| step.kind == Kind::Benchmark && matches!(step.status, StepStatus::Failed | StepStatus::Errored);
    emitter.look(|document| document.steps.iter().any(failed)).unwrap_or(false)
}

/// A folder of its own for temporary files, without what an earlier run left.
fn emptied(folder: &Path) -> Result<String, CopiesError> {
    let io = |source| CopiesError::Place { path: folder.to_owned(), source };
    if folder.symlink_metadata().is_ok() {
        fs::remove_dir_all(folder).map_err(io)?;
    }
    fs::create_dir(folder).map_err(io)?;
    Ok(folder.to_string_lossy().into_owned())
}

/// Where the copies are kept: the user's cache, or the system's temporary folder where there is none.
fn cache(env: &BTreeMap<String, String>) -> PathBuf {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let writable = |folder: &PathBuf| fs::create_dir_all(folder).is_ok() && tempfile::tempfile_in(folder).is_ok();
    let kept = user.map(|user| user.join("backsight/arms")).filter(writable);
    kept.unwrap_or_else(|| std::env::temp_dir().join("backsight-arms"))
}

/// The terms that a run is held to: the base's where there is one, so that a change cannot loosen its own gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The gate.
    pub gate: Gate,
    /// Sentences for people: each difference between the two files, or why the base's does not count.
    pub remarks: Vec<String>,
}

/// The gate of the base's pipeline file. The limits of the plan's benchmarks are set to the base's.
pub fn held_to(base: &Place, file: &Path, head: &Pipeline, items: &mut [Item]) -> Held {
    let mut held = Held { gate: head.gate.clone(), remarks: Vec::new() };
    let name = file.file_name().unwrap_or_default();
    let path = base.workspace.join(name);
    if !path.exists() {
        held.remarks.push(format!("the base has no {}: the head's own limits hold", name.to_string_lossy()));
        return held;
    }
    let theirs = match load(&path) {
        Ok(loaded) => loaded,
        Err(error) => {
            held.remarks
                .push(format!("the base's pipeline file cannot be read, so the head's own limits hold: {error}"));
            return held;
        }
    };
    let theirs = theirs.pipeline();
    let mut differs = |what: &str, base: String, head: String| {
        if base != head {
            held.remarks.push(format!("{what} is {base} in the base and {head} in the head: the base's holds"));
        }
    };
    let percent = |share: f64| format!("{} %", (share * 1e6).round() / 1e4);
    differs("`gate.false_alarms`", percent(theirs.gate.false_alarms.0), percent(head.gate.false_alarms.0));
    differs("`gate.missing`", format!("{:?}", theirs.gate.missing), format!("{:?}", head.gate.missing));
    differs("`gate.regression`", percent(theirs.gate.regression.0), percent(head.gate.regression.0));
    for item in items {
        let Work::Benchmark(measure) = &mut item.work else { continue };
        // A benchmark that the base does not know has nothing to be compared with either.
        let Some(step) = theirs.benchmarks.iter().find(|step| step.common.name == item.name) else {
            continue;
        };
        let limit = step.regression.unwrap_or(theirs.gate.regression).0;
        differs(&format!("the limit of `{}`", item.name), percent(limit), percent(measure.limit));
        measure.limit = limit;
    }
    held.gate = theirs.gate.clone();
    held
}
