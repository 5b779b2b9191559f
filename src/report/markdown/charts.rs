//! What a benchmark did on the default branch before: a row of blocks, and a chart in Mermaid's words.

use std::fmt::Write;

use minijinja::context;
use minijinja::value::Value;

use super::view::own;
use crate::report::rows;
use crate::results::MetricChange;

/// From low to high.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Points of a row of blocks, this run's among them.
const POINTS: usize = 12;

/// The trend and this run's value as blocks; empty without a trend.
pub(super) fn spark(row: &MetricChange) -> String {
    let all = points(row, POINTS);
    if row.trend.is_empty() {
        return String::new();
    }
    let (low, high) = range(&all);
    // Less than the limit up and down is drawn flat: noise is no news.
    let middle = f64::midpoint(low, high);
    let span = (high - low).max(middle.abs() * row.limit);
    let low = middle - span / 2.0;
    let last = BLOCKS.len() - 1;
    let block = |value: f64| if span > 0.0 { ((value - low) / span * last as f64).round() } else { last as f64 / 2.0 };
    all.iter().filter_map(|value| BLOCKS.get((block(*value).max(0.0) as usize).min(last))).collect()
}

fn points(row: &MetricChange, most: usize) -> Vec<f64> {
    let all: Vec<f64> = row.trend.iter().copied().chain(row.head).filter(|value| value.is_finite()).collect();
    all.get(all.len().saturating_sub(most)..).unwrap_or_default().to_vec()
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

/// A chart of a row's trend.
pub(super) fn trend(row: &MetricChange) -> Value {
    let all = points(row, 40);
    let (scale, unit) = scale(&row.unit, &all);
    let scaled: Vec<f64> = all.iter().map(|value| value / scale).collect();
    let (low, high) = range(&scaled);
    let pad = ((high - low) * 0.2).max(high.abs() * 0.005);
    let mut ticks: Vec<String> = (1..scaled.len()).rev().map(|back| format!("\"-{back}\"")).collect();
    ticks.push("\"this run\"".to_owned());
    let values: Vec<String> = scaled.iter().map(|value| number(*value)).collect();
    let mut chart = String::from("```mermaid\nxychart-beta\n");
    let name = format!("{}, {}", row.benchmark, rows::metric_word(&row.metric));
    let _ = writeln!(chart, "  title \"{}\"", plain(&name));
    let _ = writeln!(chart, "  x-axis [{}]", ticks.join(", "));
    let _ = writeln!(chart, "  y-axis \"{}\" {} --> {}", plain(&unit), number(low - pad), number(high + pad));
    let _ = writeln!(chart, "  line [{}]", values.join(", "));
    chart.push_str("```");
    context! { benchmark => super::view::foreign(&row.benchmark), chart => own(chart) }
}

/// What to divide by, and the unit that it then has.
fn scale(unit: &str, values: &[f64]) -> (f64, String) {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let steps: &[(f64, &str)] = match unit {
        "ns" => &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")],
        "bytes" => &[(1024.0 * 1024.0 * 1024.0, "GiB"), (1024.0 * 1024.0, "MiB"), (1024.0, "KiB"), (1.0, "B")],
        _ => &[],
    };
    match steps.iter().find(|(size, _)| largest >= *size) {
        Some((size, name)) => (*size, (*name).to_owned()),
        None => (1.0, unit.to_owned()),
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text that cannot end a Mermaid string or begin anything else.
fn plain(text: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || " /_.,=()+-".contains(c);
    text.chars().map(|c| if keep(c) { c } else { ' ' }).take(80).collect()
}
