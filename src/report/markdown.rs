//! The report as GitHub-flavoured Markdown: what moved and what failed first, the rest folded away.

use std::fmt::Write;

use super::headline::exit_reason;
use super::rows;
use super::{escape, figures, headline};
use crate::results::{
    Basis, Case, Comparison, Document, Generation, GenerationState, MetricChange, Outcome, QuarantineState,
    RemarkLevel, StepStatus, Verdict,
};

/// Entries told in full per list; the rest are counted.
const MOST: usize = 50;
/// Characters of a failure's text.
const LONGEST: usize = 4000;

/// The whole report.
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "### {}\n", headline(document));
    let _ = writeln!(out, "{}\n", identity(document));
    failures(&mut out, document);
    quarantined(&mut out, document);
    generations(&mut out, document);
    if let Some(comparison) = &document.comparison {
        changes(&mut out, comparison);
    }
    flaky(&mut out, document);
    benchmarks(&mut out, document);
    steps(&mut out, document);
    remarks(&mut out, document);
    let run = document.run.id;
    let overhead = document.measuring.as_ref().and_then(rows::overhead);
    let overhead = overhead.map(|text| format!(" · {text}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "<sub>run {run} · backsight {} · exit {} ({}){overhead}</sub>",
        document.tool.version,
        document.run.exit_code.code(),
        exit_reason(document)
    );
    out
}

fn identity(document: &Document) -> String {
    let change = &document.change;
    let commit = change.short_commit().map(|commit| {
        let dirty = if change.dirty == Some(true) { " with uncommitted changes" } else { "" };
        let branch = change.branch.as_deref().map(|branch| format!(" on {}", escape::code(branch))).unwrap_or_default();
        format!("`{commit}`{branch}{dirty}")
    });
    let counts = &document.counts;
    let parts = [
        Some(escape::code(&document.project)),
        commit,
        Some(escape::code(&document.host.title())),
        Some(format!(
            "{} benchmarks, {} tests, {} generated files",
            counts.benchmarks, counts.tests, counts.generations
        )),
        took(document.run.duration_ns),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// How long something took; what was killed did not tell.
fn took(ns: u64) -> Option<String> {
    (ns > 0).then(|| figures::time(ns as f64))
}

fn failures(out: &mut String, document: &Document) {
    let failed: Vec<&Case> = document.cases.iter().filter(|case| case.outcome.is_failure()).collect();
    let broken: Vec<_> = document
        .steps
        .iter()
        .filter(|step| matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut))
        .filter_map(|step| Some((step, step.reason.as_ref()?)))
        .collect();
    if failed.is_empty() && broken.is_empty() {
        return;
    }
    let _ = writeln!(out, "**Failed**\n");
    for (step, reason) in broken.iter().take(MOST) {
        let _ = writeln!(out, "- step {}: {}", escape::code(&step.id), escape::code(&reason.text));
        if let Some(log) = step.log.as_ref().filter(|log| !log.tail.is_empty()) {
            let _ = writeln!(out, "\n{}\n", details("end of its log", &log.tail));
        }
    }
    for case in failed.iter().take(MOST) {
        failure(out, case);
    }
    more(out, failed.len());
    out.push('\n');
}

/// The failing cases in quarantine, and what that means for each.
fn quarantined(out: &mut String, document: &Document) {
    let failing: Vec<_> = document.quarantine.iter().filter(|one| one.state != QuarantineState::Idle).collect();
    if failing.is_empty() {
        return;
    }
    let _ = writeln!(out, "**In quarantine**\n");
    for one in failing.iter().take(MOST) {
        let means = match one.state {
            QuarantineState::Excused | QuarantineState::Idle => "does not count until",
            QuarantineState::Expired => "counts since",
            QuarantineState::Crashed => "crashed, which counts; in quarantine until",
        };
        let (title, step) = (escape::code(&one.title), escape::code(&one.step));
        let (owner, reason) = (escape::code(&one.owner), escape::code(&escape::cut(&one.reason, 200)));
        let _ = writeln!(out, "- {title} in step {step} {means} {}; {owner}: {reason}", escape::code(&one.until));
    }
    more(out, failing.len());
    out.push('\n');
}

fn failure(out: &mut String, case: &Case) {
    let place = match (&case.file, case.line) {
        (Some(file), Some(line)) => format!(" at {}", escape::code(&format!("{file}:{line}"))),
        (Some(file), None) => format!(" in {}", escape::code(file)),
        (None, _) => String::new(),
    };
    let _ = writeln!(out, "- {} in step {}{place}", escape::code(&case.title()), escape::code(&case.step));
    for told in &case.failures {
        if let Some(message) = told.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
            let _ = writeln!(out, "  > {}", escape::code(&escape::cut(message, 300)));
        }
        if let Some(text) = told.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            let _ = writeln!(out, "\n{}\n", details("details", text));
        }
    }
}

/// A folded block; indented by nothing, so that no list swallows it.
fn details(summary: &str, text: &str) -> String {
    let text = escape::cut(text, LONGEST);
    format!("<details><summary>{}</summary>\n\n{}\n\n</details>", escape::html(summary), escape::fenced(&text, "text"))
}

