//! A source file as far as the rules need it: its modules, and each path it names with its line.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A path that a file names, group imports taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// `["crate", "results", "Case"]`.
    pub(crate) segments: Vec<String>,
    /// The name it gets here, where `as` gives it another.
    pub(crate) alias: Option<String>,
    pub(crate) line: usize,
    /// Inline modules around it.
    pub(crate) scope: Vec<String>,
    /// It stands in code that is compiled for tests only.
    pub(crate) test: bool,
    /// It is published again: `pub use`.
    pub(crate) reexport: bool,
}

/// A `mod name` with or without a body.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// The value of a `#[path = "..."]`.
    pub(crate) file: Option<String>,
    pub(crate) test: bool,
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) named: Vec<Named>,
    pub(crate) declared: Vec<Declared>,
}

/// Reads a file's text; an error where it is no Rust.
pub(crate) fn read(text: &str) -> Result<Source, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("no Rust: {error}"))?;
    let mut source = Source::default();
    walk(tokens, &Place::default(), &mut source);
    Ok(source)
}

#[derive(Debug, Clone, Default)]
struct Place {
    scope: Vec<String>,
    test: bool,
}

/// What the attributes and the visibility before an item say.
#[derive(Debug, Default)]
struct Ahead {
    doc: String,
    file: Option<String>,
    test: bool,
    public: bool,
}

fn walk(tokens: TokenStream, place: &Place, source: &mut Source) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut place = place.clone();
    let mut ahead = Ahead::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let here = Place { test: place.test || ahead.test, scope: place.scope.clone() };
        at = match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => attribute(&tokens, at, &mut ahead, &mut place),
            TokenTree::Punct(mark) if mark.as_char() == ';' => {
                ahead = Ahead::default();
                at + 1
            }
            TokenTree::Ident(word) if word == "pub" => {
                ahead.public = true;
                at + 1
            }
            TokenTree::Ident(word) if word == "mod" => module(&tokens, at, &here, &mut ahead, source),
            TokenTree::Ident(word) if word == "use" => {
                let first = source.named.len();
                let next = path(&tokens, at + 1, &[], &here, source);
                source.named[first..].iter_mut().for_each(|named| named.reexport = ahead.public);
                next
            }
            TokenTree::Ident(_) if is_joint(&tokens, at + 1) => path(&tokens, at, &[], &here, source),
            TokenTree::Group(group) => {
                walk(group.stream(), &here, source);
                if group.delimiter() == Delimiter::Brace {
                    ahead = Ahead::default();
                }
                at + 1
            }
            _ => at + 1,
        };
    }
}

/// Whether `::` stands there.
fn is_joint(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |index: usize| match tokens.get(index) {
        Some(TokenTree::Punct(mark)) if mark.as_char() == ':' => Some(mark.spacing()),
        _ => None,
    };
    colon(at) == Some(Spacing::Joint) && colon(at + 1).is_some()
}

fn attribute(tokens: &[TokenTree], at: usize, ahead: &mut Ahead, place: &mut Place) -> usize {
    let inner = matches!(tokens.get(at + 1), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
    let at = at + usize::from(inner) + 1;
    let Some(TokenTree::Group(group)) = tokens.get(at) else { return at };
    let text: String = group.stream().to_string().split_whitespace().collect();
    if text == "cfg(test)" || text.starts_with("cfg(all(test,") {
        *(if inner { &mut place.test } else { &mut ahead.test }) = true;
    }
    let value = group.stream().into_iter().last().map(|token| token.to_string());
    let value = value.unwrap_or_default().trim_matches('"').to_owned();
    if text.starts_with("path=") {
        ahead.file = Some(value);
    } else if text.starts_with("doc=") && !inner {
        ahead.doc.push_str(&value);
    }
    at + 1
}

fn module(tokens: &[TokenTree], at: usize, here: &Place, ahead: &mut Ahead, source: &mut Source) -> usize {
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return at + 1 };
    let name = name.to_string();
    let ahead = std::mem::take(ahead);
    if let Some(TokenTree::Group(body)) = tokens.get(at + 2) {
        let scope = here.scope.iter().cloned().chain([name]).collect();
        walk(body.stream(), &Place { scope, test: here.test }, source);
    } else {
        source.declared.push(Declared { name, doc: ahead.doc, file: ahead.file, test: here.test });
    }
    at + 3
}

/// Reads the path (or the tree of a `use`) that starts there; returns where it ends.
fn path(tokens: &[TokenTree], mut at: usize, before: &[String], here: &Place, source: &mut Source) -> usize {
    let mut segments = before.to_vec();
    let mut line = tokens.get(at).map_or(0, |token| token.span().start().line);
    if is_joint(tokens, at) {
        at += 2;
    }
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(name) => {
                segments.push(name.to_string());
                line = name.span().start().line;
            }
            TokenTree::Punct(mark) if mark.as_char() == '*' => segments.push("*".to_owned()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
                for part in inner.split(is_comma).filter(|part| !part.is_empty()) {
                    path(part, 0, &segments, here, source);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_joint(tokens, at) {
            break;
        }
        at += 2;
    }
    let alias = match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(name))) if word == "as" => Some(name.to_string()),
        _ => None,
    };
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    source.named.push(Named { segments, alias, line, scope: here.scope.clone(), test: here.test, reexport: false });
    at
}
