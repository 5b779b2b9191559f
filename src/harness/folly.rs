//! folly's Benchmark.h: the table it prints, its JSON (`--json`, in picoseconds) and its longer JSON
//! (`--bm_json_verbose`, in nanoseconds with counters).
//!
//! `docs/harness/folly.md` has the rules.

use serde_json::Value;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::gather::{Gather, metric, plain};
use super::lines::without_colours;
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::values::documents;
use super::{HarnessError, Parsed, decoded, quoted};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "folly";
const HELP: &str = "run the program and keep what it prints, or run it with `--bm_json_verbose FILE`";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "folly",
    title: "the table and the JSON of folly's benchmarks",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.text().lines().any(|line| header(line).is_some()) {
        return Ok(Confidence::Certain);
    }
    match head.text().trim_start().strip_prefix('[').is_some_and(starts_with_entry) {
        true => Ok(Confidence::Certain),
        false => {
            Err("there is no header like `relative  time/iter  iters/s`, and no list like `[\"file\", \"name\", 1.5]`"
                .into())
        }
    }
}

/// Whether a text starts with `["file", "name", 1.5`; it may be cut behind that.
fn starts_with_entry(text: &str) -> bool {
    let Some(mut rest) = text.trim_start().strip_prefix('[') else { return false };
    for _ in 0..2 {
        let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        if !matches!(strings.next(), Some(Ok(_))) {
            return false;
        }
        let Some(after) = rest.get(strings.byte_offset()..).and_then(|rest| rest.trim_start().strip_prefix(',')) else {
            return false;
        };
        rest = after;
    }
    rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

/// Reads the table, or either JSON.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    match text.lines().any(|line| header(line).is_some()) {
        true => table(&text),
        false => json(bytes),
    }
}

/// The file and the columns behind `iters/s` of `file  relative  time/iter  iters/s  counter`. The file has no space
/// behind it where its name is long.
fn header(line: &str) -> Option<(&str, Vec<&str>)> {
    let (file, rest) = line.split_once("relative")?;
    let mut words = rest.split_whitespace();
    (words.next() == Some("time/iter") && words.next() == Some("iters/s")).then(|| (file.trim(), words.collect()))
}

fn table(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut open: Option<(String, Vec<String>)> = None;
    // One rule stands below the header, and one below all rows.
    let mut rules = 0;
    let (mut last, lines) = (1, text.lines().count());
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim_end();
        if let Some((file, columns)) = header(line) {
            open = Some((file.to_owned(), columns.into_iter().map(str::to_owned).collect()));
            rules = 0;
        } else if line.starts_with("====") {
            rules += 1;
            open.take_if(|_| rules > 1);
        } else if let Some((file, columns)) = open.as_ref().filter(|_| !is_rule(line)) {
            match row(line, file, columns) {
                Some(found) => gather.add(last, found),
                None if index + 1 == lines && !text.ends_with('\n') => return Err(cut_off(last, line)),
                None => gather.broken(last, line),
            }
        }
    }
    match open {
        Some(_) if !gather.benchmarks.is_empty() && !text.ends_with('\n') => return Err(cut_off(last, "the table")),
        Some(_) => gather.warn(last, "the rule below the table is missing; it may be cut off"),
        None => {}
    }
    gather.finish(last, "no row below `relative  time/iter  iters/s`", HELP)
}

fn cut_off(line: u64, text: &str) -> HarnessError {
    HarnessError::new(
        line,
        1,
        format!("cut off in the middle of `{}`", quoted(text)),
        "did the program run to its end?",
    )
}

fn is_rule(line: &str) -> bool {
    line.chars().all(|c| c == '-')
}

/// `name  [120.5%]  1.31us  762.40K  [counters]`, read from its end, since names may hold anything.
fn row(line: &str, file: &str, columns: &[String]) -> Option<Benchmark> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let counters = words.split_off(words.len().checked_sub(columns.len())?);
    let (_, time) = (words.pop()?, words.pop()?);
    words.pop_if(|word| {
        word.strip_suffix('%').is_some_and(|share| number(share).is_some_and(|(_, rest)| rest.is_empty()))
    });
    let (value, unit) = number(time)?;
    let unit = Unit::time(unit)?;
    let mut found = named(&words.join(" "), file)?;
    found.metrics.push(metric(FORMAT, "wall_time", value, &unit));
    for (column, cell) in columns.iter().zip(counters) {
        found.metrics.extend(counter(column, cell));
    }
    Some(found)
}

