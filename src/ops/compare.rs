//! `backsight compare A B`: two documents or runs.

use super::report::{ReportError, document};
use crate::compare::{self, Limits};
use crate::results::{Comparison, Document};
use crate::store::Places;

/// What was compared.
#[derive(Debug)]
pub struct Compared {
    /// The base.
    pub base: Document,
    /// The head.
    pub head: Document,
    /// What moved.
    pub comparison: Comparison,
}

/// Compares `head` with `base`, each a file, a run id, a prefix of one, or `latest`. Changes below `limit` (relative) do
/// not matter.
///
/// # Errors
/// If one cannot be found or read.
pub fn compare(places: &Places, base: &str, head: &str, limit: f64) -> Result<Compared, ReportError> {
    let (base, head) = (document(places, base)?, document(places, head)?);
    let mut comparison = compare::unpaired(&base, &head, &Limits::uniform(limit));
    if base.host.class_key != head.host.class_key {
        let note = "the two ran on different kinds of host: times cannot be compared";
        comparison.note = Some(comparison.note.map_or_else(|| note.to_owned(), |old| format!("{note}; {old}")));
    }
    Ok(Compared { base, head, comparison })
}
