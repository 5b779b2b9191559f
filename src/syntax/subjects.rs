//! The packages under test, and the names that a file has from them.

use std::collections::BTreeSet;

use super::language::Language;

/// The names of packages, as they are imported.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    packages: Vec<String>,
}

impl Subjects {
    pub(super) fn new(packages: &[String]) -> Self {
        Self { packages: packages.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Whether source text names a package, or begins with a name from one.
    pub(super) fn names(&self, source: &str, imported: &BTreeSet<&str>) -> bool {
        let name = unquoted(source);
        if name.len() < source.len() {
            return self.package(name);
        }
        let first = source.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).next().unwrap_or_default();
        imported.contains(first) || self.package(source)
    }

    /// Whether a dotted name or path is a package or within one.
    pub(super) fn package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| {
            let rest = name.strip_prefix(package.as_str()).or_else(|| {
                // Cargo's packages have `-` where the code has `_`.
                name.strip_prefix(package.replace('-', "_").as_str())
            });
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/', ':']))
        })
    }
}

/// A string literal without its quotes; other text as it is.
pub(super) fn unquoted(source: &str) -> &str {
    let opened = source.trim_start_matches(['r', 'R', 'b', 'B', 'u', 'U', 'f', 'F']);
    if opened.starts_with(['"', '\'', '`']) { opened.trim_matches(['"', '\'', '`']) } else { source }
}

/// The query that finds the imports of a file: `@module` and the `@name` that comes from it.
pub(super) const fn imports_of(language: Language) -> Option<&'static str> {
    match language {
        Language::Python => Some(include_str!("rules/python/imports.scm")),
        Language::Rust => Some(include_str!("rules/rust/imports.scm")),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            Some(include_str!("rules/javascript/imports.scm"))
        }
        _ => None,
    }
}
