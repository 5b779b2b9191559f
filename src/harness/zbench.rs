//! zBench, a library of benchmarks for Zig: the table it prints, and its JSON.
//!
//! `docs/harness/zbench.md` has the rules.

use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, metric, sampled};
use super::lines::without_colours;
use super::numbers::number;
use super::units::Unit;
use super::values::{documents, numbers};
use super::{HarnessError, Parsed, decoded, quoted};
use crate::results::{Benchmark, Metric};

const FORMAT: &str = "zbench";
const HELP: &str = "run `zig build test` or the benchmark program, and keep what it prints";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "zbench",
    title: "zBench's table and JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| {
        if head.lines().any(is_header) {
            return Ok(super::adapter::Confidence::Certain);
        }
        head.with_keys(&["timing_statistics", "timings", "percentiles"])
            .map_err(|_| "there is no header `benchmark  runs  total time  time/run (avg ± σ)`".into())
    },
};

fn is_header(line: &str) -> bool {
    let mut words = line.split_whitespace();
    ["benchmark", "runs", "total", "time", "time/run", "(avg", "±"].iter().all(|word| words.next() == Some(*word))
}

/// Reads the table or the JSON.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    match text.lines().any(|line| is_header(&without_colours(line))) {
        true => table(&text),
        false => json(bytes),
    }
}

fn table(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut is_open = false;
    let (mut last, lines) = (1, text.lines().count());
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim();
        is_open |= is_header(line);
        if !is_open || is_header(line) || !line.contains('±') {
            continue;
        }
        let read = match line.split_once(" [MEMORY] ") {
            Some((name, rest)) => memory(&mut gather, name, rest),
            None => row(line).map(|found| gather.add(last, found)),
        };
        match read {
            Some(()) => {}
            None if index + 1 == lines && !text.ends_with('\n') => {
                let text = format!("cut off in the middle of `{}`", quoted(line));
                return Err(HarnessError::new(last, 1, text, "did the program run to its end?"));
            }
            None => gather.broken(last, line),
        }
    }
    gather.finish(last, "no row below `benchmark  runs  total time  time/run (avg ± σ)`", HELP)
}

/// The six figures of a row: mean, deviation, least, most and percentiles, each as it is written.
fn figures(text: &str) -> Option<[&str; 7]> {
    let (mean, rest) = text.split_once('±')?;
    let (deviation, rest) = rest.split_once('(')?;
    let (range, rest) = rest.split_once(')')?;
    let (min, max) = range.split_once("...")?;
    let mut percentiles = rest.split_whitespace();
    let (p75, p99, p995) = (percentiles.next()?, percentiles.next()?, percentiles.next()?);
    Some([mean, deviation, min, max, p75, p99, p995].map(str::trim))
}

/// The metrics of a row, in the order of its figures.
const NAMES: [&str; 6] = ["", "_min", "_max", "_p75", "_p99", "_p99_5"];

fn metrics(name: &str, figures: [f64; 7], unit: &Unit) -> Vec<Metric> {
    let [mean, deviation, others @ ..] = figures;
    let mut all = vec![give_or_take(metric(FORMAT, name, mean, unit), Some(deviation), unit)];
    let endings = NAMES.iter().skip(1).zip(others);
    all.extend(endings.map(|(ending, value)| metric(FORMAT, &format!("{name}{ending}"), value, unit)));
    all
}

/// `name  runs  total  mean ± deviation  (min ... max)  p75  p99  p995`; names may hold spaces.
fn row(line: &str) -> Option<Benchmark> {
    let at = line.find('±')?;
    let (left, mean) = last_word(line.get(..at)?)?;
    let (left, total) = last_word(left)?;
    let (name, runs) = last_word(left)?;
    duration(total)?;
    let written = figures(&format!("{mean} {}", line.get(at..)?))?.map(duration);
    let mut found = Benchmark::new(name.trim());
    found.metrics = metrics("wall_time", whole(written)?, &Unit::nanoseconds());
    found.metrics.first_mut()?.iterations = Some(runs.parse().ok()?);
    (!found.name.is_empty()).then_some(found)
}

/// `name [MEMORY]  mean ± deviation  (min ... max)  p75  p99  p995`: what the benchmark above allocated at most.
fn memory(gather: &mut Gather, name: &str, rest: &str) -> Option<()> {
    let values = whole(figures(rest)?.map(size))?;
    let found = gather.benchmarks.last_mut().filter(|found| found.name == name.trim())?;
    found.metrics.extend(metrics("max_allocation", values, &Unit::of("bytes")));
    Some(())
}

