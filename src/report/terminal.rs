//! The end report on a terminal, and the lines of the progress. Text with escape codes for style; the caller strips
//! them where they are not wanted.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::headline::exit_reason;
use super::rows;
use super::{escape, figures, headline, matrix_text};
use crate::results::{
    Basis, Case, Document, Generation, Kind, MetricChange, Outcome, QuarantineState, Quarantined, RemarkLevel, Step,
    StepStatus, Validity, Verdict,
};

/// Failures told in full on the terminal; the rest are counted.
const MOST: usize = 20;

/// The parts of CPU time: all are in the document.
const PARTS: [&str; 2] = ["user_time", "system_time"];

/// How many diffs of generated files are shown, and how many lines of each.
const DIFFS: usize = 5;
const DIFF_LINES: usize = 40;

/// How much of a failed command's output is quoted.
const LAST_LINES: usize = 5;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Where a run's files are, for the last lines.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The run's folder as it should be shown.
    pub folder: String,
    /// The files in it.
    pub files: Vec<String>,
}

fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The whole report: still, complete, ends with a line end.
pub fn terminal(document: &Document, place: Option<&Place>) -> String {
    let mut out = String::new();
    line(&mut out, &header(document));
    for kind in [Kind::Generation, Kind::Test, Kind::Benchmark] {
        for step in document.steps.iter().filter(|step| step.kind == kind) {
            line(&mut out, &step_line(document, step));
            benchmarks(&mut out, document, step);
        }
    }
    section(&mut out, generations(document));
    section(&mut out, cases(document));
    section(&mut out, models(document));
    section(&mut out, comparison(document));
    section(&mut out, remarks(document));
    out.push('\n');
    line(&mut out, &paint(BOLD, headline(document)));
    if let Some(place) = place {
        line(&mut out, &format!("results   {}   {}", escape::line(&place.folder), paint(DIM, place.files.join("  "))));
    }
    let exit = document.run.exit_code;
    let style = if exit.code() == 0 { GOOD } else { BAD };
    let took = match document.run.duration_ns {
        // A run that was killed did not tell.
        0 => String::new(),
        ns => format!(" after {}", figures::time(ns as f64)),
    };
    line(&mut out, &paint(style, format!("exit {} ({}){took}", exit.code(), exit_reason(document))));
    out
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, " {text}");
}

fn section(out: &mut String, lines: Vec<String>) {
    if !lines.is_empty() {
        out.push('\n');
    }
    for text in lines {
        line(out, &text);
    }
}

