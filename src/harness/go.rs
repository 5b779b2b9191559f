//! `go test -bench`: the text format that benchstat reads, with its configuration lines and units.
//!
//! Repeats of a benchmark (`-count`) are its samples. `docs/harness/go.md` has the rules.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::gather::{Gather, metric, middle, sampled};
use super::lines::{Line, Lines, without_colours};
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::{Benchmark, Direction};

const HELP: &str = "run `go test -run '^$' -bench . ./...` and keep its output";

/// The adapter.
pub const ADAPTER: Adapter =
    Adapter { name: "go", title: "the output of `go test -bench`", reading: Reading::Lines(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.line("`BenchmarkName-8 100 12.5 ns/op`", |line| matches!(result(line), Some(Ok(_)))).or_else(|why| match head
        .lines()
        .any(|line| line.starts_with("pkg: "))
    {
        true => Ok(Confidence::Likely),
        false => Err(why),
    })
}

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no benchmark, or breaks off in the middle of one.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut reader = Reader::default();
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, number))? else { break };
        reader.line(&line)?;
    }
    reader.finish(lines.number())
}

/// A benchmark with all that was measured of it.
struct Entry {
    line: u64,
    name: String,
    package: Option<String>,
    processors: Option<String>,
    config: usize,
    iterations: u64,
    values: Vec<(String, Vec<f64>)>,
}

