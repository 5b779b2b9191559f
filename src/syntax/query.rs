//! One rule, compiled: tree-sitter's query with the predicates that tree-sitter knows (`#eq?`, `#match?`, `#any-of?` and
//! their `not-` forms), and four of ours.
//!
//! - `(#only? @node "kind>kind" "^text" ...)`: each named child of the node is of such a kind, or its text matches
//! - `(#has-ancestor? @node "kind" ...)` and `(#not-has-ancestor? @node "kind" ...)`: what the node is within
//! - `(#of-subject? @node)`: the node names a package under test, or what was imported from one

use regex::Regex;
use tree_sitter::{Node, Query, QueryErrorKind, QueryMatch, QueryPredicate, QueryPredicateArg};

use super::language::Language;
use super::parser::grammar;
use super::place::line_and_column;

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}, {line}:{column} of its query: {what}")]
pub struct RuleError {
    /// The rule's name.
    pub rule: String,
    /// The line in the query, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, and what to do.
    pub what: String,
}

/// One rule, or several of ours in one query: a walk over the tree costs more than the rules themselves.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) language: Language,
    pub(super) query: Query,
    patterns: Vec<Pattern>,
    finding: Option<u32>,
    /// The captures `@module` and `@name` of imports.
    imports: Option<(u32, u32)>,
}

/// A piece of query and what it is for.
pub(super) struct Part<'a> {
    pub(super) source: &'a str,
    /// The rule and what its findings say; `None` for what tells the names that a file imports.
    pub(super) rule: Option<(&'a str, &'a str)>,
}

/// What is known of a pattern of a query.
#[derive(Debug)]
pub(super) struct Pattern {
    /// See [`Part::rule`].
    pub(super) rule: Option<(String, String)>,
    conditions: Vec<Condition>,
    /// Captures that must name a package under test.
    pub(super) of_subject: Vec<u32>,
}

#[derive(Debug)]
enum Condition {
    Only(u32, Vec<Allowed>),
    Ancestor { capture: u32, kinds: Vec<String>, wanted: bool },
    OfSubject(u32),
}

/// What `#only?` allows.
#[derive(Debug)]
enum Allowed {
    /// A kind, and below it others; alternatives with `|`.
    Kinds(Vec<Vec<String>>),
    Text(Regex),
}

impl Compiled {
    pub(super) fn new(language: Language, parts: &[Part<'_>]) -> Result<Self, RuleError> {
        let source = parts.iter().map(|part| part.source).collect::<Vec<_>>().join("\n");
        let first = parts.iter().find_map(|part| part.rule).map_or("imports", |(name, _)| name);
        let fail = |offset: usize, what: String| {
            let (line, column) = line_and_column(&source, offset);
            RuleError { rule: first.to_owned(), line, column, what }
        };
        let query = Query::new(&grammar(language), &source)
            .map_err(|error| fail(error.offset, wording(&error.kind, &error.message, language)))?;
        if query.pattern_count() == 0 {
            return Err(fail(0, "the query has no pattern".to_owned()));
        }
        if query.capture_names().is_empty() {
            let what = "nothing is captured; put `@finding` behind the node that is to be reported";
            return Err(fail(0, what.to_owned()));
        }
        let mut patterns = Vec::new();
        for index in 0..query.pattern_count() {
            let start = query.start_byte_for_pattern(index);
            patterns.push(pattern(&query, index, rule_at(parts, start)).map_err(|what| fail(start, what))?);
        }
        let capture = |name| query.capture_index_for_name(name);
        let imports = capture("module").zip(capture("name"));
        Ok(Self { language, finding: capture("finding"), imports, patterns, query })
    }

    pub(super) fn pattern(&self, one: &QueryMatch<'_, '_>) -> Option<&Pattern> {
        self.patterns.get(one.pattern_index)
    }

    /// The rule that is to blame where the query takes too long.
    pub(super) fn rule_name(&self) -> &str {
        self.patterns.iter().find_map(|pattern| pattern.rule.as_ref()).map_or("", |(name, _)| name)
    }

    /// Where a match is reported, as an offset in bytes.
    pub(super) fn place(&self, one: &QueryMatch<'_, '_>) -> Option<usize> {
        let chosen = one.captures().iter().find(|capture| Some(capture.index) == self.finding);
        Some(chosen.or(one.captures().first())?.node.start_byte())
    }

    /// The module and the name that a match of [`Part::rule`] `None` tells.
    pub(super) fn import<'a>(&self, one: &QueryMatch<'_, '_>, text: &'a str) -> Option<(&'a str, &'a str)> {
        let (module, name) = self.imports?;
        let text_of = |capture| text.get(one.nodes_for_capture_index(capture).next()?.byte_range());
        Some((text_of(module)?, text_of(name)?))
    }
}

fn rule_at<'a>(parts: &[Part<'a>], offset: usize) -> Option<(&'a str, &'a str)> {
    let mut end = 0;
    let part = parts.iter().find(|part| {
        end += part.source.len() + 1;
        offset < end
    });
    part.and_then(|part| part.rule)
}

fn pattern(query: &Query, index: usize, rule: Option<(&str, &str)>) -> Result<Pattern, String> {
    let set = query.property_settings(index).iter().find(|property| &*property.key == "message");
    let own = set.and_then(|property| property.value.as_deref());
    let rule = rule.map(|(name, message)| (name.to_owned(), own.unwrap_or(message).to_owned()));
    let (mut conditions, mut of_subject) = (Vec::new(), Vec::new());
    for predicate in query.general_predicates(index) {
        match condition(predicate)? {
            Condition::OfSubject(capture) => of_subject.push(capture),
            condition => conditions.push(condition),
        }
    }
    Ok(Pattern { rule, conditions, of_subject })
}

