//! What is wrong with a file, where, and what to do about it: plain data, rendered by the command line.

use serde::Serialize;

/// A stretch of the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Span {
    /// Where it begins, in bytes from the start of the text.
    pub start: usize,
    /// Where it ends (excluded), in bytes from the start of the text.
    pub end: usize,
    /// The line of its begin, from 1.
    pub line: u32,
    /// The column of its begin, from 1, in characters.
    pub column: u32,
}

impl Span {
    /// The very begin of a text.
    pub const START: Self = Self { start: 0, end: 0, line: 1, column: 1 };

    /// The stretch `from..to` (bytes) of `text`; both are moved down to the nearest character boundary.
    pub fn of(text: &str, from: usize, to: usize) -> Self {
        let start = text.floor_char_boundary(from);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let end = text.floor_char_boundary(to.max(start));
        Self { start, end, line: to_u32(line), column: to_u32(column) }
    }
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A remark at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, but probably does not say what was meant.
    Warning,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable kebab-case word for programs: `unknown-key`.
    pub code: &'static str,
    /// One lowercase sentence fragment.
    pub message: String,
    /// The place it is about.
    pub primary: Label,
    /// Other places that belong to it, such as the first of two equal keys.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the lines of the file may be shown: not where a secret stands in them.
    pub show_source: bool,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let primary = Label { span, text: String::new() };
        let (labels, help) = (Vec::new(), None);
        Self { severity: Severity::Error, code, message: message.into(), primary, labels, help, show_source: true }
    }

    /// Keeps the lines of the file out of what is shown.
    pub fn without_source(mut self) -> Self {
        self.show_source = false;
        self
    }

    /// Moves it to a place.
    pub fn at(mut self, span: Span) -> Self {
        self.primary.span = span;
        self
    }

    /// Puts words beside the marked place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do about it.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// How many diagnostics are kept of one file: more would help nobody, and a hostile file could ask for millions.
const KEPT: usize = 30;

/// Where the stages of reading put what they find.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
    dropped: usize,
}

impl Findings {
    pub(super) fn push(&mut self, found: Diagnostic) {
        if self.kept.len() < KEPT {
            self.kept.push(found);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn extend(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        found.into_iter().for_each(|found| self.push(found));
    }

    /// Counts a finding without keeping it.
    pub(super) fn count(&mut self) {
        self.dropped += 1;
    }

    /// Whether more findings are only counted: then nothing costly needs to be said about them.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= KEPT
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// All that was found, in the order of the file.
    pub(super) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut kept = self.kept;
        kept.sort_by_key(|found| (found.primary.span.start, found.severity));
        if self.dropped > 0 {
            let message = format!("there are {} more errors", self.dropped);
            let last = kept.last().map_or(Span::START, |found| found.primary.span);
            kept.push(Diagnostic::error("too-many-errors", last, message).help("mend these first, then check again"));
        }
        kept
    }
}

/// The one of `known` that was probably meant by `word`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs the product of the lengths: long words and long lists are no misspellings worth that.
    const LONGEST: usize = 40;
    const MOST: usize = 200;
    if word.len() > LONGEST {
        return None;
    }
    let plain = word.to_lowercase();
    let known: Vec<_> = known.into_iter().take(MOST).collect();
    let mut longer = known.iter().filter(|name| plain.len() > 2 && name.starts_with(&plain));
    if let (Some(only), None) = (longer.next(), longer.next()) {
        return Some(only);
    }
    let scored = known.into_iter().filter(|name| name.len() <= LONGEST).map(|name| {
        let distance = strsim::osa_distance(&plain, &name.to_lowercase());
        (distance, name)
    });
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    let allowed = (plain.chars().count().max(name.chars().count()) / 3).max(1);
    (distance <= allowed && distance < plain.chars().count()).then_some(name)
}

/// At most 60 characters of `text` for use inside a message, control and direction characters made visible.
pub fn quote(text: &str) -> String {
    const LIMIT: usize = 60;
    let mut shown: String = text.chars().take(LIMIT).map(visible).collect();
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A character that a terminal shows as it is, for any character.
pub fn visible(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('�'),
        '\x7f' => '␡',
        _ if is_hidden(character) => '�',
        _ => character,
    }
}

/// Whether a character shows nothing or changes how its neighbours are shown.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{Span, nearest, quote};

    #[test]
    fn places_count_characters_from_one() {
        let text = "a: ü\nöx: 1\n";
        let span = Span::of(text, 8, 9);
        assert_eq!((span.line, span.column, &text[span.start..span.end]), (2, 2, "x"));
        assert_eq!(Span::of("", 5, 9), Span::START);
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("benchmark", ["tests", "benchmarks"]), Some("benchmarks"));
        assert_eq!(nearest("Timeout", ["timeout"]), Some("timeout"));
        assert_eq!(nearest("nmae", ["name", "needs"]), Some("name"));
        assert_eq!(nearest("colour", ["run", "name", "env"]), None);
        assert_eq!(nearest("x", ["if"]), None);
    }

    #[test]
    fn quoted_text_is_short_and_harmless() {
        assert_eq!(quote("a\x1b[31m\u{202e}b\n"), "`a␛[31m�b␊`");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), 63);
    }
}
