//! Luau's benchmark runner: `SUCCESS: name : 15.041ms +/- 0.636% on luau`, and the table that repeats it with minima.
//!
//! `docs/harness/luau.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, invalid, metric};
use super::lines::{Lines, without_colours};
use super::numbers::{number, with_unit};
use super::units::Unit;
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::Benchmark;

const FORMAT: &str = "luau";
const HELP: &str = "run Luau's `bench/bench.py` and keep its output";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "luau",
    title: "the output of Luau's benchmark runner",
    reading: Reading::Lines(read),
    sniff: |head| {
        head.line("`SUCCESS: name : 15.041ms +/- 0.636% on luau`", |line| {
            line.starts_with("SUCCESS:") && result(line).is_some()
        })
    },
};

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no result, or the last line breaks off in the middle of one.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        if text.starts_with("SUCCESS:") {
            match result(text) {
                Some(benchmark) => gather.add(line.number, benchmark),
                None if !line.ended => {
                    let text = format!("cut off in the middle of `{}`", quoted(text));
                    return Err(HarnessError::new(line.number, 1, text, "did the runner come to its end?"));
                }
                None => gather.broken(line.number, text),
            }
        } else if let Some(rest) = text.strip_prefix("FAILED:").or_else(|| text.strip_prefix("FAILURE:")) {
            let name = rest.split(" : ").next().unwrap_or(rest).trim();
            gather.add(line.number, Benchmark { validity: invalid("it failed"), ..Benchmark::new(name) });
        } else if text.contains(" | ") {
            row(&mut gather, text);
        }
    }
    gather.finish(lines.number(), "no line like `SUCCESS: name : 15.041ms +/- 0.636% on luau`", HELP)
}

fn result(line: &str) -> Option<Benchmark> {
    let (name, rest) = line
        .strip_prefix("SUCCESS:")?
        .rsplit_once(" : ")
        .or_else(|| line.strip_prefix("SUCCESS:")?.rsplit_once(':'))?;
    let (figures, driver) = rest.rsplit_once(" on ").map_or((rest, None), |(figures, driver)| (figures, Some(driver)));
    let (time, margin) = figures.split_once("+/-")?;
    let (value, unit) = with_unit(time)?;
    let unit = Unit::time(unit)?;
    let (share, percent) = number(margin)?;
    if percent.trim() != "%" || name.trim().is_empty() {
        return None;
    }
    let mut found = Benchmark::new(name.trim());
    found.parameters.extend(driver.map(|driver| ("driver".into(), driver.trim().into())));
    found.metrics.push(give_or_take(metric(FORMAT, "wall_time", value, &unit), Some(value * share / 100.0), &unit));
    Some(found)
}

/// A row of the table gives the minimum to the benchmark of its name; the sum in `Total` is nobody's.
fn row(gather: &mut Gather, line: &str) {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [name, least, _, _, driver, ..] = cells.as_slice() else { return };
    let Some((value, unit)) = with_unit(least).and_then(|(value, unit)| Some((value, Unit::time(unit)?))) else {
        return;
    };
    let is_it = |one: &&mut Benchmark| {
        one.name == *name && one.metrics.len() == 1 && one.parameters.get("driver").is_none_or(|own| own == driver)
    };
    if let Some(benchmark) = gather.benchmarks.iter_mut().find(is_it) {
        benchmark.metrics.push(metric(FORMAT, "wall_time_min", value, &unit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_given_file_is_read() {
        insta::assert_snapshot!("given", listed(&ADAPTER.parse(&fixture("luau", "benchmarkluau_output.txt")).unwrap()));
    }

    #[test]
    fn odd_lines_are_told_and_halves_refused() {
        let parsed = ADAPTER.parse(b"SUCCESS: a b: 1,5ms +/- 1% on x\r\nSUCCESS: c : many\nFAILED: d\n").unwrap();
        assert_eq!((parsed.benchmarks[0].metrics[0].value, parsed.benchmarks.len()), (1.5e6, 2));
        assert_eq!(parsed.warnings[0].line, 2);
        for bad in ["", "a | b | c | d | e\n", "SUCCESS: base64 : 15.0"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
