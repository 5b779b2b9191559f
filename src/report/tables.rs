//! A run's figures for programs: a JSON object a line, and CSV.

use serde_json::{Value, json};

use super::openmetrics::word;
use crate::results::{Document, Metric, MetricChange, Validity};

/// One object a line: the run, each metric with its comparison, each test case.
pub fn json_lines(document: &Document) -> String {
    let mut out = String::new();
    let mut line = |value: Value| {
        out.push_str(&value.to_string());
        out.push('\n');
    };
    line(json!({
        "kind": "run",
        "run": document.run.id.to_string(),
        "project": document.project,
        "started_at": document.run.started_at.to_string(),
        "status": document.run.status,
        "exit_code": document.run.exit_code.code(),
        "commit": document.change.commit,
        "branch": document.change.branch,
        "class_key": document.host.class_key,
    }));
    for (name, metric, row) in figures(document) {
        line(json!({
            "kind": "metric",
            "benchmark": name,
            "metric": metric.map(|metric| metric.metric.as_str()).or(row.map(|row| row.metric.as_str())),
            "unit": metric.map(|metric| metric.unit.as_str()).or(row.map(|row| row.unit.as_str())),
            "value": metric.map(|metric| metric.value),
            "samples": metric.map(|metric| metric.samples.len()),
            "base": row.and_then(|row| row.base),
            "change": row.and_then(|row| row.change),
            "low": row.and_then(|row| row.low),
            "high": row.and_then(|row| row.high),
            "verdict": row.map(|row| word(row.verdict)),
        }));
    }
    for case in &document.cases {
        line(json!({
            "kind": "case",
            "step": case.step,
            "title": case.title(),
            "outcome": case.outcome.as_str(),
            "duration_ns": case.duration_ns,
            "file": case.file,
            "line": case.line,
        }));
    }
    out
}

/// The columns of the CSV.
const COLUMNS: [&str; 16] = [
    "benchmark",
    "metric",
    "unit",
    "direction",
    "value",
    "samples",
    "base",
    "head",
    "change",
    "low",
    "high",
    "p",
    "n_base",
    "n_head",
    "verdict",
    "validity",
];

/// Each metric with its comparison as a row. Text that a spreadsheet would take for a formula gets an apostrophe in front.
pub fn csv(document: &Document) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(COLUMNS);
    for (name, metric, row) in figures(document) {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let count = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let text = |of_metric: fn(&Metric) -> &str, of_row: fn(&MetricChange) -> &str| {
            plain(metric.map(of_metric).or(row.map(of_row)).unwrap_or_default())
        };
        let direction = metric.map(|metric| metric.direction).or(row.map(|row| row.direction));
        let direction = direction.and_then(|direction| serde_json::to_value(direction).ok());
        let _ = writer.write_record([
            plain(&name),
            text(|metric| &metric.metric, |row| &row.metric),
            text(|metric| &metric.unit, |row| &row.unit),
            direction.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            number(metric.map(|metric| metric.value)),
            count(metric.map(|metric| metric.samples.len() as u64)),
            number(row.and_then(|row| row.base)),
            number(row.and_then(|row| row.head)),
            number(row.and_then(|row| row.change)),
            number(row.and_then(|row| row.low)),
            number(row.and_then(|row| row.high)),
            number(row.and_then(|row| row.p)),
            count(row.map(|row| row.n.0)),
            count(row.map(|row| row.n.1)),
            row.map(|row| word(row.verdict)).unwrap_or_default().to_owned(),
            row.map(|row| validity(&row.validity)).unwrap_or_default().to_owned(),
        ]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

const fn validity(validity: &Validity) -> &'static str {
    match validity {
        Validity::Valid => "valid",
        Validity::Noisy { .. } => "noisy",
        Validity::Invalid { .. } => "invalid",
    }
}

/// Text that no spreadsheet computes.
fn plain(text: &str) -> String {
    let text = super::escape::line(text);
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
    if is_formula { format!("'{text}") } else { text.into_owned() }
}

/// All that was measured or compared: a metric, its row of the comparison, or both.
fn figures(document: &Document) -> Vec<(String, Option<&Metric>, Option<&MetricChange>)> {
    let rows: Vec<&MetricChange> = document.comparison.iter().flat_map(|comparison| &comparison.rows).collect();
    let by_name: std::collections::HashMap<(&str, &str), &MetricChange> =
        rows.iter().rev().map(|row| ((row.benchmark.as_str(), row.metric.as_str()), *row)).collect();
    let mut found = Vec::new();
    let mut told = std::collections::HashSet::new();
    for benchmark in &document.benchmarks {
        let name = benchmark.series();
        for metric in &benchmark.metrics {
            let row = by_name.get(&(name.as_str(), metric.metric.as_str())).copied();
            told.extend(row.map(std::ptr::from_ref));
            found.push((name.clone(), Some(metric), row));
        }
    }
    let rest = rows.into_iter().filter(|row| !told.contains(&std::ptr::from_ref(*row)));
    found.extend(rest.map(|row| (row.benchmark.clone(), None, Some(row))));
    found
}
