//! A filter applied to a document in memory: for runs that are on disk but not in the store. Says the same as the
//! store's own listing does.

use globset::{GlobBuilder, GlobMatcher};

use super::{RunFilter, StoreError};
use crate::results::{Document, Step};

/// A compiled name glob, in which `*` also crosses `/`.
pub(crate) fn name_glob(pattern: &str) -> Result<GlobMatcher, StoreError> {
    let built = GlobBuilder::new(pattern).literal_separator(false).build();
    let glob =
        built.map_err(|error| StoreError::Glob { pattern: pattern.to_owned(), detail: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

impl RunFilter {
    /// Whether a run passes all but `limit`.
    ///
    /// # Errors
    /// [`StoreError::Glob`] where `name` is not a glob.
    pub fn matches(&self, document: &Document) -> Result<bool, StoreError> {
        let name = self.name.as_deref().map(name_glob).transpose()?;
        let run = &document.run;
        let states = (self.statuses.is_empty() || self.statuses.contains(&run.status))
            && (self.branch.is_none() || self.branch == document.change.branch)
            && self.since.is_none_or(|since| run.started_at >= since)
            && self.until.is_none_or(|until| run.started_at < until);
        let asks_steps = !self.kinds.is_empty() || self.target.is_some() || self.model.is_some();
        let steps = !asks_steps || document.steps.iter().any(|step| self.matches_step(step));
        Ok(states && steps && name.is_none_or(|glob| has_name(document, &glob)))
    }

    fn matches_step(&self, step: &Step) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&step.kind))
            && (self.target.is_none() || self.target == step.target)
            && (self.model.is_none() || self.model == step.model)
    }
}

fn has_name(document: &Document, glob: &GlobMatcher) -> bool {
    document.steps.iter().any(|step| glob.is_match(&step.name) || glob.is_match(&step.id))
        || document.benchmarks.iter().any(|benchmark| glob.is_match(benchmark.series()))
        || document.cases.iter().any(|case| glob.is_match(case.title()))
}
