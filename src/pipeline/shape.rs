//! Walks a tree along a JSON Schema and reports every place where they part.
//!
//! Only the keywords that our own types give rise to are understood; a test refuses a schema with any other, so that
//! nothing is passed over in silence. What comes back is the tree as JSON, without what was wrong.

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Findings, nearest, quote};
use super::fields;
use super::tree::{Content, Entry, Meaning, Node, Scalar};
use super::wording::{self, found, of_kind, wants};

/// Checks `node` against the definitions of one schema.
pub(super) struct Shape<'s, 'f> {
    root: &'s Value,
    findings: &'f mut Findings,
}

/// What is being checked, as messages name it.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Document,
    Key(&'a str),
    EntryOf(&'a str),
    NameIn(&'a str),
}

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Document => f.write_str("the file"),
            Self::Key(key) => f.write_str(&quote(key)),
            Self::EntryOf(key) => write!(f, "an entry of {}", quote(key)),
            Self::NameIn(key) => write!(f, "a name in {}", quote(key)),
        }
    }
}

impl<'a> Subject<'a> {
    const fn key(self) -> &'a str {
        match self {
            Self::Document => "",
            Self::Key(key) | Self::EntryOf(key) | Self::NameIn(key) => key,
        }
    }
}

impl<'s, 'f> Shape<'s, 'f> {
    /// A checker with the definitions of `root`.
    pub(super) const fn new(root: &'s Value, findings: &'f mut Findings) -> Self {
        Self { root, findings }
    }

    /// Checks a whole document.
    pub(super) fn document(&mut self, node: &Node) -> Option<Value> {
        self.check(node, self.root, Subject::Document)
    }

    /// Checks one entry of the list `key` against a schema of its own.
    pub(super) fn entry(&mut self, node: &Node, schema: &'s Value, key: &str) -> Option<Value> {
        self.check(node, schema, Subject::EntryOf(key))
    }

    fn check(&mut self, node: &Node, schema: &'s Value, subject: Subject<'_>) -> Option<Value> {
        let schema = wording::resolve(self.root, schema);
        if let Some(choices) = wording::choices(schema) {
            return self.choice(node, &choices, subject);
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            let root = self.root;
            let fits = |branch: &&Value| of_kind(node, wording::resolve(root, branch));
            return match branches.iter().find(fits) {
                Some(branch) => self.check(node, branch, subject),
                None => self.wrong_type(node, schema, subject),
            };
        }
        if !of_kind(node, schema) {
            return self.wrong_type(node, schema, subject);
        }
        match &node.content {
            Content::Scalar(scalar) => self.scalar(node, scalar, schema, subject),
            Content::List(items) => self.list(node, items, schema, subject),
            Content::Map(entries) => self.mapping(node, entries, schema, subject),
        }
    }

    fn wrong_type(&mut self, node: &Node, schema: &Value, subject: Subject<'_>) -> Option<Value> {
        let message = format!("{subject} wants {}, found {}", wants(self.root, schema), found(node));
        let mut wrong = Diagnostic::error("wrong-type", node.head(), message);
        wrong.help = wording::type_help(node, schema, subject.key());
        self.findings.push(wrong);
        None
    }

