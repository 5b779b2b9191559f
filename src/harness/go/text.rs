//! What a line of Go's output says.

use crate::harness::numbers::number;
use crate::harness::units::{Unit, snake_case};

/// A key of configuration starts with a small letter and has neither capitals nor spaces.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_lowercase()) && !key.contains(|c: char| c.is_uppercase() || c.is_whitespace())
}

/// `p99-ns` is a time, `peak-RSS-bytes` a size; `ns/op` is the wall time.
pub(super) fn meaning(written: &str) -> (String, Unit) {
    if let Some((prefix, tail)) = written.rsplit_once('-') {
        let unit = Unit::of(tail);
        if matches!(unit.unit.as_str(), "ns" | "bytes") && !prefix.is_empty() {
            return (snake_case(prefix), unit);
        }
    }
    let unit = Unit::of(written);
    (unit.metric.clone(), unit)
}

/// The figures of a benchmark.
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) iterations: u64,
    pub(super) values: Vec<(f64, &'a str)>,
}

/// A line that starts with a benchmark's name: its figures, or the name alone. `None` where it is other text.
pub(super) fn result(line: &str) -> Option<Result<Found<'_>, &str>> {
    let name = line.split_ascii_whitespace().next()?;
    let own = name.strip_prefix("Benchmark")?;
    // As the testing package has it: a small letter there makes it another word.
    if own.starts_with(|c: char| c.is_lowercase()) || name.ends_with(':') {
        return None;
    }
    let rest = line.get(name.len()..)?;
    Some(figures(rest).map(|(iterations, values)| Found { name, iterations, values }).ok_or(name))
}

/// An iteration count and pairs of value and unit.
pub(super) fn figures(rest: &str) -> Option<(u64, Vec<(f64, &str)>)> {
    let mut words = rest.split_ascii_whitespace();
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
pub(super) fn figures_at_end(rest: &str) -> Option<(u64, Vec<(f64, &str)>)> {
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
pub(super) fn split_processors(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('-') {
        Some((own, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (own, Some(number))
        }
        _ => (name, None),
    }
}

/// Whether this is surely a result as [`result`] reads it, and its name, without reading the figures. What it is not sure
/// of can be one too.
pub(super) fn surely_result(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    if !name.strip_prefix("Benchmark")?.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') || name.ends_with(':')
    {
        return None;
    }
    let digits = |word: &str| word.len() < 16 && word.bytes().all(|byte| byte.is_ascii_digit());
    if !words.next().is_some_and(digits) {
        return None;
    }
    let mut any = false;
    while let Some(value) = words.next() {
        let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
        words.next()?;
        any = !whole.is_empty() && digits(whole) && digits(part);
        if !any {
            return None;
        }
    }
    any.then_some(name)
}
