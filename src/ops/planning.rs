//! From a loaded pipeline to a plan that has something to do.

use super::load::{LoadError, Loaded};
use crate::plan::{self, Facts, Plan, PlanError, Selection};
use crate::results::ExitCode;

/// Why there is no plan. All of it is for the user to mend: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The file.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The file is right in itself, but not on this host and for these models.
    #[error("{source}")]
    Plan {
        /// The file, to point into.
        loaded: Box<Loaded>,
        /// What is wrong.
        source: PlanError,
    },
    /// Nothing matches.
    #[error("no step matches {0}; `backsight check` lists all steps")]
    Nothing(String),
}

impl PlanningError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Plans what was loaded; gives both back.
pub(super) fn planned(loaded: Loaded, facts: &Facts, selection: &Selection) -> Result<(Loaded, Plan), PlanningError> {
    match plan::expand(loaded.pipeline(), &loaded.models, facts, selection) {
        Err(source) => Err(PlanningError::Plan { loaded: Box::new(loaded), source }),
        Ok(plan) if plan.items.is_empty() => Err(PlanningError::Nothing(selection.text().to_owned())),
        Ok(plan) => Ok((loaded, plan)),
    }
}
