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

/// Reads a line of the kind that nearly all are, as [`result`] reads it: the name and the iterations; the values go to
/// `take`. `None` where somebody else is to read it; what was taken is then to be forgotten.
pub(super) fn simple<'a>(line: &'a str, mut take: impl FnMut(usize, f64, &'a str)) -> Option<(&'a str, u64)> {
    let bytes = line.as_bytes();
    let first = *bytes.strip_prefix(b"Benchmark")?.first()?;
    // White space beyond ASCII can only stand at the end, where it would be trimmed.
    if first.is_ascii_lowercase() || !first.is_ascii() || !bytes.last()?.is_ascii() {
        return None;
    }
    let behind = word(bytes, 0)?;
    let name = line.get(..behind).filter(|name| !name.ends_with(':'))?;
    let count = blank(bytes, behind)?;
    let (iterations, mut at) = whole(bytes, count);
    if !(1..=15).contains(&(at - count)) {
        return None;
    }
    for index in 0.. {
        let (value, behind) = decimal(bytes, blank(bytes, at)?)?;
        let unit = blank(bytes, behind)?;
        at = word(bytes, unit)?;
        take(index, value, line.get(unit..at)?);
        if at == bytes.len() {
            break;
        }
    }
    Some((name, iterations))
}

/// The end of the word that starts here; `None` if a control character that is no tab ends it.
#[inline(always)] // In a build for size it would be a call for each word of 100 MB.
fn word(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        // The lowest byte that is flagged is at most a space; what is above it may be flagged wrongly.
        let word = u64::from_le_bytes(*eight);
        let found = word.wrapping_sub(0x2121_2121_2121_2121) & !word & 0x8080_8080_8080_8080;
        at += found.trailing_zeros() as usize / 8;
        if found != 0 {
            break;
        }
    }
    let rest = bytes.get(at..)?;
    at += rest.iter().position(|byte| *byte <= b' ').unwrap_or(rest.len());
    matches!(bytes.get(at), None | Some(b' ' | b'\t')).then_some(at)
}

/// The place behind spaces and tabs, of which there must be one.
fn blank(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    (length > 0).then_some(at + length)
}

/// Digits, and the place behind them.
fn whole(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut number = 0_u64;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (number, at)
}

const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of at most 15 digits, and the place behind it: such a number and such powers of ten are exact, so the one
/// division rounds it as it should be.
#[inline(always)] // As above.
fn decimal(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let (number, end) = whole(bytes, at);
    if bytes.get(end) != Some(&b'.') {
        return (1..=15).contains(&(end - at)).then_some((number as f64, end));
    }
    let (part, behind) = whole(bytes, end + 1);
    let (digits, decimals) = (end - at, behind - end - 1);
    if digits == 0 || decimals == 0 || digits + decimals > 15 {
        return None;
    }
    let number = number as f64 * TENS.get(decimals)? + part as f64;
    Some((number / TENS.get(decimals)?, behind))
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
