//! tinybench: its tasks as JSON (`JSON.stringify(bench.tasks)`), and the table of `console.table(bench.table())`.
//!
//! `docs/harness/tinybench.md` has the rules.

use serde::Deserialize;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::documents::documents;
use super::gather::{Gather, between, give_or_take, invalid, metric, sampled};
use super::lines::without_colours;
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, decoded};
use crate::results::{Benchmark, Metric};

const FORMAT: &str = "tinybench";
const HELP: &str = "print `JSON.stringify(bench.tasks.map(t => ({ name: t.name, result: t.result })))`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "tinybench",
    title: "tinybench's tasks as JSON, and its table",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.json_list(&["name", "result"])
        .and_then(|found| match head.has_key("latency") || head.has_key("hz") || head.has_key("state") {
            true => Ok(found),
            false => Err("no key `latency`".into()),
        })
        .or_else(|why| head.line("`│ Task name │ Latency avg (ns) │`", |line| header(line).is_some()).map_err(|_| why))
}

#[derive(Deserialize)]
struct Task {
    name: String,
    result: Option<Outcome>,
}

/// Versions before 3 have the statistics of the latency here, without a name. Times are in milliseconds.
#[derive(Deserialize)]
struct Outcome {
    state: Option<String>,
    error: Option<serde_json::Value>,
    latency: Option<Statistics>,
    throughput: Option<Statistics>,
    hz: Option<f64>,
    #[serde(flatten)]
    old: Statistics,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Statistics {
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p75: Option<f64>,
    p99: Option<f64>,
    p995: Option<f64>,
    p999: Option<f64>,
    moe: Option<f64>,
    samples_count: Option<u64>,
    samples: Option<Vec<f64>>,
}

/// Reads the output.
///
/// # Errors
/// Where it holds no task with figures, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    if text.lines().any(|line| header(&without_colours(line)).is_some()) {
        return table(&text);
    }
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Vec<Task>>(bytes, HELP)? {
        last = document.line;
        document.value.iter().for_each(|task| gather.add(last, benchmark(task)));
    }
    gather.finish(last, "the list of tasks is empty", HELP)
}

fn benchmark(task: &Task) -> Benchmark {
    let mut found = Benchmark::new(&task.name);
    let Some(result) = &task.result else {
        found.validity = invalid("it has no result: it was not run");
        return found;
    };
    let (unit, rate) = (Unit::of("ms"), Unit::of("ops/s"));
    let latency = result.latency.as_ref().unwrap_or(&result.old);
    let failed = result.error.is_some() || matches!(result.state.as_deref(), Some("errored" | "aborted"));
    match latency.mean.filter(|_| !failed) {
        Some(mean) => found.metrics.push(main("wall_time", mean, latency, &unit)),
        None => found.validity = invalid("it failed"),
    }
    if failed {
        return found;
    }
    match result.throughput.as_ref().and_then(|all| Some((all.mean?, all))) {
        Some((mean, all)) => found.metrics.push(main("rate", mean, all, &rate)),
        None => found.metrics.extend(result.hz.map(|hz| metric(FORMAT, "rate", hz, &rate))),
    }
    for (name, value) in [
        ("wall_time_median", latency.p50),
        ("wall_time_min", latency.min),
        ("wall_time_max", latency.max),
        ("wall_time_p75", latency.p75),
        ("wall_time_p99", latency.p99),
        ("wall_time_p995", latency.p995),
        ("wall_time_p999", latency.p999),
    ] {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
    found
}

fn main(name: &str, mean: f64, of: &Statistics, unit: &Unit) -> Metric {
    let samples = of.samples.as_deref().unwrap_or_default();
    let mut found = between(
        metric(FORMAT, name, mean, unit),
        of.moe.map(|moe| (mean - moe).max(0.0)),
        of.moe.map(|moe| mean + moe),
        unit,
    );
    found = sampled(found, samples, unit);
    found.iterations = of.samples_count.or((!samples.is_empty()).then_some(samples.len() as u64));
    found
}

/// The titles of a table's columns.
fn header(line: &str) -> Option<Vec<String>> {
    let cells = cells(line)?;
    cells
        .iter()
        .any(|cell| cell.eq_ignore_ascii_case("task name"))
        .then(|| cells.iter().map(|cell| (*cell).into()).collect())
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.trim().strip_prefix(['│', '|'])?.strip_suffix(['│', '|'])?;
    Some(line.split(['│', '|']).map(|cell| cell.trim().trim_matches('\'')).collect())
}

fn table(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut titles: Option<Vec<String>> = None;
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        if let Some(found) = header(&line) {
            titles = Some(found);
        } else if let (Some(titles), Some(cells)) = (&titles, cells(&line)) {
            match row(titles, &cells) {
                Some(benchmark) => gather.add(last, benchmark),
                None => gather.broken(last, &line),
            }
        }
    }
    gather.finish(last, "no row below the header with `Task name`", HELP)
}

/// `Latency avg (ns)`, `Average Time (ns)`, `ops/sec`: the unit stands in the title.
fn row(titles: &[String], cells: &[&str]) -> Option<Benchmark> {
    let name = titles.iter().zip(cells).find(|(title, _)| title.eq_ignore_ascii_case("task name"))?.1;
    let mut found = Benchmark::new(*name);
    for (title, cell) in titles.iter().zip(cells) {
        let lower = title.to_lowercase();
        let metric_name = match lower.as_str() {
            _ if lower.starts_with("latency avg")
                || lower.starts_with("latency average")
                || lower.starts_with("average time") =>
            {
                "wall_time"
            }
            _ if lower.starts_with("latency med") => "wall_time_median",
            _ if lower.starts_with("throughput avg")
                || lower.starts_with("throughput average")
                || lower == "ops/sec" =>
            {
                "rate"
            }
            _ if lower.starts_with("throughput med") => "rate_median",
            _ => continue,
        };
        let unit = lower.split_once('(').and_then(|(_, unit)| unit.strip_suffix(')')).unwrap_or("ops/s");
        let unit = Unit::of(unit);
        let Some((value, rest)) = number(cell) else { continue };
        let margin = rest.trim_start().strip_prefix('±').and_then(number);
        let margin = margin.map(|(by, rest)| if rest.starts_with('%') { value * by / 100.0 } else { by });
        found.metrics.push(give_or_take(metric(FORMAT, metric_name, value, &unit), margin, &unit));
    }
    if found.metrics.is_empty() {
        found.validity = invalid("it failed");
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded.json", "table.txt"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("tinybench", file)).unwrap()));
        }
    }

    #[test]
    fn old_versions_are_read() {
        let text = r#"[{"name":"a","result":{"hz":2.0,"mean":500.0,"min":1.0,"moe":10.0,"samples":[490.0,510.0]}}]"#;
        let metrics = parse(text.as_bytes()).unwrap().benchmarks[0].metrics.clone();
        assert_eq!((metrics[0].value, metrics[0].samples.len(), metrics[1].value), (5e8, 2, 2.0));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "[]", "[{\"name\":\"a\"", "{}", "│ Task name │ ops/sec │\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