#[derive(Default)]
struct Reader {
    gather: Gather,
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
    key: String,
    package: Option<String>,
    config: BTreeMap<String, String>,
    /// All states of `config` under which something was measured.
    configs: Vec<BTreeMap<String, String>>,
    config_numbers: HashMap<BTreeMap<String, String>, usize>,
    current: usize,
    changed: bool,
    /// Directions from `Unit` lines.
    better: HashMap<String, Direction>,
    /// A name whose figures have not come yet, because the benchmark printed something.
    waiting: Option<(u64, String)>,
    /// A package was named, and has not ended.
    open: bool,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) -> Result<(), HarnessError> {
        let text = without_colours(line.text);
        let text = text.trim();
        if text.starts_with("Benchmark") {
            match result(text) {
                Some(Ok(found)) => self.result(line.number, &found),
                Some(Err(name)) => self.odd(line, text, name)?,
                None => {}
            }
        } else if let Some((from, name)) = self.waiting.take() {
            match figures(text).filter(|found| found.1.iter().any(|(_, unit)| *unit == "ns/op")) {
                Some((iterations, values)) => self.result(line.number, &Found { name: &name, iterations, values }),
                None => {
                    self.waiting = Some((from, name));
                    self.other(line.number, text);
                }
            }
        } else {
            self.other(line.number, text);
        }
        Ok(())
    }

    /// A line that starts like a result and is none: a name alone is announced, or the benchmark printed something.
    fn odd(&mut self, line: &Line<'_>, text: &str, name: &str) -> Result<(), HarnessError> {
        let rest = text.get(name.len()..).unwrap_or_default().trim();
        let cut = || {
            let text = format!("cut off in the middle of `{}`", quoted(text));
            Err(HarnessError::new(line.number, 1, text, "was `go test` killed, or ran into its time-out?"))
        };
        let starts_with_figures = rest.split_whitespace().next().is_some_and(|word| word.parse::<u64>().is_ok());
        if starts_with_figures {
            if !line.ended {
                return cut();
            }
            self.gather.broken(line.number, text);
        } else if let Some((iterations, values)) = figures_at_end(rest) {
            self.result(line.number, &Found { name, iterations, values });
        } else {
            self.waiting = Some((line.number, name.to_owned()));
        }
        Ok(())
    }

    fn other(&mut self, number: u64, text: &str) {
        if let Some(rest) = text.strip_prefix("Unit ") {
            self.unit(rest);
        } else if let Some(name) = text.strip_prefix("--- FAIL: Benchmark") {
            self.waiting = None;
            let name = name.split_whitespace().next().unwrap_or_default();
            self.gather.warn(number, format!("`Benchmark{}` failed", quoted(name)));
        } else if text.starts_with("FAIL\t") || text.starts_with("FAIL ") {
            self.open = false;
            self.gather.warn(number, format!("a package failed: `{}`", quoted(text)));
        } else if text.starts_with("panic:") {
            self.gather.warn(number, format!("the program ended early: `{}`", quoted(text)));
        } else if text == "PASS" || text.starts_with("ok ") || text.starts_with("ok\t") {
            self.open = false;
        } else if let Some((key, value)) = text.split_once(':').filter(|(key, _)| is_key(key)) {
            self.configure(key, value.trim());
        }
    }

    fn unit(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let Some(unit) = words.next() else { return };
        for word in words {
            let direction = match word {
                "better=higher" => Direction::Higher,
                "better=lower" => Direction::Lower,
                _ => continue,
            };
            self.better.insert(unit.to_owned(), direction);
        }
    }

    fn configure(&mut self, key: &str, value: &str) {
        if key == "pkg" {
            self.package = Some(value.to_owned()).filter(|value| !value.is_empty());
            self.open = true;
        } else if self.config.len() < 1_000 && self.config.get(key).is_none_or(|before| before != value) {
            self.config.insert(key.to_owned(), value.to_owned());
            self.changed = true;
        }
    }

    /// The number of the configuration that holds now.
    fn config_number(&mut self) -> usize {
        if self.changed || self.configs.is_empty() {
            self.changed = false;
            let next = self.configs.len();
            self.current = *self.config_numbers.entry(self.config.clone()).or_insert(next);
            if self.current == next {
                self.configs.push(self.config.clone());
            }
        }
        self.current
    }

    fn result(&mut self, line: u64, found: &Found<'_>) {
        self.waiting = None;
        let config = self.config_number();
        let mut key = std::mem::take(&mut self.key);
        entry_key(&mut key, config, self.package.as_deref(), found.name);
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let (name, processors) = split_processors(found.name);
                self.entries.push(Entry {
                    line,
                    name: name.to_owned(),
                    package: self.package.clone(),
                    processors: processors.map(str::to_owned),
                    config,
                    iterations: 0,
                    values: Vec::with_capacity(found.values.len()),
                });
                self.places.insert(key.clone(), self.entries.len() - 1);
                self.entries.len() - 1
            }
        };
        self.key = key;
        let Some(entry) = self.entries.get_mut(place) else { return };
        entry.iterations = entry.iterations.saturating_add(found.iterations);
        for (value, unit) in &found.values {
            match entry.values.iter_mut().find(|(known, _)| known == unit) {
                Some((_, values)) => values.push(*value),
                None => entry.values.push(((*unit).to_owned(), vec![*value])),
            }
        }
    }

    fn finish(mut self, last: u64) -> Result<Parsed, HarnessError> {
        if let Some((line, name)) = self.waiting.take() {
            self.gather.warn(line, format!("`{}` has no figures; the output ends before them", quoted(&name)));
        }
        if self.open && !self.entries.is_empty() {
            self.gather.warn(last, "the output ends without `PASS` or `ok`; there may have been more benchmarks");
        }
        let varying: Vec<String> = varying(&self.configs);
        for entry in std::mem::take(&mut self.entries) {
            let mut benchmark = Benchmark::new(entry.name);
            let parameters = &mut benchmark.parameters;
            parameters.extend(entry.package.map(|package| ("pkg".into(), package)));
            parameters.extend(entry.processors.map(|processors| ("gomaxprocs".into(), processors)));
            if let Some(config) = self.configs.get(entry.config) {
                let of = |key: &String| Some((key.clone(), config.get(key)?.clone()));
                parameters.extend(varying.iter().filter_map(of));
            }
            for (unit, values) in entry.values {
                benchmark.metrics.push(self.metric(&unit, &values, entry.iterations));
            }
            self.gather.add(entry.line, benchmark);
        }
        self.gather.finish(last, "no line like `BenchmarkName-8 100 12.5 ns/op`", HELP)
    }

    fn metric(&self, written: &str, values: &[f64], iterations: u64) -> crate::results::Metric {
        let (name, unit) = meaning(written);
        let mut found = match values {
            [one] => metric("go", &name, *one, &unit),
            many => sampled(metric("go", &name, middle(many), &unit), many, &unit),
        };
        found.iterations = Some(iterations);
        if let Some(direction) = self.better.get(written) {
            found.direction = *direction;
        }
        found
    }
}

