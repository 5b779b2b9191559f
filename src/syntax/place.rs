//! From offsets into a text to lines and columns as people count them, and the line itself to quote.

use std::fmt;

/// The longest piece of a source line that a message quotes, in characters.
const QUOTED: usize = 80;

/// Why a text is not in its language: the first place at which that can be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong there, with the line quoted, on one line.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl SyntaxError {
    /// An error at an offset in bytes; the message gets the line it is in.
    pub(super) fn at(text: &str, offset: usize, what: impl fmt::Display) -> Self {
        let offset = boundary(text, offset);
        let (line, column) = line_and_column(text, offset);
        let quoted = quote_line(text, offset);
        let message = if quoted.is_empty() { what.to_string() } else { format!("{what} in `{quoted}`") };
        Self { line, column, message }
    }
}

/// The next offset below that is between two characters.
pub(super) fn boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where the line of an offset begins.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset.min(text.len())).unwrap_or_default();
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Line and column from 1; the column counts characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let offset = boundary(text, offset);
    let start = line_start(text, offset);
    let lines = text.as_bytes().get(..start).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    let column = text.get(start..offset).unwrap_or_default().chars().filter(|c| *c != '\u{feff}').count();
    (to_u32(lines + 1), to_u32(column + 1))
}

/// The offset of a line and column that both count from 0, the column in bytes.
pub(super) fn offset_of(text: &str, row: usize, column: usize) -> usize {
    let start = match row {
        0 => 0,
        _ => text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .nth(row - 1)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    boundary(text, start + column)
}

/// The line of an offset without its indentation, at most 80 characters of it around the offset.
fn quote_line(text: &str, offset: usize) -> String {
    let start = line_start(text, offset);
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    // A line can be as long as the file; only what is near is looked at.
    let from = boundary(text, offset.saturating_sub(QUOTED * 4).max(start)) - start;
    let near: Vec<char> = line.get(from..).unwrap_or_default().chars().take(QUOTED * 6).collect();
    let at = text.get(start + from..offset).unwrap_or_default().chars().count().min(near.len());
    let first = at.saturating_sub(QUOTED * 3 / 4);
    let piece: String = near.iter().skip(first).take(QUOTED).map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let more = near.len() > first + QUOTED;
    let begin = if first > 0 || from > 0 { "…" } else { "" };
    format!("{begin}{}{}", piece.trim(), if more { "…" } else { "" })
}

/// The word or sign at an offset, as a message quotes it: at most 30 characters.
pub(super) fn word_at(text: &str, offset: usize) -> String {
    let rest = text.get(boundary(text, offset)..).unwrap_or_default();
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return String::new() };
    let wordy = |c: &char| c.is_alphanumeric() || *c == '_';
    if !wordy(&first) {
        return if first.is_control() { format!("U+{:04X}", u32::from(first)) } else { first.to_string() };
    }
    rest.chars().take_while(wordy).take(30).collect()
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
