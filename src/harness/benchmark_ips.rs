//! Ruby's benchmark-ips: `name  36.123M (± 5.0%) i/s`.
//!
//! `docs/harness/benchmark-ips.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, metric};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::Benchmark;

const FORMAT: &str = "benchmark-ips";
const MARK: &str = " i/s";
const HELP: &str = "run `Benchmark.ips` and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "benchmark-ips",
    title: "what Ruby's benchmark-ips prints",
    reading: Reading::Lines(read),
    sniff: |head| head.line("`name  36.123M (± 5.0%) i/s`", |line| result(line).is_some()),
};

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no result, or the last line breaks off in the middle of one.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut calculating = false;
    // A name that is too long for its column stands on a line of its own.
    let mut name: Option<String> = None;
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        if text.starts_with("Calculating ---") || text.starts_with("Comparison:") || text.starts_with("Warming up ---")
        {
            calculating = text.starts_with("Calculating");
            name = None;
        } else if let Some(mut found) = result(text) {
            if found.name.is_empty() {
                found.name = name.take().unwrap_or_else(|| "(unnamed)".into());
            }
            gather.add(line.number, found);
        } else if calculating && text.contains('(') && text.contains('%') {
            if !line.ended {
                let text = format!("cut off in the middle of `{}`", quoted(text));
                return Err(HarnessError::new(line.number, 1, text, "did the program run to its end?"));
            }
            gather.broken(line.number, text);
        } else if calculating && !text.is_empty() {
            name = Some(text.to_owned());
        }
    }
    gather.finish(lines.number(), "no line like `name  36.123M (± 5.0%) i/s`", HELP)
}

fn result(line: &str) -> Option<Benchmark> {
    let (before, after) = line.split_once(MARK)?;
    let (before, margin) = before.rsplit_once('(')?;
    let (margin, rest) = number(margin.trim_start_matches(|c: char| !c.is_ascii_digit()))?;
    if !rest.trim_start().starts_with("%)") {
        return None;
    }
    let before = before.trim_end();
    let (name, value) = before.rsplit_once(char::is_whitespace).unwrap_or(("", before));
    let (value, suffix) = number(value)?;
    let factor = match suffix {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "B" => 1e9,
        "T" => 1e12,
        "Q" => 1e15,
        _ => return None,
    };
    let unit = Unit::of("i/s");
    let value = value * factor;
    let mut rate = give_or_take(metric(FORMAT, "rate", value, &unit), Some(value * margin / 100.0), &unit);
    let total =
        after.split_once(" - ").and_then(|(_, total)| total.trim_start().split_once(" in")).map(|(total, _)| total);
    rate.note = total.map(|total| format!("{} iterations", total.trim()));
    let mut found = Benchmark::new(name.trim());
    found.metrics.push(rate);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_documented_file_is_read() {
        insta::assert_snapshot!(
            "documented",
            listed(&ADAPTER.parse(&fixture("benchmark-ips", "documented.txt")).unwrap())
        );
    }

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded.txt", "wide-margin.txt"] {
            insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("benchmark-ips", file)).unwrap()));
        }
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "Comparison:\n", "Calculating -----\n a  1.0M (± 5"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
