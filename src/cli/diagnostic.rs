//! Shows what is wrong with a file: the words, the place as file:line:column, the source line, and how to mend it.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::pipeline::{Diagnostic, Span};
use crate::report::escape;

/// The longest part of a source line that is shown, in bytes.
const WIDEST: usize = 120;
/// Mistakes that are shown; a file with more is not read to the end by anybody.
const MOST: usize = 50;

/// All of them, with a last line that counts them. Carries style; the caller's stream drops it where it is not wanted.
pub(super) fn render(file: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    let renderer = Renderer::styled();
    let file = escape::line(file);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MOST) {
        out.push_str(&one(&renderer, &file, text, diagnostic));
        out.push_str("\n\n");
    }
    let n = diagnostics.len();
    if n > MOST {
        out.push_str(&format!("{} more are not shown\n", n - MOST));
    }
    out.push_str(&format!("{n} {}; nothing was run.", if n == 1 { "error" } else { "errors" }));
    out
}

fn one(renderer: &Renderer, file: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let message = escape::line(&diagnostic.message).into_owned();
    let mut group = Group::with_title(Level::ERROR.primary_title(message).id(diagnostic.code));
    group = pointed(group, file, text, &diagnostic.span, AnnotationKind::Primary, "");
    for (span, note) in &diagnostic.notes {
        group = pointed(group, file, text, span, AnnotationKind::Context, note);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(escape::block(help)));
    }
    let report: [Group<'_>; 1] = [group];
    renderer.render(&report)
}

/// The line of a place; of a very long line, the part around the place.
fn pointed<'a>(group: Group<'a>, file: &str, text: &str, span: &Span, kind: AnnotationKind, label: &str) -> Group<'a> {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line_end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start + at);
    let is_long = line_end - line_start > WIDEST;
    let from = if is_long { boundary(text, line_start.max(start.saturating_sub(WIDEST / 2))) } else { line_start };
    let to = boundary(text, line_end.min(from + WIDEST));
    let end = span.end.clamp(start, to.max(start));
    let shown = text.get(from..to).unwrap_or_default().to_owned();
    let (line, column) = Diagnostic::error("", "", span.clone()).position(text);
    let label = Some(escape::line(label).into_owned()).filter(|label| !label.is_empty());
    let snippet = Snippet::source(shown).line_start(line).annotation(kind.span(start - from..end - from).label(label));
    if is_long {
        // The snippet would count columns from where it was cut.
        group.element(Origin::path(file.to_owned()).line(line).char_column(column)).element(snippet)
    } else {
        group.element(snippet.path(file.to_owned()))
    }
}

/// The nearest place at or before `at` where a character begins.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::pipeline::parse;

    fn told(text: &str) -> String {
        let styled = render("backsight.yml", text, &parse(text).unwrap_err());
        anstream::adapter::strip_str(&styled).to_string()
    }

    #[test]
    fn a_mistake_has_its_place_its_line_and_a_way_out() {
        let text =
            "version: 1\nbenchmark:\n  - run: x\ntests:\n  - {name: a, run: x, timeout: 10}\n  - {name: a, run: x}\n";
        insta::assert_snapshot!(told(text));
    }

    #[test]
    fn long_lines_and_control_characters_are_tamed() {
        let text =
            format!("version: 1\ntests: [{{run: x}}]\n{}\u{1b}[31m: {}\n", "k".repeat(3000), "é".repeat(500_000));
        let told = told(&text);
        assert!(told.len() < 3000, "{} bytes", told.len());
        assert!(!told.contains('\u{1b}'), "{told}");
    }
}
