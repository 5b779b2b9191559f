//! A badge: the verdict in a few words as an SVG of its own, without network or fonts.

use unicode_width::UnicodeWidthStr;

use super::escape;
use crate::results::{Document, ExitCode, Verdict};

/// Width of a character, in pixels, and of what stands beside a text.
const CHARACTER: usize = 7;
const PAD: usize = 10;

/// The badge of a run.
pub fn badge(document: &Document) -> String {
    let rows = || document.comparison.iter().flat_map(|comparison| &comparison.rows).filter(|row| !row.beside);
    let count = |verdict| rows().filter(|row| row.verdict == verdict && row.accepted.is_none()).count() as u64;
    let failed = document.counts.failed + document.counts.errored;
    let words = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let (text, colour) = match (document.run.exit_code, count(Verdict::Regressed), failed) {
        (_, regressed, _) if regressed > 0 => (words(regressed, "regression", "regressions"), "#b42318"),
        (_, _, failed) if failed > 0 => (words(failed, "test failing", "tests failing"), "#b42318"),
        (ExitCode::Undecided, ..) => ("undecided".to_owned(), "#8a5a00"),
        (ExitCode::Passed, ..) if rows().next().is_some() => ("no regression".to_owned(), "#1b6e3c"),
        (ExitCode::Passed, ..) => ("passing".to_owned(), "#1b6e3c"),
        _ => ("failing".to_owned(), "#b42318"),
    };
    let project = escape::cut(&escape::line(&document.project), 40).into_owned();
    svg(&project, &text, colour)
}

fn svg(left: &str, right: &str, colour: &str) -> String {
    let width = |text: &str| text.width() * CHARACTER + 2 * PAD;
    let (first, second) = (width(left), width(right));
    let all = first + second;
    let (left, right) = (escape::html(left), escape::html(right));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{left}: {right}\">\
         <title>{left}: {right}</title>\
         <rect width=\"{all}\" height=\"20\" rx=\"3\" fill=\"#3a3f44\"/>\
         <path d=\"M{first} 0h{}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{first}z\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">\
         <text x=\"{}\" y=\"14\">{left}</text><text x=\"{}\" y=\"14\">{right}</text></g></svg>\n",
        second.saturating_sub(3),
        first / 2,
        first + second / 2,
    )
}
