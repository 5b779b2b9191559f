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
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "nanobench";
const HELP: &str = "keep what the benchmark prints, or render with `templates::json()`";

/// The column and the parameter of `Bench::complexityN`.
const N: &str = "complexityN";

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
    // Runs of one name for several N are no repeats. Less than nothing stands where none was set.
    if let Some(n) = number("complexityN").filter(|n| *n > 0.0) {
        found.parameters.insert(N.into(), n.to_string());
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
    let is_time = |column: &&str| column.split_once('/').is_some_and(|(unit, _)| Unit::time(unit).is_some());
    (columns.iter().any(is_time) && columns.contains(&"err%")).then(|| (columns.to_vec(), *title))
}

/// The head of what `complexityBigO()` prints: no benchmarks, but the complexities that fit them.
fn is_big_o(line: &str) -> bool {
    line.trim().trim_start_matches('|').split('|').map(str::trim).eq(["coefficient", "err%", "complexity"])
}

fn table(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut columns: Option<(Vec<String>, String)> = None;
    let mut last = 1;
    let mut in_big_o = false;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        in_big_o = is_big_o(&line) || (in_big_o && line.matches('|').count() == 3);
        if in_big_o {
            continue;
        }
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

/// The name in a row's last cell. Backticks in it are doubled, and after it may stand why it is unstable.
fn name(cell: &str) -> Option<String> {
    let mut rest = cell.trim_start_matches(":wavy_dash:").trim().strip_prefix('`')?.chars().peekable();
    let mut name = String::new();
    loop {
        match rest.next()? {
            '`' if rest.peek() == Some(&'`') => name.extend(rest.next()),
            '`' => return Some(name),
            other => name.push(other),
        }
    }
}

/// The columns of this row. A head is printed once for all that have its title and units, and a row below it may have
/// two columns more or less than it: `complexityN`, and `IPC` where nothing was counted.
fn columns_of<'a>(titles: &'a [String], cells: &[&str]) -> Option<Vec<&'a str>> {
    let written: Vec<&str> = titles.iter().map(String::as_str).collect();
    let without = |left_out: &str| written.iter().copied().filter(|title| *title != left_out).collect::<Vec<_>>();
    let with = |one: &'static str, before: &str| {
        let at = written.iter().position(|title| title.starts_with(before)).unwrap_or(0);
        let mut all: Vec<&str> = written.clone();
        if !all.contains(&one) {
            all.insert(at, one);
        }
        all
    };
    let after_relative = if written.first() == Some(&"relative") { written.get(1).copied().unwrap_or("") } else { "" };
    let fits = |titles: &Vec<&str>| {
        let share = |title: &str| title.ends_with('%') || title == "relative";
        titles.len() == cells.len() && titles.iter().zip(cells).all(|(title, cell)| share(title) == cell.ends_with('%'))
    };
    let ways = [written.clone(), with(N, after_relative), without(N), with("IPC", "bra/"), without("IPC")];
    ways.into_iter().find(fits)
}

fn row(row: &str, titles: &[String], title: &str) -> Option<Benchmark> {
    // The name comes last, in backticks, and may hold bars.
    let start = [row.find("| `"), row.find("| :")].into_iter().flatten().min()?;
    let cells: Vec<&str> = row.get(..start)?.split('|').map(str::trim).collect();
    let columns = columns_of(titles, &cells)?;
    let mut found = Benchmark::new(&name(row.get(start + 1..)?.trim())?);
    if !matches!(title, "" | "benchmark") {
        found.parameters.insert("title".into(), title.into());
    }
    for (column, cell) in columns.iter().zip(&cells) {
        if cell.is_empty() || matches!(*column, "err%" | "total" | "relative") {
            continue;
        }
        let (value, _) = number(cell)?;
        if *column == N {
            found.parameters.insert(N.into(), value.to_string());
        } else {
            found.metrics.push(figure(column, value));
        }
    }
    let share = columns.iter().position(|column| *column == "err%").and_then(|at| number(cells.get(at)?));
    let time = found.metrics.iter_mut().find(|metric| metric.metric == "wall_time")?;
    let by = share.map(|(percent, _)| time.value * percent / 100.0);
    *time = give_or_take(time.clone(), by, &Unit::nanoseconds());
    Some(found)
}

/// The figure of a column.
fn figure(column: &str, value: f64) -> Metric {
    let (what, per) = column.split_once('/').unwrap_or((column, ""));
    let bytes = Unit::of(column);
    let unit = match (Unit::time(what), per) {
        (Some(unit), _) => unit,
        (None, "s") if bytes.unit == "bytes/s" => bytes,
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
        _ if unit.unit == "bytes/s" => "throughput".to_owned(),
        _ if per == "s" => "rate".to_owned(),
        other => snake_case(other),
    };
    let mut one = metric(FORMAT, &known, value, &unit);
    if what == "IPC" {
        one.direction = Direction::Higher;
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, fixture, listed};

    #[test]
    fn fixtures_are_read() {
        for file in ["documented.md", "documented.json", "recorded.md", "recorded.json"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("nanobench", file)).unwrap()));
        }
    }

    #[test]
    fn a_row_may_have_other_columns_than_the_head_above_it() {
        let head = "| relative | ns/op | op/s | err% | ins/op | cyc/op | IPC | bra/op | miss% | total | b\n";
        for (row, instructions) in [
            ("|  100.0% |  4.00 | 250,000,000.00 | 0.1% | 3.00 | 18.00 | 0.167 | 1.00 | 0.1% | 0.00 | `a`\n", 3.0),
            ("|  100.0% |  8 | 4.00 | 250,000,000.00 | 0.1% | 3.00 | 18.00 | 0.167 | 1.00 | 0.1% | 0.00 | `a`\n", 3.0),
            ("|  100.0% |  4.00 | 250,000,000.00 | 0.1% | 0.00 | 18.00 | 1.00 | 0.1% | 0.00 | `a`\n", 0.0),
        ] {
            let read = parse(format!("{head}{row}").as_bytes()).unwrap();
            let value = |name: &str| {
                let found = read.benchmarks[0].metrics.iter().find(|metric| metric.metric == name);
                found.map(|metric| metric.value)
            };
            close(value("wall_time"), 4.0);
            close(value("instructions"), instructions);
            close(value("branches"), 1.0);
            assert_eq!(value("ipc"), row.contains("0.167").then_some(0.167));
        }
        let odd = format!("{head}| 4.00 | 0.1% | `a`\n");
        assert!(parse(odd.as_bytes()).is_err());
    }

    #[test]
    fn a_row_that_is_cut_off_or_failed_is_told() {
        let whole = String::from_utf8(fixture("nanobench", "recorded.md")).unwrap();
        let before = parse(whole.as_bytes()).unwrap();
        let failed = whole.replacen("|                2.91 |", "|                   - |", 1);
        let cut = &whole[..whole.rfind("sort`").unwrap()];
        for bad in [&failed, cut] {
            let after = parse(bad.as_bytes()).unwrap();
            assert_eq!((after.benchmarks.len() + 1, after.warnings.len()), (before.benchmarks.len(), 1));
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
