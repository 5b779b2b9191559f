//! The HTML report in a real browser: Chromium, driven by `tests/browser/report.mjs`.
//!
//! `scripts/test` installs what this needs. Where it is missing, the tests say so and do nothing, but not in a CI job and
//! not below `scripts/test`: there they fail. The pages stay in the target folder, below `browser/`, to be looked at.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use backsight::report;
use backsight::results::{Document, History};
use serde_json::Value;

use crate::browser_documents::{full, history, large};
use crate::sandbox::Sandbox;

/// What the largest report may take, in bytes.
const LARGEST: usize = 5_000_000;
/// What a report without samples may take: the library for plots, our script, our style.
const SMALLEST: usize = 130_000;

/// Where the browser and what drives it are.
struct Tools {
    modules: PathBuf,
    browser: PathBuf,
}

/// `None` where something is missing and nobody insists.
fn tools() -> Option<Tools> {
    let told = env::var_os("BACKSIGHT_BROWSER_MODULES").map(PathBuf::from);
    let insists = told.is_some() || env::var_os("CI").is_some();
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let modules = told.or_else(|| Some(cache?.join("backsight/node/browser/node_modules")));
    let modules = modules.filter(|folder| folder.join("playwright-core").is_dir() && folder.join("axe-core").is_dir());
    let missing = match (modules, browser()) {
        (Some(modules), Some(browser)) => return Some(Tools { modules, browser }),
        (None, _) => "playwright-core and axe-core are not installed",
        (_, None) => "no Chromium or Chrome is on the path",
    };
    assert!(!insists, "{missing}; scripts/test installs them");
    eprintln!("not tested in a browser: {missing}; scripts/test installs them");
    None
}

fn browser() -> Option<PathBuf> {
    let told = env::var_os("BACKSIGHT_CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        || names.iter().find_map(|name| env::split_paths(&path).map(|at| at.join(name)).find(|file| file.is_file()));
    told.or_else(found)
}

/// Where the pages are put.
fn page(name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.html"));
    fs::write(&file, text).unwrap();
    file
}

/// Renders a document and has a check of `report.mjs` look at it; gives what the check printed.
fn look(check: &str, document: &Document, history: Option<&History>) -> Option<String> {
    let text = report::html(document, history);
    let file = page(check, &text);
    let tools = tools()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(check)
        .arg(file)
        .env("BACKSIGHT_BROWSER_MODULES", tools.modules)
        .env("BACKSIGHT_CHROMIUM", tools.browser)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{check}: {said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[test]
fn a_reader_filters_sorts_and_opens() {
    look("reader", &full(), Some(&history()));
}

#[test]
fn both_themes_are_readable() {
    look("themes", &full(), Some(&history()));
}

#[test]
fn the_keyboard_is_enough() {
    look("keyboard", &full(), Some(&history()));
}

#[test]
fn no_script_and_paper_are_enough_for_the_verdict() {
    look("plain", &full(), Some(&history()));
}

/// Texts that mean harm to a page, beside those that all renderers get: handlers, frames, names that scripts use themselves.
const CORPUS: [&str; 16] = [
    "<img src=x onerror=owned=1>",
    "</script><script>owned=1</script>",
    "</title></style><svg onload=owned=1>",
    "\"><iframe srcdoc='<script>parent.owned=1</script>'>",
    "' autofocus onfocus=owned=1 x='",
    "javascript:owned=1",
    "<!--<script>",
    "]]>--><marquee>",
    "{{ 7 * 7 }}{% raw %}${owned=1}",
    "<base href=//evil.example><meta http-equiv=refresh content=0;url=//evil.example>",
    "\u{202e}drowssap\u{2066}\u{200b}\u{feff}",
    "\u{2028}\u{2029}\u{0}\u{1b}[2J\u{7}\u{85}",
    "__proto__",
    "constructor",
    "שלום עולם مرحبا 名前がとても長い値です🧪\u{301}\u{301}\u{301}",
    "//evil.example/<link rel=stylesheet href=//evil.example>",
];

fn corpus() -> Vec<String> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/hostile/names.json")).unwrap();
    let all = all.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned());
    all.chain(CORPUS.map(ToOwned::to_owned)).collect()
}

/// The document with each text that may be any text replaced by one of the corpus, `shift` telling which.
fn poisoned<T: serde::Serialize + serde::de::DeserializeOwned>(clean: &T, shift: usize) -> (T, usize) {
    let mut value = serde_json::to_value(clean).unwrap();
    let mut paths = Vec::new();
    texts(&value, String::new(), &mut paths);
    let (mut done, corpus) = (0, corpus());
    for (nth, path) in paths.iter().enumerate() {
        let place = value.pointer_mut(path).unwrap();
        let was = place.take();
        *place = Value::from(corpus[(nth + shift) % corpus.len()].as_str());
        if serde_json::from_value::<T>(value.clone()).is_ok() {
            done += 1;
        } else {
            *value.pointer_mut(path).unwrap() = was;
        }
    }
    (serde_json::from_value(value).unwrap(), done)
}

fn texts(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at),
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                texts(item, format!("{at}/{nth}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                texts(item, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

/// A small document with something in each part.
fn small() -> Document {
    let mut document = full();
    document.benchmarks.truncate(3);
    document.cases.truncate(8);
    if let Some(comparison) = &mut document.comparison {
        comparison.rows.truncate(6);
    }
    for metric in document.benchmarks.iter_mut().flat_map(|one| one.metrics.iter_mut().chain(&mut one.base)) {
        metric.samples.truncate(5);
    }
    document
}

#[test]
fn hostile_names_in_every_field_are_harmless() {
    for shift in [0, 23, 46] {
        let (mut document, done) = poisoned(&small(), shift);
        assert!(done > corpus().len(), "only {done} fields took a text");
        let mut history = history();
        history.series.truncate(1);
        history.series[0].points.truncate(4);
        let (mut history, _) = poisoned(&history, shift);
        // Where all names are hostile, the history's series is still one of the document's.
        history.series[0].project = document.project.clone();
        history.series[0].class_key = document.host.class_key.clone();
        history.series[0].benchmark = document.benchmarks[0].series();
        history.series[0].metric = document.benchmarks[0].metrics[0].metric.clone();
        document.change.server = Some("https://github.com".into());
        look("hostile", &document, Some(&history));
    }
}

#[test]
fn a_million_samples_an_arm_stay_small_and_open() {
    let document = large();
    let size = report::html(&document, None).len();
    assert!(size < LARGEST, "{size} bytes");
    println!("{{\"bytes\": {size}}}");
    print!("{}", look("large", &document, None).unwrap_or_default());
}

#[test]
fn a_run_leaves_its_page_and_report_makes_it_again() {
    let sandbox = Sandbox::with("version: 1\ntests:\n  - { name: red, run: 'echo <b>oh; exit 1' }\n");
    sandbox.run(&["run"]).says(1, &["report.html"]);
    let page = sandbox.report("report.html");
    assert!(page.starts_with("<!doctype html>") && page.len() < SMALLEST, "{} bytes", page.len());
    assert!(page.contains("1 test failing") && !page.contains("<b>oh"), "{page}");
    let again = sandbox.run(&["report", "--format", "html"]);
    again.says(0, &[]);
    assert!(again.stdout == page, "{} and {} bytes", again.stdout.len(), page.len());
}
