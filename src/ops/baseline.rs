//! Which stored run is the baseline of a run where its commit is not known, and what would be the baseline where.
//!
//! `nearest` chooses by the history of commits. Where there is none, the last finished run of the same project, branch and
//! host class is taken; where the branch has none, that of the branch it goes to. A run of a change request never becomes the baseline of anything but later runs of the same
//! request: its branch may bear any name, `main` of a fork included.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::results::{BaselineRef, Document, ExitCode};
use crate::store::{BaselineQuery, OpenOptions, Places, RunFacts, SqliteStore, Store, StoreError};

/// Why a baseline could not be shown.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No stored run can be a baseline there.
    #[error("no stored run can be a baseline for {what}; `backsight baseline list` shows those that can")]
    None {
        /// What was asked for.
        what: String,
    },
    /// More than one branch or host class is meant.
    #[error("{} baselines fit; name one with --branch and --class: {}", candidates.len(), candidates.join(", "))]
    Several {
        /// `branch on class` of each.
        candidates: Vec<String>,
    },
}

impl BaselineError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Store(_) => ExitCode::Tool,
            Self::None { .. } | Self::Several { .. } => ExitCode::Usage,
        }
    }
}

/// What a baseline is wanted for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The project.
    pub project: String,
    /// The class key of the host.
    pub class_key: String,
    /// The branch of the run.
    pub branch: Option<String>,
    /// The change request of the run.
    pub request: Option<u64>,
    /// The branch that it goes to, or the default branch.
    pub target_branch: Option<String>,
    /// The branch that the pipeline file names; then no other is looked at.
    pub compare_with: Option<String>,
    /// The run itself, which is not its own baseline.
    pub run: Option<Uuid>,
    /// When it started; later runs are no baseline of it.
    pub started_at: Option<Timestamp>,
    /// It measured something, so the baseline should have, too.
    pub with_benchmarks: bool,
}

impl Wanted {
    /// What a run wants, with the `compare_with` of its pipeline file.
    pub fn by(document: &Document, compare_with: Option<&str>) -> Self {
        let change = &document.change;
        let target = change.request.as_ref().and_then(|request| request.target_branch.clone());
        Self {
            project: document.project.clone(),
            class_key: document.host.class_key.clone(),
            branch: change.branch.clone(),
            request: change.request.as_ref().map(|request| request.number),
            target_branch: target.or_else(|| change.default_branch.clone()),
            compare_with: compare_with.map(ToOwned::to_owned),
            run: Some(document.run.id),
            started_at: Some(document.run.started_at),
            with_benchmarks: document.counts.benchmarks > 0,
        }
    }

    /// The questions to ask of the store, the best first.
    fn queries(&self) -> Vec<BaselineQuery> {
        let on = |branch: Option<&String>, request| BaselineQuery {
            project: self.project.clone(),
            class_key: self.class_key.clone(),
            branch: branch.cloned(),
            request,
            exclude: self.run,
            before: self.started_at,
            with_benchmarks: self.with_benchmarks,
        };
        if let Some(branch) = &self.compare_with {
            return vec![on(Some(branch), None)];
        }
        let mut queries = vec![on(self.branch.as_ref(), self.request)];
        if let Some(target) = &self.target_branch {
            queries.push(on(Some(target), None));
        }
        queries
    }
}

/// A stored run to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Its document.
    pub document: Document,
    /// What to bear in mind about it, such as that its tree was dirty.
    pub note: Option<String>,
    /// How many commits it lies before the one that should have been measured; absent where it was chosen by its date.
    pub distance: Option<u64>,
}

impl Baseline {
    /// How a comparison names it.
    pub fn reference(&self) -> BaselineRef {
        let document = &self.document;
        BaselineRef {
            run: document.run.id.to_string(),
            commit: document.change.commit.clone(),
            branch: document.change.branch.clone(),
            at: document.run.started_at,
            class_key: document.host.class_key.clone(),
            distance: self.distance,
        }
    }
}

/// The run to compare with; `None` where the store has none for this hardware.
///
/// # Errors
/// Where the store cannot be read.
pub fn choose(store: &dyn Store, wanted: &Wanted) -> Result<Option<Baseline>, StoreError> {
    for query in wanted.queries() {
        let Some(facts) = store.baseline(&query)? else { continue };
        if let Some(document) = store.load(facts.id)? {
            return Ok(Some(Baseline { document, note: note(&facts, wanted), distance: None }));
        }
    }
    Ok(None)
}

fn note(facts: &RunFacts, wanted: &Wanted) -> Option<String> {
    let mut notes = Vec::new();
    if facts.dirty == Some(true) {
        notes.push("the baseline's tree had changes that were not committed".to_owned());
    }
    if facts.branch != wanted.branch {
        let branch = facts.branch.as_deref().unwrap_or("no branch");
        notes.push(format!("the baseline is a run of {branch}"));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// For each branch × host class, the run that a later one would be compared with.
///
/// # Errors
/// Where the store cannot be read.
pub fn list(places: &Places, project: Option<&str>) -> Result<Vec<RunFacts>, StoreError> {
    match SqliteStore::open_existing(&places.database(), &OpenOptions::default())? {
        Some(store) => store.baselines(project),
        None => Ok(Vec::new()),
    }
}

/// The baseline of one branch and host class, where these fit a single one; a class by the beginning of its key.
///
/// # Errors
/// Where none or more than one fits, or the store cannot be read.
pub fn show(places: &Places, branch: Option<&str>, class: Option<&str>) -> Result<Document, BaselineError> {
    let none = || BaselineError::None {
        what: format!("{} on {}", branch.unwrap_or("any branch"), class.unwrap_or("any host class")),
    };
    let Some(store) = SqliteStore::open_existing(&places.database(), &OpenOptions::default())? else {
        return Err(none());
    };
    let mut found = store.baselines(None)?;
    found.retain(|facts| branch.is_none() || facts.branch.as_deref() == branch);
    found.retain(|facts| class.is_none_or(|class| facts.class_key.starts_with(class)));
    match found.as_slice() {
        [] => Err(none()),
        [one] => store.load(one.id)?.ok_or_else(none),
        several => Err(BaselineError::Several { candidates: several.iter().map(place).collect() }),
    }
}

fn place(facts: &RunFacts) -> String {
    format!("{} on {}", facts.branch.as_deref().unwrap_or("no branch"), facts.class_key)
}
