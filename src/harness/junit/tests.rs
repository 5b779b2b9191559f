//! One test per rule, on small files of our own; the fixtures of real tools stand in `fixtures`.

use std::ops::ControlFlow;

use crate::results::{Case, Outcome};

use super::{JunitError, Limits, Totals, read};

mod fixtures;
mod hostile;

/// All cases and the result.
fn all(bytes: &[u8]) -> (Vec<Case>, Result<Totals, JunitError>) {
    let mut cases = Vec::new();
    let result = read(bytes, &Limits::default(), &mut |case| {
        cases.push(case.clone());
        ControlFlow::Continue(())
    });
    (cases, result)
}

/// All cases of a file that must be fine.
fn cases(text: &str) -> Vec<Case> {
    let (cases, result) = all(text.as_bytes());
    result.unwrap();
    cases
}

fn in_suite(content: &str) -> Vec<Case> {
    cases(&format!("<testsuites><testsuite name='s'>{content}</testsuite></testsuites>"))
}

fn only(content: &str) -> Case {
    let mut cases = in_suite(content);
    assert_eq!(cases.len(), 1, "{cases:?}");
    cases.remove(0)
}

fn outcomes(cases: &[Case]) -> Vec<(&str, Outcome)> {
    cases.iter().map(|case| (case.name.as_str(), case.outcome)).collect()
}

#[test]
fn any_of_the_three_elements_may_be_the_root_and_more_than_one() {
    let case = "<testcase name='a'/>";
    for text in [
        format!("<testsuites><testsuite>{case}</testsuite></testsuites>"),
        format!("<testsuite>{case}</testsuite>"),
        format!("<testsuites>{case}</testsuites>"),
        case.to_owned(),
    ] {
        assert_eq!(outcomes(&cases(&text)), [("a", Outcome::Passed)], "{text}");
        assert_eq!(cases(&format!("{text}\n<?xml version='1.0'?>\n{text}")).len(), 2, "two reports in one file");
    }
}

#[test]
fn suites_nest_and_unnamed_ones_leave_no_trace() {
    let found = cases(
        "<testsuites name='report'><testsuite name='a'><testsuite><testsuite name='b'><testcase name='1'/></testsuite>\
         </testsuite><testcase name='2'/></testsuite><testcase name='3'/></testsuites>",
    );
    let suites: Vec<_> = found.iter().map(|case| case.suites.join("/")).collect();
    assert_eq!(suites, ["a/b", "a", ""]);
}

#[test]
fn a_case_inside_a_case_belongs_to_it() {
    let found = in_suite(
        "<testcase name='outer'><testcase name='in'><failure/></testcase><skipped/></testcase><testcase name='next'/>",
    );
    assert_eq!(outcomes(&found), [("in", Outcome::Failed), ("outer", Outcome::Skipped), ("next", Outcome::Passed)]);
    assert_eq!(found[0].suites, ["s", "outer"]);
    assert_eq!(found[2].suites, ["s"]);
}

#[test]
fn attributes_fill_the_case() {
    let case = only(
        "<testcase classname='C' name='n' file='f.py' line='7' time='1,234.5'><properties>\
         <property name='a' value='1'/><property name='b'>two &amp; more</property><property value='x'/></properties>\
         <system-out>out</system-out><system-out>more</system-out><system-err><![CDATA[<err>]]></system-err></testcase>",
    );
    assert_eq!((case.class.as_deref(), case.file.as_deref(), case.line), (Some("C"), Some("f.py"), Some(7)));
    assert_eq!(case.duration_ns, Some(1_234_500_000_000));
    assert_eq!((case.stdout.as_deref(), case.stderr.as_deref()), (Some("out\nmore"), Some("<err>")));
    assert_eq!(case.properties["a"], "1");
    assert_eq!(case.properties["b"], "two & more");
    assert_eq!(case.properties.len(), 2);
    let bare = only("<testcase class='K' time='-1' line='x'/>");
    assert_eq!((bare.name.as_str(), bare.class.as_deref(), bare.duration_ns, bare.line), ("K", Some("K"), None, None));
    assert_eq!(only("<testcase/>").name, "(unnamed)");
}

