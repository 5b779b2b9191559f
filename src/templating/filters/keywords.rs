//! The words that a language keeps for itself.

use minijinja::Error;

use super::literal::refused;

/// A language with identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Python 3.
    Python,
    /// Rust, edition 2024.
    Rust,
    /// JavaScript and TypeScript, in strict mode.
    JavaScript,
}

const PYTHON: [&str; 39] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "match", "case", "type", "_",
];
/// Rust's keywords that `r#` makes identifiers of.
const RUST: [&str; 49] = [
    "as", "break", "const", "continue", "else", "enum", "extern", "false", "fn", "for", "if", "impl", "in", "let",
    "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct", "trait", "true", "type",
    "unsafe", "use", "where", "while", "async", "await", "dyn", "gen", "abstract", "become", "box", "do", "final",
    "macro", "override", "priv", "typeof", "unsized", "virtual", "yield", "try", "union",
];
/// Those of which it does not.
const RUST_FOREVER: [&str; 5] = ["self", "Self", "super", "crate", "_"];
const JAVASCRIPT: [&str; 52] = [
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "let",
    "static",
    "implements",
    "interface",
    "package",
    "private",
    "protected",
    "public",
    "await",
    "async",
    "arguments",
    "eval",
    "undefined",
    "NaN",
    "Infinity",
];

impl Language {
    /// A language by its name; Python where none is named.
    pub(super) fn named(name: Option<&str>) -> Result<Self, Error> {
        match name {
            None | Some("python" | "py") => Ok(Self::Python),
            Some("rust" | "rs") => Ok(Self::Rust),
            Some("javascript" | "typescript" | "js" | "ts") => Ok(Self::JavaScript),
            Some(other) => {
                let near = crate::pipeline::nearest(other, ["python", "rust", "javascript", "typescript"]);
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                Err(refused(format!("there are identifiers for python, rust and javascript, not for `{other}`{near}")))
            }
        }
    }

    /// Whether the language keeps this word for itself.
    pub(super) fn keeps(self, word: &str) -> bool {
        match self {
            Self::Python => PYTHON.contains(&word),
            Self::Rust => RUST.contains(&word) || RUST_FOREVER.contains(&word),
            Self::JavaScript => JAVASCRIPT.contains(&word),
        }
    }

    /// A kept word as an identifier.
    pub(super) fn escaped(self, word: &str) -> String {
        match self {
            Self::Rust if !RUST_FOREVER.contains(&word) => format!("r#{word}"),
            Self::Rust | Self::Python | Self::JavaScript => format!("{word}_"),
        }
    }
}
