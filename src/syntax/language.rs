//! The languages that can be checked, and which file is written in which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language whose files can be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    #[serde(rename = "javascript")]
    JavaScript,
    /// TypeScript, without JSX.
    #[serde(rename = "typescript")]
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// YAML 1.2, one or more documents.
    Yaml,
    /// JSON as RFC 8259 has it: no comments, no trailing commas.
    Json,
    /// TOML 1.1.
    Toml,
    /// Shell scripts: POSIX and bash.
    Shell,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 9] = [
        Self::Python,
        Self::Rust,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Yaml,
        Self::Json,
        Self::Toml,
        Self::Shell,
    ];

    /// The name by which pipeline files and reports call it; it is also its serialized form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Shell => "shell",
        }
    }

    /// The language of that [`Self::name`].
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The language of a file by its name; `None` for those that are not checked, such as Markdown.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        match name {
            "Cargo.lock" | "Pipfile" | "poetry.lock" | "uv.lock" => return Some(Self::Toml),
            "Pipfile.lock" | "composer.lock" => return Some(Self::Json),
            ".bashrc" | ".profile" | ".bash_profile" | "PKGBUILD" => return Some(Self::Shell),
            _ => {}
        }
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "py" | "pyi" | "pyw" => Some(Self::Python),
            "rs" => Some(Self::Rust),
            "js" | "jsx" | "mjs" | "cjs" => Some(Self::JavaScript),
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            "tsx" => Some(Self::Tsx),
            "yml" | "yaml" => Some(Self::Yaml),
            "json" | "ipynb" | "geojson" | "webmanifest" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            "sh" | "bash" => Some(Self::Shell),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;
    use crate::pipeline::{FORBIDDEN, LANGUAGES};
    use crate::syntax::BuiltIn;

    #[test]
    fn the_pipeline_file_names_what_there_is() {
        assert_eq!(Language::ALL.map(Language::name), LANGUAGES);
        assert_eq!(BuiltIn::ALL.map(BuiltIn::name), FORBIDDEN);
        assert!(LANGUAGES.iter().all(|name| Language::by_name(name).is_some_and(|language| language.name() == *name)));
    }
}
