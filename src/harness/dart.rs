//! Dart's benchmark_harness: `Name(RunTime): 12.3 us.`
//!
//! `docs/harness/dart.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, metric};
use super::lines::{Lines, without_colours};
use super::numbers::with_unit;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::Benchmark;

const FORMAT: &str = "dart";
const HELP: &str = "run the benchmark's `report()` and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "dart",
    title: "what Dart's benchmark_harness prints",
    reading: Reading::Lines(read),
    sniff: |head| head.line("`Name(RunTime): 12.3 us.`", |line| result(line).is_some()),
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
        match result(text) {
            Some(found) => gather.add(line.number, found),
            None if text.contains("(RunTime):") && !line.ended => {
                let text = format!("cut off in the middle of `{}`", quoted(text));
                return Err(HarnessError::new(line.number, 1, text, "did the program run to its end?"));
            }
            None if text.contains("(RunTime):") => gather.broken(line.number, text),
            None => {}
        }
    }
    gather.finish(lines.number(), "no line like `Name(RunTime): 12.3 us.`", HELP)
}

fn result(line: &str) -> Option<Benchmark> {
    let (head, figure) = line.rsplit_once("): ")?;
    let (name, what) = head.rsplit_once('(')?;
    let (value, unit) = with_unit(figure.strip_suffix('.')?)?;
    let unit = Unit::time(unit)?;
    if name.trim().is_empty() || !what.chars().all(char::is_alphanumeric) {
        return None;
    }
    let metric_name = if what == "RunTime" { "wall_time".to_owned() } else { snake_case(what) };
    let mut found = Benchmark::new(name.trim());
    found.metrics.push(metric(FORMAT, &metric_name, value, &unit));
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_documented_file_is_read() {
        insta::assert_snapshot!("documented", listed(&ADAPTER.parse(&fixture("dart", "documented.txt")).unwrap()));
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "Template(RunTime): many us.\n", "Template(RunTime): 0.15"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
