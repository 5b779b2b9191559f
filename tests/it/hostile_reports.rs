//! A collection of hostile names in every field, through every renderer, each read back by a parser of its format.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use quick_xml::events::Event;
use serde::Deserialize;
use serde_json::Value;

use backsight::publish::github::job;
use backsight::report::annotations::annotations;
use backsight::report::{self, Chat};
use backsight::results::{
    AcceptedRef, Attempt, Case, Document, ExitCode, Failure, Generation, GenerationState, Kind, LogRef, Outcome,
    QuarantineState, Quarantined, Reason, Remark, RemarkLevel, Status, StepStatus, Validity, Verdict,
};

use crate::publish_github::{row, run};
use crate::support;

#[derive(Deserialize)]
struct Hostile {
    what: String,
    text: String,
}

fn corpus() -> Vec<Hostile> {
    serde_json::from_str(include_str!("../fixtures/hostile/names.json")).unwrap()
}

/// A document that holds this text wherever it can hold foreign text.
#[allow(clippy::too_many_lines, reason = "a list of fields")]
fn poisoned(text: &str) -> Document {
    let own = || text.to_owned();
    let verdicts = [
        Verdict::Regressed,
        Verdict::Improved,
        Verdict::Unchanged,
        Verdict::Inconclusive,
        Verdict::Missing,
        Verdict::New,
        Verdict::NoBase,
    ];
    let rows = verdicts.map(|verdict| {
        let mut row = row(text, verdict);
        (row.metric, row.unit, row.note) = (own(), own(), Some(own()));
        row.trend = vec![1.0, 2.0, 3.0];
        row.validity = Validity::Noisy { reason: Reason::new(text, text) };
        if verdict == Verdict::Missing {
            let by = AcceptedRef { pattern: own(), reason: own(), author: own(), commit: None };
            row.accepted = Some(by);
        }
        row
    });
    let mut document = run(1, rows.to_vec());
    document.project = own();
    document.tool.version = own();
    document.host.cpu.brand = Some(own());
    document.change.branch = Some(own());
    document.change.repository = Some(own());
    document.change.server = Some(format!("https://{text}"));
    document.change.job_url = Some(format!("https://{text}"));
    document.pipeline.path = own();
    document.run.exit_code = ExitCode::Failed;
    document.run.status = Status::Failed;
    for (kind, status) in
        [(Kind::Test, StepStatus::Failed), (Kind::Benchmark, StepStatus::Errored), (Kind::Test, StepStatus::Skipped)]
    {
        let id = support::add_step(&mut document, kind, text, Some(text), Some(text));
        let step = document.steps.last_mut().unwrap();
        assert_eq!(step.id, id);
        step.status = status;
        step.reason = Some(Reason::new(text, text));
        step.command = own();
        step.log = Some(LogRef { path: own(), bytes: 1, omitted: 0, tail: own() });
    }
    for outcome in [Outcome::Failed, Outcome::Errored, Outcome::Flaky, Outcome::Skipped, Outcome::Passed] {
        let failure = Failure { message: Some(own()), kind: Some(own()), text: Some(own()) };
        let mut case = Case::new(text, outcome);
        (case.step, case.suites, case.class) = (format!("tests/{text}"), vec![own()], Some(own()));
        (case.file, case.line, case.duration_ns) = (Some(own()), Some(3), Some(5));
        (case.stdout, case.stderr) = (Some(own()), Some(own()));
        case.properties.insert(own(), own());
        case.attempts =
            vec![Attempt { outcome: Outcome::Failed, duration_ns: None, failure: Some(failure.clone()) }; 2];
        case.failures.push(failure);
        document.counts.add_case(outcome);
        document.cases.push(case);
    }
    for state in [GenerationState::Drifted, GenerationState::Failed] {
        document.generations.push(Generation {
            answer: None,
            step: own(),
            template: own(),
            output: own(),
            state,
            sha256: None,
            bytes: None,
            reason: None,
            context: None,
            diff: Some(own()),
            failure: Some(Failure { message: Some(own()), ..Failure::default() }),
        });
    }
    document.quarantine.push(Quarantined {
        step: own(),
        title: own(),
        outcome: Outcome::Failed,
        state: QuarantineState::Expired,
        pattern: own(),
        owner: own(),
        reason: own(),
        until: own(),
    });
    document.remarks.push(Remark { level: RemarkLevel::Warning, step: Some(own()), text: own() });
    support::add_benchmark(&mut document, text, text, 1.5, vec![1.0, 2.0]);
    if let Some(comparison) = &mut document.comparison {
        let pair = || vec![(own(), own())];
        comparison.note = Some(own());
        (comparison.newly_failing, comparison.still_failing) = (pair(), pair());
        (comparison.fixed, comparison.vanished) = (pair(), pair());
    }
    document
}

