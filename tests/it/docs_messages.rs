//! What `docs/troubleshooting.md` says that Backsight says stands in the sources.

use std::fs;
use std::path::Path;

use crate::docs::root;

/// The most characters between two pieces of one message.
const NEAR: usize = 300;

fn collect(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(as_said(&fs::read_to_string(path).unwrap()));
        }
    }
}

/// A source with its texts as they are printed: lines joined, quotes and braces without what escapes them.
fn as_said(source: &str) -> String {
    let mut joined = String::new();
    for piece in source.split("\\\n") {
        joined.push_str(if joined.is_empty() { piece } else { piece.trim_start() });
    }
    joined.replace("\\\"", "\"").replace("{{", "{").replace("}}", "}")
}

/// Whether the pieces of a message between its `…` stand in a source, in this order and near each other.
fn stands_in(source: &str, message: &str) -> bool {
    let message = message.replace("{{", "{").replace("}}", "}");
    let pieces: Vec<&str> = message.split('…').map(str::trim).filter(|piece| piece.len() > 2).collect();
    let Some((first, rest)) = pieces.split_first() else {
        return false;
    };
    source.match_indices(first).any(|(at, _)| {
        let mut end = at + first.len();
        rest.iter().all(|piece| {
            let found = source[end..].find(piece).filter(|gap| *gap <= NEAR);
            end += found.map_or(0, |gap| gap + piece.len());
            found.is_some()
        })
    })
}

#[test]
fn the_messages_of_the_page_are_those_of_the_program() {
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let messages: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(messages.len() >= 30, "only {} messages", messages.len());
    let unknown = messages.iter().filter(|message| !sources.iter().any(|source| stands_in(source, message)));
    let unknown: Vec<&str> = unknown.copied().collect();
    assert!(unknown.is_empty(), "nothing in src says\n{}", unknown.join("\n"));
}

#[test]
fn a_message_that_nobody_says_is_found_out() {
    let source = as_said("#[error(\"`{0}` is no commit; is the clone \\\n        shallow? {{x}} \\\"y\\\"\")]");
    assert!(stands_in(&source, "… is no commit; is the clone shallow? {x} \"y\""));
    assert!(!stands_in(&source, "… is no commit; is the clone deep?"));
    assert!(!stands_in(&source, "shallow? … is no commit"));
}
