//! What the tests of readers of benchmarks share.

use std::fmt::Write as _;
use std::path::Path;

use super::{HarnessError, Parsed};
use crate::results::{Direction, Metric, Validity};

/// A reader of benchmarks.
pub(super) type Parse = fn(&[u8]) -> Result<Parsed, HarnessError>;

/// The benchmarks of an output, as text, with its warnings.
pub(super) fn shown(parse: Parse, bytes: &[u8]) -> String {
    let mut out = String::new();
    match parse(bytes) {
        Ok(parsed) => {
            for benchmark in &parsed.benchmarks {
                write!(out, "{}", benchmark.name).unwrap();
                for (name, value) in &benchmark.parameters {
                    write!(out, " {name}={value:?}").unwrap();
                }
                if let Validity::Invalid { reason } | Validity::Noisy { reason } = &benchmark.validity {
                    write!(out, " INVALID {reason:?}").unwrap();
                }
                out.push('\n');
                benchmark.metrics.iter().for_each(|metric| show(&mut out, metric));
            }
            for warning in &parsed.warnings {
                writeln!(out, "warning: line {}: {}", warning.line, warning.text).unwrap();
            }
        }
        Err(error) => writeln!(out, "error: {error}").unwrap(),
    }
    out
}

fn show(out: &mut String, metric: &Metric) {
    let better = if metric.direction == Direction::Higher { "higher" } else { "lower" };
    write!(out, "  {} = {} {} ({better})", metric.metric, metric.value, metric.unit).unwrap();
    if let Some(unit) = &metric.original_unit {
        write!(out, " was {unit}").unwrap();
    }
    if let (Some(lower), Some(upper)) = (metric.lower, metric.upper) {
        write!(out, " from {lower} to {upper}").unwrap();
    }
    if let Some(iterations) = metric.iterations {
        write!(out, " of {iterations}").unwrap();
    }
    if !metric.samples.is_empty() {
        write!(out, " samples {:?}", &metric.samples[..metric.samples.len().min(5)]).unwrap();
    }
    out.push('\n');
}

/// A fixture of a format.
pub(super) fn fixture(format: &str, file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness").join(format).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Wherever the output is cut before its last `tail` bytes, no reader panics, and none says that all is well.
pub(super) fn every_cut_is_an_error(parse: Parse, bytes: &[u8], tail: usize) {
    let whole = bytes.trim_ascii_end().len().saturating_sub(tail);
    let mut at = 0;
    while at < whole {
        assert!(parse(&bytes[..at]).is_err(), "cut at byte {at} of {whole}");
        at += 1 + whole / 97;
    }
}

/// Windows line ends, a mark, UTF-16 and colours change nothing.
pub(super) fn encodings_do_not_matter(parse: Parse, bytes: &[u8]) {
    let plain = String::from_utf8(bytes.to_vec()).unwrap();
    let expected = parse(bytes).unwrap();
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    assert_eq!(parse(windows.as_bytes()).unwrap(), expected, "line ends and a mark");
    let utf_16: Vec<u8> = windows.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(parse(&utf_16).unwrap(), expected, "UTF-16");
}

/// Two outputs after each other are two runs; nothing of them is mixed or lost.
pub(super) fn two_in_one_stream(parse: Parse, bytes: &[u8]) {
    let once = parse(bytes).unwrap();
    let twice = parse(&[bytes, b"\n", bytes].concat()).unwrap();
    assert_eq!(twice.benchmarks.len(), 2 * once.benchmarks.len());
    for (first, second) in once.benchmarks.iter().zip(&twice.benchmarks[once.benchmarks.len()..]) {
        assert_eq!((&first.name, &first.metrics), (&second.name, &second.metrics));
        assert!(second.parameters.contains_key("occurrence"));
    }
}

/// A figure that is damaged is an error or a warning, and never another figure.
pub(super) fn damage_is_told(parse: Parse, bytes: &[u8], figure: &str) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains(figure), "{figure} is not in the fixture");
    let before = parse(bytes).unwrap();
    match parse(text.replacen(figure, &figure.replace(|c: char| c.is_ascii_digit(), "x"), 1).as_bytes()) {
        Ok(after) => assert!(after.warnings.len() > before.warnings.len(), "{:?}", after.warnings),
        Err(error) => assert!(!error.text.is_empty()),
    }
}

/// Asserts that a value is there and right to 1e-9.
#[track_caller]
pub(super) fn close(found: Option<f64>, want: f64) {
    let found = found.expect("no value");
    assert!((found - want).abs() <= 1e-9 * want.abs().max(1e-9), "{found} is not {want}");
}

/// All benchmarks as text, a line for each metric, with values to ten digits and intervals.
pub(super) fn listed(parsed: &Parsed) -> String {
    let mut out = String::new();
    for benchmark in &parsed.benchmarks {
        writeln!(out, "{}", benchmark.series()).unwrap();
        for metric in &benchmark.metrics {
            write!(out, "  {} {} {} {:?}", metric.metric, digits(metric.value), metric.unit, metric.direction).unwrap();
            if let (Some(lower), Some(upper)) = (metric.lower, metric.upper) {
                write!(out, " [{}, {}]", digits(lower), digits(upper)).unwrap();
            }
            if let Some(original) = &metric.original_unit {
                write!(out, " was {original}").unwrap();
            }
            if let Some(iterations) = metric.iterations {
                write!(out, " iterations {iterations}").unwrap();
            }
            if let (Some(first), Some(last)) = (metric.samples.first(), metric.samples.last()) {
                write!(out, " samples {} ({} to {})", metric.samples.len(), digits(*first), digits(*last)).unwrap();
            }
            if let Some(note) = &metric.note {
                write!(out, " ({})", note.escape_debug()).unwrap();
            }
            out.push('\n');
        }
        if benchmark.validity != crate::results::Validity::Valid {
            writeln!(out, "  {:?}", benchmark.validity).unwrap();
        }
    }
    for warning in &parsed.warnings {
        writeln!(out, "warning: line {}: {}", warning.line, warning.text).unwrap();
    }
    out
}

/// Ten digits that count, as people write numbers.
fn digits(value: f64) -> String {
    format!("{value:.9e}").parse::<f64>().map_or_else(|_| value.to_string(), |value| value.to_string())
}
