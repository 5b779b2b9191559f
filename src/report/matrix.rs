//! The model × target matrix for people: on a terminal, in Markdown, in HTML.

use jiff::Timestamp;

use super::escape;
use super::figures;
use crate::results::{Matrix, MatrixCell, MatrixOutcome};

/// What a cell says in a few words, its age counted to `now`.
fn words(cell: Option<&MatrixCell>, now: Timestamp) -> String {
    let Some(cell) = cell else { return "–".to_owned() };
    let mut words = vec![cell.outcome.as_str().to_owned()];
    match (cell.outcome, cell.latency_ns, &cell.reason) {
        (MatrixOutcome::Passed, Some(latency), _) => words.push(figures::time(latency)),
        (MatrixOutcome::Passed, None, _) | (_, _, None) => {}
        (_, _, Some(reason)) => words.push(format!("({})", reason.code)),
    }
    if cell.device.as_ref().is_some_and(|device| device.contains("(software")) {
        words.push("in software".to_owned());
    }
    let days = now.duration_since(cell.at).as_hours() / 24;
    if days > 0 {
        words.push(format!("{days} d ago"));
    }
    if let Some(since) = cell.skipped_since.as_ref().filter(|_| cell.outcome.is_real()) {
        words.push(format!("now skipped ({})", since.code));
    }
    words.join(" ")
}

/// A table for a terminal.
pub fn matrix_text(matrix: &Matrix, now: Timestamp) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut rows: Vec<Vec<String>> =
        vec![std::iter::once("model".to_owned()).chain(matrix.targets.iter().cloned()).collect()];
    for row in &matrix.models {
        let cells = row.cells.iter().map(|cell| words(cell.as_ref(), now));
        rows.push(
            std::iter::once(row.model.clone()).chain(cells).map(|cell| escape::line(&cell).into_owned()).collect(),
        );
    }
    let columns = matrix.targets.len() + 1;
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("  {cell}{}", " ".repeat(width.saturating_sub(cell.width()))));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Why pairs failed or were skipped, a line each.
pub fn matrix_reasons(matrix: &Matrix) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &matrix.models {
        for (target, cell) in matrix.targets.iter().zip(&row.cells) {
            let reason = cell.as_ref().and_then(|cell| cell.reason.as_ref().or(cell.skipped_since.as_ref()));
            if let Some(reason) = reason {
                lines.push(format!("{} on {target}: {}: {}", row.model, reason.code, reason.text));
            }
        }
    }
    lines
}

/// A Markdown table, the reasons below it.
pub fn matrix_markdown(matrix: &Matrix, now: Timestamp) -> String {
    let cell = |text: &str| escape::code(text);
    let mut text =
        format!("| model | {} |\n", matrix.targets.iter().map(|it| cell(it)).collect::<Vec<_>>().join(" | "));
    text.push_str(&format!("|---|{}\n", "---|".repeat(matrix.targets.len())));
    for row in &matrix.models {
        let cells: Vec<String> = row.cells.iter().map(|it| cell(&words(it.as_ref(), now))).collect();
        text.push_str(&format!("| {} | {} |\n", cell(&row.model), cells.join(" | ")));
    }
    for line in matrix_reasons(matrix) {
        text.push_str(&format!("\n- {}", cell(&line)));
    }
    text + "\n"
}

/// A page of its own, without a network or a script.
pub fn matrix_html(matrix: &Matrix, now: Timestamp) -> String {
    let class = |cell: Option<&MatrixCell>| cell.map_or("none", |cell| cell.outcome.as_str());
    let head: String = matrix.targets.iter().map(|it| format!("<th scope=\"col\">{}</th>", escape::html(it))).collect();
    let mut rows = String::new();
    for row in &matrix.models {
        rows.push_str(&format!("<tr><th scope=\"row\"><bdi>{}</bdi></th>", escape::html(&row.model)));
        for cell in &row.cells {
            let (text, class) = (words(cell.as_ref(), now), class(cell.as_ref()));
            let why = cell.as_ref().and_then(|cell| cell.reason.as_ref()).map_or("", |reason| reason.text.as_str());
            let run =
                cell.as_ref().map(|cell| format!("{} · run {} · {}", cell.host, cell.run, cell.at)).unwrap_or_default();
            rows.push_str(&format!(
                "<td class=\"{class}\" title=\"{}\">{}<small>{}</small></td>",
                escape::html(&run),
                escape::html(&text),
                escape::html(why)
            ));
        }
        rows.push_str("</tr>\n");
    }
    format!(
        "{HTML_HEAD}<table><thead><tr><th scope=\"col\">model</th>{head}</tr></thead><tbody>\n{rows}</tbody></table>\n<p>Derived from {} run(s), {now}.</p></html>\n",
        matrix.runs
    )
}

const HTML_HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Models and targets</title><style>\n\
:root{color-scheme:light dark}body{font:1rem/1.4 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}\
th,td{border:1px solid #8886;padding:.4rem .7rem;text-align:left;vertical-align:top}small{display:block;max-width:24rem}\
.passed{background:light-dark(#dff5e1,#143d1d)}.failed,.errored{background:light-dark(#fbe0e0,#4d1717)}\
.skipped,.none{background:light-dark(#eee,#2b2b2b)}\n</style><h1>Models and targets</h1>\n";
