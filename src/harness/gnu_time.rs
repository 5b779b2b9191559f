//! GNU time: what `/usr/bin/time -v COMMAND` writes to standard error.
//!
//! `docs/harness/gnu-time.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, invalid, metric, plain};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "gnu-time";
const HELP: &str = "run `/usr/bin/time -v COMMAND`; it writes to standard error";
const START: &str = "Command being timed:";
const END: &str = "Exit status:";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "gnu-time",
    title: "what `/usr/bin/time -v` writes",
    reading: Reading::Lines(read),
    sniff: |head| head.line("`Command being timed: \"...\"`", |line| line.starts_with(START)),
};

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no result, or ends in the middle of one.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut open: Option<(u64, Benchmark)> = None;
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        if let Some(command) = text.strip_prefix(START) {
            if let Some((from, _)) = open.take() {
                return Err(cut(from));
            }
            let command = command.trim();
            let command = command.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(command);
            open = Some((line.number, Benchmark::new(command)));
        } else if let Some((from, mut benchmark)) = open.take() {
            if let Some(status) = text.strip_prefix(END) {
                if status.trim() != "0" {
                    benchmark.validity = invalid(format!("the command ended with exit status {}", quoted(status)));
                }
                gather.add(from, benchmark);
                continue;
            }
            if let Some((key, value)) = text.rsplit_once(": ") {
                match figure(key, value.trim()) {
                    Some(Some(found)) => benchmark.metrics.push(found),
                    Some(None) => {}
                    None => gather.broken(line.number, text),
                }
            }
            open = Some((from, benchmark));
        }
    }
    if let Some((from, _)) = open {
        return Err(cut(from));
    }
    gather.finish(lines.number(), "no line `Command being timed:`", HELP)
}

fn cut(line: u64) -> HarnessError {
    HarnessError::new(line, 1, "cut off: this command has no `Exit status:`", "was it killed? run it again")
}

/// A line's figure; `Some(None)` for what says nothing, `None` where it cannot be read.
fn figure(key: &str, value: &str) -> Option<Option<Metric>> {
    let of = |name: &str, unit: &str| Some(Some(metric(FORMAT, name, number(value)?.0, &Unit::of(unit))));
    let count = || Some(Some(plain(FORMAT, &snake_case(key), number(value)?.0, "count", Direction::Lower)));
    match key {
        "User time (seconds)" => of("user_time", "s"),
        "System time (seconds)" => of("system_time", "s"),
        "Maximum resident set size (kbytes)" => of("peak_memory", "KiB"),
        _ if key.starts_with("Elapsed (wall clock) time") => {
            Some(Some(metric(FORMAT, "wall_time", elapsed(value)?, &Unit::seconds())))
        }
        "Percent of CPU this job got" => Some(None),
        _ if key.starts_with("Average ") || key.starts_with("Page size") => Some(None),
        "Major (requiring I/O) page faults" => {
            Some(Some(plain(FORMAT, "major_page_faults", number(value)?.0, "count", Direction::Lower)))
        }
        "Minor (reclaiming a frame) page faults" => {
            Some(Some(plain(FORMAT, "minor_page_faults", number(value)?.0, "count", Direction::Lower)))
        }
        "Voluntary context switches"
        | "Involuntary context switches"
        | "File system inputs"
        | "File system outputs" => count(),
        _ => Some(None),
    }
}

/// `h:mm:ss` or `m:ss.cc`, in seconds.
fn elapsed(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + number(part)?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&ADAPTER.parse(&fixture("gnu-time", "recorded.txt")).unwrap()));
        close(elapsed("1:02:03"), 3723.0);
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "real 0m1.0s\n", "\tCommand being timed: \"a\"\n\tUser time (seconds): 0.1\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let failed = ADAPTER.parse(b"Command being timed: \"a b\"\n Exit status: 1\n").unwrap();
        assert_ne!(failed.benchmarks[0].validity, crate::results::Validity::Valid);
    }
}