#[test]
fn memory_of_an_earlier_case_is_not_seen_in_a_later_one() {
    let full = "<testcase classname='C' name='n' file='f' line='1' time='1'><properties><property name='a' value='1'/>\
                </properties><failure message='m'>t</failure><rerunFailure/><system-out>o</system-out></testcase>";
    let mut text = String::from("<testsuite name='s'>");
    text.push_str(&full.repeat(3));
    for i in 0..600 {
        text.push_str(&format!("<testcase name='{i}'/>"));
    }
    text.push_str("</testsuite>");
    let found = cases(&text);
    let last = found.last().unwrap();
    assert_eq!(*last, Case { suites: vec!["s".into()], ..Case::new("599", Outcome::Passed) });
    assert_eq!(found.len(), 603);
}

#[test]
fn several_failures_stand_in_order_and_the_first_decides() {
    let case =
        only("<testcase name='a'><error type='E'>first\nline</error><failure message='second'/><failure/></testcase>");
    assert_eq!(case.outcome, Outcome::Errored);
    assert_eq!(case.failures.len(), 3);
    assert_eq!(case.failures[0].message.as_deref(), Some("first"), "the text's first line stands in for a message");
    assert_eq!(case.failures[0].kind.as_deref(), Some("E"));
    assert_eq!(case.failures[1].message.as_deref(), Some("second"));
    assert!(case.attempts.is_empty());
}

#[test]
fn a_failure_may_name_the_place() {
    let case = only("<testcase name='a'><failure file='m.c' line='3'/></testcase>");
    assert_eq!((case.file.as_deref(), case.line), (Some("m.c"), Some(3)));
    let case = only("<testcase name='a' file='t.c' line='1'><failure file='m.c' line='3'/></testcase>");
    assert_eq!((case.file.as_deref(), case.line), (Some("t.c"), Some(1)));
}

#[test]
fn skipped_keeps_its_reason_and_loses_against_a_failure() {
    let case = only("<testcase name='a'><skipped message='no GPU' type='pytest.skip'/></testcase>");
    assert_eq!((case.outcome, case.failures[0].message.as_deref()), (Outcome::Skipped, Some("no GPU")));
    assert!(only("<testcase name='a'><skipped/></testcase>").failures.is_empty());
    assert_eq!(only("<testcase name='a'><skipped/><failure/></testcase>").outcome, Outcome::Failed);
}

#[test]
fn attributes_decide_where_no_child_does() {
    let with = |attributes: &str| only(&format!("<testcase name='a' {attributes}/>")).outcome;
    assert_eq!(with("status='run' result='completed'"), Outcome::Passed);
    assert_eq!(with("status='notrun' result='suppressed'"), Outcome::Skipped);
    assert_eq!(with("status='run' result='skipped'"), Outcome::Skipped);
    assert_eq!(with("status='disabled'"), Outcome::Skipped);
    assert_eq!(with("disabled='true'"), Outcome::Skipped);
    assert_eq!(with("disabled='false'"), Outcome::Passed);
    assert_eq!(with("status='fail'"), Outcome::Failed);
    assert_eq!(with("result='failed' status='notrun'"), Outcome::Failed);
    assert_eq!(with("status='Error'"), Outcome::Errored);
    assert_eq!(with("result='TimedOut'"), Outcome::TimedOut);
    assert_eq!(only("<testcase name='a' status='run'><failure/></testcase>").outcome, Outcome::Failed);
}

#[test]
fn flaky_elements_are_attempts_before_the_one_that_passed() {
    let case = only(
        "<testcase name='a' time='3'><flakyFailure message='m' type='T' time='1'>short<stackTrace>long</stackTrace>\
         <system-out>noise</system-out></flakyFailure><flakyError/></testcase>",
    );
    assert_eq!((case.outcome, case.duration_ns), (Outcome::Flaky, Some(3_000_000_000)));
    let attempts: Vec<_> = case.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(attempts, [Outcome::Failed, Outcome::Errored, Outcome::Passed]);
    assert_eq!(case.attempts[0].duration_ns, Some(1_000_000_000));
    let said = case.attempts[0].failure.as_ref().unwrap();
    assert_eq!((said.message.as_deref(), said.kind.as_deref()), (Some("m"), Some("T")));
    assert_eq!(said.text.as_deref(), Some("shortlong"));
    assert!(case.failures.is_empty() && case.stdout.is_none());
}

