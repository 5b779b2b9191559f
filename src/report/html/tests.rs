//! The page as text: what must be in it, what must not, and the contrast of its colours. What it does in a browser is
//! tested in `tests/browser/`.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::pack::unpack;
use super::*;
use crate::results::{
    Basis, Benchmark, Case, Comparison, Direction, Failure, Metric, MetricChange, Outcome, PipelineRef, SeriesHistory,
    SeriesPoint, Validity, Verdict,
};

fn metric(name: &str, samples: Vec<f64>) -> Metric {
    Metric {
        metric: name.into(),
        value: 41.2e6,
        unit: "ns".into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: "clock".into(),
        samples,
        summary: None,
        note: None,
    }
}

fn change(benchmark: &str, metric: &str, verdict: Verdict) -> MetricChange {
    MetricChange {
        benchmark: benchmark.into(),
        metric: metric.into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        base: Some(41.2e6),
        head: Some(43.9e6),
        change: Some(0.066),
        low: Some(0.059),
        high: Some(0.073),
        confidence: Some(0.99),
        p: Some(0.0001),
        tested: None,
        n: (2, 2),
        limit: 0.02,
        pairs: None,
        smallest_detectable: None,
        method: None,
        beside: false,
        verdict,
        validity: Validity::Valid,
        note: None,
        trend: Vec::new(),
        accepted: None,
    }
}

fn empty() -> Document {
    let pipeline = PipelineRef { path: "backsight.yml".into(), sha256: "00".into() };
    Document::begun(Uuid::nil(), "2026-11-23T10:00:00Z".parse().expect("a time"), "tokenizer", pipeline)
}

fn document() -> Document {
    let mut document = empty();
    document.host.class_key = "c1a55".into();
    let metrics = vec![metric("wall_time", vec![43.9e6, 44.0e6]), metric("peak_memory", vec![1.0, 2.0])];
    let base = vec![metric("wall_time", vec![41.2e6, 41.3e6])];
    document.benchmarks.push(Benchmark { metrics, base, ..Benchmark::new("parse/large") });
    document.benchmarks.push(Benchmark { metrics: vec![metric("wall_time", vec![])], ..Benchmark::new("alone") });
    let mut case = Case::new("test_emoji", Outcome::Failed);
    case.step = "tests/unit".into();
    case.failures.push(Failure { message: Some("'a' != 'b'".into()), ..Failure::default() });
    document.counts.add_case(Outcome::Failed);
    document.cases.push(case);
    document.comparison = Some(Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: None,
        false_alarms: None,
        rows: vec![
            change("parse/large", "wall_time", Verdict::Regressed),
            change("gone", "wall_time", Verdict::Missing),
        ],
        newly_failing: vec![("tests/unit".into(), "test_emoji".into())],
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    });
    document
}

/// The page without what is ours: style, script and data.
fn markup(page: &str) -> String {
    let rest = page.replace(SCRIPT.as_str(), "").replace(STYLE.as_str(), "");
    let (data, samples) = (between(page, "id=\"data\">", "</script>"), between(page, "id=\"samples\">", "</script>"));
    // A slash is escaped too, which only makes it harder to read here.
    rest.replace(data, "").replace(samples, "").replace("&#x2f;", "/")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect("its start");
    rest.split_once(end).expect("its end").0
}

fn data(page: &str) -> Json {
    serde_json::from_slice(&unpack(between(page, "id=\"data\">", "</script>"))).expect("JSON")
}

#[test]
fn what_matters_can_be_read_without_a_script() {
    let told = markup(&html(&document(), None));
    for words in
        ["1 regression", "1 test newly failing", "parse/large", "+6.6 %", "+5.9 … +7.3 %", "test_emoji", "gone"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.contains("&#x27;a&#x27; != &#x27;b&#x27;"), "{told}");
    let bare = markup(&html(&empty(), None));
    assert!(bare.contains("nothing was run") && !bare.contains("id=\"tests\""), "{bare}");
}

#[test]
fn the_page_lets_in_its_own_script_and_style_and_nothing_else() {
    let page = html(&document(), None);
    let policy =
        between(&page, "Content-Security-Policy\" content=\"", "\"").replace("&#x27;", "'").replace("&#x2f;", "/");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for (text, kind) in
        [(between(&page, "<script>", "</script>"), "script"), (between(&page, "<style>", "</style>"), "style")]
    {
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{kind}: {policy}");
    }
    let told = markup(&page);
    assert_eq!((told.matches("<script").count(), told.matches("<style").count()), (3, 1));
    assert!(!told.contains("src=") && !told.contains(" style=") && !told.contains(" onclick"), "{told}");
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    for end in ["</script", "<!--", "</style"] {
        assert!(!SCRIPT.contains(end) && !STYLE.contains(end), "{end} would end it");
    }
}

