//! YAML text to a tree that knows its places, within bounds.
//!
//! Aliases are expanded and counted, so that a few lines cannot become a billion nodes; duplicate keys are reported and
//! reading goes on, so that one mistake does not hide the others.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value as Json};

use super::diagnostic::{Diagnostic, Span};

/// The largest text, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// The most nodes, aliases expanded.
const MOST_NODES: usize = 100_000;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Span,
    pub value: Value,
}

/// What a node is, by YAML 1.2's core schema.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub span: Span,
    pub text: String,
}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, node)| node)
    }

    /// A key with its value.
    pub(super) fn entry(&self, key: &str) -> Option<&(Key, Self)> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(known, _)| known.text == key),
            _ => None,
        }
    }

    /// An element of a list.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(index),
            _ => None,
        }
    }

    /// The same as JSON. A key without a value is left out: it says nothing.
    pub(super) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                let told = entries.iter().filter(|(_, node)| !matches!(node.value, Value::Null));
                Json::Object(told.map(|(key, node)| (key.text.clone(), node.to_json())).collect::<Map<_, _>>())
            }
        }
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|(_, node)| 1 + node.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// Reads one document. Mistakes that leave a tree (duplicate keys) are added to `found`.
pub(super) fn read(text: &str, found: &mut Vec<Diagnostic>) -> Result<Node, Diagnostic> {
    if text.len() > LARGEST {
        return Err(Diagnostic::error("too-large", "the file is larger than 1 MiB, which no pipeline is", 0..0));
    }
    let mut reader = Reader { parser: Parser::new_from_str(text), text, anchors: BTreeMap::new(), nodes: 0, found };
    let root = reader.document()?;
    Ok(root)
}

