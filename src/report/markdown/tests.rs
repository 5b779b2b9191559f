//! The report's words, its rungs, and what hostile names become.

use uuid::Uuid;

use super::*;
use crate::results::{
    Against, Basis, Case, Comparison, Direction, Failure, MetricChange, Outcome, Pairs, PipelineRef, Validity, Verdict,
};

fn row(name: &str, verdict: Verdict, change: f64) -> MetricChange {
    MetricChange {
        benchmark: name.into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        base: Some(41.2e6),
        head: Some(41.2e6 * (1.0 + change)),
        change: Some(change),
        low: Some(change - 0.007),
        high: Some(change + 0.007),
        confidence: Some(0.99),
        p: Some(0.0001),
        tested: None,
        n: (60, 60),
        limit: 0.02,
        pairs: Some(Pairs { screening: 40, confirmation: if verdict == Verdict::Regressed { 60 } else { 0 } }),
        smallest_detectable: Some(0.048),
        method: None,
        beside: false,
        verdict,
        validity: Validity::Valid,
        note: None,
        trend: Vec::new(),
        accepted: None,
    }
}

fn document(rows: Vec<MetricChange>) -> Document {
    let pipeline = PipelineRef { path: "backsight.yml".into(), sha256: "00".into() };
    let at = "2026-11-23T10:00:00Z".parse().expect("a time");
    let mut document = Document::begun(Uuid::nil(), at, "tokenizer", pipeline);
    document.change.commit = Some("a41f9c2b7".repeat(4));
    document.change.server = Some("https://github.com".into());
    document.change.repository = Some("octo/tokenizer".into());
    document.run.against = Some(Against {
        named: "main".into(),
        base: "7be03d1aa".repeat(4),
        head: "a41f9c2b7".repeat(4),
        changed: false,
    });
    document.counts.benchmarks = rows.len() as u64;
    document.comparison = Some(Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: Some("in turns".into()),
        false_alarms: Some(0.01),
        rows,
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    });
    document
}

fn full() -> Document {
    let mut regressed = row("parse/large", Verdict::Regressed, 0.066);
    regressed.trend = vec![41.0e6, 41.1e6, 41.3e6, 41.2e6, 41.1e6];
    let mut document = document(vec![
        regressed,
        row("encode/minilm batch=8", Verdict::Improved, -0.073),
        row("io/write_many", Verdict::Inconclusive, 0.01),
        row("startup", Verdict::Unchanged, 0.0001),
    ]);
    let mut case = Case::new("test_roundtrip[emoji]", Outcome::Failed);
    case.step = "tests/unit".into();
    case.class = Some("test_tokenizer".into());
    case.file = Some("tests/test_tokenizer.py".into());
    case.line = Some(88);
    case.failures.push(Failure {
        message: Some("AssertionError: 'a' != 'b'".into()),
        text: Some("def test():\n>   assert a == b\n```\n".into()),
        ..Failure::default()
    });
    document.counts.add_case(Outcome::Failed);
    document.counts.add_case(Outcome::Passed);
    if let Some(comparison) = &mut document.comparison {
        comparison.newly_failing.push((case.step.clone(), case.title()));
    }
    document.cases.push(case);
    document
}

#[test]
fn the_whole_report() {
    insta::assert_snapshot!(markdown(&full()));
}

#[test]
fn nothing_moved_is_short() {
    let told = markdown(&document(vec![row("a", Verdict::Unchanged, 0.0)]));
    assert!(told.starts_with("### Nothing moved: 1 benchmark unchanged\n"), "{told}");
}

#[test]
fn rungs_go_in_order_and_regressions_stay() {
    let parts = parts(&full(), None, None).expect("our template");
    let whole = parts.text(Detail::UpTo(HIGHEST));
    let mut before = usize::MAX;
    for limit in [1_000_000, 3000, 2000, 1200, 900, 700] {
        let text = parts.within(limit, Measure::Characters, "_Shortened._\n");
        assert!(Measure::Characters.of(&text) <= limit, "{limit}: {text}");
        assert!(text.contains("parse/large"), "{limit}: {text}");
        assert!(text.len() <= before);
        assert_eq!(text.contains("_Shortened._"), text != whole, "{limit}");
        before = text.len();
    }
}

#[test]
fn every_regression_is_in_a_report_that_is_much_too_long() {
    let rows = (0..1000).map(|index| row(&format!("group/number_{index}"), Verdict::Regressed, 0.05)).collect();
    let parts = parts(&document(rows), None, None).expect("our template");
    assert!(parts.text(Detail::UpTo(HIGHEST)).len() > 100_000);
    let text = parts.within(65_536, Measure::Characters, "_Shortened._\n");
    assert!(text.len() <= 65_536);
    assert!((0..1000).all(|index| text.contains(&format!("`group/number_{index}`"))));
}

#[test]
fn marks_come_back() {
    let parts = parts(&full(), None, Some("linux")).expect("our template");
    let marked = format!("before {} after", parts.marked("k3y"));
    let at = marked.find("<!--").expect("a mark");
    let (again, length) = Parts::unmarked(&marked[at..], "k3y").expect("marked");
    assert_eq!(again, parts);
    assert_eq!(marked[at + length..].trim(), "after");
    assert!(Parts::unmarked(&marked, "other").is_none());
}

/// Nothing that a name or a message holds leaves its code span, also in a template that forgets every filter.
#[test]
fn names_stay_names() {
    let hostile = "x` <img src=y> @octocat #12 | [a](http://b) <!-- k3y end --> \u{1}0\n{{ 1 }} \u{202e}";
    let mut document = full();
    document.project = hostile.into();
    document.cases[0].name = hostile.into();
    document.cases[0].failures[0].text = Some(format!("{hostile}\n# no heading\n~~~"));
    if let Some(comparison) = &mut document.comparison {
        comparison.rows[0].benchmark = hostile.into();
        comparison.rows[0].metric = hostile.into();
        comparison.rows[0].unit = hostile.into();
    }
    let told = markdown(&document);
    let outside: String = told.split("```").step_by(2).collect();
    assert!(!outside.contains("<img") && !outside.contains("@octocat") && !outside.contains("<!--"), "{told}");
    let own = "{{ project }}\n<b>{{ regressed[0].benchmark }}</b>\n{{ regressed[0].metric }}";
    let own = parts(&document, Some(("own.md", own)), None).expect("a template").text(Detail::Short);
    assert!(!own.contains("<img") && !own.contains("@octocat") && !own.contains('\u{202e}'), "{own}");
}

#[test]
fn a_broken_template_says_where() {
    let error = parts(&full(), Some(("own.md.j2", "a\n{{ nothing }}")), None).expect_err("undefined");
    assert_eq!(error.line, 2);
    assert!(parts(&full(), Some(("own.md.j2", "{{ project|safe }}")), None).is_err());
    let endless = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
    assert!(parts(&full(), Some(("own.md.j2", endless)), None).is_err());
}
