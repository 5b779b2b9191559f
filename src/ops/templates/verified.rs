//! How far a rendered example can be verified without starting a program: it parses, and nothing forbidden stands in it.

use crate::pipeline::{Diagnostic, Ladder, ParseRung, Span};
use crate::syntax::{Language, Rules, parse};

/// What is wrong with a file of this path. Without `parse` in the ladder, the path's ending says the language.
pub(super) fn verify(path: &str, text: &str, ladder: Option<&Ladder>) -> Vec<Diagnostic> {
    let language = match ladder.and_then(|ladder| ladder.parse.as_ref()) {
        Some(ParseRung::ByEnding(false)) => None,
        Some(ParseRung::Language(name)) => Language::by_name(name),
        Some(ParseRung::ByEnding(true)) | None => Language::of_path(path),
    };
    let Some(language) = language else { return Vec::new() };
    let parsed = match parse(language, text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let message = format!("the example becomes no {}: {}", language.name(), error.message);
            return vec![Diagnostic::error("does-not-parse", at(text, error.line, error.column), message)];
        }
    };
    match ladder.map(Rules::of) {
        None => Vec::new(),
        Some(Err(error)) => vec![Diagnostic::error("bad-rule", Span::START, error.to_string())],
        Some(Ok(rules)) => rules
            .find(language, &parsed, text)
            .into_iter()
            .map(|found| {
                let message = format!("{}: {}", found.rule, found.message);
                Diagnostic::error("forbidden", at(text, found.line, found.column), message)
            })
            .collect(),
    }
}

/// The place of a line and a column, both from 1, to the end of the word there.
fn at(text: &str, line: u32, column: u32) -> Span {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let column = column.saturating_sub(1) as usize;
    let offset = rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset);
    let word = rest.get(offset..).unwrap_or_default();
    let length = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len()).max(1);
    Span::of(text, start + offset, start + offset + length)
}
