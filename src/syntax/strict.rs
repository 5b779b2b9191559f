//! Data formats by parsers that take nothing else; tree-sitter's grammars for these are made for editors and let much
//! pass, such as comments in JSON.

use std::collections::HashSet;

use granit_parser::{ErrorKind, Event, Parser};
use serde::de::IgnoredAny;

use crate::pipeline::explain_yaml;

use super::first_error::Found;
use super::language::Language;
use super::place::{boundary, offset_of, word_at};

/// How deep YAML may be nested.
const YAML_DEPTH: usize = 256;

/// What is wrong first with a text in a data format; `None` also for other languages.
pub(super) fn find(language: Language, text: &str) -> Option<Found> {
    match language {
        Language::Json => json(text),
        Language::Toml => toml(text),
        Language::Yaml => yaml(text),
        _ => None,
    }
}

fn json(text: &str) -> Option<Found> {
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    // The column counts bytes from 1, and is that of the last byte read; 0 after the end of a line.
    let at = offset_of(text, error.line().saturating_sub(1), error.column().saturating_sub(1));
    let whole = error.to_string();
    let what = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
    if error.is_eof() {
        let end = text.trim_end().len();
        let within = what.trim_start_matches("EOF while parsing ");
        let what = if within == "a value" { "ends where a value is expected" } else { "ends within" };
        return Some((
            end,
            format!("the file {what}{}", if within == "a value" { String::new() } else { format!(" {within}") }),
        ));
    }
    Some((at, format!("{what}, found `{}`", word_at(text, at))))
}

fn toml(text: &str) -> Option<Found> {
    let error = toml::de::DeTable::parse(text).err()?;
    let at = error.span().map_or(0, |span| span.start);
    Some((boundary(text, at), one_line(error.message())))
}

fn yaml(text: &str) -> Option<Found> {
    let options = granit_parser::options! {
        flow_nesting_limit: YAML_DEPTH,
        block_nesting_limit: YAML_DEPTH,
        emit_unresolved_aliases: true,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    // The keys of each open mapping, the innermost last; a list has none.
    let mut open: Vec<Option<Keys>> = Vec::new();
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                let at = boundary(text, span.start.byte_offset().unwrap_or(0));
                if let Some(what) = follow(&mut open, &event) {
                    return Some((at, what));
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                return Some((boundary(text, at), format!("nested deeper than the {YAML_DEPTH} levels that are read")));
            }
            Err(error) => {
                let found = explain_yaml(text, &error);
                return Some((boundary(text, found.primary.span.start), one_line(&found.message)));
            }
        }
    }
    None
}

/// Keys of a mapping so far, and whether a key is next.
#[derive(Default)]
struct Keys {
    seen: HashSet<String>,
    after_key: bool,
}

/// Goes one event on; says what is wrong with it, if anything.
fn follow(open: &mut Vec<Option<Keys>>, event: &Event<'_>) -> Option<String> {
    match event {
        Event::UnresolvedAlias(name) => return Some(format!("there is no anchor `&{name}` above this alias")),
        Event::MappingEnd | Event::SequenceEnd => {
            open.pop();
            return None;
        }
        Event::Scalar(..) | Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..) => {}
        _ => return None,
    }
    if let Some(Some(keys)) = open.last_mut() {
        keys.after_key = !keys.after_key;
        if let Event::Scalar(name, ..) = event
            && keys.after_key
            && name != "<<"
            && !keys.seen.insert(name.to_string())
        {
            return Some(format!("the key `{name:.40}` a second time in one mapping"));
        }
    }
    match event {
        Event::MappingStart(..) => open.push(Some(Keys::default())),
        Event::SequenceStart(..) => open.push(None),
        _ => {}
    }
    None
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
