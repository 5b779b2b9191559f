//! The filters and tests that templates have beside the engine's own.
//!
//! Names (`identifier`, `slug`, `snake`, ...) make a name of any text. Literals (`python`, `rust`, `javascript`, `json`,
//! `toml`, `yaml`, `shell`) write any value so that it is that value and nothing else in the language. Prose (`comment`,
//! `docstring`, `markdown`) puts text where no program reads it, and keeps it there. Order (`sort_by`, `natural`) is stable and the
//! same everywhere.

#![allow(clippy::needless_pass_by_value, reason = "the engine hands arguments to filters by value")]

mod javascript;
mod keywords;
mod literal;
mod markdown;
mod names;
mod order;
mod prose;
mod python;
#[cfg(test)]
mod quoting;
mod rust;
mod shell;
mod structured;
mod toml;
mod yaml;

use minijinja::Environment;

pub use names::slug;
pub use order::sorted_naturally;

/// Our filters.
const OURS: [&str; 18] = [
    "identifier",
    "slug",
    "snake",
    "camel",
    "pascal",
    "kebab",
    "json",
    "toml",
    "yaml",
    "python",
    "rust",
    "javascript",
    "shell",
    "comment",
    "docstring",
    "markdown",
    "sort_by",
    "natural",
];

/// The engine's filters that are worth suggesting.
const BUILT_IN: [&str; 37] = [
    "lower",
    "upper",
    "title",
    "capitalize",
    "replace",
    "length",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "join",
    "split",
    "lines",
    "default",
    "round",
    "abs",
    "int",
    "float",
    "attr",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "list",
    "string",
    "bool",
    "batch",
    "slice",
    "sum",
    "indent",
    "select",
    "reject",
    "selectattr",
    "map",
    "groupby",
    "unique",
];

/// The names of all filters that templates have.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    OURS.into_iter().chain(BUILT_IN)
}

/// Adds our filters and tests.
pub(super) fn add_to(engine: &mut Environment<'static>) {
    engine.add_filter("identifier", names::identifier);
    engine.add_filter("slug", names::slug_filter);
    engine.add_filter("snake", names::snake);
    engine.add_filter("camel", names::camel);
    engine.add_filter("pascal", names::pascal);
    engine.add_filter("kebab", names::kebab);
    engine.add_filter("json", structured::json);
    engine.add_filter("toml", toml::toml);
    engine.add_filter("yaml", yaml::yaml);
    engine.add_filter("python", python::python);
    engine.add_filter("rust", rust::rust);
    engine.add_filter("javascript", javascript::javascript);
    engine.add_filter("shell", shell::shell);
    engine.add_filter("comment", prose::comment);
    engine.add_filter("docstring", prose::docstring);
    engine.add_filter("markdown", markdown::markdown);
    engine.add_filter("sort_by", order::sort_by);
    engine.add_filter("natural", order::natural);
    engine.add_test("identifier", names::is_identifier);
    engine.add_test("keyword", names::is_keyword);
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, OURS};

    #[test]
    fn each_filter_is_there_and_documented() {
        let engine = crate::templating::engine();
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/templates.md")).unwrap();
        for name in OURS.into_iter().chain(BUILT_IN) {
            let error = engine.render_str(&format!("{{{{ missing | {name} }}}}"), ()).err();
            let known = error.is_none_or(|error| error.kind() != minijinja::ErrorKind::UnknownFilter);
            assert!(known, "{name}");
        }
        for name in OURS {
            assert!(page.contains(&format!("| `{name}")), "docs/templates.md has no row for `{name}`");
        }
    }
}