impl Pattern {
    /// Whether our own predicates hold, but for `#of-subject?`; `None` where no steps are left to tell.
    pub(super) fn holds(
        &self,
        one: &QueryMatch<'_, '_>,
        root: Node<'_>,
        text: &str,
        steps: &mut usize,
    ) -> Option<bool> {
        for condition in &self.conditions {
            let (Condition::Only(capture, _) | Condition::Ancestor { capture, .. } | Condition::OfSubject(capture)) =
                condition;
            for node in one.nodes_for_capture_index(*capture) {
                let holds = match condition {
                    Condition::Only(_, allowed) => only(node, allowed, text, steps)?,
                    Condition::Ancestor { kinds, wanted, .. } => within(root, node, kinds, steps)? == *wanted,
                    Condition::OfSubject(_) => true,
                };
                if !holds {
                    return Some(false);
                }
            }
        }
        Some(true)
    }
}

fn condition(predicate: &QueryPredicate) -> Result<Condition, String> {
    let name = &*predicate.operator;
    let mut args = predicate.args.iter();
    let Some(QueryPredicateArg::Capture(capture)) = args.next() else {
        return Err(format!("`#{name}` needs a capture such as `@finding` first"));
    };
    let texts: Option<Vec<&str>> = args
        .map(|arg| match arg {
            QueryPredicateArg::String(text) => Some(&**text),
            QueryPredicateArg::Capture(_) => None,
        })
        .collect();
    let texts = texts.ok_or_else(|| format!("`#{name}` takes one capture, and texts in quotes"))?;
    let kinds = || texts.iter().map(|kind| (*kind).to_owned()).collect();
    match name {
        "only?" => Ok(Condition::Only(*capture, texts.iter().map(|text| allowed(text)).collect::<Result<_, _>>()?)),
        "has-ancestor?" => Ok(Condition::Ancestor { capture: *capture, kinds: kinds(), wanted: true }),
        "not-has-ancestor?" => Ok(Condition::Ancestor { capture: *capture, kinds: kinds(), wanted: false }),
        "of-subject?" if texts.is_empty() => Ok(Condition::OfSubject(*capture)),
        "of-subject?" => Err("`#of-subject?` takes a capture and nothing else".to_owned()),
        _ => Err(format!(
            "there is no predicate `#{name}`; there are #eq?, #match?, #any-of?, their not- forms, #only?, \
             #has-ancestor?, #not-has-ancestor? and #of-subject?"
        )),
    }
}

fn allowed(text: &str) -> Result<Allowed, String> {
    if text.starts_with('^') || text.starts_with("(?") {
        let fault = |error: regex::Error| {
            let said = error.to_string();
            format!("`{text}` is no regular expression: {}", said.lines().last().unwrap_or_default().trim())
        };
        return Regex::new(text).map(Allowed::Text).map_err(fault);
    }
    Ok(Allowed::Kinds(text.split('>').map(|level| level.split('|').map(str::to_owned).collect()).collect()))
}

/// Whether each named child is allowed; comments always are.
fn only(node: Node<'_>, allowed: &[Allowed], text: &str, steps: &mut usize) -> Option<bool> {
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor).filter(|child| !child.is_extra()) {
        *steps = steps.checked_sub(1)?;
        let mut fits = false;
        for one in allowed {
            fits = fits
                || match one {
                    Allowed::Text(pattern) => {
                        *steps = steps.saturating_sub((child.end_byte() - child.start_byte()) / 100);
                        text.get(child.byte_range()).is_some_and(|text| pattern.is_match(text))
                    }
                    Allowed::Kinds(levels) => of_kinds(child, levels, steps)?,
                };
        }
        if !fits {
            return Some(false);
        }
    }
    Some(true)
}

fn of_kinds(node: Node<'_>, levels: &[Vec<String>], steps: &mut usize) -> Option<bool> {
    let Some((kinds, below)) = levels.split_first() else { return Some(true) };
    if !kinds.iter().any(|kind| kind == node.kind()) {
        return Some(false);
    }
    if below.is_empty() {
        return Some(true);
    }
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor).filter(|child| !child.is_extra()) {
        *steps = steps.checked_sub(1)?;
        if !of_kinds(child, below, steps)? {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether the node is inside one of these kinds. The way goes from the root down, for a node does not know what it is in.
fn within(root: Node<'_>, node: Node<'_>, kinds: &[String], steps: &mut usize) -> Option<bool> {
    let mut at = root;
    while at.id() != node.id() {
        if kinds.iter().any(|kind| kind == at.kind()) {
            return Some(true);
        }
        *steps = steps.checked_sub(1 + usize::try_from(at.child_count()).unwrap_or(usize::MAX))?;
        let Some(next) = at.child_with_descendant(node) else { break };
        at = next;
    }
    Some(false)
}

fn wording(kind: &QueryErrorKind, said: &str, language: Language) -> String {
    let name = language.name();
    let word = said.lines().next().unwrap_or_default().trim_matches('"');
    match kind {
        QueryErrorKind::NodeType => format!("{name} has no node `{word}`; its grammar's node-types.json lists them"),
        QueryErrorKind::Field => format!("{name} has no field `{word}`; its grammar's node-types.json lists them"),
        QueryErrorKind::Capture => format!("`@{}` is used and captured nowhere", word.trim_start_matches('@')),
        QueryErrorKind::Structure => format!("this cannot occur in {name}: {word}"),
        QueryErrorKind::Syntax => format!("this is no query: `{word}`; are all brackets and quotes closed?"),
        QueryErrorKind::Predicate | QueryErrorKind::Language => said.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}