#[test]
fn rerun_elements_are_attempts_after_the_first_and_the_last_one_counts() {
    let case = only(
        "<testcase name='a' time='3'><failure message='one'/><rerunFailure message='two'/><rerunError message='three' time='2'/></testcase>",
    );
    assert_eq!((case.outcome, case.duration_ns), (Outcome::Errored, Some(2_000_000_000)));
    let said: Vec<_> =
        case.attempts.iter().map(|attempt| attempt.failure.as_ref().unwrap().message.as_deref().unwrap()).collect();
    assert_eq!(said, ["one", "two", "three"]);
    assert_eq!(case.failures[0].message.as_deref(), Some("three"));
    assert_eq!(
        only("<testcase name='a'><rerunFailure/></testcase>").outcome,
        Outcome::Flaky,
        "it did not fail in the end"
    );
}

#[test]
fn repeated_cases_with_differing_outcomes_are_attempts() {
    let fail = "<testcase name='a' classname='c' time='1'><failure message='x'/></testcase>";
    let pass = "<testcase name='a' classname='c' time='2'/>";
    let other = "<testcase name='b'/>";
    let found = in_suite(&format!("{fail}{fail}{other}{pass}"));
    assert_eq!(outcomes(&found), [("b", Outcome::Passed), ("a", Outcome::Flaky)]);
    let attempts: Vec<_> = found[1].attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(attempts, [Outcome::Failed, Outcome::Failed, Outcome::Passed]);

    let found = in_suite(&format!("{pass}{fail}"));
    assert_eq!(outcomes(&found), [("a", Outcome::Failed)], "what fails in the end is no flaky pass");
    assert_eq!(found[0].attempts.len(), 2);
}

#[test]
fn repeated_cases_with_equal_outcomes_stay_apart() {
    let pass = "<testcase name='a'/>";
    let fail = "<testcase name='a'><failure/></testcase>";
    let skip = "<testcase name='a'><skipped/></testcase>";
    assert_eq!(in_suite(&pass.repeat(3)).len(), 3);
    assert_eq!(in_suite(&fail.repeat(3)).len(), 3);
    assert_eq!(in_suite(&format!("{skip}{fail}")).len(), 2, "what was not run is no attempt");
    let at = |line: u32, inner: &str| format!("<testcase name='a' file='f' line='{line}'>{inner}</testcase>");
    assert_eq!(in_suite(&format!("{}{}", at(1, "<failure/>"), at(2, ""))).len(), 2, "two places are two tests");
    assert_eq!(in_suite(&format!("{}<testcase name='a'/>", at(1, "<failure/>"))).len(), 1, "one names no place");
    let apart = cases(&format!(
        "<testsuites><testsuite name='s'>{fail}</testsuite><testsuite name='s'>{pass}</testsuite></testsuites>"
    ));
    assert_eq!(apart.len(), 2, "two suite elements");
}

#[test]
fn attempts_are_found_across_a_large_suite_when_the_failure_came_first() {
    let mut text = String::from("<testsuite name='s'><testcase name='a'><failure/></testcase>");
    for i in 0..5_000 {
        text.push_str(&format!("<testcase name='{i}'/>"));
    }
    text.push_str("<testcase name='a'/></testsuite>");
    let (found, result) = all(text.as_bytes());
    let totals = result.unwrap();
    assert_eq!((totals.counts.tests, totals.counts.flaky, totals.counts.passed, totals.merged), (5_001, 1, 5_000, 1));
    assert_eq!(found.len(), 5_001);
}

#[test]
fn nothing_is_lost_when_all_of_a_large_suite_fails() {
    let mut text = String::from("<testsuite name='s'>");
    for i in 0..5_000 {
        text.push_str(&format!("<testcase name='{}'><failure>{}</failure></testcase>", i % 3_000, "x".repeat(900)));
    }
    text.push_str("</testsuite>");
    let totals = all(text.as_bytes()).1.unwrap();
    assert_eq!((totals.counts.tests, totals.counts.failed, totals.merged), (5_000, 5_000, 0));
}

#[test]
fn a_suite_that_fails_without_a_case_is_a_case() {
    let found = cases(
        "<testsuites><testsuite name='build'><error message='does not compile'/><system-out>x</system-out></testsuite></testsuites>",
    );
    assert_eq!(outcomes(&found), [("build", Outcome::Errored)]);
    assert_eq!(found[0].failures[0].message.as_deref(), Some("does not compile"));
}

#[test]
fn elements_with_a_namespace_prefix_are_read() {
    let found = cases(
        "<j:testsuite xmlns:j='urn:x' name='s'><j:testcase name='a'><j:failure>x</j:failure></j:testcase></j:testsuite>",
    );
    assert_eq!(outcomes(&found), [("a", Outcome::Failed)]);
}

