//! Python's `timeit` and IPython's `%timeit`: one line for each call, without a name.
//!
//! `docs/harness/timeit.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, metric};
use super::lines::{Lines, without_colours};
use super::numbers::with_unit;
use super::units::Unit;
use super::{HarnessError, Parsed, unreadable};
use crate::results::Benchmark;

const FORMAT: &str = "timeit";
const HELP: &str = "run `python -m timeit STATEMENT`";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "timeit",
    title: "Python's `timeit` and IPython's `%timeit`",
    reading: Reading::Lines(read),
    sniff: |head| {
        head.line("`1000 loops, best of 5: 12 usec per loop`", |line| best(line).is_some() || mean(line).is_some())
    },
};

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no result.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut raw: Vec<f64> = Vec::new();
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        if let Some(times) = text.strip_prefix("raw times:") {
            raw = times.split(", ").filter_map(|time| nanoseconds(time.trim())).collect();
        } else if let Some((loops, mut benchmark)) = best(text) {
            for metric in &mut benchmark.metrics {
                // The raw times are of all loops of a repeat together.
                metric.samples = raw.drain(..).map(|time| time / loops as f64).collect();
            }
            gather.add(line.number, benchmark);
        } else if let Some(benchmark) = mean(text) {
            gather.add(line.number, benchmark);
        } else if text.contains("per loop") {
            gather.broken(line.number, text);
        }
    }
    gather.finish(lines.number(), "no line like `1000 loops, best of 5: 12 usec per loop`", HELP)
}

fn nanoseconds(text: &str) -> Option<f64> {
    let (value, unit) = with_unit(text)?;
    Some(value * Unit::time(unit)?.scale)
}

/// `1000 loops, best of 5: 539 nsec per loop`.
fn best(line: &str) -> Option<(u64, Benchmark)> {
    let (loops, rest) = line.split_once(" loop")?;
    let loops: u64 = loops.trim().parse().ok().filter(|loops| *loops > 0)?;
    let (value, unit) = with_unit(rest.split_once(": ")?.1.strip_suffix(" per loop")?)?;
    let unit = Unit::time(unit)?;
    let mut found = Benchmark::new(FORMAT);
    let mut time = metric(FORMAT, "wall_time", value, &unit);
    time.iterations = Some(loops);
    found.metrics.push(time);
    Some((loops, found))
}

/// `25.1 ns ± 0.2 ns per loop (mean ± std. dev. of 7 runs, 10,000,000 loops each)`.
fn mean(line: &str) -> Option<Benchmark> {
    let (figures, about) = line.split_once(" per loop (mean")?;
    let (value, by) = figures.split_once('±').or_else(|| figures.split_once("+-"))?;
    let (value, unit) = with_unit(value)?;
    let unit = Unit::time(unit)?;
    let by = nanoseconds(by.trim())?;
    let mut found = Benchmark::new(FORMAT);
    let mut time = give_or_take(metric(FORMAT, "wall_time", value, &unit), Some(by / unit.scale), &unit);
    let count = |before: &str| {
        let words = about.split_once(before)?.0;
        words.rsplit(' ').find(|word| !word.is_empty())?.replace([',', '_'], "").parse::<u64>().ok()
    };
    time.iterations = count(" run").zip(count(" loop")).map(|(runs, loops)| runs.saturating_mul(loops));
    found.metrics.push(time);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&ADAPTER.parse(&fixture("timeit", "recorded.txt")).unwrap()));
    }

    #[test]
    fn the_form_of_ipython_is_read() {
        let line = "25.5 µs ± 100 ns per loop (mean ± std. dev. of 7 runs, 10,000 loops each)";
        let metric = ADAPTER.parse(line.as_bytes()).unwrap().benchmarks[0].metrics[0].clone();
        assert_eq!((metric.value, metric.lower, metric.iterations), (25_500.0, Some(25_400.0), Some(70_000)));
    }

    #[test]
    fn output_of_ipython_is_read() {
        let parsed = ADAPTER.parse(&fixture("timeit", "ipython.txt")).unwrap();
        let found: Vec<_> =
            parsed.benchmarks.iter().map(|one| (one.metrics[0].value, one.metrics[0].iterations)).collect();
        let iterations = [3_000, 70_000, 7_000_000, 1, 4, 7_000];
        let values = [1_040.0, 18_700.0, 445.0, 1_200.0, 10_100_000.0, 6.881_714];
        assert_eq!(found, values.into_iter().zip(iterations.map(Some)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "hello\n", "1000 loops, best of 5: many per loop\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
