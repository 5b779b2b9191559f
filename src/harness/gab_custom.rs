//! github-action-benchmark's `customSmallerIsBetter` and `customBiggerIsBetter`: a list of name, unit and value.
//!
//! Which way is better does not stand in such a file, so there is a name for each direction, and one that goes by the
//! unit. `docs/harness/gab-custom.md` has the rules.

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, metric};
use super::numbers::number;
use super::units::Unit;
use super::{HarnessError, Parsed, quoted};
use crate::results::{Benchmark, Direction};

const HELP: &str = "expected a list of objects with `name`, `unit` and `value`";

/// The direction is told from unit and name.
pub const ADAPTER: Adapter = Adapter {
    name: "gab-custom",
    title: "github-action-benchmark's custom JSON, direction by unit",
    reading: Reading::Benchmarks(|bytes| parse(bytes, None)),
    sniff: |head| head.json_list(&["name", "unit", "value"]),
};

/// `customBiggerIsBetter`.
pub const BIGGER: Adapter = Adapter {
    name: "gab-custom-bigger",
    title: "github-action-benchmark's customBiggerIsBetter",
    reading: Reading::Benchmarks(|bytes| parse(bytes, Some(Direction::Higher))),
    sniff: not_told,
};

/// `customSmallerIsBetter`.
pub const SMALLER: Adapter = Adapter {
    name: "gab-custom-smaller",
    title: "github-action-benchmark's customSmallerIsBetter",
    reading: Reading::Benchmarks(|bytes| parse(bytes, Some(Direction::Lower))),
    sniff: not_told,
};

fn not_told(_: &Head) -> Result<Confidence, String> {
    Err("the content does not say which way is better; this name has to be given".into())
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    unit: String,
    value: Value,
    range: Option<Value>,
    extra: Option<Value>,
}

fn parse(bytes: &[u8], direction: Option<Direction>) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Vec<Entry>>(bytes, HELP)? {
        last = document.line;
        for entry in document.value {
            take(&mut gather, last, &entry, direction);
        }
    }
    gather.finish(last, "the list is empty", HELP)
}

fn take(gather: &mut Gather, line: u64, entry: &Entry, direction: Option<Direction>) {
    let value = match &entry.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text).map(|(value, _)| value),
        _ => None,
    };
    let mut benchmark = Benchmark::new(&entry.name);
    match value {
        Some(value) => {
            let unit = Unit::of(&entry.unit);
            let mut found = metric("gab-custom", &unit.metric, value, &unit);
            found = give_or_take(found, entry.range.as_ref().and_then(|range| deviation(range, value)), &unit);
            found.direction = direction.unwrap_or_else(|| told(entry).unwrap_or(found.direction));
            found.note = entry.extra.as_ref().map(plain).filter(|note| !note.is_empty());
            benchmark.metrics.push(found);
        }
        None => gather.warn(line, format!("the value of `{}` is no number", quoted(&entry.name))),
    }
    gather.add(line, benchmark);
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the name itself says.
fn told(entry: &Entry) -> Option<Direction> {
    let text = format!("{} {}", entry.name, entry.unit).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["bigger is better", "higher is better", "larger is better", "more is better"]) {
        return Some(Direction::Higher);
    }
    says(&["smaller is better", "lower is better", "less is better"]).then_some(Direction::Lower)
}

/// `3`, `"± 3"`, `"+/- 3"`, `"5%"`.
fn deviation(range: &Value, value: f64) -> Option<f64> {
    let text = match range {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text.trim().trim_start_matches(['±', '+', '/', '-', ' ']),
        _ => return None,
    };
    let (by, rest) = number(text)?;
    Some(if rest.trim_start().starts_with('%') { value.abs() * by / 100.0 } else { by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, fixture, listed};

    #[test]
    fn given_files_are_read() {
        let bigger = ADAPTER.parse(&fixture("gab-custom", "customBiggerIsBetter_output.json")).unwrap();
        insta::assert_snapshot!("bigger", listed(&bigger));
        let smaller = ADAPTER.parse(&fixture("gab-custom", "customSmallerIsBetter_output.json")).unwrap();
        insta::assert_snapshot!("smaller", listed(&smaller));
        let ranges = ADAPTER.parse(&fixture("gab-custom", "customSmallerIsBetter_output2.json")).unwrap();
        close(ranges.benchmarks[0].metrics[0].lower, 90.9439 - 0.519165);
        assert_eq!(ranges.benchmarks.len(), 4);
    }

    #[test]
    fn the_name_given_decides_the_direction() {
        let text = br#"[{"name":"a","unit":"x","value":"1,5","range":"10%"}]"#;
        let metric = |adapter: &Adapter| adapter.parse(text).unwrap().benchmarks[0].metrics[0].clone();
        assert_eq!(metric(&BIGGER).direction, Direction::Higher);
        assert_eq!(metric(&SMALLER).direction, Direction::Lower);
        close(metric(&ADAPTER).upper, 1.65);
    }

    #[test]
    fn nothing_is_never_fine() {
        for text in ["", "[]", "[{\"name\":\"a\"", "{}", "[1]"] {
            assert!(ADAPTER.parse(text.as_bytes()).is_err(), "{text}");
        }
        let odd = ADAPTER.parse(br#"[{"name":"a","unit":"ns","value":null}]"#).unwrap();
        assert_eq!((odd.benchmarks[0].metrics.len(), odd.warnings.len()), (0, 2));
    }
}