/// Keys of configuration that differ within the output: they tell results of one name apart.
fn varying(configs: &[BTreeMap<String, String>]) -> Vec<String> {
    let Some((first, others)) = configs.split_first() else { return Vec::new() };
    let mut keys: Vec<String> = Vec::new();
    for other in others {
        for key in first.keys().chain(other.keys()) {
            if first.get(key) != other.get(key) && !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    keys
}

fn entry_key(key: &mut String, config: usize, package: Option<&str>, name: &str) {
    use std::fmt::Write as _;
    key.clear();
    let _ = write!(key, "{config}\0");
    key.push_str(package.unwrap_or_default());
    key.push('\0');
    key.push_str(name);
}

/// A key of configuration starts with a small letter and has neither capitals nor spaces.
fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_lowercase()) && !key.contains(|c: char| c.is_uppercase() || c.is_whitespace())
}

/// `p99-ns` is a time, `peak-RSS-bytes` a size; `ns/op` is the wall time.
fn meaning(written: &str) -> (String, Unit) {
    if let Some((prefix, tail)) = written.rsplit_once('-') {
        let unit = Unit::of(tail);
        if matches!(unit.unit.as_str(), "ns" | "bytes") && !prefix.is_empty() {
            return (snake_case(prefix), unit);
        }
    }
    let unit = Unit::of(written);
    (unit.metric.clone(), unit)
}

struct Found<'a> {
    name: &'a str,
    iterations: u64,
    values: Vec<(f64, &'a str)>,
}

/// A line that starts with a benchmark's name: its figures, or the name alone. `None` where it is other text.
fn result(line: &str) -> Option<Result<Found<'_>, &str>> {
    let name = line.split_whitespace().next()?;
    let own = name.strip_prefix("Benchmark")?;
    // As the testing package has it: a small letter there makes it another word.
    if own.starts_with(|c: char| c.is_lowercase()) || name.ends_with(':') {
        return None;
    }
    let rest = line.get(name.len()..)?;
    Some(figures(rest).map(|(iterations, values)| Found { name, iterations, values }).ok_or(name))
}

/// An iteration count and pairs of value and unit.
fn figures(rest: &str) -> Option<(u64, Vec<(f64, &str)>)> {
    let mut words = rest.split_whitespace();
    let iterations = words.next()?.parse().ok()?;
    let mut values = Vec::with_capacity(4);
    while let Some(word) = words.next() {
        let value = match word.parse::<f64>() {
            Ok(value) => value,
            Err(_) => number(word).filter(|(_, rest)| rest.is_empty())?.0,
        };
        values.push((value, words.next()?));
    }
    (!values.is_empty()).then_some((iterations, values))
}

/// Figures behind what the benchmark printed on the same line.
fn figures_at_end(rest: &str) -> Option<(u64, Vec<(f64, &str)>)> {
    let at = rest.find(" ns/op")?;
    let before = rest.get(..at)?.trim_end();
    let value = before.rfind(char::is_whitespace)?;
    let count = before.get(..value)?.trim_end();
    let start = count
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + count[at..].chars().next().map_or(1, char::len_utf8));
    figures(rest.get(start..)?)
}

/// `Name-8` is `Name` with `GOMAXPROCS` = 8; Go writes nothing for 1.
fn split_processors(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('-') {
        Some((own, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (own, Some(number))
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests;