fn each(check: impl Fn(&Document, &str)) {
    let corpus = corpus();
    assert!(corpus.len() >= 50);
    for hostile in corpus {
        check(&poisoned(&hostile.text), &hostile.what);
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn assert_visible(text: &str, what: &str) {
    if let Some(at) = text.find(is_unsafe) {
        panic!(
            "{what}: {:?}",
            text[text.floor_char_boundary(at.saturating_sub(60))..].chars().take(90).collect::<String>()
        );
    }
}

/// GitHub's Markdown by a parser of its own: no link, image, heading or HTML but ours, and nothing that GitHub links in text.
#[test]
fn markdown() {
    each(|document, what| {
        for text in [report::markdown(document), shortened(document)] {
            assert_visible(&text, what);
            let arena = Arena::new();
            let mut options = Options::default();
            options.extension.table = true;
            options.extension.autolink = true;
            options.extension.strikethrough = true;
            options.extension.footnotes = true;
            options.extension.tasklist = true;
            let root = parse_document(&arena, &text, &options);
            let mut is_code = false;
            for node in root.descendants() {
                check(node, &mut is_code, what, &text);
            }
        }
    });
}

fn shortened(document: &Document) -> String {
    let parts = report::markdown::parts(document, None, Some(&document.project)).unwrap();
    parts.within(1500, report::markdown::Measure::Characters, "_Shortened._")
}

/// Our own HTML.
const TAGS: [&str; 10] =
    ["<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<sub>", "</sub>", "<span>", "</span>"];

fn check<'a>(node: &'a AstNode<'a>, is_code: &mut bool, what: &str, text: &str) {
    let bad = |found: &str| panic!("{what}: {found}\n{text}");
    match &node.data.borrow().value {
        NodeValue::Link(link) if !link.url.starts_with("https://github.com/") => bad(&link.url),
        NodeValue::Image(_) | NodeValue::FootnoteReference(_) | NodeValue::FootnoteDefinition(_) => bad("markup"),
        NodeValue::Strikethrough | NodeValue::Emph if !text.contains("_Shortened._") => bad("emphasis"),
        NodeValue::Heading(heading) if heading.level != 3 => bad("a heading"),
        NodeValue::HtmlInline(html) => match html.as_str() {
            "<code>" => *is_code = true,
            "</code>" => *is_code = false,
            other if TAGS.contains(&other) => {}
            other => bad(other),
        },
        NodeValue::HtmlBlock(block) => {
            let rest = TAGS.iter().fold(block.literal.clone(), |rest, tag| rest.replace(tag, ""));
            if rest.replace("&#", "").contains(['<', '>', '@', '#', '`']) {
                bad(&rest);
            }
        }
        NodeValue::Text(words) if !*is_code && ["@", "://", "GH-", "#1"].iter().any(|harm| words.contains(harm)) => {
            bad(words);
        }
        _ => {}
    }
}

#[test]
fn terminal() {
    each(|document, what| {
        // Our own style is the only escape sequence.
        let text = report::terminal(document, None);
        assert!(
            !text.contains("\u{1b}]"),
            "{what}: {}",
            text.lines().filter(|line| line.contains("\u{1b}]")).collect::<Vec<_>>().join("\n").escape_debug()
        );
        let mut pieces = text.split("\u{1b}[");
        assert_visible(pieces.next().unwrap_or_default(), what);
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap();
            assert_eq!(&piece[end..=end], "m", "{what}: {piece:?}");
            assert_visible(piece, what);
        }
    });
}

#[test]
fn xml_of_junit_and_badge() {
    each(|document, what| {
        let junit = report::junit::render(document, &report::junit::Limits::default());
        for (text, is_svg) in [(junit, false), (report::badge(document), true)] {
            let mut reader = quick_xml::Reader::from_str(&text);
            loop {
                match reader.read_event() {
                    Ok(Event::Eof) => break,
                    Ok(Event::Start(tag) | Event::Empty(tag)) => {
                        let name = tag.name();
                        let svg: [&str; 6] = ["svg", "title", "rect", "path", "g", "text"];
                        let name = String::from_utf8_lossy(name.as_ref()).into_owned();
                        assert!(!is_svg || svg.contains(&name.as_str()), "{what}: {name}");
                        for attribute in tag.attributes() {
                            let attribute = attribute.unwrap_or_else(|error| panic!("{what}: {error}"));
                            assert!(!attribute.key.as_ref().starts_with(b"on"), "{what}");
                        }
                    }
                    Ok(_) => {}
                    Err(error) => panic!("{what}: {error}"),
                }
            }
        }
    });
}

