//! YAML text to a tree of [`Node`]s, within limits: how deep, how many, how much after aliases are expanded.
//!
//! Parser events are used rather than serde, because a tree that knows the place of every key and value is what lets
//! the checker report all errors of a file in one go.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::diagnostic::{Diagnostic, Findings, Span, quote, to_u32};
use super::syntax;
use super::tree::{Content, Entry, Node, Scalar};

/// The largest text that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// How deep mappings and lists may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many values a file may have, aliases expanded.
pub const MAX_NODES: usize = 200_000;
/// How many bytes of text the values may have, aliases expanded.
pub const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// What a finished node costs where an alias repeats it.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

/// Reads one document. `None` where it is empty.
///
/// # Errors
/// What cannot be read or is over a limit is returned as the error; what can be passed over (a duplicate key, a tag)
/// goes to `findings`.
pub(super) fn load(text: &str, findings: &mut Findings) -> Result<Option<Node>, Box<Diagnostic>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} (1 MiB) that are read", text.len());
        return Err(Box::new(Diagnostic::error("file-too-large", Span::START, message)));
    }
    syntax::refuse_hidden(text)?;
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_unresolved_aliases: true,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    Loader { text, parser, findings, anchors: BTreeMap::new(), spent: Cost::default() }.document()
}

struct Loader<'a, 'f> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    findings: &'f mut Findings,
    /// Finished anchored nodes; `None` while the node is being read.
    anchors: BTreeMap<usize, Option<(Node, Cost)>>,
    spent: Cost,
}

type Loaded<T> = Result<T, Box<Diagnostic>>;