struct Reader<'t, 'f> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    text: &'t str,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    found: &'f mut Vec<Diagnostic>,
}

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Diagnostic> {
        loop {
            let Some(next) = self.parser.next_event() else { return Ok((Event::StreamEnd, self.end())) };
            let (event, span) = next.map_err(|error| self.broken(&error))?;
            let span = span.byte_range().unwrap_or_else(|| self.end());
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                other => return Ok((other, span)),
            }
        }
    }

    fn end(&self) -> Span {
        self.text.len()..self.text.len()
    }

    fn broken(&self, error: &ScanError) -> Diagnostic {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let rest = self.text.get(at..).unwrap_or_default();
        let width = rest.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let line_start = self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
        let tab = self.text.get(line_start..).is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
        let told = Diagnostic::error("yaml", format!("this is not YAML: {}", error.info()), at..at + width);
        if tab { told.help("YAML is indented with spaces, not with tabs") } else { told }
    }

    fn document(&mut self) -> Result<Node, Diagnostic> {
        let (event, span) = self.next()?;
        if matches!(event, Event::StreamEnd | Event::DocumentEnd) {
            return Ok(Node { span, value: Value::Null });
        }
        let root = self.node(event, span, 0)?;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentEnd, _) => {}
                (_, span) => {
                    let span = span.start..span.start;
                    return Err(Diagnostic::error("several-documents", "a second document begins here", span)
                        .help("a pipeline file is one YAML document; remove the `---`"));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        self.count(1, &span)?;
        if depth > DEEPEST {
            return Err(Diagnostic::error("too-deep", format!("nested deeper than {DEEPEST} levels"), span));
        }
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::Text(text.into_owned()) };
                Node { span, value }
            }
            Event::SequenceStart(..) => self.list(span, depth)?,
            Event::MappingStart(..) => self.map(span, depth)?,
            Event::Alias(id) => self.alias(id, span)?,
            _ => return Err(Diagnostic::error("yaml", "this is not YAML: a value was expected", span)),
        };
        if let Some(id) = anchor.filter(|id| *id > 0) {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, Diagnostic> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let end = items.last().map_or(start.end.max(start.start), |last: &Node| last.span.end);
                return Ok(Node { span: start.start..end, value: Value::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Node, Diagnostic> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let Some(text) = self.key_text(&key) else {
                self.found.push(Diagnostic::error("key", "a key must be plain text", key.span));
                continue;
            };
            let key = Key { span: key.span, text };
            if key.text == "<<" {
                merged.push(value);
            } else if let Some((first, _)) = entries.iter().find(|(known, _)| known.text == key.text) {
                let told = Diagnostic::error("duplicate-key", format!("`{}` is there twice", key.text), key.span);
                self.found.push(told.note(first.span.clone(), "first here").help("keep one of them"));
            } else {
                entries.push((key, value));
            }
        }
        self.merge(&mut entries, merged)?;
        let end = entries.last().map_or(start.end, |(_, last)| last.span.end.max(start.end));
        Ok(Node { span: start.start..end, value: Value::Map(entries) })
    }

    /// YAML's merge key: entries of the named maps that are not there yet.
    fn merge(&mut self, entries: &mut Vec<(Key, Node)>, merged: Vec<Node>) -> Result<(), Diagnostic> {
        for node in merged {
            let maps = match node.value {
                Value::List(items) => items,
                _ => vec![node],
            };
            for map in maps {
                self.count(map.size(), &map.span)?;
                let Value::Map(more) = map.value else {
                    self.found.push(Diagnostic::error("merge", "`<<` wants a mapping, or a list of them", map.span));
                    continue;
                };
                let fresh =
                    more.into_iter().filter(|(key, _)| !entries.iter().any(|(known, _)| known.text == key.text));
                let fresh: Vec<_> = fresh.collect();
                entries.extend(fresh);
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Diagnostic> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(Diagnostic::error("alias", "this alias contains itself, or its anchor is not there", span));
        };
        let (size, node) = (node.size(), node.clone());
        self.count(size, &span)?;
        Ok(Node { span, value: node.value })
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let text = format!("more than {MOST_NODES} values, aliases counted as often as they are used");
        Err(Diagnostic::error("too-many-values", text, span.clone()))
    }

    fn key_text(&self, key: &Node) -> Option<String> {
        match &key.value {
            Value::Text(text) => Some(text.clone()),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.text.get(key.span.clone()).map(str::to_owned),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// YAML 1.2, core schema (10.3.2): `yes`, `on` and the like are text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        other => number(other).map_or_else(|| Value::Text(other.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let integer = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = integer.parse::<i64>() {
        return Some(number.into());
    }
    let decimal = integer.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
        && integer.contains(|c: char| c.is_ascii_digit());
    decimal.then(|| integer.parse::<f64>().ok()).flatten().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::read;

    fn json(text: &str) -> Result<String, String> {
        let mut found = Vec::new();
        let node = read(text, &mut found).map_err(|error| error.message)?;
        match found.first() {
            Some(error) => Err(error.message.clone()),
            None => Ok(node.to_json().to_string()),
        }
    }

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let text = "[yes, on, true, 1, -2, 1.5, '1', \"x\", ~, 0x1f, 1e3, 1.2.3, -x, .5]";
        let want = r#"["yes","on",true,1,-2,1.5,"1","x",null,"0x1f",1000.0,"1.2.3","-x",0.5]"#;
        assert_eq!(json(text).as_deref(), Ok(want));
    }

    #[test]
    fn anchors_and_merge_keys_work() {
        let text = "a: &x {p: 1, q: 2}\nb: *x\nc:\n  <<: *x\n  q: 3\n";
        assert_eq!(json(text).as_deref(), Ok(r#"{"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":3,"p":1}}"#));
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(json(&text).unwrap_err().starts_with("more than 100000 values"));
    }

    #[test]
    fn depth_is_bounded_and_an_alias_cannot_hold_itself() {
        assert!(json(&"[".repeat(5000)).is_err());
        assert!(json(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap_err().contains("deeper"));
        assert!(json("a: &a [*a]").is_err());
    }

    #[test]
    fn empty_texts_and_second_documents() {
        assert_eq!(json("").as_deref(), Ok("null"));
        assert_eq!(json("# only a comment\n").as_deref(), Ok("null"));
        assert!(json("a: 1\n---\nb: 2\n").unwrap_err().contains("second document"));
        assert!(json("a: 1\na: 2\n").unwrap_err().contains("twice"));
    }
}