    fn choice(&mut self, node: &Node, choices: &[&Value], subject: Subject<'_>) -> Option<Value> {
        let value = if let Content::Scalar(_) = node.content { node.to_json() } else { Value::Null };
        // `1.0` is `1` in JSON Schema.
        let equal = |choice: &&&Value| **choice == &value || (choice.is_number() && choice.as_f64() == value.as_f64());
        if let Some(choice) = choices.iter().find(equal) {
            return Some((*choice).clone());
        }
        let listed = choices.iter().map(|choice| wording::plain(choice)).collect::<Vec<_>>();
        let (Value::String(text), true) = (&value, choices.iter().all(|choice| choice.is_string())) else {
            let message = format!("{subject} wants {}, found {}", wording::one_of(&listed), found(node));
            let mut wrong = Diagnostic::error("wrong-type", node.head(), message);
            let quoted = value.as_str().filter(|text| listed.iter().any(|choice| choice == text));
            wrong.help = quoted.map(|text| format!("write it without quotes: {text}"));
            self.findings.push(wrong);
            return None;
        };
        let foreign = fields::target_meant(text).filter(|meant| listed.iter().any(|choice| choice == meant));
        let near = foreign.or_else(|| nearest(text, listed.iter().map(String::as_str)));
        let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        let message = format!("unknown value {} for {}{near}", quote(text), quote(subject.key()));
        let help = format!("known values: {}", listed.join(", "));
        self.findings.push(Diagnostic::error("unknown-value", node.head(), message).help(help));
        None
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, schema: &Value, subject: Subject<'_>) -> Option<Value> {
        if wording::takes(schema, "string") {
            // Where numbers are allowed beside text, the text is what is meant: `PORT: 0x10` stays as written.
            return self.text(node, &scalar.text, schema, subject).then(|| scalar.text.as_ref().into());
        }
        let Meaning::Number(number) = scalar.meaning() else { return Some(node.to_json()) };
        let value = number.as_f64().unwrap_or(f64::NAN);
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let (low, high) = (bound("minimum"), bound("maximum"));
        if low.is_some_and(|low| value < low) || high.is_some_and(|high| value > high) {
            let message = format!("{subject} must be {}, found {}", wording::range(low, high), scalar.text);
            self.findings.push(Diagnostic::error("out-of-range", node.span, message));
            return None;
        }
        // `4.0` is an integer in JSON Schema, but not for the deserialiser.
        let whole = wording::takes(schema, "integer") && !number.is_u64() && !number.is_i64();
        Some(if whole { Value::from(value as i64) } else { Value::Number(number) })
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Value, subject: Subject<'_>) -> bool {
        if text.is_empty() && schema.get("minLength").is_some() {
            let empty = Diagnostic::error("empty", node.span, format!("{subject} is empty"));
            self.findings.push(empty.help("write a text here"));
            return false;
        }
        let Some(format) = schema.get("format").and_then(Value::as_str) else { return true };
        if fields::accepts(format, text) {
            return true;
        }
        let message = format!("{subject} wants {}, found {}", wants(self.root, schema), found(node));
        let mut wrong = Diagnostic::error("wrong-format", node.span, message);
        wrong.help = wording::format_help(format, text);
        self.findings.push(wrong);
        false
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &'s Value, subject: Subject<'_>) -> Option<Value> {
        if items.is_empty() && schema.get("minItems").is_some() {
            let empty = Diagnostic::error("empty", node.span, format!("{subject} is an empty list"));
            self.findings.push(empty.help("write at least one entry"));
            return None;
        }
        let Some(inner) = schema.get("items") else { return Some(node.to_json()) };
        let checked: Vec<_> =
            items.iter().map(|item| self.check(item, inner, Subject::EntryOf(subject.key()))).collect();
        checked.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn mapping(&mut self, node: &Node, entries: &[Entry], schema: &'s Value, subject: Subject<'_>) -> Option<Value> {
        if entries.is_empty() && schema.get("minProperties").is_some() {
            let keys = wording::keys(schema).join(", ");
            let empty = Diagnostic::error("empty", node.span, format!("{subject} is empty"));
            self.findings.push(empty.help(format!("keys here: {keys}")));
            return None;
        }
        let mut object = Map::new();
        let mut meant = Vec::new();
        for entry in entries {
            if let Some(value) = self.property(entry, schema, subject, &mut meant) {
                object.insert(entry.key.to_string(), value);
            }
        }
        self.required(node, schema, subject, &meant);
        Some(Value::Object(object))
    }

    /// Checks one entry. The known key that an unknown one was probably meant to be goes to `meant`.
    fn property(
        &mut self,
        entry: &Entry,
        schema: &'s Value,
        parent: Subject<'_>,
        meant: &mut Vec<&'s str>,
    ) -> Option<Value> {
        if let Some(inner) = schema.get("properties").and_then(|known| known.get(&*entry.key)) {
            return self.check(&entry.value, inner, Subject::Key(&entry.key));
        }
        if let Some(names) = schema.get("propertyNames") {
            let text = Scalar { text: entry.key.clone(), quoted: true };
            let key = Node { span: entry.key_span, content: Content::Scalar(text) };
            self.check(&key, names, Subject::NameIn(parent.key()))?;
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                meant.extend(self.unknown_key(entry, schema));
                None
            }
            Some(inner @ Value::Object(_)) => self.check(&entry.value, inner, Subject::Key(&entry.key)),
            _ => Some(entry.value.to_json()),
        }
    }

    fn unknown_key(&mut self, entry: &Entry, schema: &'s Value) -> Option<&'s str> {
        if self.findings.is_full() {
            self.findings.count();
            return None;
        }
        let keys = wording::keys(schema);
        let listed = keys.join(", ");
        let home = wording::home_of(self.root, &entry.key);
        let near = if home.is_some() { None } else { nearest(&entry.key, keys) };
        let meant = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        let help = match home {
            Some(home) => format!("`{}` is a key of {home}; keys here: {listed}", entry.key),
            None => format!("keys here: {listed}"),
        };
        let message = format!("unknown key {}{meant}", quote(&entry.key));
        let unknown = Diagnostic::error("unknown-key", entry.key_span, message);
        self.findings.push(unknown.label(wording::not_a_key_of(schema)).help(help));
        near
    }

    fn required(&mut self, node: &Node, schema: &Value, subject: Subject<'_>, meant: &[&str]) {
        let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let missing = |key: &&str| node.entry(key).is_none() && !meant.contains(key);
        for key in required.iter().filter_map(Value::as_str).filter(missing) {
            let about = schema.pointer(&format!("/properties/{key}"));
            let missing = Diagnostic::error("missing-key", node.head(), format!("{subject} has no `{key}`"));
            self.findings.push(missing.help(wording::add_key(key, about)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::pipeline::schema;

    /// What `Shape` acts on.
    const CHECKED: [&str; 18] = [
        "$ref",
        "$defs",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
        "items",
        "minItems",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "minLength",
        "minimum",
        "maximum",
        "format",
    ];
    /// What tells people something, or (`pattern`) says what a checked `format` says.
    const NOTES: [&str; 7] = ["$schema", "$id", "title", "description", "default", "examples", "pattern"];

    fn check(schema: &Value) {
        let Some(object) = schema.as_object() else { return };
        for (keyword, value) in object {
            assert!(
                CHECKED.contains(&keyword.as_str()) || NOTES.contains(&keyword.as_str()),
                "{keyword} is passed over"
            );
            match (keyword.as_str(), value) {
                ("properties" | "$defs", Value::Object(inner)) => inner.values().for_each(check),
                ("oneOf" | "anyOf", Value::Array(inner)) => inner.iter().for_each(check),
                ("items" | "additionalProperties" | "propertyNames", inner) => check(inner),
                _ => {}
            }
        }
        assert!(
            !object.contains_key("pattern") || object.contains_key("format"),
            "a pattern needs a format that we check"
        );
        assert!(!object.contains_key("oneOf") || super::wording::choices(schema).is_some(), "oneOf of constants only");
    }

    #[test]
    fn no_keyword_of_the_schema_is_passed_over() {
        check(schema().as_value());
    }
}
