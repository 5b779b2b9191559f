//! What is wrong with a file, and where.

use std::ops::Range;

/// A range of bytes in the file's text.
pub type Span = Range<usize>;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable kebab-case word, such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Other places that explain it, each with its words.
    pub notes: Vec<(Span, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { code, message: message.into(), span, notes: Vec::new(), help: None }
    }

    /// The same with a way to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with another place.
    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push((span, text.into()));
        self
    }

    /// Line and column of its place in `text`, both from 1, the column in characters.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.span.start.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The candidate that a misspelt word most probably means, if one is near.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    let (given, meant) = (word.chars().count(), candidate.chars().count());
    // A third of the letters may differ, but never all; a prefix typed in haste counts as near too.
    let near =
        (distance <= meant.div_ceil(3) && distance < given.min(meant)) || (given >= 3 && candidate.starts_with(word));
    near.then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, nearest};

    #[test]
    fn positions_count_characters_from_one() {
        let at = |start| Diagnostic::error("x", "", start..start).position("aé\nbç d");
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(3), (1, 3));
        assert_eq!(at(4), (2, 1));
        assert_eq!(at(7), (2, 3));
        assert_eq!(at(99), (2, 5));
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("benchmark", ["tests", "benchmarks"]), Some("benchmarks"));
        assert_eq!(nearest("tset", ["tests", "env"]), Some("tests"));
        assert_eq!(nearest("zzz", ["tests", "env"]), None);
    }
}
