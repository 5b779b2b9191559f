//! What benchmark.js prints: `name x 1,431,759 ops/sec ±0.74% (93 runs sampled)`.
//!
//! `docs/harness/benchmarkjs.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::gather::{Gather, give_or_take, metric};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, unreadable};
use crate::results::Benchmark;

const MARK: &str = " ops/sec";
const HELP: &str = "print `String(event.target)` on each `cycle` event";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "benchmarkjs",
    title: "benchmark.js's `name x 1,234 ops/sec` lines",
    reading: Reading::Lines(read),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.line("`name x 1,234 ops/sec ±1.0% (90 runs sampled)`", |line| {
        line.contains(" x ") && line.contains(MARK) && result(line).is_some()
    })
}

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
        if !(text.contains(MARK) && text.contains(" x ")) {
            continue;
        }
        match result(text) {
            Some(benchmark) => gather.add(line.number, benchmark),
            None if !line.ended => {
                let text = format!("cut off in the middle of `{}`", super::quoted(text));
                return Err(HarnessError::new(line.number, 1, text, "did the program run to its end?"));
            }
            None => gather.broken(line.number, text),
        }
    }
    gather.finish(lines.number(), "no line like `name x 1,234 ops/sec`", HELP)
}

fn result(line: &str) -> Option<Benchmark> {
    let end = line.rfind(MARK)?;
    let (name, value) = line.get(..end)?.rsplit_once(" x ")?;
    let (value, rest) = number(value)?;
    if !rest.is_empty() || name.trim().is_empty() {
        return None;
    }
    let rest = line.get(end + MARK.len()..)?.trim_start();
    let unit = Unit::of("ops/sec");
    let mut rate = metric("benchmarkjs", "rate", value, &unit);
    // The sign is damaged where the output's encoding was not UTF-8.
    let (margin, rest) = number(rest.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '('))?;
    let rest = rest.trim_start().strip_prefix('%')?.trim_start();
    rate = give_or_take(rate, Some(value * margin / 100.0), &unit);
    let runs = rest.strip_prefix('(')?.strip_suffix(')')?;
    runs.split(' ').next()?.parse::<u64>().ok()?;
    rate.note = Some(runs.to_owned());
    let mut benchmark = Benchmark::new(name.trim());
    benchmark.metrics.push(rate);
    Some(benchmark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn given_and_recorded_files_are_read() {
        for file in ["benchmarkjs_output.txt", "recorded.txt"] {
            insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("benchmarkjs", file)).unwrap()));
        }
    }

    #[test]
    fn odd_lines_are_told_and_halves_refused() {
        let parsed = ADAPTER
            .parse(b"a x b x 1,000 ops/sec \xb11.5% (1 run sampled)\r\nc x many ops/sec\nthis x line\n")
            .unwrap();
        assert_eq!((parsed.benchmarks[0].name.as_str(), parsed.warnings[0].line), ("a x b", 2));
        assert_eq!(parsed.benchmarks[0].metrics[0].lower, Some(985.0));
        for bad in ["", "this x line\n", "a x 1 ops/sec ±1% (1 run", "a x 2 ops/sec\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