fn header(document: &Document) -> String {
    let change = &document.change;
    let commit = change.short_commit().map(|commit| {
        let dirty = if change.dirty == Some(true) { " + changes" } else { "" };
        let branch = change.branch.as_deref().map(|branch| format!(" on {}", escape::line(branch))).unwrap_or_default();
        format!("{commit}{dirty}{branch}")
    });
    let parts = [
        Some(format!("backsight {}", escape::line(&document.tool.version))),
        Some(escape::line(&document.project).into_owned()),
        commit,
        Some(escape::line(&document.host.title()).into_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// One step and what became of it.
pub fn step_line(document: &Document, step: &Step) -> String {
    let style = match step.status {
        StepStatus::Passed => GOOD,
        StepStatus::Skipped => DIM,
        StepStatus::Cancelled => ODD,
        StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut => BAD,
    };
    let name = step.id.split_once('/').map_or(step.id.as_str(), |(_, name)| name);
    let name = pad(&escape::line(name), 28);
    let result = pad(&escape::line(&rows::step_result(document, step)), 42);
    let took = if step.duration_ns > 0 { figures::time(step.duration_ns as f64) } else { String::new() };
    let section = pad(step.kind.section(), 13);
    format!("{} {name} {} {}", paint(BOLD, section), paint(style, result), paint(DIM, took)).trim_end().to_owned()
}

fn benchmarks(out: &mut String, document: &Document, step: &Step) {
    for benchmark in document.benchmarks.iter().filter(|benchmark| benchmark.step == step.id) {
        let alone = step.id.ends_with(&benchmark.name) || benchmark.series() == step.name;
        let name = if alone { String::new() } else { format!("{}  ", escape::line(&benchmark.series())) };
        let wanted = |name: &str| !name.ends_with("_faults") && !name.ends_with("_switches") && !PARTS.contains(&name);
        let own = benchmark.iterations.is_empty();
        let shown = benchmark.metrics.iter().filter(|metric| own || wanted(&metric.metric)).take(4);
        let told: Vec<String> =
            shown.map(|metric| format!("{} {}", rows::metric_word(&metric.metric), rows::figure(metric))).collect();
        let n = match rows::samples(benchmark) {
            0 => String::new(),
            n => format!("   n = {n}"),
        };
        let doubt = rows::doubt(&benchmark.validity)
            .map(|text| format!("   {}", paint(ODD, escape::line(&text))))
            .unwrap_or_default();
        line(out, &format!("{:14}{name}{}{}{doubt}", "", told.join("   "), paint(DIM, n)));
    }
}

fn generations(document: &Document) -> Vec<String> {
    let bad = |generation: &&Generation| !generation.state.is_right();
    let mut lines = some(document.generations.iter().filter(bad).map(generation_line).collect());
    let diffs = document.generations.iter().filter_map(|generation| generation.diff.as_deref()).take(DIFFS);
    for diff in diffs {
        let diff = escape::block(diff);
        let all: Vec<&str> = diff.lines().collect();
        lines.extend(all.iter().take(DIFF_LINES).map(|line| diff_line(line)));
        if all.len() > DIFF_LINES {
            lines.push(paint(DIM, format!("  {} more lines are in the report", all.len() - DIFF_LINES)));
        }
    }
    lines
}

fn generation_line(generation: &Generation) -> String {
    let word = generation.state.word().to_uppercase();
    let why = generation.why().unwrap_or_default();
    let line = format!("{}  {}  {}", paint(BAD, word), escape::line(&generation.output), escape::line(why));
    line.trim_end().to_owned()
}

fn diff_line(line: &str) -> String {
    let cut = escape::cut(line, 160);
    match line.chars().next() {
        Some('+') => paint(GOOD, format!("  {cut}")),
        Some('-') => paint(BAD, format!("  {cut}")),
        _ => paint(DIM, format!("  {cut}")),
    }
}

fn cases(document: &Document) -> Vec<String> {
    let of = |wanted: fn(Outcome) -> bool| {
        some(document.cases.iter().filter(|case| wanted(case.outcome)).map(case_line).collect())
    };
    let mut lines = of(Outcome::is_failure);
    lines.extend(some(document.quarantine.iter().filter_map(quarantine_line).collect()));
    lines.extend(last_words(document));
    lines.extend(of(|outcome| outcome == Outcome::Flaky));
    lines
}

/// What a quarantine does for a case that failed.
fn quarantine_line(one: &Quarantined) -> Option<String> {
    let (style, word, why) = match one.state {
        QuarantineState::Idle => return None,
        QuarantineState::Excused => (ODD, "QUARANTINED", format!("until {}", escape::line(&one.until))),
        QuarantineState::Expired => (BAD, "QUARANTINE OVER", format!("since {}", escape::line(&one.until))),
        QuarantineState::Crashed => (BAD, "NOT EXCUSED", "a crash or a time limit is no failing test".to_owned()),
    };
    let (step, title) = (escape::line(&one.step), escape::line(&one.title));
    let told = format!("{}: {}", one.owner, one.reason);
    let told = escape::cut(&told, 160);
    Some(format!("{}  {step}  {title}  {why}, {}", paint(style, word), escape::line(&told)))
}

/// The end of what failed commands printed, where no case of theirs tells more than how they ended.
fn last_words(document: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    for case in document.cases.iter().filter(|case| case.outcome.is_failure() && case.class.is_none()) {
        let named = |step: &&Step| step.id == case.step && step.name == case.name;
        let Some(step) = document.steps.iter().find(named) else { continue };
        let Some(text) = case.failures.first().and_then(|failure| failure.text.as_deref()) else { continue };
        let text = escape::block(text);
        let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.push(format!("{} printed at its end:", escape::line(&step.id)));
        let last = all[all.len().saturating_sub(LAST_LINES)..].iter();
        lines.extend(last.map(|line| paint(DIM, format!("  {}", escape::cut(line, 160)))));
    }
    some(lines)
}

/// One case and the first line of what it said.
pub fn case_line(case: &Case) -> String {
    let (style, word) = match case.outcome {
        Outcome::Passed => (GOOD, "PASSED"),
        Outcome::Failed => (BAD, "FAILED"),
        Outcome::Errored => (BAD, "ERRORED"),
        Outcome::TimedOut => (BAD, "TIMED OUT"),
        Outcome::Flaky => (ODD, "FLAKY"),
        Outcome::Skipped => (DIM, "SKIPPED"),
        Outcome::Cancelled => (ODD, "CANCELLED"),
    };
    let place = match (&case.file, case.line) {
        (Some(file), Some(line)) => format!("  {}:{line}", escape::line(file)),
        (Some(file), None) => format!("  {}", escape::line(file)),
        (None, _) => String::new(),
    };
    let title = case.title();
    let said = said(case).map(|text| format!("  {}", escape::line(&escape::cut(&text, 160)))).unwrap_or_default();
    format!("{}  {}  {}{place}{said}", paint(style, word), escape::line(&case.step), escape::line(&title))
}

fn said(case: &Case) -> Option<String> {
    if case.outcome == Outcome::Flaky {
        let failed = case.attempts.iter().filter(|attempt| attempt.outcome.is_failure()).count();
        return Some(format!("failed {failed} of {} attempts", case.attempts.len()));
    }
    let failure = case.failures.first()?;
    let text = failure.message.as_deref().or(failure.text.as_deref())?;
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn comparison(document: &Document) -> Vec<String> {
    let Some(comparison) = &document.comparison else { return Vec::new() };
    let mut lines = Vec::new();
    match (&comparison.baseline, &comparison.note) {
        (Some(base), note) => {
            let commit = base.commit.as_deref().and_then(|commit| commit.get(..9)).unwrap_or("unknown commit");
            let when = base.at.strftime("%Y-%m-%d %H:%M UTC");
            let note = note.as_deref().unwrap_or_default();
            // As much of the id as tells two runs apart, and commands take.
            let run = base.run.get(..13).unwrap_or(&base.run);
            lines.push(format!("against {commit}, run {run} of {when} ({note})"));
        }
        (None, Some(note)) if comparison.basis == Basis::Paired => lines.push(escape::line(note).into_owned()),
        (None, Some(note)) => lines.push(format!("no comparison: {note}")),
        (None, None) => {}
    }
    lines.extend(some(comparison.rows.iter().filter(|row| rows::is_remarkable(row)).map(change_line).collect()));
    let unchanged = comparison.rows.iter().filter(|row| row.verdict == Verdict::Unchanged).count();
    if unchanged > 0 {
        let words = if unchanged == 1 {
            "metric is unchanged, within its limit"
        } else {
            "metrics are unchanged, each within its limit"
        };
        lines.push(paint(GOOD, format!("{unchanged} {words}")));
    }
    for (word, list) in
        [("NEWLY FAILING", &comparison.newly_failing), ("FIXED", &comparison.fixed), ("VANISHED", &comparison.vanished)]
    {
        lines.extend(some(
            list.iter().map(|(step, name)| format!("{word}  {}  {}", escape::line(step), escape::line(name))).collect(),
        ));
    }
    lines
}

/// Which model ran on which target, where there are several cells of that.
fn models(document: &Document) -> Vec<String> {
    let matrix = crate::compare::matrix([document]);
    if matrix.models.len() * matrix.targets.len() < 2 {
        return Vec::new();
    }
    matrix_text(&matrix, document.run.started_at).lines().map(|line| line.trim_start().to_owned()).collect()
}

/// One row of a comparison.
pub fn change_line(row: &MetricChange) -> String {
    let style = match row.verdict {
        Verdict::Regressed | Verdict::Missing => BAD,
        Verdict::Improved | Verdict::Unchanged => GOOD,
        Verdict::Inconclusive => ODD,
        Verdict::New | Verdict::NoBase => DIM,
    };
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| figures::value(value, &row.unit));
    let change = row.change.map(figures::change).unwrap_or_default();
    let interval = match (row.low, row.high) {
        (Some(low), Some(high)) => format!(" [{}]", figures::interval(low, high)),
        _ => String::new(),
    };
    let doubt = if row.validity == Validity::Valid { "" } else { " (noisy)" };
    let note = row.note.as_deref().map(|note| format!("   {}", escape::line(note))).unwrap_or_default();
    format!(
        "{} {}  {}  {} → {}  {change}{interval}{doubt}{}",
        paint(style, pad(&rows::verdict_word(row.verdict).to_uppercase(), 10)),
        escape::line(&row.benchmark),
        rows::metric_word(&row.metric),
        value(row.base),
        value(row.head),
        paint(DIM, note),
    )
}

fn remarks(document: &Document) -> Vec<String> {
    let tell = |remark: &crate::results::Remark| {
        let (style, word) = match remark.level {
            RemarkLevel::Info => (DIM, "note"),
            RemarkLevel::Warning => (ODD, "warning"),
            RemarkLevel::Error => (BAD, "error"),
        };
        let step = remark.step.as_deref().map(|step| format!("{}: ", escape::line(step))).unwrap_or_default();
        format!("{}: {step}{}", paint(style, word), escape::line(&remark.text))
    };
    let told = document.steps.iter().filter(|step| matches!(step.status, StepStatus::Errored | StepStatus::TimedOut));
    let broken = told.filter_map(|step| {
        let text = &step.reason.as_ref()?.text;
        Some(format!("{}: {}: {}", paint(BAD, "error"), escape::line(&step.id), escape::line(text)))
    });
    some(broken.chain(document.remarks.iter().map(tell)).collect())
}

fn some(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        lines.truncate(MOST);
        lines.push(format!("… and {more} more; all are in the report"));
    }
    lines
}

/// Fills up to `width` columns as a terminal counts them.
fn pad(text: &str, width: usize) -> String {
    let columns = unicode_width::UnicodeWidthStr::width(text);
    format!("{text}{}", " ".repeat(width.saturating_sub(columns)))
}
