//! What criterion prints: `name  time: [low typical high]`, the name on a line of its own where it is long.

use super::{FORMAT, HELP};
use crate::harness::gather::{Gather, between, metric};
use crate::harness::lines::without_colours;
use crate::harness::numbers::number;
use crate::harness::units::Unit;
use crate::harness::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Metric};

pub(super) fn parse(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut name = String::new();
    let mut last = 1;
    // A carriage return rewinds the line on a terminal; what counts is what stands behind it.
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        if let Some(rest) = line.strip_prefix("Benchmarking ") {
            name = rest.rsplit_once(": ").map_or(rest, |(name, _)| name).trim().to_owned();
        } else if let Some((before, _)) = line.split_once("time:").filter(|_| line.contains('[')) {
            match interval(line, "time:") {
                Some(time) => {
                    let own = Some(before.trim()).filter(|before| !before.is_empty()).unwrap_or(&name);
                    let mut found = Benchmark::new(own);
                    found.metrics.push(time);
                    gather.add(last, found);
                }
                // Below `change:` stand shares.
                None if line.contains('%') => {}
                None if !line.trim_end().ends_with(']') && index + 1 == text.lines().count() => {
                    let text = format!("cut off in the middle of `{}`", quoted(line));
                    return Err(HarnessError::new(last, 1, text, "did `cargo bench` run to its end?"));
                }
                None => gather.broken(last, line),
            }
        } else if let Some(found) = interval(line, "thrpt:") {
            if let Some(benchmark) = gather.benchmarks.last_mut().filter(|one| one.metric(&found.metric).is_none()) {
                benchmark.metrics.push(found);
            }
        } else if !line.starts_with(char::is_whitespace) && !line.is_empty() && !line.contains(": ") {
            name = line.trim().to_owned();
        }
    }
    gather.finish(last, "no line like `name  time: [1.0 µs 1.1 µs 1.2 µs]`", HELP)
}

/// `time: [low typical high]` or `thrpt: [...]`, with a unit each.
pub(super) fn interval(line: &str, mark: &str) -> Option<Metric> {
    let inner = line.split_once(mark)?.1.trim_start().strip_prefix('[')?.split(']').next()?;
    if !line.contains(']') {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let (value, after) = number(rest)?;
        let after = after.trim_start();
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let unit = after.get(..end)?;
        let unit = match mark {
            "time:" => Unit::time(unit)?,
            _ => bits(unit).or_else(|| Unit::read(unit))?,
        };
        values.push((value, unit));
        rest = after.get(end..)?.trim_start();
    }
    let [(low, low_unit), (typical, unit), (high, high_unit)] = values.as_slice() else { return None };
    let bound = |value: f64, of: &Unit| Some(value * of.scale / unit.scale);
    let name = if mark == "time:" { "wall_time" } else { unit.metric.as_str() };
    Some(between(metric(FORMAT, name, *typical, unit), bound(*low, low_unit), bound(*high, high_unit), unit))
}

/// `b/s` to `Gb/s` are bits; everywhere else `Mb` is a spelling of a million bytes.
fn bits(unit: &str) -> Option<Unit> {
    let bytes = unit.strip_suffix("b/s").map(|prefix| format!("{prefix}B/s"))?;
    let read = Unit::read(&bytes)?;
    Some(Unit { scale: read.scale / 8.0, original: Some(unit.to_owned()), ..read })
}
