//! The HTML report of a run together with the history that the store keeps.

use std::path::Path;

use super::history::{self, HistoryError, Question};
use crate::report;
use crate::results::Document;

/// Points of each benchmark's history.
const POINTS: usize = 300;

/// The HTML report of a document with what the workspace's store knows of its benchmarks before: of the default branch,
/// on hosts of its class. `env` looks up environment variables. Where the store cannot tell, the page goes without, and the
/// error says why.
pub fn page(
    workspace: &Path,
    document: &Document,
    env: &dyn Fn(&str) -> Option<String>,
) -> (String, Option<HistoryError>) {
    let question = Question {
        project: Some(document.project.clone()),
        class: Some(document.host.class_key.clone()),
        last: POINTS,
        ..Question::default()
    };
    let (history, error) = match history::history(workspace, &question, env) {
        Ok(history) => (Some(history), None),
        // Hosts of this class are unknown here: there is nothing to draw, and nothing wrong.
        Err(HistoryError::Unknown { .. }) => (None, None),
        Err(error) => (None, Some(error)),
    };
    (report::html(document, history.as_ref()), error)
}