fn generations(out: &mut String, document: &Document) {
    let right =
        |generation: &&Generation| matches!(generation.state, GenerationState::Written | GenerationState::Unchanged);
    let wrong: Vec<_> = document.generations.iter().filter(|generation| !right(generation)).collect();
    if wrong.is_empty() {
        return;
    }
    let _ = writeln!(out, "**Generated files that are not right**\n");
    for generation in wrong.iter().take(MOST) {
        let why = match (generation.state, &generation.failure) {
            (GenerationState::Drifted, _) => "differs from what the template gives now".to_owned(),
            (GenerationState::Missing, _) => "is not there".to_owned(),
            (_, Some(failure)) => failure.message.as_deref().map(escape::code).unwrap_or_default(),
            (_, None) => "failed".to_owned(),
        };
        let _ = writeln!(
            out,
            "- {} (from {}): {why}",
            escape::code(&generation.output),
            escape::code(&generation.template)
        );
        if let Some(diff) = &generation.diff {
            let _ = writeln!(
                out,
                "\n<details><summary>diff</summary>\n\n{}\n\n</details>\n",
                escape::fenced(&escape::cut(diff, LONGEST), "diff")
            );
        }
    }
    more(out, wrong.len());
    out.push('\n');
}

fn changes(out: &mut String, comparison: &Comparison) {
    match &comparison.baseline {
        Some(base) => {
            let commit = base.commit.as_deref().and_then(|commit| commit.get(..9)).unwrap_or("unknown commit");
            let note = comparison.note.as_deref().unwrap_or_default();
            let _ = writeln!(out, "**Compared** with `{commit}`, run `{}`: {note}\n", base.run);
        }
        None if comparison.basis == Basis::Paired => {
            let note = comparison.note.as_deref().unwrap_or_default();
            let _ = writeln!(out, "**Compared in pairs:** {}\n", escape::code(note));
        }
        None => {
            let _ =
                writeln!(out, "**Not compared**: {}\n", comparison.note.as_deref().unwrap_or("there is no baseline"));
        }
    }
    let told: Vec<_> = comparison.rows.iter().filter(|row| rows::is_remarkable(row)).collect();
    if !told.is_empty() {
        table(out, &told);
        more(out, told.len());
        out.push('\n');
    }
    let unchanged = comparison.rows.iter().filter(|row| row.verdict == Verdict::Unchanged).count();
    if unchanged > 0 {
        let words = if unchanged == 1 {
            "metric is unchanged, within its limit"
        } else {
            "metrics are unchanged, each within its limit"
        };
        let _ = writeln!(out, "{unchanged} {words}.\n");
    }
    let lists = [
        ("Newly failing", &comparison.newly_failing),
        ("Fixed", &comparison.fixed),
        ("No longer there", &comparison.vanished),
    ];
    for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let names: Vec<String> = list.iter().take(MOST).map(|(_, name)| escape::code(name)).collect();
        let _ = writeln!(out, "**{title}:** {}\n", names.join(", "));
    }
}

fn table(out: &mut String, told: &[&MetricChange]) {
    out.push_str("| benchmark | metric | base | head | change | interval | n | |\n|---|---|---|---|---|---|---|---|\n");
    for row in told.iter().take(MOST) {
        let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| figures::value(value, &row.unit));
        let interval = match (row.low, row.high) {
            (Some(low), Some(high)) => figures::interval(low, high),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {interval} | {}/{} | {} |",
            escape::code(&row.benchmark),
            escape::html(&rows::metric_word(&row.metric)),
            value(row.base),
            value(row.head),
            row.change.map(figures::change).unwrap_or_default(),
            row.n.0,
            row.n.1,
            rows::verdict_word(row.verdict),
        );
    }
}

fn flaky(out: &mut String, document: &Document) {
    let flaky: Vec<&Case> = document.cases.iter().filter(|case| case.outcome == Outcome::Flaky).collect();
    if flaky.is_empty() {
        return;
    }
    let tell = |case: &&Case| {
        let failed = case.attempts.iter().filter(|attempt| attempt.outcome.is_failure()).count();
        format!("{} (failed {failed} of {})", escape::code(&case.title()), case.attempts.len())
    };
    let names: Vec<String> = flaky.iter().take(MOST).map(tell).collect();
    let _ = writeln!(out, "**Flaky:** {}\n", names.join(", "));
}

fn benchmarks(out: &mut String, document: &Document) {
    if document.benchmarks.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>{} benchmarks</summary>\n", document.benchmarks.len());
    out.push_str("| benchmark | metric | value ± spread | 95 % interval | n |\n|---|---|---|---|---|\n");
    let rows = document
        .benchmarks
        .iter()
        .flat_map(|benchmark| benchmark.metrics.iter().map(move |metric| (benchmark, metric)));
    for (benchmark, metric) in rows.take(500) {
        let interval = metric.summary.as_ref().and_then(|summary| {
            Some(format!(
                "{} … {}",
                figures::value(summary.low?, &metric.unit),
                figures::value(summary.high?, &metric.unit)
            ))
        });
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            escape::code(&benchmark.series()),
            escape::html(&rows::metric_word(&metric.metric)),
            escape::html(&rows::figure(metric)),
            escape::html(&interval.unwrap_or_default()),
            metric.samples.len(),
        );
    }
    out.push_str("\n</details>\n");
}

fn steps(out: &mut String, document: &Document) {
    let _ = writeln!(out, "<details><summary>{} steps</summary>\n", document.steps.len());
    out.push_str("| step | result | time |\n|---|---|---|\n");
    for step in document.steps.iter().take(500) {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            escape::code(&step.id),
            escape::code(&rows::step_result(document, step)),
            took(step.duration_ns).unwrap_or_default(),
        );
    }
    out.push_str("\n</details>\n");
}

fn remarks(out: &mut String, document: &Document) {
    for remark in document.remarks.iter().filter(|remark| remark.level != RemarkLevel::Info).take(MOST) {
        let _ = writeln!(out, "\n> {}", escape::code(&remark.text));
    }
    out.push('\n');
}

fn more(out: &mut String, n: usize) {
    if n > MOST {
        let _ = writeln!(out, "\n… and {} more.", n - MOST);
    }
}