impl<'a> Loader<'a, '_> {
    fn document(mut self) -> Loaded<Option<Node>> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let found = Diagnostic::error("two-documents", span, "a second YAML document begins here");
                    return Err(Box::new(found.help("keep one document; remove the `---` line")));
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, 0)?.0),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Loaded<Option<(Event<'a>, Span)>> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let span = self.span(&span);
                Ok(Some((event, span)))
            }
            Some(Err(error)) => Err(Box::new(syntax::explain(self.text, &error))),
        }
    }

    fn span(&self, found: &granit_parser::Span) -> Span {
        let start = found.start.byte_offset().unwrap_or(0);
        let end = found.end.byte_offset().unwrap_or(start);
        Span { start, end, line: to_u32(found.start.line()), column: to_u32(found.start.col() + 1) }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Loaded<(Node, Cost)> {
        if depth >= MAX_DEPTH {
            return Err(Box::new(syntax::too_deep(span)));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || self.is_text(tag.as_deref(), span);
                let cost = Cost { nodes: 1, bytes: text.len(), depth: 1 };
                self.spend(cost, span)?;
                let content = Content::Scalar(Scalar { text: Rc::from(text.as_ref()), quoted });
                Ok(self.keep(anchor, Node { span, content }, cost))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                self.list(anchor, span, depth)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                self.mapping(anchor, span, depth)
            }
            Event::Alias(id) => self.alias(id, span, depth),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` above this alias");
                let help = "a `*` at the start of a value is an alias; quote the value if it is meant as text";
                Err(Box::new(Diagnostic::error("unknown-alias", span, message).help(help)))
            }
            _ => Err(Box::new(Diagnostic::error("syntax", span, "a value was expected here"))),
        }
    }

    fn list(&mut self, anchor: usize, mut span: Span, depth: usize) -> Loaded<(Node, Cost)> {
        let mut cost = self.open(anchor, span)?;
        let mut items = Vec::new();
        while let Some((event, at)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                span.end = span.end.max(at.end);
                break;
            }
            let (item, item_cost) = self.node(event, at, depth + 1)?;
            span.end = span.end.max(item.span.end);
            cost.add(item_cost);
            items.push(item);
        }
        Ok(self.keep(anchor, Node { span, content: Content::List(items.into()) }, cost))
    }

    fn mapping(&mut self, anchor: usize, mut span: Span, depth: usize) -> Loaded<(Node, Cost)> {
        let mut cost = self.open(anchor, span)?;
        let mut builder = MapBuilder::default();
        while let Some((event, at)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                span.end = span.end.max(at.end);
                break;
            }
            let (key, key_cost) = self.node(event, at, depth + 1)?;
            self.refuse_bare_template(&key)?;
            let Some((event, at)) = self.next()? else { break };
            let (value, value_cost) = self.node(event, at, depth + 1)?;
            span.end = span.end.max(value.span.end);
            cost.add(key_cost);
            cost.add(value_cost);
            builder.add(key, value, self.findings)?;
        }
        let entries = builder.finish(self.findings);
        Ok(self.keep(anchor, Node { span, content: Content::Map(entries.into()) }, cost))
    }

    /// `{{ x }}` without quotes is, to YAML, a mapping whose key is a mapping.
    fn refuse_bare_template(&self, key: &Node) -> Loaded<()> {
        let before = self.text.get(..key.span.start).unwrap_or_default();
        if !matches!(key.content, Content::Map(_)) || !before.ends_with('{') {
            return Ok(());
        }
        let mut span = key.span;
        span.start -= 1;
        span.column -= 1;
        span.end = span.start + 2;
        let found = Diagnostic::error("bare-template", span, "a value that begins with `{{` must be in quotes");
        Err(Box::new(found.help("put the whole value in quotes, such as \"{{ model.slug }}.py\"")))
    }

    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Loaded<(Node, Cost)> {
        let Some(Some((_, cost))) = self.anchors.get(&id) else {
            let message = "this alias stands inside the value that it repeats";
            return Err(Box::new(Diagnostic::error("recursive-alias", span, message)));
        };
        let cost = *cost;
        // Spent before the copy is made: that is what keeps an alias bomb small.
        self.spend(cost, span)?;
        if depth + cost.depth > MAX_DEPTH {
            return Err(Box::new(syntax::too_deep(span)));
        }
        match self.anchors.get(&id) {
            Some(Some((node, _))) => Ok((Node { span, content: node.content.clone() }, cost)),
            _ => Err(Box::new(Diagnostic::error("unknown-alias", span, "this alias has no anchor"))),
        }
    }

    fn open(&mut self, anchor: usize, span: Span) -> Loaded<Cost> {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let cost = Cost { nodes: 1, bytes: 0, depth: 1 };
        self.spend(cost, span)?;
        Ok(cost)
    }

    fn keep(&mut self, anchor: usize, node: Node, cost: Cost) -> (Node, Cost) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some((node.clone(), cost)));
        }
        (node, cost)
    }

    fn spend(&mut self, cost: Cost, span: Span) -> Loaded<()> {
        self.spent.nodes += cost.nodes;
        self.spent.bytes += cost.bytes;
        let message = if self.spent.nodes > MAX_NODES {
            format!("here the file grows beyond {MAX_NODES} values (aliases count as what they repeat)")
        } else if self.spent.bytes > MAX_EXPANDED_BYTES {
            format!("here the file grows beyond {MAX_EXPANDED_BYTES} bytes of text (aliases count as what they repeat)")
        } else {
            return Ok(());
        };
        let help = "move long lists, such as models, to files of their own, and use fewer aliases";
        Err(Box::new(Diagnostic::error("budget", span, message).help(help)))
    }

    /// Whether a tag says that a scalar is text; any other tag is refused.
    fn is_text(&mut self, tag: Option<&Tag>, span: Span) -> bool {
        let text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str") || tag.original() == "!");
        if !text {
            self.refuse_tag(tag, span);
        }
        text
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag {
            let message = format!("the tag {} means nothing here", quote(&tag.original()));
            let help = "remove the tag; quote the value if it is meant as text that begins with `!`";
            self.findings.push(Diagnostic::error("tag", span, message).help(help));
        }
    }
}

impl Cost {
    fn add(&mut self, child: Self) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.depth = self.depth.max(child.depth + 1);
    }
}

/// Collects the entries of a mapping: keys are unique, and `<<` merges others in.
#[derive(Default)]
struct MapBuilder {
    entries: Vec<Entry>,
    seen: BTreeMap<Rc<str>, Span>,
    merges: Vec<Node>,
}

impl MapBuilder {
    fn add(&mut self, key: Node, value: Node, findings: &mut Findings) -> Loaded<()> {
        let Content::Scalar(Scalar { text, quoted }) = key.content else {
            let found = Diagnostic::error("key-not-text", key.span, "a key must be a plain word");
            let help = "in YAML `{` and `[` begin a mapping or a list; quote a value such as \"{{ model.id }}\"";
            return Err(Box::new(found.help(help)));
        };
        if &*text == "<<" && !quoted {
            self.merges.push(value);
            return Ok(());
        }
        if let Some(first) = self.seen.get(&text) {
            let message = format!("the key {} stands here twice", quote(&text));
            let found = Diagnostic::error("duplicate-key", key.span, message).label("the second");
            findings.push(found.also(*first, "the first").help("keep one of them, or put both values into one"));
            return Ok(());
        }
        self.seen.insert(text.clone(), key.span);
        self.entries.push(Entry { key: text, key_span: key.span, value });
        Ok(())
    }

    fn finish(mut self, findings: &mut Findings) -> Vec<Entry> {
        let mut have: HashSet<Rc<str>> = self.seen.into_keys().collect();
        for merge in self.merges {
            let span = merge.span;
            let sources = match merge.content {
                Content::List(items) => items,
                content => Rc::from([Node { span, content }]),
            };
            for source in sources.iter() {
                let Content::Map(entries) = &source.content else {
                    let message = "`<<` wants a mapping, or a list of mappings, to take keys from";
                    findings.push(Diagnostic::error("merge", source.span, message));
                    continue;
                };
                self.entries.extend(entries.iter().filter(|entry| have.insert(entry.key.clone())).cloned());
            }
        }
        self.entries
    }
}
