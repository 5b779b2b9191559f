//! The first error in a tree that has some, and its words.

use tree_sitter::{Node, Tree};

use super::language::Language;
use super::parser;
use super::place::{SyntaxError, offset_of, word_at};

/// Beyond this many bytes the parser's log is not read, and the place is that of the region in the tree.
const LOGGED: usize = 4 << 20;

/// An error: its offset in bytes, and what is wrong.
pub(super) type Found = (usize, String);

/// What is wrong first, where the tree has an error.
pub(super) fn find(language: Language, tree: &Tree, text: &str) -> Option<Found> {
    let root = tree.root_node();
    if !root.has_error() {
        return None;
    }
    // A token that is missing can be one that the tree does not show, such as the end of a line.
    let node = first_broken(root);
    let missing = node.filter(Node::is_missing);
    let stop = if text.len() <= LOGGED { parser::first_stop(language, text) } else { None };
    let Some(stop) = stop else {
        let at = skip_blank(text, node.map_or(0, |node| node.start_byte()));
        return Some((at, missing.map_or_else(|| unexpected(text, at), words_of)));
    };
    let read = offset_of(text, stop.row, stop.column);
    if let Some(start) = read.checked_sub(1).and_then(|last| root.descendant_for_byte_range(last, read))
        && start.kind() == "string_start"
    {
        return Some((start.start_byte(), "this string is never closed".to_owned()));
    }
    if let Some(node) = missing.filter(|node| node.start_byte() <= skip_blank(text, read)) {
        return Some((read.min(node.start_byte()), words_of(node)));
    }
    let next = skip_blank(text, read);
    let open = still_open(root, next, text);
    let hint =
        open.map(|(bracket, line)| format!("; the `{bracket}` of line {line} is not closed")).unwrap_or_default();
    if stop.at_end || next >= text.len() {
        return Some((read, format!("unexpected end of the file{hint}")));
    }
    let ends_line = language == Language::Python && !stop.after_line && open.is_none();
    if ends_line && text.get(read..next).is_some_and(|gap| gap.contains('\n') && !gap.contains('\\')) {
        return Some((read, "unexpected end of the line".to_owned()));
    }
    Some((next, format!("{}{hint}", unexpected(text, next))))
}

/// The outermost ERROR or MISSING node that comes first.
fn first_broken(root: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Some(node);
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

fn words_of(node: Node<'_>) -> String {
    match node.kind() {
        "_newline" | "\n" => "the end of the line is missing".to_owned(),
        "identifier" | "property_identifier" | "type_identifier" | "field_identifier" => "a name is missing".to_owned(),
        kind if node.is_named() => format!("{} is missing", kind.trim_start_matches('_').replace('_', " ")),
        kind => format!("`{kind}` is missing"),
    }
}

fn unexpected(text: &str, at: usize) -> String {
    let word = word_at(text, at);
    if word.is_empty() { "unexpected end of the file".to_owned() } else { format!("unexpected `{word}`") }
}

fn skip_blank(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start().len())
}

/// The innermost bracket before an offset that is open there since an earlier line, and its line from 1.
fn still_open(root: Node<'_>, until: usize, text: &str) -> Option<(char, usize)> {
    let mut cursor = root.walk();
    let mut open: Vec<(char, usize)> = Vec::new();
    loop {
        let node = cursor.node();
        if node.start_byte() >= until {
            break;
        }
        if !cursor.goto_first_child() {
            match (node.end_byte() - node.start_byte(), node.kind()) {
                (1, "(" | "[" | "{") => open.extend(node.kind().chars().next().map(|c| (c, node.start_position().row))),
                (2, "${") => open.push(('{', node.start_position().row)),
                (1, ")" | "]" | "}") => close(&mut open, node.kind()),
                _ => {}
            }
        } else {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return since_earlier(&open, until, text);
            }
        }
    }
    since_earlier(&open, until, text)
}

fn close(open: &mut Vec<(char, usize)>, with: &str) {
    let opened = match with {
        ")" => '(',
        "]" => '[',
        _ => '{',
    };
    if let Some(at) = open.iter().rposition(|(bracket, _)| *bracket == opened) {
        open.truncate(at);
    }
}

fn since_earlier(open: &[(char, usize)], until: usize, text: &str) -> Option<(char, usize)> {
    let row = text.as_bytes().get(..until.min(text.len()))?.iter().filter(|byte| **byte == b'\n').count();
    let (bracket, line) = open.last()?;
    (*line < row).then_some((*bracket, line + 1))
}

/// An error as it is published.
pub(super) fn publish(text: &str, (at, what): Found) -> SyntaxError {
    SyntaxError::at(text, at, what)
}
