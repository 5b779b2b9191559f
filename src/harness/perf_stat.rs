//! `perf stat`: JSON (`-j`) and CSV (`-x,`).
//!
//! `docs/harness/perf-stat.md` has the rules.

use std::io::Read;

use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, give_or_take, metric};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::{Unit, snake_case};
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::{Benchmark, Metric};

const FORMAT: &str = "perf-stat";
const HELP: &str = "run `perf stat -j -o FILE COMMAND`, or with `-x,`";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "perf-stat",
    title: "`perf stat` as JSON or CSV",
    reading: Reading::Lines(read),
    sniff: |head| {
        head.with_event(&["counter-value", "event"])
            .or_else(|_| head.line("`1234,,instructions,1000,100.00,,`", |line| csv(line).is_some()))
    },
};

/// What a line counted.
struct Counter {
    value: String,
    unit: String,
    event: String,
    /// In percent, where the command was run several times.
    deviation: Option<f64>,
}

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no counter.
pub fn read(input: &mut dyn Read) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut open: Option<(u64, Benchmark)> = None;
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let text = text.trim();
        let looks = text.starts_with('{') && text.contains("counter-value");
        let Some(counter) = json(text).or_else(|| csv(text)) else {
            if looks && !line.ended {
                let text = format!("cut off in the middle of `{}`", quoted(text));
                return Err(HarnessError::new(line.number, 1, text, "did `perf stat` run to its end?"));
            }
            if looks {
                gather.broken(line.number, text);
            }
            continue;
        };
        if counter.value.starts_with('<') {
            gather.warn(line.number, format!("`{}` is {}", quoted(&counter.event), quoted(&counter.value)));
            continue;
        }
        let Some(found) = figure(&counter) else {
            gather.broken(line.number, text);
            continue;
        };
        // The same event again begins another run.
        let again = open.as_ref().is_some_and(|(_, one)| one.metric(&found.metric).is_some());
        if let Some((from, done)) = open.take_if(|_| again) {
            gather.add(from, done);
        }
        open.get_or_insert_with(|| (line.number, Benchmark::new("perf stat"))).1.metrics.push(found);
    }
    if let Some((from, done)) = open {
        gather.add(from, done);
    }
    gather.finish(lines.number(), "no counter", HELP)
}

fn figure(counter: &Counter) -> Option<Metric> {
    let (value, rest) = number(&counter.value)?;
    if !rest.is_empty() {
        return None;
    }
    let event = counter.event.split(':').next().unwrap_or(&counter.event);
    let (name, unit) = match event {
        "task-clock" | "cpu-clock" => {
            ("cpu_time".to_owned(), Unit::time(&counter.unit).or_else(|| Unit::time("msec"))?)
        }
        "duration_time" => ("wall_time".to_owned(), Unit::time(&counter.unit).unwrap_or_else(Unit::nanoseconds)),
        "user_time" | "system_time" => (event.to_owned(), Unit::time(&counter.unit).unwrap_or_else(Unit::nanoseconds)),
        _ if counter.unit.is_empty() => (snake_case(event), Unit::as_written("count")),
        _ => (snake_case(event), Unit::of(&counter.unit)),
    };
    let by = counter.deviation.map(|percent| value * percent / 100.0);
    Some(give_or_take(metric(FORMAT, &name, value, &unit), by, &unit))
}

fn json(line: &str) -> Option<Counter> {
    let value: Value = line.starts_with('{').then(|| serde_json::from_str(line.trim_end_matches(',')).ok())??;
    let text = |key: &str| match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(Counter {
        value: text("counter-value")?,
        unit: text("unit").unwrap_or_default(),
        event: text("event")?,
        deviation: text("variance").and_then(|text| text.parse().ok()),
    })
}

/// `value,unit,event[,deviation%],run time,share,...`.
fn csv(line: &str) -> Option<Counter> {
    let separator = [',', ';', '|'].into_iter().find(|separator| line.matches(*separator).count() >= 4)?;
    let cells: Vec<&str> = line.split(separator).collect();
    let [value, unit, event, rest @ ..] = cells.as_slice() else { return None };
    let counted = value.starts_with('<') || value.parse::<f64>().is_ok();
    let is_unit = unit.is_empty() || Unit::time(unit).is_some() || unit.chars().all(char::is_alphabetic);
    let named = event.starts_with(char::is_alphabetic) && !event.contains(' ');
    let deviation = rest.first().and_then(|cell| cell.strip_suffix('%')).and_then(|cell| cell.parse().ok());
    let runtime = rest.get(usize::from(deviation.is_some())).is_some_and(|cell| cell.parse::<u64>().is_ok());
    (counted && is_unit && named && runtime).then(|| Counter {
        value: (*value).into(),
        unit: (*unit).into(),
        event: (*event).into(),
        deviation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn documented_files_are_read() {
        for file in ["documented.jsonl", "documented.csv"] {
            insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("perf-stat", file)).unwrap()));
        }
    }

    #[test]
    fn recorded_files_are_read() {
        for file in
            ["recorded.jsonl", "recorded.csv", "repeated.csv", "repeated.jsonl", "semicolons.csv", "intervals.jsonl"]
        {
            insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("perf-stat", file)).unwrap()));
        }
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "a,b,c,d,e\n", "{\"counter-value\" : \"12", "{\"counter-value\" : \"x\", \"event\" : \"a\"}\n"]
        {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