#[test]
fn our_script_makes_no_html_out_of_text() {
    let (_, ours) = SCRIPT.split_once("(() => {").expect("our part");
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc", "fetch("]
    {
        assert!(!ours.contains(way), "{way}");
    }
}

#[test]
fn no_name_gets_out() {
    let hostile = "</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{1}script\u{1}";
    let mut document = document();
    document.project = hostile.into();
    document.change.branch = Some(hostile.into());
    document.change.commit = Some(hostile.into());
    document.change.job_url = Some("javascript:alert(1)".into());
    document.cases[0].name = hostile.into();
    document.cases[0].failures[0].text = Some(hostile.into());
    document.benchmarks[0].name = hostile.into();
    if let Some(comparison) = &mut document.comparison {
        comparison.rows[0].benchmark = hostile.into();
        comparison.rows[0].unit = hostile.into();
        comparison.note = Some(hostile.into());
    }
    let page = html(&document, None);
    let told = markup(&page);
    assert!(!told.contains("<img") && !told.contains("javascript:") && !told.contains('\u{202e}'), "{told}");
    assert_eq!((page.matches("</script").count(), page.matches(SCRIPT.as_str()).count()), (3, 1));
    assert_eq!(data(&page)["rows"][0]["unit"], "</script><img src=x onerror=alert(1)>\"'&\\u{202e}\\u{1}script\\u{1}");
}

#[test]
fn each_metric_is_a_row_and_so_is_what_is_missing() {
    let data = data(&html(&document(), None));
    let rows: Vec<_> = data["rows"].as_array().expect("rows").iter().collect();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("text").to_owned();
            (text("benchmark"), text("metric"), text("verdict"), row["main"] == true)
        })
        .collect();
    let is = |name: &str, metric: &str, verdict: &str, main| (name.into(), metric.into(), verdict.into(), main);
    let expected: [(String, String, String, bool); 4] = [
        is("parse/large", "wall time", "regressed", true),
        is("parse/large", "peak memory", "measured", false),
        is("alone", "wall time", "measured", true),
        is("gone", "wall time", "missing", true),
    ];
    assert_eq!(told, expected);
    assert_eq!(data["samples"], 6);
    let page = html(&document(), None);
    assert_eq!(unpack(between(&page, "id=\"samples\">", "</script>")).len(), 12, "two bytes each");
    assert_eq!(rows[0]["arms"][0]["samples"]["n"], 2);
    assert_eq!(data["cases"][0]["since"], "newly failing");
}

#[test]
fn samples_that_find_no_room_are_told_and_what_moved_comes_first() {
    let mut document = document();
    document.benchmarks.rotate_left(1);
    document.benchmarks[0].metrics[0].samples = vec![1.0; 4];
    // The four samples of the regression fit with eight bits, nothing else does.
    let (rows, pool) = benchmarks::table(&document, 5);
    assert_eq!((pool.bits(), pool.len()), (8, 4));
    let rows = serde_json::to_value(&rows).expect("JSON");
    assert_eq!(rows[0]["cut"], true);
    assert_eq!(rows[1]["arms"][1]["samples"]["n"], 2);
}

#[test]
fn a_history_of_the_same_project_and_hosts_is_drawn() {
    let point = |nth: i64| SeriesPoint {
        run: nth.to_string(),
        at: jiff::Timestamp::from_second(1_700_000_000 + nth * 86_400).expect("a time"),
        commit: Some(format!("{nth:040x}")),
        value: nth as f64,
        low: None,
        high: None,
        samples: None,
        noisy: false,
    };
    let series = |class: &str| SeriesHistory {
        project: "tokenizer".into(),
        benchmark: "parse/large".into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        class_key: class.into(),
        points: (0..400).map(point).collect(),
        changes: Vec::new(),
        drift: None,
        period: None,
        level: None,
        since_segment: None,
    };
    let history = History { series: vec![series("other"), series("c1a55")], ..History::default() };
    let data = data(&html(&document(), Some(&history)));
    assert_eq!(data["courses"].as_array().map(Vec::len), Some(1));
    assert_eq!(data["rows"][0]["history"], 0);
    assert_eq!(data["rows"][1]["history"], Json::Null);
    // The newest stay.
    let points = data["courses"][0]["points"].as_array().expect("points");
    assert_eq!((points.len(), &points[0][2], &points[299][2]), (300, &Json::from(100), &Json::from(399)));
}

/// The colours of a theme, by name.
fn colours(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let mut found = BTreeMap::new();
    for (name, value) in block.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #")) {
        let part = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).expect("two digits")) / 255.0;
        if value.len() == 6 {
            found.insert(name, [part(0), part(2), part(4)]);
        }
    }
    found
}

/// Contrast of two colours as WCAG 2.2 defines it.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

#[test]
fn every_pair_of_colours_has_the_contrast_that_wcag_asks_for() {
    let style = include_str!("../../../templates/report/html/style.css");
    let light = colours(between(style, ":root {", "}"));
    let dark = colours(between(style, ":root:not([data-theme=\"light\"]) {", "}"));
    assert_eq!(dark, colours(between(style, ":root[data-theme=\"dark\"] {", "}")), "the two ways to the dark theme");
    assert_eq!(light.keys().collect::<Vec<_>>(), dark.keys().collect::<Vec<_>>());
    let text = [
        ("text", "ground"),
        ("text", "raised"),
        ("text", "plain-ground"),
        ("quiet", "ground"),
        ("quiet", "raised"),
        ("quiet", "plain-ground"),
        ("link", "ground"),
        ("link", "raised"),
        ("bad", "ground"),
        ("bad", "raised"),
        ("bad", "bad-ground"),
        ("warn", "ground"),
        ("warn", "raised"),
        ("warn", "warn-ground"),
        ("good", "ground"),
        ("good", "raised"),
        ("good", "good-ground"),
        ("ground", "link"),
    ];
    let drawn = [
        ("edge", "ground"),
        ("edge", "raised"),
        ("focus", "ground"),
        ("focus", "raised"),
        ("base", "ground"),
        ("head", "ground"),
        ("bad", "ground"),
        ("good", "ground"),
    ];
    for (theme, colours) in [("light", &light), ("dark", &dark)] {
        for (pairs, least) in [(&text[..], 4.5), (&drawn[..], 3.0)] {
            for (a, b) in pairs {
                let ratio = contrast(colours[a], colours[b]);
                assert!(ratio >= least, "{theme}: {a} on {b} has {ratio:.2}, less than {least}");
            }
        }
    }
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
}
