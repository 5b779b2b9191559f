//! What a run has to say at lines of files: failing tests, and regressions at the pipeline file.

use super::escape;
use super::figures;
use super::rows::metric_word;
use crate::results::{Case, Document, Verdict};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It speaks against the change.
    Failure,
    /// It is not decided, or does not count.
    Warning,
}

/// A remark at a line of a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How much it matters.
    pub level: Level,
    /// The file, relative to the top of the repository.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// A few words.
    pub title: String,
    /// The text; foreign.
    pub message: String,
}

/// All annotations of a run, failures first. Tests without a file are left out, and so are files outside the workspace.
pub fn annotations(document: &Document) -> Vec<Annotation> {
    let tests = document.cases.iter().filter(|case| case.outcome.is_failure()).filter_map(of_case);
    let moved = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let moved = moved.filter(|row| row.accepted.is_none() && !row.beside).filter_map(|row| {
        let (level, word) = match row.verdict {
            Verdict::Regressed => (Level::Failure, "regressed"),
            Verdict::Missing => (Level::Failure, "was not measured"),
            Verdict::Inconclusive => (Level::Warning, "is undecided"),
            _ => return None,
        };
        let change = row.change.map(figures::change).unwrap_or_default();
        let interval = match (row.low, row.high) {
            (Some(low), Some(high)) => format!(" ({})", figures::interval(low, high)),
            _ => String::new(),
        };
        let message = format!("{} of {} {word} {change}{interval}", metric_word(&row.metric), row.benchmark);
        let file = relative(&document.pipeline.path)?;
        Some(Annotation { level, file, line: 1, title: format!("benchmark {word}"), message: message.trim().into() })
    });
    let mut all: Vec<Annotation> = tests.chain(moved).collect();
    all.sort_by_key(|one| one.level == Level::Warning);
    all
}

fn of_case(case: &Case) -> Option<Annotation> {
    let file = relative(case.file.as_deref()?)?;
    let told = case.failures.iter().find_map(|told| told.message.as_deref().or(told.text.as_deref()));
    Some(Annotation {
        level: Level::Failure,
        file,
        line: case.line.unwrap_or(1),
        title: escape::cut(&format!("{} failed", case.title()), 200).into_owned(),
        message: told.unwrap_or("it failed and said nothing").to_owned(),
    })
}

/// A path inside the repository, as platforms want it.
fn relative(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_inside = !path.is_empty() && !path.starts_with(['/', '\\']) && !path.contains(':');
    let climbs = path.split(['/', '\\']).any(|part| part == "..");
    (is_inside && !climbs && !path.chars().any(char::is_control)).then(|| path.to_owned())
}
