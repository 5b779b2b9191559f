//! A run as a message for a chat or another program: Slack, Teams, Discord, and plain JSON.
//!
//! Each has its own syntax, and in each a name could call a whole channel: names go in as code or as plain runs of text,
//! never as markup.

use serde_json::{Value, json};

use super::escape;
use super::figures;
use super::markdown::verdict;
use super::rows::metric_word;
use crate::results::{Document, ExitCode, MetricChange, Verdict};

/// Whose syntax a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chat {
    /// Slack's blocks.
    Slack,
    /// An Adaptive Card in the envelope that Teams' workflows take.
    Teams,
    /// Discord's embeds.
    Discord,
    /// A plain object for a program.
    Json,
}

/// Rows and tests that a message names.
const MOST: usize = 10;

/// The message. `page` is where more can be seen.
pub fn webhook(document: &Document, chat: Chat, page: Option<&str>) -> Value {
    let page = page.filter(|page| super::markdown::is_plain_url(page));
    match chat {
        Chat::Slack => slack(document, page),
        Chat::Teams => teams(document, page),
        Chat::Discord => discord(document, page),
        Chat::Json => plain(document, page),
    }
}

/// The rows that a message names, the worst first.
fn told(document: &Document) -> Vec<&MetricChange> {
    let rows = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let mut rows: Vec<&MetricChange> = rows
        .filter(|row| matches!(row.verdict, Verdict::Regressed | Verdict::Improved | Verdict::Missing))
        .filter(|row| !row.beside)
        .collect();
    let rank = |row: &MetricChange| match row.verdict {
        Verdict::Regressed => 0,
        Verdict::Missing => 1,
        _ => 2,
    };
    rows.sort_by_key(|row| rank(row));
    rows.truncate(MOST);
    rows
}

fn failing(document: &Document) -> Vec<String> {
    let failing = document.cases.iter().filter(|case| case.outcome.is_failure());
    failing.take(MOST).map(|case| escape::cut(&escape::line(&case.title()), 150).into_owned()).collect()
}

/// `wall time +6.6 % (+5.8 … +7.3 %)`.
fn change(row: &MetricChange) -> String {
    let change = row.change.map_or_else(|| "not measured".into(), figures::change);
    let interval = match (row.low, row.high) {
        (Some(low), Some(high)) => format!(" ({})", figures::interval(low, high)),
        _ => String::new(),
    };
    format!("{} {change}{interval}", escape::cut(&escape::line(&metric_word(&row.metric)), 60))
}

fn name(row: &MetricChange) -> String {
    escape::cut(&escape::line(&row.benchmark), 150).into_owned()
}

fn title(document: &Document) -> String {
    let project = escape::cut(&escape::line(&document.project), 80).into_owned();
    escape::cut(&format!("{project}: {}", verdict(document)), 250).into_owned()
}

/// A code span without what could end it.
fn span(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

fn slack(document: &Document, page: Option<&str>) -> Value {
    // Slack's mrkdwn knows three characters by entities; a mention needs a `<`.
    let safe = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut lines: Vec<String> =
        told(document).iter().map(|row| format!("• {} {}", safe(&span(&name(row))), safe(&change(row)))).collect();
    lines.extend(failing(document).iter().map(|title| format!("• {} fails", safe(&span(title)))));
    if let Some(page) = page {
        lines.push(format!("<{page}|more>"));
    }
    // A header is plain text of 150 characters at most, a section of 3,000.
    let header = escape::cut(&title(document), 149).into_owned();
    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": header, "emoji": false } })];
    if !lines.is_empty() {
        let text = escape::cut(&lines.join("\n"), 2900).into_owned();
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }));
    }
    json!({ "text": safe(&title(document)), "blocks": blocks, "unfurl_links": false })
}

fn discord(document: &Document, page: Option<&str>) -> Value {
    let mut lines: Vec<String> =
        told(document).iter().map(|row| format!("{} {}", span(&name(row)), plain_discord(&change(row)))).collect();
    lines.extend(failing(document).iter().map(|title| format!("{} fails", span(title))));
    let colour = match document.run.exit_code {
        ExitCode::Passed => 0x001b_6e3c,
        ExitCode::Undecided => 0x008a_5a00,
        _ => 0x00b4_2318,
    };
    let mut embed = json!({
        "title": plain_discord(&title(document)),
        "description": escape::cut(&lines.join("\n"), 4000),
        "color": colour,
    });
    if let (Some(page), Some(embed)) = (page, embed.as_object_mut()) {
        embed.insert("url".into(), page.into());
    }
    // Nobody is called, whatever a text holds.
    json!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
}

/// Text without Discord's markup.
fn plain_discord(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\*_~`|>#[]()<@:".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    escape::cut(&out, 250).into_owned()
}

fn teams(document: &Document, page: Option<&str>) -> Value {
    // A run of text is shown as it is; a text block would read Markdown in it.
    let run = |text: &str, bold: bool| json!({ "type": "TextRun", "text": text, "weight": if bold { "Bolder" } else { "Default" } });
    let block = |runs: Vec<Value>| json!({ "type": "RichTextBlock", "inlines": runs });
    let mut body = vec![block(vec![run(&title(document), true)])];
    for row in told(document) {
        body.push(block(vec![run(&name(row), true), run(&format!(" {}", change(row)), false)]));
    }
    body.extend(failing(document).iter().map(|title| block(vec![run(title, true), run(" fails", false)])));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let (Some(page), Some(card)) = (page, card.as_object_mut()) {
        card.insert("actions".into(), json!([{ "type": "Action.OpenUrl", "title": "More", "url": page }]));
    }
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }],
    })
}

fn plain(document: &Document, page: Option<&str>) -> Value {
    json!({
        "schema": "backsight/webhook/1",
        "project": document.project,
        "run": document.run.id.to_string(),
        "commit": document.change.commit,
        "verdict": verdict(document),
        "status": document.run.status,
        "exit_code": document.run.exit_code.code(),
        "counts": document.counts,
        "changes": told(document).iter().map(|row| json!({
            "benchmark": row.benchmark, "metric": row.metric, "verdict": row.verdict, "change": row.change,
            "low": row.low, "high": row.high,
        })).collect::<Vec<_>>(),
        "failing": failing(document),
        "page": page,
    })
}
