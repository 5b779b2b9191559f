//! The table that Catch2 prints: three lines for each benchmark, or one with `--benchmark-no-analysis`.

use super::{HELP, benchmark, named};
use crate::harness::gather::{Gather, invalid};
use crate::harness::lines::without_colours;
use crate::harness::numbers::number;
use crate::harness::units::Unit;
use crate::harness::{HarnessError, Parsed, quoted};
use crate::results::Benchmark;

/// Whether this is the table's header.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_start().starts_with("benchmark name") && line.contains("samples") && line.contains("iterations")
}

/// Where in the output a line stands.
#[derive(Default)]
struct Table {
    gather: Gather,
    /// The table has begun; in it each benchmark takes one line (`Some(true)`) or three.
    short: Option<bool>,
    /// The test case, by what stands between two rules.
    case: Vec<String>,
    between_rules: bool,
    /// How many rules there were around names.
    rules: u32,
    /// How many benchmarks the table has so far.
    rows: u32,
    /// Parts of a name that fills lines of its own.
    name: String,
    /// A first line that waits for its mean.
    waiting: Option<(u64, String, u64)>,
    /// The mean has come, its deviation not.
    deviation: bool,
}

pub(super) fn parse(text: &str) -> Result<Parsed, HarnessError> {
    let mut table = Table::default();
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        table.line(last, line.trim());
    }
    if let Some((line, name, _)) = table.waiting {
        let text = format!("cut off: `{}` has no mean", quoted(&name));
        return Err(HarnessError::new(line, 1, text, "did the test program crash, or run into a time-out?"));
    }
    table.gather.finish(last, "no benchmark in the table, or no table", HELP)
}

impl Table {
    fn line(&mut self, number: u64, line: &str) {
        if is_header(line) {
            self.short = Some(!(line.ends_with("estimated") || line.ends_with("est run time")));
            self.rows = 0;
            self.between_rules = false;
            self.name.clear();
        } else if is_rule(line) {
            self.rule(line);
        } else if let Some(short) = self.short {
            self.row(number, line, short);
        } else if self.between_rules && !line.is_empty() {
            self.case.push(line.to_owned());
        }
    }

    /// `----` opens and closes the name of a test case, `....` ends it, and `====` ends all.
    fn rule(&mut self, line: &str) {
        if line.starts_with('=') || line.starts_with('~') {
            (self.short, self.between_rules, self.rules) = (None, false, 0);
            self.case.clear();
        } else if line.starts_with('.') {
            self.between_rules = false;
        } else if self.short.is_none() || self.rows > 0 {
            // The first rule below the header belongs to the table.
            self.short = None;
            self.rules += 1;
            self.between_rules = self.rules % 2 == 1;
            if self.between_rules {
                self.case.clear();
            }
        }
    }

    fn row(&mut self, number: u64, line: &str, short: bool) {
        if line.is_empty() {
            if !self.name.is_empty() {
                let name = std::mem::take(&mut self.name);
                self.gather.broken(number, &name);
            }
            self.deviation = false;
            return;
        }
        if let Some((from, name, iterations)) = self.waiting.take() {
            match times(line) {
                Some(found) => self.mean(from, &name, iterations, found),
                None => {
                    let validity = invalid("it has no mean: it failed");
                    self.gather.add(from, Benchmark { validity, ..named(&name, &self.case.join("/")) });
                }
            }
        } else if self.deviation {
            self.deviation = false;
        } else if let Some((name, why)) = failed(line) {
            let own = format!("{}{name}", self.name);
            self.name.clear();
            self.rows += 1;
            let validity = invalid(format!("the benchmark failed: {}", quoted(why)));
            self.gather.add(number, Benchmark { validity, ..named(own.trim(), &self.case.join("/")) });
        } else if let Some((name, samples, iterations, rest)) = first(line) {
            let own = format!("{}{name}", self.name);
            self.name.clear();
            self.rows += 1;
            let total = samples.saturating_mul(iterations);
            match (short, with_unit(rest)) {
                (true, Some((mean, unit, _))) => {
                    let mut found = benchmark(&own, &self.case.join("/"), mean, (None, None), &unit);
                    found.metrics.iter_mut().for_each(|metric| metric.iterations = Some(total));
                    self.gather.add(number, found);
                }
                _ => self.waiting = Some((number, own, total)),
            }
        } else if !is_column_title(line) {
            self.name.push_str(line);
            self.name.push(' ');
        }
    }

    fn mean(&mut self, line: u64, name: &str, iterations: u64, found: [(f64, Unit); 3]) {
        let [(mean, unit), (low, low_unit), (high, high_unit)] = found;
        let in_unit = |value: f64, of: &Unit| Some(value * of.scale / unit.scale);
        let bounds = (in_unit(low, &low_unit), in_unit(high, &high_unit));
        let mut found = benchmark(name, &self.case.join("/"), mean, bounds, &unit);
        found.metrics.iter_mut().for_each(|metric| metric.iterations = Some(iterations));
        self.gather.add(line, found);
        self.deviation = true;
    }
}

fn is_rule(line: &str) -> bool {
    ['-', '.', '=', '~'].iter().any(|c| line.len() > 20 && line.chars().all(|other| other == *c))
}

fn is_column_title(line: &str) -> bool {
    (line.starts_with("mean ") && line.contains("low mean"))
        || (line.starts_with("std dev") && line.contains("low std"))
}

/// `name  Benchmark failed (message)`: what it says where a benchmark throws.
fn failed(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.rsplit_once("Benchmark failed (")?;
    Some((name.trim(), rest.trim_end().strip_suffix(')')?))
}

/// `name samples iterations estimated`: the name may hold spaces and numbers, so it is read from the end.
fn first(line: &str) -> Option<(&str, u64, u64, &str)> {
    let mut rest = line.trim_end();
    let mut words = Vec::new();
    while words.len() < 4 {
        let at = rest.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        words.push((rest.get(at..)?, at));
        rest = rest.get(..at)?.trim_end();
        if at == 0 {
            break;
        }
    }
    let [(unit, _), (_, figure), (iterations, _), (samples, start)] = words.as_slice() else { return None };
    Unit::time(unit)?;
    let name = line.get(..*start)?.trim();
    Some((name, count(samples)?, count(iterations)?, line.get(*figure..)?))
}

fn count(word: &str) -> Option<u64> {
    word.parse().ok()
}

/// A time and what follows.
fn with_unit(text: &str) -> Option<(f64, Unit, &str)> {
    let (value, rest) = number(text)?;
    let rest = rest.trim_start();
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some((value, Unit::time(rest.get(..end)?)?, rest.get(end..)?))
}

/// Three times on one line.
fn times(line: &str) -> Option<[(f64, Unit); 3]> {
    let (mean, mean_unit, rest) = with_unit(line)?;
    let (low, low_unit, rest) = with_unit(rest)?;
    let (high, high_unit, rest) = with_unit(rest)?;
    rest.trim().is_empty().then_some([(mean, mean_unit), (low, low_unit), (high, high_unit)])
}
