//! Source text to syntax errors with their place, and to forbidden patterns.
//!
//! Pure: the caller reads the files. [`parse`] reads a text by tree-sitter's grammar of its [`Language`] and says where
//! it first stops being that language. Where such a grammar takes more than the language itself, something stricter
//! looks too: parsers of their own for JSON, TOML and YAML, and for Python the rules that CPython's parser has besides.
//! [`Rules`] looks in the tree for what a generated test must not do, such as mocking what it claims to test.
//!
//! Both hold for hostile texts: they are bounded by counted steps, not by time, so the answer is the same everywhere.
//! Parsers and cursors belong to the thread that uses them and are used again, so thousands of files can be checked in
//! parallel; [`Rules`] is compiled once and shared.

mod built_in;
mod first_error;
mod language;
mod parser;
mod place;
mod python;
mod python_call;
mod python_layout;
mod python_text;
mod query;
mod rules;
mod strict;
mod subjects;

pub use built_in::BuiltIn;
pub use language::Language;
pub use place::SyntaxError;
pub use query::RuleError;
pub use rules::{Finding, RuleSource, Rules};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod error_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod rule_tests;

use tree_sitter::Tree;

/// The largest text that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// A text that was understood: what [`Rules`] looks into.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// In data formats it may hold errors where tree-sitter knows less than the strict parser.
    tree: Tree,
}

/// Reads a text.
///
/// # Errors
/// The first place at which the text is not in the language, or which limit it is over.
pub fn parse(language: Language, text: &str) -> Result<Parsed, SyntaxError> {
    if text.len() > MAX_BYTES {
        let what = format!("the text has {} bytes, more than the {MAX_BYTES} (16 MiB) that are read", text.len());
        return Err(SyntaxError { line: 1, column: 1, message: what });
    }
    if let Some(found) = strict::find(language, text) {
        return Err(first_error::publish(text, found));
    }
    let Some(tree) = parser::tree(language, text) else {
        let what = "the parser did not come to an end within its limit; is this file what its name says?";
        return Err(SyntaxError { line: 1, column: 1, message: what.to_owned() });
    };
    let found = match language {
        Language::Json | Language::Toml | Language::Yaml => None,
        Language::Python => {
            let own = python::find(&tree, text);
            [own, first_error::find(language, &tree, text)].into_iter().flatten().min_by_key(|(at, _)| *at)
        }
        _ => first_error::find(language, &tree, text),
    };
    match found {
        Some(found) => Err(first_error::publish(text, found)),
        None => Ok(Parsed { tree }),
    }
}