#[test]
fn other_markup_is_passed_over() {
    let found = cases(
        "<?xml version='1.0'?><!DOCTYPE testsuites SYSTEM 'x.dtd'><!-- <testcase name='no'/> --><testsuites>\
         <testsuite name='s'><b>x<i/></b><testcase name='a'><!-- > --><custom><failure>y</failure></custom>\
         </testcase></testsuite></testsuites>\n\0\0",
    );
    assert_eq!(outcomes(&found), [("a", Outcome::Failed)]);
}

#[test]
fn text_is_taken_from_every_shape() {
    let text = |inner: &str| {
        only(&format!("<testcase name='a'><failure>{inner}</failure></testcase>")).failures[0].text.clone()
    };
    assert_eq!(
        text("\n  a &lt; b\n    <![CDATA[<c> ]]]]><![CDATA[>&amp;]]> &#228;\n").as_deref(),
        Some("  a < b\n    <c> ]]>&amp; ä")
    );
    assert_eq!(text("if a < b && b <3").as_deref(), Some("if a < b && b <3"));
    assert_eq!(text(" \n "), None);
}

#[test]
fn invalid_bytes_and_control_characters_are_replaced() {
    let (found, result) =
        all(b"<testsuite><testcase name='a\x01\xff'><failure>\x1b[31mred\x00</failure></testcase></testsuite>");
    result.unwrap();
    assert_eq!(found[0].name, "a\u{fffd}\u{fffd}");
    assert_eq!(found[0].failures[0].text.as_deref(), Some("\u{fffd}[31mred\u{fffd}"));
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let long = "é".repeat(100_000);
    let case = only(&format!(
        "<testcase name='{long}'><failure message='{long}'>{long}</failure><system-out>{long}END</system-out></testcase>"
    ));
    assert!(case.name.len() < 4_200 && case.name.ends_with('…'));
    let failure = &case.failures[0];
    assert!(failure.message.as_ref().unwrap().len() < 9_000);
    assert!(failure.text.as_ref().unwrap().ends_with("bytes left out]"));
    let out = case.stdout.unwrap();
    assert!(out.starts_with('[') && out.ends_with("END") && out.len() < 17_000 && !out.contains('\u{fffd}'));
}

#[test]
fn the_callback_can_stop() {
    let mut seen = 0;
    let text = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(2_000));
    let totals = read(text.as_bytes(), &Limits::default(), &mut |_| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(totals.unwrap().stopped);
    assert_eq!(seen, 10);
}

#[test]
fn a_file_without_cases_has_totals_of_zero() {
    for text in ["<testsuites/>", "<testsuite name='x' tests='0'></testsuite>", "<testsuites></testsuites>\n"] {
        let (found, totals) = all(text.as_bytes());
        assert!(found.is_empty());
        assert_eq!(totals.unwrap().counts.tests, 0);
    }
}

#[test]
fn a_case_that_says_that_it_is_a_repetition_is_an_attempt() {
    let run = |name: &str, number: u32, content: &str| {
        format!(
            "<testcase name='{name}'>{content}<properties>\
             <property name='repetition' value='Repetition {number} of 3'/></properties></testcase>"
        )
    };
    let failed = "<failure message='x'/>";
    let content = [run("a", 1, failed), run("a", 2, failed), run("a", 3, failed), run("b", 1, failed), run("b", 2, "")];
    let found = in_suite(&content.concat());
    assert_eq!(outcomes(&found), [("a", Outcome::Failed), ("b", Outcome::Flaky)]);
    assert_eq!(found[0].attempts.len(), 3);
    let first = in_suite(&[run("a", 1, failed), run("a", 1, failed)].concat());
    assert_eq!(first.len(), 2, "the first run of two devices");
}

#[test]
fn a_property_that_repeats_keeps_all_its_values() {
    let case = only(
        "<testcase name='a'><properties><property name='attachment' value='a.png'/><property name='attachment' \
         value='b.png'/><property name='attachment' value='a.png'/><property name='x'>y</property></properties></testcase>",
    );
    assert_eq!(case.properties["attachment"], "a.png\nb.png");
    assert_eq!(case.properties["x"], "y");
}

#[test]
fn cases_without_a_name_are_never_attempts_of_each_other() {
    let found =
        in_suite("<testcase/><testcase><skipped/></testcase><testcase><failure/></testcase><testcase name=''/>");
    let expected = [Outcome::Passed, Outcome::Skipped, Outcome::Failed, Outcome::Passed];
    assert_eq!(found.iter().map(|case| case.outcome).collect::<Vec<_>>(), expected);
}
