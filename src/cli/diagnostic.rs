//! Shows what is wrong with a file: message, place, the line itself with carets, and what to do.
//!
//! The text of the file is hostile until proven otherwise: characters that a terminal would act on are replaced by
//! visible ones, and of a very long line only the surroundings of the place are shown.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstream::adapter::strip_str;

use crate::pipeline::{Diagnostic, Label, Severity, visible};

/// How much of a line is shown before and after the place, in bytes.
const AROUND: usize = 90;

/// Lines this near to each other are shown as one piece.
const NEAR: u32 = 6;

/// All findings about the text of `file`, with a last line that counts them. Escape codes only where `colour` is set.
pub fn render(found: &[Diagnostic], file: &str, text: &str, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let file: String = file.chars().map(visible).collect();
    let mut out = String::new();
    for diagnostic in found {
        let shown = renderer.render(&[group(diagnostic, &file, text)]);
        // A piece without a path of its own is announced by three colons that say nothing.
        for line in shown.lines().filter(|line| strip_str(line).to_string().trim() != ":::") {
            out.push_str(line);
            out.push('\n');
        }
        out.push('\n');
    }
    out.push_str(&summary(found));
    out.push('\n');
    out
}

/// "2 errors; nothing was run."
fn summary(found: &[Diagnostic]) -> String {
    let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let parts: Vec<_> = [counted(errors, "error"), counted(warnings, "warning")].into_iter().flatten().collect();
    let end = if errors > 0 { "; nothing was run." } else { "." };
    format!("{}{end}", parts.join(" and "))
}

fn group(diagnostic: &Diagnostic, file: &str, text: &str) -> Group<'static> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(harmless(&diagnostic.message));
    let span = diagnostic.primary.span;
    let mut group = Group::with_title(title);
    let pieces = if diagnostic.show_source { pieces(diagnostic, text) } else { Vec::new() };
    if pieces.is_empty() || pieces.first().is_some_and(|piece| piece.cut) {
        // Columns in a part of a line would be counted from where it begins.
        group = group.element(Origin::path(file.to_owned()).line(span.line as usize).char_column(span.column as usize));
    }
    for piece in pieces {
        group = group.element(piece.snippet(file));
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(harmless(help))),
        None => group,
    }
}

/// Message text with everything replaced that a terminal would act on; line breaks stay.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect()
}

/// Consecutive lines that are shown together.
struct Piece {
    first_line: u32,
    source: String,
    cut: bool,
    primary: bool,
    marks: Vec<(Range<usize>, AnnotationKind, String)>,
}

impl Piece {
    const fn at(first_line: u32) -> Self {
        Self { first_line, source: String::new(), cut: false, primary: false, marks: Vec::new() }
    }

    fn snippet(self, file: &str) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
        let marks = self.marks.into_iter().map(|(range, kind, label)| {
            let mark = kind.span(range);
            if label.is_empty() { mark } else { mark.label(label) }
        });
        let path = (!self.cut).then(|| file.to_owned());
        Snippet::source(self.source).line_start(self.first_line as usize).path(path).annotations(marks)
    }
}

fn pieces(diagnostic: &Diagnostic, text: &str) -> Vec<Piece> {
    let primary = (&diagnostic.primary, AnnotationKind::Primary);
    let others = diagnostic.labels.iter().map(|label| (label, AnnotationKind::Context));
    let mut labels: Vec<_> = others.chain([primary]).collect();
    labels.sort_by_key(|(label, _)| label.span);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut last_line = 0;
    for (label, kind) in labels {
        let line = label.span.line;
        // Two places on one cut line may lie outside each other's window: each then gets a piece of its own.
        match pieces.last_mut() {
            Some(piece) if line > last_line && line - last_line <= NEAR => {
                add_lines(piece, text, last_line, label);
                add_mark(piece, label, kind, text);
            }
            _ => {
                let mut piece = Piece::at(line);
                add_mark(&mut piece, label, kind, text);
                pieces.push(piece);
            }
        }
        last_line = line;
    }
    // The place in the header is that of the first piece.
    pieces.sort_by_key(|piece| !piece.primary);
    pieces
}

/// The lines between two marked ones.
fn add_lines(piece: &mut Piece, text: &str, after: u32, label: &Label) {
    let between = (label.span.line - after - 1) as usize;
    let before = text.get(..line_start(text, label.span.start)).unwrap_or_default();
    let lines: Vec<_> = before.lines().rev().take(between).collect();
    for line in lines.into_iter().rev() {
        piece.source.push_str(&window(line, 0..0).0);
        piece.source.push('\n');
    }
}

fn add_mark(piece: &mut Piece, label: &Label, kind: AnnotationKind, text: &str) {
    let start = line_start(text, label.span.start);
    let line = text.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let clamp = |at: usize| at.saturating_sub(start).min(line.len());
    let (shown, range) = window(line, clamp(label.span.start)..clamp(label.span.end));
    piece.cut |= shown.starts_with('…');
    piece.primary |= kind == AnnotationKind::Primary;
    let offset = piece.source.len();
    piece.marks.push((offset + range.start..offset + range.end, kind, harmless(&label.text)));
    piece.source.push_str(&shown);
    piece.source.push('\n');
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The part of a line around `place`, made harmless, and where the place is in it.
fn window(line: &str, place: Range<usize>) -> (String, Range<usize>) {
    let from = line.floor_char_boundary(place.start.saturating_sub(AROUND));
    let from = if from < AROUND / 2 { 0 } else { from };
    let to = line.ceil_char_boundary((place.start + 2 * AROUND).min(line.len()));
    let end = place.end.clamp(place.start, to);
    let mut shown = String::new();
    if from > 0 {
        shown.push('…');
    }
    let mut range = shown.len()..shown.len();
    for (at, character) in line.get(from..to).unwrap_or_default().char_indices().map(|(at, c)| (at + from, c)) {
        if at == place.start {
            range.start = shown.len();
        }
        shown.push(visible(character));
        if at < end {
            range.end = shown.len();
        }
    }
    if place.start >= to {
        range.start = shown.len();
    }
    range.end = range.end.max(range.start);
    if to < line.len() {
        shown.push('…');
    }
    (shown, range)
}

#[cfg(test)]
mod tests {
    use super::{render, window};
    use crate::pipeline::parse;

    #[test]
    fn a_window_marks_the_same_characters() {
        let line = format!("{}HERE{}", "ü".repeat(500), "x".repeat(1_000_000));
        let (shown, range) = window(&line, 1000..1004);
        assert_eq!(&shown[range], "HERE");
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.len() < 600, "{}", shown.len());
        let (shown, range) = window("a\u{1b}b", 1..2);
        assert_eq!((shown.as_str(), &shown[range]), ("a␛b", "␛"));
        assert_eq!(window("ab", 2..2), ("ab".into(), 2..2));
    }

    #[test]
    fn escape_codes_only_when_asked_for() {
        let text = "version: 1\ntests:\n  - rum: a\n";
        let found = parse(text).unwrap_err();
        assert!(!render(&found, "f\u{1b}[31m.yml", text, false).contains('\u{1b}'));
        assert!(render(&found, "f.yml", text, true).contains('\u{1b}'));
    }
}
