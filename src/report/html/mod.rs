//! The report as one HTML file: no network, no other file, readable without a script, interactive with one.
//!
//! Verdict, changed rows and failing tests stand in the HTML itself. Everything else stands in two packed blocks that the
//! page's own script opens: the data at once, the raw samples when somebody looks at the first of them. Foreign text reaches the page in two ways only: through the template's
//! escaping, and through the script's `textContent`. The page's policy lets in the one script and the one style sheet
//! that belong to it, by their hashes, and no connection at all.

mod benchmarks;
mod courses;
mod number;
mod pack;
mod samples;
mod tests_of;
mod texts;
mod view;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::benchmarks::Row;
use self::courses::Course;
use self::samples::Pool;
use self::tests_of::{CaseEntry, FileEntry, StepEntry};
use self::texts::Texts;
use super::escape;
use crate::results::{Document, History};

/// Stands around the names of large parts in the rendered template. Foreign text never holds it: see `texts`.
const MARK: char = '\u{1}';

const PAGE: &str = include_str!("../../../templates/report/html/page.html.j2");

/// Everything that the page runs, in one function, so that nothing of it gets a global name but the charts' library.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let parts = [
        include_str!("../../../templates/report/html/vendor/uPlot.iife.min.js"),
        "\n(() => {\n\"use strict\";\n",
        include_str!("../../../templates/report/html/page.js"),
        include_str!("../../../templates/report/html/figures.js"),
        include_str!("../../../templates/report/html/plots.js"),
        include_str!("../../../templates/report/html/benchmarks.js"),
        include_str!("../../../templates/report/html/sections.js"),
        include_str!("../../../templates/report/html/main.js"),
        "})();\n",
    ];
    parts.concat()
});

static STYLE: LazyLock<String> = LazyLock::new(|| {
    let parts = [
        include_str!("../../../templates/report/html/vendor/uPlot.min.css"),
        "\n",
        include_str!("../../../templates/report/html/style.css"),
    ];
    parts.concat()
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(&SCRIPT),
        hash(&STYLE)
    )
});

/// What the page's script reads.
#[derive(Debug, Serialize)]
struct Data {
    /// Bits of a sample.
    bits: u8,
    /// How many samples there are in all.
    samples: usize,
    rows: Vec<Row>,
    courses: Vec<Course>,
    cases: Vec<CaseEntry>,
    /// The ids of the steps that the cases name.
    case_steps: Vec<String>,
    files: Vec<FileEntry>,
    steps: Vec<StepEntry>,
    /// Logs and other long texts that found no room.
    texts_left_out: u64,
}

/// The report. `history` shows what the benchmarks measured before, where it holds series of the run's own project and
/// class of hosts.
pub fn html(document: &Document, history: Option<&History>) -> String {
    let (data, pool) = gather(document, history);
    // Our own types hold neither maps with odd keys nor numbers that JSON has no word for.
    let data = pack::pack(&serde_json::to_vec(&data).unwrap_or_default());
    // The template is ours, and tests render it with strange documents; what is left cannot happen.
    page(document, &data, &pack::pack(&pool.bytes())).unwrap_or_else(|error| {
        let told = escape::html(&format!("{error:#}"));
        format!("<!doctype html>\n<meta charset=\"utf-8\"><title>Backsight</title><p>The report failed: {told}</p>\n")
    })
}

fn gather(document: &Document, history: Option<&History>) -> (Data, Pool) {
    let (mut rows, pool) = benchmarks::table(document, samples::ROOM);
    let (courses, places) = courses::courses(document, history);
    for row in &mut rows {
        row.history = places.get(&(row.key.0.as_str(), row.key.1.as_str())).copied();
    }
    let mut texts = Texts::new();
    let files = tests_of::files(document, &mut texts);
    let (cases, case_steps) = tests_of::cases(document, &mut texts);
    let steps = tests_of::steps(document, &mut texts);
    let data = Data {
        bits: pool.bits(),
        samples: pool.len(),
        rows,
        courses,
        cases,
        case_steps,
        files,
        steps,
        texts_left_out: texts.left_out(),
    };
    (data, pool)
}

fn page(document: &Document, data: &str, samples: &str) -> Result<String, Error> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    engine.set_syntax(syntax);
    engine.add_template("page.html.j2", PAGE)?;
    let mark = |name: &str| format!("{MARK}{name}{MARK}");
    let frame = engine.get_template("page.html.j2")?.render(context! {
        policy => POLICY.as_str(),
        style => mark("style"),
        script => mark("script"),
        data => mark("data"),
        samples => mark("samples"),
        ..view::view(document)
    })?;
    // What is large is put in afterwards: the template would copy megabytes.
    let mut page = String::with_capacity(frame.len() + STYLE.len() + SCRIPT.len() + data.len() + samples.len());
    for (nth, piece) in frame.split(MARK).enumerate() {
        page.push_str(match (nth % 2, piece) {
            (1, "style") => &STYLE,
            (1, "script") => &SCRIPT,
            (1, "data") => data,
            (1, "samples") => samples,
            _ => piece,
        });
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