fn whole(values: [Option<f64>; 7]) -> Option<[f64; 7]> {
    let [a, b, c, d, e, f, g] = values;
    Some([a?, b?, c?, d?, e?, f?, g?])
}

fn last_word(text: &str) -> Option<(&str, &str)> {
    text.trim_end().rsplit_once(char::is_whitespace)
}

/// A duration as Zig writes it, in nanoseconds: `28ns`, `1.873ms`, `1m2.5s`.
fn duration(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let (value, after) = number(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let days = match after.get(..end)? {
            "d" => Some(1.0),
            "w" => Some(7.0),
            "y" => Some(365.0),
            _ => None,
        };
        let scale = days.map(|days| days * 8.64e13).or_else(|| Some(Unit::time(after.get(..end)?)?.scale))?;
        sum += value * scale;
        rest = after.get(end..)?;
    }
    (!text.is_empty()).then_some(sum)
}

/// A size as Zig writes it, in bytes: `0B`, `1.500KiB`.
fn size(text: &str) -> Option<f64> {
    let (value, unit) = number(text)?;
    let unit = Unit::of(unit.trim());
    (unit.unit == "bytes").then_some(value * unit.scale)
}

fn json(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents(bytes, is_own, HELP)? {
        last = document.line;
        let value = &document.value;
        for entry in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            match result(entry) {
                Some(found) => gather.add(last, found),
                None => gather.broken(last, &entry.to_string()),
            }
        }
    }
    gather.finish(last, "no benchmark", HELP)
}

fn is_own(value: &Value) -> bool {
    let is_result = |value: &Value| value.get("timing_statistics").is_some();
    is_result(value) || value.as_array().is_some_and(|all| all.iter().any(is_result))
}

fn result(entry: &Value) -> Option<Benchmark> {
    let mut found = Benchmark::new(entry.get("name")?.as_str()?);
    let all = [
        ("wall_time", "timing_statistics", "timings"),
        ("max_allocation", "max_allocation_statistics", "max_allocations"),
    ];
    for (name, key, samples) in all {
        let Some(statistics) = entry.get(key) else { continue };
        let unit = match statistics.get("units").and_then(Value::as_str) {
            Some("bytes") => Unit::of("bytes"),
            unit => Unit::time(unit?)?,
        };
        let value = |key: &str| statistics.pointer(key).and_then(Value::as_f64);
        let keys = ["/mean", "/stddev", "/min", "/max", "/percentiles/p75", "/percentiles/p99", "/percentiles/p995"];
        let mut these = metrics(name, whole(keys.map(value))?, &unit);
        let raw = entry.get(samples).and_then(numbers).unwrap_or_default();
        if let Some(main) = these.first_mut() {
            main.iterations = (!raw.is_empty()).then_some(raw.len() as u64);
            *main = sampled(main.clone(), &raw, &unit);
        }
        found.metrics.extend(these);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{
        close, damage_is_told, encodings_do_not_matter, every_cut_is_an_error, fixture, listed, two_in_one_stream,
    };

    #[test]
    fn documented_files_are_read() {
        for file in ["documented.txt", "documented.json"] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("zbench", file)).unwrap()));
            encodings_do_not_matter(parse, &fixture("zbench", file));
            two_in_one_stream(parse, &fixture("zbench", file));
        }
        damage_is_told(parse, &fixture("zbench", "documented.txt"), "28ns");
        damage_is_told(parse, &fixture("zbench", "documented.txt"), "1.500KiB");
        every_cut_is_an_error(parse, &fixture("zbench", "documented.json"), 1);
    }

    #[test]
    fn durations_of_zig_are_read() {
        for (text, nanoseconds) in
            [("28ns", 28.0), ("1.873ms", 1.873e6), ("1m2.5s", 62.5e9), ("1h2m3s", 3_723e9), ("1d1ns", 8.64e13 + 1.0)]
        {
            close(duration(text), nanoseconds);
        }
        for no in ["", "ns", "5", "5 parsecs", "1m2"] {
            assert!(duration(no).is_none(), "{no}");
        }
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let whole = String::from_utf8(fixture("zbench", "documented.txt")).unwrap();
        let header = whole.split("----").next().unwrap();
        let half = &whole[..whole.rfind("(").unwrap()];
        for bad in ["", "[]", "{\"name\": \"a\"}", header, half] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
