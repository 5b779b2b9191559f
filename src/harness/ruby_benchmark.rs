//! Ruby's own `Benchmark.bm`: user, system, total and real seconds.
//!
//! `docs/harness/ruby-benchmark.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, metric};
use super::lines::{Lines, without_colours};
use super::units::Unit;
use super::{HarnessError, Parsed, unreadable};
use crate::results::Benchmark;

const FORMAT: &str = "ruby-benchmark";
const HELP: &str = "run `Benchmark.bm` or `Benchmark.bmbm` and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "ruby-benchmark",
    title: "what Ruby's `Benchmark.bm` prints",
    reading: Reading::Lines(read),
    sniff: |head| head.line("`user  system  total  real`", is_header),
};

fn is_header(line: &str) -> bool {
    line.split_whitespace().eq(["user", "system", "total", "real"])
}

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no result.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let (mut rehearsal, mut table) = (false, false);
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        if text.starts_with("Rehearsal ---") {
            (rehearsal, table) = (true, true);
        } else if is_header(text) {
            (rehearsal, table) = (false, true);
        } else if let Some(found) = result(text).filter(|_| table) {
            // `bmbm` runs all of them once to warm up.
            if !rehearsal {
                gather.add(line.number, found);
            }
        } else if table && !rehearsal && text.contains('(') && text.ends_with(')') {
            gather.broken(line.number, text);
        }
    }
    gather.finish(lines.number(), "no row below `user  system  total  real`", HELP)
}

/// `name  0.1  0.0  0.1 (  0.1)`.
fn result(line: &str) -> Option<Benchmark> {
    let (before, real) = line.rsplit_once('(')?;
    let real: f64 = real.strip_suffix(')')?.trim().parse().ok()?;
    let mut words: Vec<&str> = before.split_whitespace().collect();
    let mut times = [0.0_f64; 3];
    for time in times.iter_mut().rev() {
        *time = words.pop()?.parse().ok()?;
    }
    let name = words.join(" ");
    let name = name.strip_suffix(':').unwrap_or(&name);
    let mut found = Benchmark::new(if name.is_empty() { "(unnamed)" } else { name });
    let [user, system, total] = times;
    let unit = Unit::seconds();
    for (name, value) in [("wall_time", real), ("user_time", user), ("system_time", system), ("cpu_time", total)] {
        found.metrics.push(metric(FORMAT, name, value, &unit));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!(
            "recorded",
            listed(&ADAPTER.parse(&fixture("ruby-benchmark", "recorded.txt")).unwrap())
        );
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "       user     system      total        real\n", "a 0.1 0.1 0.2 ( 0.2)\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
