//! Reads any other file of ours the way a pipeline file is read: into a type, along the schema of that type, with all
//! mistakes at once and where they stand.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Findings, Span};
use super::load::load;
use super::schema::strict;
use super::shape::Shape;
use super::tree::{Part, Positions};
use super::wording;

/// A file that was understood.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// What it says.
    pub value: T,
    /// Where it says it.
    pub positions: Positions,
    text: String,
}

impl<T> Read<T> {
    /// Finds fault with the value at the end of a way.
    pub fn fault(&self, code: &'static str, way: &[Part<'_>], message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.positions.at(way), message)
    }

    /// Finds fault with a place within the text at the end of a way: `range` counts bytes of its value. Where the file
    /// writes the text in another form (escapes, folded lines), the place of the whole is named.
    pub fn fault_within(
        &self,
        code: &'static str,
        way: &[Part<'_>],
        (value, range): (&str, std::ops::Range<usize>),
        message: impl Into<String>,
    ) -> Diagnostic {
        let whole = self.positions.at(way);
        let written = self.text.get(whole.start..whole.end).unwrap_or_default();
        let span = written.find(value).filter(|_| !value.is_empty()).map(|at| whole.start + at);
        let span = span.map_or(whole, |at| Span::of(&self.text, at + range.start, at + range.end));
        Diagnostic::error(code, span, message)
    }
}

/// Reads a file of YAML or JSON into `T`. `called` names such a file in messages: "a manifest of templates".
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn read_as<T: DeserializeOwned + JsonSchema>(text: &str, called: &str) -> Result<Read<T>, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let read = understand(text, called, &mut findings);
    match read {
        Some(read) if findings.is_empty() => Ok(read),
        _ => Err(findings.into_sorted()),
    }
}

fn understand<T: DeserializeOwned + JsonSchema>(text: &str, called: &str, findings: &mut Findings) -> Option<Read<T>> {
    let root = match load(text, findings) {
        Ok(root) => root.filter(|root| root.to_json() != Value::Null),
        Err(broken) => {
            findings.push(*broken);
            return None;
        }
    };
    let Some(root) = root else {
        findings.push(Diagnostic::error("empty-file", Span::START, format!("{called} is empty here")));
        return None;
    };
    if root.entries().is_none() {
        let found = wording::found(&root);
        let message = format!("{called} is a mapping (lines of `key: value`), found {found}");
        findings.push(Diagnostic::error("wrong-type", root.head(), message));
        return None;
    }
    let schema = strict::<T>();
    let value = Shape::new(schema.as_value(), findings).document(&root)?;
    match serde_json::from_value::<T>(value) {
        Ok(value) => Some(Read { value, positions: Positions::new(root), text: text.to_owned() }),
        Err(error) => {
            if findings.is_empty() {
                findings.push(Diagnostic::error("shape", root.head(), format!("{called} cannot be read: {error}")));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::read_as;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Small {
        name: String,
        #[serde(default)]
        list: Vec<String>,
    }

    #[test]
    fn a_file_becomes_a_value_with_places() {
        let read = read_as::<Small>("name: a\nlist:\n  - b {{ c\n", "a small file").unwrap();
        assert_eq!((read.value.name.as_str(), read.value.list.len()), ("a", 1));
        let fault = read.fault("x", &["name".into()], "wrong");
        assert_eq!((fault.primary.span.line, fault.primary.span.column), (1, 7));
        let way = ["list".into(), 0.into()];
        let fault = read.fault_within("x", &way, ("b {{ c", 5..6), "wrong");
        assert_eq!((fault.primary.span.line, fault.primary.span.column), (3, 10));
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let found = read_as::<Small>("nmae: a\nlist: b\n", "a small file").unwrap_err();
        let codes: Vec<_> = found.iter().map(|one| one.code).collect();
        assert_eq!(codes, ["unknown-key", "wrong-type"], "{found:?}");
        assert!(found[0].message.contains("did you mean `name`?"), "{found:?}");
        for (text, code) in [("", "empty-file"), ("- a\n", "wrong-type"), ("{", "syntax"), ("~\n", "empty-file")] {
            assert_eq!(read_as::<Small>(text, "a small file").unwrap_err()[0].code, code, "{text}");
        }
    }
}
