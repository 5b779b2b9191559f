//! The YAML document as a tree of nodes that know their places.

use std::rc::Rc;

use serde_json::{Number, Value};

use super::diagnostic::Span;

/// A value of the file and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Its place; of a mapping or list, from its first key or item to its last.
    pub(super) span: Span,
    /// What it is.
    pub(super) content: Content,
}

/// What a node is. Parts are shared, so that an alias costs nothing until its value is expanded into JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A single value.
    Scalar(Scalar),
    /// A sequence.
    List(Rc<[Node]>),
    /// A mapping in the order of the file, keys unique.
    Map(Rc<[Entry]>),
}

/// A single value: its text after escapes, and whether quotes (or a tag) make it text whatever it looks like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scalar {
    pub(super) text: Rc<str>,
    pub(super) quoted: bool,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Rc<str>,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// What a scalar means by the core schema of YAML 1.2.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Number(Number),
    Text,
}

/// One step of the way from the root to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Into a mapping.
    Key(&'a str),
    /// Into a list.
    Index(usize),
}

impl<'a> From<&'a str> for Part<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Part<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Scalar {
    /// What the text means. `yes`, `on` and `off` are text in YAML 1.2.
    pub(super) fn meaning(&self) -> Meaning {
        if self.quoted {
            return Meaning::Text;
        }
        match self.text.as_ref() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Bool(true),
            "false" | "False" | "FALSE" => Meaning::Bool(false),
            text => number(text).map_or(Meaning::Text, Meaning::Number),
        }
    }

    fn to_json(&self) -> Value {
        match self.meaning() {
            Meaning::Null => Value::Null,
            Meaning::Bool(value) => Value::Bool(value),
            Meaning::Number(value) => Value::Number(value),
            Meaning::Text => Value::String(self.text.as_ref().to_owned()),
        }
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(octal) = text.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().filter(|_| !octal.starts_with('+')).map(Number::from);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+')).map(Number::from);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+')) {
        return None;
    }
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') || digits == "." {
        return None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    plain
        .parse::<u64>()
        .map(Number::from)
        .or_else(|_| plain.parse::<i64>().map(Number::from))
        .ok()
        .or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64))
}

impl Node {
    /// Its entries, where it is a mapping.
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        if let Content::Map(entries) = &self.content { Some(entries) } else { None }
    }

    /// The entry of `key`, where it is a mapping that has one.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| &*entry.key == key)
    }

    /// The node at the end of a way, or the last one on it that is there.
    pub(super) fn follow(&self, way: &[Part<'_>]) -> &Self {
        let Some((first, rest)) = way.split_first() else { return self };
        let next = match (first, &self.content) {
            (Part::Key(key), _) => self.entry(key).map(|entry| &entry.value),
            (Part::Index(index), Content::List(items)) => items.get(*index),
            _ => None,
        };
        next.map_or(self, |node| node.follow(rest))
    }

    /// The place to point at for the node as a whole: a mapping is named by its first key.
    pub(super) fn head(&self) -> Span {
        match &self.content {
            Content::Map(entries) => entries.first().map_or(self.span, |entry| entry.key_span),
            Content::List(items) => items.first().map_or(self.span, Self::head),
            Content::Scalar(_) => self.span,
        }
    }

    /// The node as JSON, without places.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json())).collect())
            }
        }
    }
}

/// Where each part of a pipeline stands in its file.
#[derive(Debug, Clone)]
pub struct Positions {
    root: Node,
}

impl Positions {
    pub(super) const fn new(root: Node) -> Self {
        Self { root }
    }

    /// The place of the value at the end of a way such as `["tests".into(), 0.into(), "run".into()]`; of the last
    /// part on the way that is in the file.
    pub fn at(&self, way: &[Part<'_>]) -> Span {
        self.root.follow(way).head()
    }

    /// The place of an entry of a section (`tests`, `generations`, `benchmarks`, `models`, `rules`), by its index.
    pub fn entry(&self, section: &str, index: usize) -> Span {
        self.at(&[Part::Key(section), Part::Index(index)])
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Scalar};

    fn meaning(text: &str) -> Meaning {
        Scalar { text: text.into(), quoted: false }.meaning()
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        for text in ["yes", "on", "off", "No", "1.2.3", "10m", "2027-03-01", "-", ".", "1e", "0x", "0o8", "+-1", "inf"]
        {
            assert_eq!(meaning(text), Meaning::Text, "{text}");
        }
        assert_eq!(meaning("0x10"), Meaning::Number(16.into()));
        assert_eq!(meaning("0o17"), Meaning::Number(15.into()));
        assert_eq!(meaning("+7"), Meaning::Number(7.into()));
        assert_eq!(meaning("-7"), Meaning::Number((-7).into()));
        assert!(matches!(meaning("1.5e3"), Meaning::Number(_)));
        assert!(matches!(meaning("99999999999999999999999"), Meaning::Number(_)));
        assert_eq!(meaning("True"), Meaning::Bool(true));
        assert_eq!(meaning("~"), Meaning::Null);
    }
}
