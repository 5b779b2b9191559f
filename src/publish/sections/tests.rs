//! Sections of legs that share one comment.

use super::*;
use crate::report::markdown::Part;

fn section(leg: &str, second: i64, state: State) -> Section {
    let part = |rung: u8, text: String| Part { rung, text, short: None };
    Section {
        leg: leg.into(),
        commit: "a".repeat(40),
        started: Timestamp::from_second(1_790_000_000 + second).expect("a time"),
        state,
        parts: Parts(vec![
            part(0, format!("### verdict of {leg}.\n")),
            Part { rung: 0, text: "| regression |\n".repeat(20), short: Some("**Regressed:** `it`\n".into()) },
            part(3, "raw table --> <!-- x\n".repeat(40)),
        ]),
    }
}

fn body(sections: impl IntoIterator<Item = Section>) -> Body {
    let mut body = Body::new("octo/demo");
    sections.into_iter().for_each(|section| assert_eq!(body.put(section), Put::In));
    body
}

const LIMIT: usize = 65_536;

#[test]
fn what_is_written_is_read_again() {
    let names = ["", "linux x64, py=3.12 -->", "--", "名前"];
    let whole = body(names.map(|name| section(name, 0, State::Bad)));
    let text = whole.render(LIMIT, Measure::Characters, "_rest_");
    let read = Body::parse(&text.replace('\n', "\r\n"), "octo/demo").expect("ours");
    assert_eq!(read.sections().len(), 4);
    for section in whole.sections() {
        assert!(read.sections().contains(section), "{section:?}\n{text}");
    }
    assert_eq!(Body::parse(&text, "octo/other"), None);
    assert_eq!(Body::parse(&format!("> {text}"), "octo/demo"), None, "a quotation is not ours");
}

#[test]
fn a_leg_replaces_itself_unless_a_later_run_spoke() {
    let mut whole = body([section("a", 10, State::Bad), section("b", 10, State::Good)]);
    assert_eq!(whole.put(section("a", 5, State::Good)), Put::TooOld);
    assert_eq!(whole.put(section("a", 11, State::Good)), Put::In);
    assert_eq!(whole.sections().len(), 2);
    assert!(whole.is_quiet() && whole.holds(&section("a", 11, State::Good)));
}

#[test]
fn twenty_long_sections_fit_with_every_regression() {
    let mut whole = body((0..20).map(|leg| section(&format!("leg-{leg}"), 0, State::Bad)));
    for section in &mut whole.sections {
        section.parts.0[2].text = "raw\n".repeat(2000);
        section.parts.0[1].text = format!("| `{} is slower` |\n", section.leg).repeat(50);
    }
    for limit in [LIMIT, 30_000, 8_000] {
        let text = whole.render(limit, Measure::Characters, "_rest_");
        assert!(text.len() <= limit, "{limit}");
        assert!((0..20).all(|leg| text.contains(&format!("verdict of leg-{leg}.\n"))), "{limit}");
        assert!(text.contains("_rest_"));
        let read = Body::parse(&text, "octo/demo").expect("ours");
        assert_eq!(read.sections().len(), 20, "{limit}");
    }
}

#[test]
fn an_earlier_commits_section_is_folded_and_last() {
    let mut old = section("a", 0, State::Bad);
    old.commit = "b".repeat(40);
    let text = body([old, section("z", 5, State::Told)]).render(LIMIT, Measure::Characters, "");
    assert!(text.find("verdict of z") < text.find("verdict of a"), "{text}");
    assert!(text.contains("<code>a</code>: has something to say, of the earlier commit bbbbbbbbb"), "{text}");
}

/// A quoted mark, also with a key of the comment before, changes nothing.
#[test]
fn quoted_marks_are_passed_over() {
    let first = body([section("a", 0, State::Bad)]).render(LIMIT, Measure::Characters, "");
    let mut hostile = section("b", 0, State::Bad);
    hostile.parts.0[2].text = format!("```\n{first}\n```\n");
    let mut whole = Body::parse(&first, "octo/demo").expect("ours");
    whole.put(hostile.clone());
    let read = Body::parse(&whole.render(LIMIT, Measure::Characters, ""), "octo/demo").expect("ours");
    assert_eq!(read.sections().len(), 2);
    assert!(read.sections().contains(&hostile));
}
