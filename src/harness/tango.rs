//! tango (the crate tango-bench): what `compare` and `solo` print. A comparison has figures of two programs; the
//! candidate is the one that is read.
//!
//! `docs/harness/tango.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, metric, plain};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::{Benchmark, Direction};

const FORMAT: &str = "tango";
const HELP: &str = "run the benchmark program with `solo`, or with `compare BASELINE`, and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "tango",
    title: "what tango's `compare` and `solo` print",
    reading: Reading::Lines(read),
    sniff: |head| {
        head.line("`name  [ 1.2 us ... 1.1 us ]  -8.30%`", |line| {
            let line = shown(line);
            one_line(line).is_some() || title(line).is_some()
        })
    },
};

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no benchmark, or ends in the middle of a line or of a table.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut open: Option<(u64, Benchmark)> = None;
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = shown(&text);
        let mut is_read = true;
        if let Some(found) = one_line(text) {
            gather.add(line.number, found);
        } else if let Some(name) = title(text) {
            if let Some((from, done)) = open.replace((line.number, Benchmark::new(name))) {
                gather.add(from, done);
            }
        } else if let (Some((_, found)), Some((label, cells))) = (&mut open, text.split_once('│')) {
            is_read = row(found, label.trim(), cells).is_some();
        } else if text.is_empty() {
            // A table ends with an empty line, which is whole.
            if let Some((from, done)) = open.take_if(|_| line.ended) {
                gather.add(from, done);
            }
        } else {
            is_read = !text.contains("[ ");
        }
        match (is_read, line.ended) {
            (true, _) => {}
            (false, true) => gather.broken(line.number, text),
            (false, false) => return Err(cut_off(line.number, text)),
        }
    }
    match open {
        Some((from, found)) => Err(cut_off(from, &found.name)),
        None => gather.finish(lines.number(), "no line like `name  [ 1.2 us ... 1.1 us ]  -8.30%`", HELP),
    }
}

fn cut_off(line: u64, text: &str) -> HarnessError {
    let text = format!("cut off in the middle of `{}`", quoted(text));
    HarnessError::new(line, 1, text, "did the benchmark program run to its end?")
}

/// What a terminal shows of a line: progress is overwritten.
fn shown(line: &str) -> &str {
    let line = line.trim_end();
    line.rsplit('\r').next().unwrap_or(line).trim_end()
}

/// `name  [ baseline ... candidate ]  +1.2%*`, or `name  [ min ... mean ... max ]  stddev: 3.4 ns`.
fn one_line(line: &str) -> Option<Benchmark> {
    let (name, rest) = line.rsplit_once(" [ ")?;
    let (inner, after) = rest.split_once(" ]")?;
    let times: Vec<(f64, Unit)> = inner.split(" ... ").map(time).collect::<Option<_>>()?;
    let mut found = Benchmark::new(name.trim());
    let after = after.trim();
    match (times.as_slice(), after.strip_prefix("stddev:")) {
        ([(baseline, base_unit), (candidate, unit)], None) if after.trim_end_matches('*').ends_with('%') => {
            let mut main = metric(FORMAT, "wall_time", *candidate, unit);
            main.note = Some(format!("the baseline had {} ns", baseline * base_unit.scale));
            found.metrics.push(main);
        }
        ([(min, min_unit), (mean, unit), (max, max_unit)], Some(deviation)) => {
            let (deviation, of) = time(deviation)?;
            let by = deviation * of.scale / unit.scale;
            found.metrics.push(give_or_take(metric(FORMAT, "wall_time", *mean, unit), Some(by), unit));
            found.metrics.push(metric(FORMAT, "wall_time_min", *min, min_unit));
            found.metrics.push(metric(FORMAT, "wall_time_max", *max, max_unit));
        }
        _ => return None,
    }
    (!found.name.is_empty()).then_some(found)
}

/// `1.2 us`.
fn time(text: &str) -> Option<(f64, Unit)> {
    let (value, unit) = number(text)?;
    Some((value, Unit::time(unit.trim())?))
}

/// `name  (n: 7, outliers: 0)`, above a table.
fn title(line: &str) -> Option<&str> {
    let (name, counts) = line.rsplit_once("  (n: ")?;
    let (runs, outliers) = counts.strip_suffix(')')?.split_once(", outliers: ")?;
    let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    (all_digits(runs) && all_digits(outliers)).then_some(name.trim()).filter(|name| !name.is_empty())
}

/// A row of a table: `mean │ baseline candidate difference share`.
fn row(found: &mut Benchmark, label: &str, cells: &str) -> Option<()> {
    let mut cells = cells.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    let (_, candidate, _) = (cells.next()?, cells.next()?, cells.next()?);
    match label {
        "mean" | "min" | "max" => {
            let (value, unit) = time(candidate)?;
            let name = if label == "mean" { "wall_time".to_owned() } else { format!("wall_time_{label}") };
            found.metrics.push(metric(FORMAT, &name, value, &unit));
        }
        "std. dev." => {
            let (value, unit) = time(candidate)?;
            let main = found.metrics.first_mut()?;
            *main = give_or_take(main.clone(), Some(value * unit.scale), &Unit::nanoseconds());
        }
        label => {
            let (value, rest) = number(candidate)?;
            // Sums over all samples, in nanoseconds; they follow the time that was asked for.
            let unit = if matches!(label, "cpu_sys" | "cpu_usr") { "ns" } else { "count" };
            rest.is_empty()
                .then(|| found.metrics.push(plain(FORMAT, &snake_case(label), value, unit, Direction::Lower)))?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{damage_is_told, encodings_do_not_matter, fixture, listed, two_in_one_stream};

    fn parse(mut bytes: &[u8]) -> Result<Parsed, HarnessError> {
        read(&mut bytes)
    }

    #[test]
    fn recorded_files_are_read() {
        for file in ["compare.txt", "colour.txt", "verbose.txt", "solo.txt"] {
            let parsed = parse(&fixture("tango", file)).unwrap();
            assert_eq!((parsed.benchmarks.len(), &parsed.warnings[..]), (3, &[][..]), "{file}");
            insta::assert_snapshot!(file, listed(&parsed));
            encodings_do_not_matter(parse, &fixture("tango", file));
        }
        two_in_one_stream(parse, &fixture("tango", "verbose.txt"));
        damage_is_told(parse, &fixture("tango", "solo.txt"), "141.8");
        damage_is_told(parse, &fixture("tango", "verbose.txt"), "382.0");
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let verbose = String::from_utf8(fixture("tango", "verbose.txt")).unwrap();
        let half = verbose.split("std. dev.").next().unwrap();
        for bad in ["", "fib 10\nsum/1000\n", "fib  [ 1.2 us ... 1.1", "fib  [ 1.2 us ... ]  +1.0%\n", half] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