/// A counter of the program: a time, a number with a prefix, or a number. `NaN` stands where a benchmark has none.
fn counter(name: &str, cell: &str) -> Option<Metric> {
    let (value, suffix) = number(cell).filter(|(value, _)| value.is_finite())?;
    let prefix = match suffix {
        "" => Some(1.0),
        "K" => Some(1e3),
        "M" => Some(1e6),
        "G" => Some(1e9),
        "T" => Some(1e12),
        _ => None,
    };
    match (prefix, Unit::time(suffix)) {
        (Some(factor), _) => Some(plain(FORMAT, &snake_case(name), value * factor, "count", Direction::Lower)),
        (None, Some(unit)) => Some(metric(FORMAT, &snake_case(name), value, &unit)),
        (None, None) => None,
    }
}

/// A benchmark with its file; `%` before a name says that it is compared with the one above.
fn named(name: &str, file: &str) -> Option<Benchmark> {
    let name = name.strip_prefix('%').unwrap_or(name).trim();
    let mut found = Benchmark::new(name);
    if !file.is_empty() {
        found.parameters.insert("file".into(), file.into());
    }
    (!name.is_empty()).then_some(found)
}

fn json(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    let is_own = |value: &Value| match value {
        Value::Object(all) => !all.is_empty() && all.values().all(Value::is_number),
        Value::Array(all) => !all.is_empty() && all.iter().all(|entry| entry.get(0).is_some_and(Value::is_string)),
        _ => false,
    };
    for document in documents(bytes, is_own, HELP)? {
        last = document.line;
        for (name, value) in document.value.as_object().into_iter().flatten().filter(|(name, _)| *name != "-") {
            let found = value.as_f64().zip(named(name, ""));
            if let Some((picoseconds, mut found)) = found {
                let unit = Unit::time("ps").unwrap_or_else(Unit::nanoseconds);
                found.metrics.push(metric(FORMAT, "wall_time", picoseconds, &unit));
                gather.add(last, found);
            }
        }
        for entry in document.value.as_array().into_iter().flatten() {
            match verbose(entry) {
                Some(found) => gather.add(last, found),
                // A rule between benchmarks.
                None if entry.get(1).and_then(Value::as_str) == Some("-") => {}
                None => gather.broken(last, &entry.to_string()),
            }
        }
    }
    gather.finish(last, "no benchmark", HELP)
}

/// `["file", "name", nanoseconds, {"counter": {"value": 5, "type": 0}}]`; a counter of type 1 is a time in seconds.
fn verbose(entry: &Value) -> Option<Benchmark> {
    let name = entry.get(1)?.as_str().filter(|name| *name != "-")?;
    let mut found = named(name, entry.get(0)?.as_str()?)?;
    found.metrics.push(metric(FORMAT, "wall_time", entry.get(2)?.as_f64()?, &Unit::nanoseconds()));
    for (name, counter) in entry.get(3).and_then(Value::as_object).into_iter().flatten() {
        let Some(value) = counter.get("value").and_then(Value::as_f64) else { continue };
        found.metrics.push(match counter.get("type").and_then(Value::as_u64) {
            Some(1) => metric(FORMAT, &snake_case(name), value, &Unit::seconds()),
            _ => plain(FORMAT, &snake_case(name), value, "count", Direction::Lower),
        });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, damage_is_told, encodings_do_not_matter, fixture, listed, two_in_one_stream};

    #[test]
    fn documented_files_are_read() {
        for file in ["documented.txt", "counters.txt", "verbose.json"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("folly", file)).unwrap()));
            encodings_do_not_matter(parse, &fixture("folly", file));
            two_in_one_stream(parse, &fixture("folly", file));
        }
        damage_is_told(parse, &fixture("folly", "documented.txt"), "2.50us");
    }

    /// It has no mark of its own, so that it is read by name only; its times are picoseconds.
    #[test]
    fn the_short_json_is_in_picoseconds() {
        let parsed = parse(b"{\n  \"-\": 0,\n  \"%faster\": 1250.5,\n  \"slow\": 2500000\n}\n").unwrap();
        let found: Vec<_> = parsed.benchmarks.iter().map(|one| (one.name.as_str(), one.metrics[0].value)).collect();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["faster", "slow"]);
        close(Some(found[0].1), 1.2505);
        close(Some(found[1].1), 2500.0);
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let whole = String::from_utf8(fixture("folly", "documented.txt")).unwrap();
        let half = &whole[..whole.find("2.50us").unwrap() + 2];
        let no_rule = &whole[..whole.find("400.00K").unwrap() + 7];
        for bad in ["", "{}", "[]", "[[\"a\", \"b\"", "a.cpp  relative  time/iter  iters/s\n", half, no_rule] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
