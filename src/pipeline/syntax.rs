//! Texts that are not YAML: the parser's complaints in plain words, each with a next step.

use granit_parser::{ErrorKind, ScanError};

use super::diagnostic::{Diagnostic, Span, is_hidden, quote};
use super::load::MAX_DEPTH;

/// Reads bytes as text.
///
/// # Errors
/// The place of the first byte that is not UTF-8; it points into `String::from_utf8_lossy` of the same bytes.
pub fn decode(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
        let valid = valid.unwrap_or_default();
        let mut span = Span::of(valid, valid.len(), valid.len());
        span.end = span.start + char::REPLACEMENT_CHARACTER.len_utf8();
        let byte = bytes.get(valid.len()).copied().unwrap_or_default();
        let message = format!("the file is not UTF-8 text: byte 0x{byte:02x} at offset {}", valid.len());
        vec![Diagnostic::error("not-utf8", span, message).help("save it as UTF-8; is it the right file?")]
    })
}

/// Refuses characters that have no place in a text file or make it look other than it is.
pub(super) fn refuse_hidden(text: &str) -> Result<(), Box<Diagnostic>> {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let Some((at, found)) = text.char_indices().find(|(_, c)| hidden(*c)) else { return Ok(()) };
    let span = Span::of(text, at, at + found.len_utf8());
    let (what, help) = if found.is_control() {
        ("control character", "remove it; is this a text file? In a double-quoted text it can be written as an escape")
    } else {
        ("direction character", "remove it: it makes the line look other than what would be run")
    };
    let message = format!("the file has the {what} U+{:04X} here", u32::from(found));
    Err(Box::new(Diagnostic::error("hidden-character", span, message).help(help)))
}

/// More levels than are read.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    let message = format!("this is nested deeper than the {MAX_DEPTH} levels that are read");
    Diagnostic::error("budget", span, message)
}

/// The parser's complaint as a diagnostic.
pub(crate) fn explain(text: &str, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let at =
        marker.byte_offset().unwrap_or_else(|| text.char_indices().nth(marker.index()).map_or(text.len(), |(i, _)| i));
    let at = if text.get(at..).is_none_or(|rest| rest.trim().is_empty()) { last_of(text) } else { at };
    let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let span = Span::of(text, at, at + width);
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(span);
    }
    if let Some(found) = tab(text, span, error.kind()) {
        return found;
    }
    if matches!(error.kind(), ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement) {
        return colon(text, span);
    }
    let (message, help) = wording(error.kind());
    let message = message.map_or_else(|| format!("this is not YAML: {}", error.info()), str::to_owned);
    let found = Diagnostic::error("syntax", span, message);
    match help {
        Some(help) => found.help(help),
        None => found,
    }
}

/// A `:` that cannot be one: in a value, or after a key that is taken for the rest of the value above.
fn colon(text: &str, span: Span) -> Diagnostic {
    let (start, line) = line_at(text, span.start);
    let key = line.get(..span.start - start).unwrap_or_default();
    let indent = key.len() - key.trim_start().len();
    if key.trim().chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        let message = "this looks like a key, but it is read as the rest of the value above";
        let help = "begin it in the same column as the keys beside it, and close every `[`, `{` and quote above";
        return Diagnostic::error("syntax", Span::of(text, start + indent, span.end), message).help(help);
    }
    let help = "put the whole value in quotes: a `: ` in it begins a mapping otherwise";
    Diagnostic::error("syntax", span, "a `:` is not allowed here").help(help)
}

/// Where the line of `at` begins, and the line.
fn line_at(text: &str, at: usize) -> (usize, &str) {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    (start, text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default())
}

/// The end of what is written: a complaint about the end of the file is best shown there.
fn last_of(text: &str) -> usize {
    text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at)
}

/// The parser says different things about tabs in different places; the person needs to hear one.
fn tab(text: &str, span: Span, kind: &ErrorKind) -> Option<Diagnostic> {
    let about_tabs = matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    );
    let (start, line) = line_at(text, span.start);
    let next = start + line.len() + 1;
    let mut starts = [start, if about_tabs { next } else { start }].into_iter();
    let at = starts.find_map(|start| {
        let (_, line) = line_at(text, start.min(text.len()));
        let indent = line.len() - line.trim_start().len();
        line.get(..indent)?.find('\t').map(|tab| start + tab)
    })?;
    let message = "this line is indented with a tab, which YAML does not allow";
    Some(Diagnostic::error("tab", Span::of(text, at, at + 1), message).help("use spaces: two for each level"))
}

fn wording(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        ErrorKind::UnclosedQuotedScalar => {
            (Some("this quote is never closed"), Some("add the closing quote, or remove the opening one"))
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping => {
            (Some("a `[` or `{` is never closed"), Some("add the closing bracket; quote a value that begins with `{{`"))
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            (Some("a `,` or a closing bracket was expected here"), Some("quote a value that begins with `{{` or `[`"))
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey | ErrorKind::ExpectedBlockMappingKey => (
            Some("a `key: value` was expected here"),
            Some("is there a `:` missing, or is the line indented differently?"),
        ),
        ErrorKind::InvalidIndentation | ErrorKind::MappingKeyNotAllowed | ErrorKind::ExpectedBlockSequenceEntry => (
            Some("this line is indented differently from its neighbours"),
            Some("keys of one mapping begin in the same column"),
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            Some("a `\\` in double quotes begins an escape that YAML does not know"),
            Some("use single quotes, or write `\\\\`"),
        ),
        ErrorKind::UnexpectedCharacter { .. } => {
            (Some("a value cannot begin with this character"), Some("quote the value: '@example', '`date`', '%x'"))
        }
        _ => (None, None),
    }
}

/// Why a name cannot be used, if it cannot: names appear in ids, file names, terminals and reports.
pub(super) fn bad_name(name: &str, longest: usize) -> Option<String> {
    if name.trim().is_empty() {
        return Some("is empty".into());
    }
    if let Some(found) = name.chars().find(|c| is_hidden(*c)) {
        return Some(format!("has the hidden character U+{:04X}", u32::from(found)));
    }
    if let Some(found) = name.chars().find(|c| matches!(c, '[' | ']')) {
        return Some(format!("has a {}, which ids such as `tests/unit[target=cpu]` use", quote(&found.to_string())));
    }
    if name.trim() != name {
        return Some("begins or ends with a space".into());
    }
    (name.chars().count() > longest).then(|| format!("is longer than {longest} characters"))
}