#[test]
fn json_of_all_kinds() {
    each(|document, what| {
        let quality: Value = serde_json::from_str(&report::codequality(document)).unwrap();
        let issues = quality.as_array().unwrap();
        let fingerprints: std::collections::BTreeSet<_> =
            issues.iter().map(|issue| issue["fingerprint"].as_str()).collect();
        assert_eq!(fingerprints.len(), issues.len(), "{what}");
        for issue in issues {
            let path = issue["location"]["path"].as_str().unwrap();
            assert!(!path.starts_with('/') && !path.contains(".."), "{what}: {path}");
        }
        let links: Value = serde_json::from_str(&report::job_links(document)).unwrap();
        assert!(links["backsight"].is_array(), "{what}");
        for line in report::json_lines(document).lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(["run", "metric", "case"].contains(&value["kind"].as_str().unwrap()));
        }
        let slack = report::webhook(document, Chat::Slack, Some("https://github.com/x"));
        for text in [&slack["text"], &slack["blocks"][1]["text"]["text"]] {
            let text = text.as_str().unwrap_or_default().replace("<https://github.com/x|more>", "");
            assert!(!text.contains(['<', '>']), "{what}: {text}");
            assert!(text.chars().count() <= 3000, "{what}");
            assert_visible(&text, what);
        }
        let discord = report::webhook(document, Chat::Discord, None);
        assert_eq!(discord["allowed_mentions"]["parse"], Value::Array(Vec::new()));
        let embed = &discord["embeds"][0];
        assert!(embed["title"].as_str().unwrap().chars().count() <= 256, "{what}");
        assert!(embed["description"].as_str().unwrap().chars().count() <= 4096, "{what}");
        let teams = report::webhook(document, Chat::Teams, None).to_string();
        assert!(teams.len() < 28 * 1024 && !teams.contains("\"TextBlock\""), "{what}: {}", teams.len());
        report::webhook(document, Chat::Json, None);
    });
}

#[test]
fn csv() {
    each(|document, what| {
        let text = report::csv(document);
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
        let mut rows = 0;
        for record in reader.records() {
            let record = record.unwrap_or_else(|error| panic!("{what}: {error}"));
            rows += 1;
            for cell in &record {
                let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
                assert!(!is_formula, "{what}: {cell}");
                assert_visible(cell, what);
            }
        }
        assert!(rows >= 7, "{what}");
    });
}

/// One sample or comment a line, and one end.
#[test]
fn openmetrics() {
    each(|document, what| {
        let text = report::openmetrics(document);
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF\n").count() == 1, "{what}: {text}");
        for line in text.lines() {
            let is_sample = line.starts_with("backsight_")
                && line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok());
            assert!(line.starts_with("# ") || is_sample, "{what}: {line}");
        }
        assert_visible(&text, what);
    });
}

/// The same by the parser of the people who wrote the specification.
#[test]
fn openmetrics_by_its_own_parser() {
    let text: Vec<String> = corpus().iter().map(|hostile| report::openmetrics(&poisoned(&hostile.text))).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.json");
    std::fs::write(&file, serde_json::to_vec(&text).unwrap()).unwrap();
    let script = "import json, sys\n\
                  from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
                  texts = json.load(open(sys.argv[1]))\n\
                  print(sum(len(family.samples) for text in texts for family in read(text)))\n";
    let has = |module: &str| {
        let mut python = std::process::Command::new("python3");
        python.args(["-c", &format!("import {module}")]).stderr(std::process::Stdio::null());
        python.status().unwrap().success()
    };
    if !has("prometheus_client") && std::env::var_os("BACKSIGHT_TEST_DOCUMENTS").is_none() {
        // `scripts/test` installs it; the test above holds without it.
        eprintln!("prometheus-client is not installed here");
        return;
    }
    let told = std::process::Command::new("python3").args(["-c", script]).arg(&file).output().unwrap();
    let samples: usize = String::from_utf8_lossy(&told.stdout).trim().parse().unwrap_or(0);
    assert!(told.status.success() && samples > 50 * 20, "{told:?}");
}

#[test]
fn workflow_commands_and_outputs() {
    each(|document, what| {
        let marks = annotations(document);
        for line in job::commands(&marks).lines() {
            assert!(line.starts_with("::error file=") || line.starts_with("::warning file="), "{what}: {line}");
        }
        let text = job::outputs(&[("a", document.project.clone())]);
        let delimiter = text.lines().next().unwrap().split_once("<<").unwrap().1.to_owned();
        assert_eq!(text.matches(&delimiter).count(), 2, "{what}");
    });
}
