//! nanobench: the Markdown table that it prints, and the JSON of its template `ankerl::nanobench::templates::json()`.
//!
//! `docs/harness/nanobench.md` has the rules.

use serde_json::{Map, Value};

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, metric, middle, plain, sampled};
use super::lines::without_colours;
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, decoded};
use crate::results::{Benchmark, Direction};

const FORMAT: &str = "nanobench";
const HELP: &str = "keep what the benchmark prints, or render with `templates::json()`";

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "nanobench", title: "nanobench's table and JSON", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.json_object(&["results", "median(elapsed)"])
        .or_else(|_| head.line("`| ns/op | op/s | err% | total | name`", |line| header(line).is_some()))
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    if text.lines().any(|line| header(&without_colours(line)).is_some()) {
        return table(&text);
    }
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Map<String, Value>>(bytes, HELP)? {
        last = document.line;
        for entry in document.value.get("results").and_then(Value::as_array).into_iter().flatten() {
            gather.add(last, measured(entry));
        }
    }
    gather.finish(last, "no list of `results`", HELP)
}

/// Elapsed times are in seconds for one iteration of a batch.
fn measured(entry: &Value) -> Benchmark {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| entry.get(key).and_then(Value::as_f64);
    let mut found = Benchmark::new(text("name"));
    if !matches!(text("title"), "" | "benchmark") {
        found.parameters.insert("title".into(), text("title").into());
    }
    let unit = Unit::seconds();
    let batch = number("batch").filter(|batch| *batch > 0.0).unwrap_or(1.0);
    let runs = entry.get("measurements").and_then(Value::as_array);
    let samples: Vec<f64> =
        runs.into_iter().flatten().filter_map(|run| Some(run.get("elapsed")?.as_f64()? / batch)).collect();
    let median = number("median(elapsed)").map(|median| median / batch);
    if let Some(median) = median.or_else(|| (!samples.is_empty()).then(|| middle(&samples))) {
        let share = number("medianAbsolutePercentError(elapsed)");
        let time = sampled(metric(FORMAT, "wall_time", median, &unit), &samples, &unit);
        found.metrics.push(give_or_take(time, share.map(|share| median * share), &unit));
    }
    for (key, name) in [
        ("median(instructions)", "instructions"),
        ("median(cpucycles)", "cycles"),
        ("median(branchinstructions)", "branches"),
        ("median(branchmisses)", "branch_misses"),
        ("median(pagefaults)", "page_faults"),
        ("median(contextswitches)", "context_switches"),
    ] {
        // Zero is what is written where the host has no counters.
        let value = number(key).filter(|value| *value > 0.0);
        found.metrics.extend(value.map(|value| plain(FORMAT, name, value / batch, "count", Direction::Lower)));
    }
    found
}

/// The titles of the columns, and the table's own name.
fn header(line: &str) -> Option<(Vec<&str>, &str)> {
    let cells: Vec<&str> = line.trim().strip_prefix('|')?.split('|').map(str::trim).collect();
    let (title, columns) = cells.split_last()?;
    let is_time = columns.iter().any(|column| column.starts_with("ns/") || column.starts_with("s/"));
    (is_time && columns.contains(&"err%")).then(|| (columns.to_vec(), *title))
}

fn table(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut columns: Option<(Vec<String>, String)> = None;
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        if let Some((titles, name)) = header(&line) {
            columns = Some((titles.into_iter().map(str::to_owned).collect(), name.to_owned()));
        } else if let (Some((titles, title)), Some(row)) = (&columns, line.trim().strip_prefix('|')) {
            if row.starts_with("--") {
                continue;
            }
            match self::row(row, titles, title) {
                Some(benchmark) => gather.add(last, benchmark),
                None => gather.broken(last, &line),
            }
        }
    }
    gather.finish(last, "no row in the table", HELP)
}

fn row(row: &str, titles: &[String], title: &str) -> Option<Benchmark> {
    let cells: Vec<&str> = row.splitn(titles.len() + 1, '|').map(str::trim).collect();
    let name = cells.get(titles.len())?;
    let name = name.trim_start_matches(":wavy_dash:").trim();
    let name = name.strip_prefix('`').and_then(|name| name.split('`').next()).unwrap_or(name);
    let mut found = Benchmark::new(name);
    if !matches!(title, "" | "benchmark") {
        found.parameters.insert("title".into(), title.into());
    }
    for (column, cell) in titles.iter().zip(&cells) {
        if cell.is_empty() || matches!(column.as_str(), "err%" | "total" | "relative") {
            continue;
        }
        let (value, _) = number(cell)?;
        let (what, per) = column.split_once('/').unwrap_or((column, ""));
        let unit = match (Unit::time(what), per) {
            (Some(unit), _) => unit,
            (None, "s") => Unit::of("ops/s"),
            (None, _) if what.ends_with('%') => Unit::as_written("%"),
            (None, _) => Unit::as_written("count"),
        };
        let known = match what {
            "ins" => "instructions".to_owned(),
            "cyc" => "cycles".to_owned(),
            "bra" => "branches".to_owned(),
            "miss%" => "branch_miss_rate".to_owned(),
            "IPC" => "ipc".to_owned(),
            _ if Unit::time(what).is_some() => "wall_time".to_owned(),
            _ if per == "s" => "rate".to_owned(),
            other => snake_case(other),
        };
        let mut one = metric(FORMAT, &known, value, &unit);
        if what == "IPC" {
            one.direction = Direction::Higher;
        }
        found.metrics.push(one);
    }
    let share = titles.iter().position(|column| column == "err%").and_then(|at| number(cells.get(at)?));
    let time = found.metrics.iter_mut().find(|metric| metric.metric == "wall_time")?;
    let by = share.map(|(percent, _)| time.value * percent / 100.0);
    *time = give_or_take(time.clone(), by, &Unit::nanoseconds());
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn documented_files_are_read() {
        for file in ["documented.md", "documented.json"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("nanobench", file)).unwrap()));
        }
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in [
            "",
            "{\"results\":[]}",
            "{\"results\":[{",
            "| ns/op | err% | benchmark\n",
            "| ns/op | err% | b\n| x | 1% | `a`\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
