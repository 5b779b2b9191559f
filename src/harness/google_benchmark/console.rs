//! What Google Benchmark prints: a table with a header, counters as `name=value` or as columns of their own.

use std::borrow::Cow;

use super::contents::Run;
use super::runs::Runs;
use super::unmarked::mark_aggregates;
use crate::harness::lines::without_colours;
use crate::harness::numbers::number;
use crate::harness::units::Unit;
use crate::harness::{HarnessError, OnBenchmark, Warning};

/// Whether this is the table's header.
pub(super) fn is_header(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("Benchmark")
        && words.next() == Some("Time")
        && words.next() == Some("CPU")
        && words.next() == Some("Iterations")
}

/// Reads a table before which this many lines stand.
pub(super) fn parse(
    text: &str,
    before: u64,
    mut runs: Runs,
    take: &mut OnBenchmark<'_>,
) -> Result<Vec<Warning>, HarnessError> {
    let mut rows: Vec<(u64, Run<'static>)> = Vec::new();
    let mut columns: Option<Vec<String>> = None;
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = before + index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim();
        if is_header(line) {
            // Tabular counters repeat the header within one output; only the columns change.
            columns = Some(
                line.split_whitespace()
                    .skip(4)
                    .filter(|word| !word.starts_with("UserCounters"))
                    .map(str::to_owned)
                    .collect(),
            );
        } else if let Some(columns) = columns.as_deref().filter(|_| !line.is_empty() && !line.starts_with("---")) {
            match row(line, columns, &mut runs) {
                Some(run) => rows.push((last, run.into_owned())),
                None if looks_like_a_row(line) => runs.broken(last, line),
                None => {}
            }
        }
    }
    mark_aggregates(&mut rows);
    for (line, run) in rows {
        if run.real_time == Some(0.0) && !run.name.ends_with("_stddev") && run.is_aggregate.is_none() {
            runs.warn(line, "its time is rounded to nothing; the JSON has it whole");
        }
        runs.add(line, run);
    }
    runs.end_of_document();
    runs.hand_out(last, "no line below the header `Benchmark  Time  CPU  Iterations`", take)
}

fn looks_like_a_row(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    words.next().is_some_and(|word| word.parse::<f64>().is_ok())
        && words.next().is_some_and(|word| Unit::time(word).is_some())
}

/// `name time unit cpu unit iterations counters...`. Names may hold spaces, so the first pair of times counts.
fn row<'a>(line: &'a str, columns: &[String], runs: &mut Runs) -> Option<Run<'a>> {
    if let Some((name, message)) = line.split_once(" ERROR OCCURRED: ").or_else(|| line.split_once(" SKIPPED: ")) {
        let message = message.trim().trim_matches('\'').into();
        return Some(Run { name: name.trim().into(), failed: true, message: Some(message), ..Run::default() });
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.windows(4).position(|four| match four {
        [time, unit, cpu, other] => unit == other && number(time).is_some() && number(cpu).is_some() && is_unit(unit),
        _ => false,
    })?;
    let name = words.get(..at)?.join(" ").into();
    let mut run = Run { name, ..Run::default() };
    let unit = *words.get(at + 1)?;
    let (real, cpu) = (number(words.get(at)?)?.0, number(words.get(at + 2)?)?.0);
    if let Some(family) = run.name.strip_suffix("_BigO").map(|family| family.to_owned().into()) {
        (run.real_time, run.cpu_time, run.big_o) = (Some(real), Some(cpu), Some(unit.into()));
        (run.run_name, run.aggregate, run.is_aggregate) = (Some(family), Some("BigO".into()), Some(true));
        return Some(run);
    }
    if unit == "%" {
        let (family, is_rms) = match run.name.strip_suffix("_RMS") {
            Some(family) => (family.to_owned().into(), true),
            None => (run.name.strip_suffix("_cv")?.to_owned().into(), false),
        };
        run.rms = is_rms.then_some(real / 100.0);
        (run.run_name, run.is_aggregate, run.is_share) = (Some(family), Some(true), !is_rms);
        run.aggregate = Some(if is_rms { "RMS" } else { "cv" }.into());
        return Some(run);
    }
    run.time_unit = Some(unit.into());
    (run.real_time, run.cpu_time) = (Some(real), Some(cpu));
    run.iterations = words.get(at + 4).and_then(|word| word.parse().ok());
    run.iterations?;
    counters(&mut run, words.get(at + 5..)?, columns, runs);
    Some(run)
}

/// A time, a share, or what a complexity counts in: `N`, `NlgN`, `(1)`.
fn is_unit(word: &str) -> bool {
    Unit::time(word).is_some() || word == "%" || word.contains('N') || word.contains("(1)") || word.contains("f(")
}

fn counters(run: &mut Run<'_>, words: &[&str], columns: &[String], runs: &mut Runs) {
    let mut label = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let named = word.split_once('=').or_else(|| Some((columns.get(index)?.as_str(), *word)));
        match named.and_then(|(name, value)| counter(name, value)) {
            Some((name, value)) => run.counters.push((runs.number(&name), value)),
            None => label.push(*word),
        }
    }
    run.label = Some(label.join(" ").into()).filter(|label: &Cow<'_, str>| !label.is_empty());
}

/// A counter as the JSON has it; one that is printed per second says so in its name.
fn counter<'a>(name: &'a str, text: &str) -> Option<(Cow<'a, str>, f64)> {
    let (value, rest) = number(text)?;
    let (prefix, is_rate) = rest.strip_suffix("/s").map_or((rest, false), |rest| (rest, true));
    // Bytes are counted in 1024s; before 1.8 the prefix did not say so.
    let prefix = if name == "bytes_per_second" && prefix.len() == 1 { format!("{prefix}i") } else { prefix.to_owned() };
    let value = value * scale(&prefix)?;
    match is_rate && !name.ends_with("_per_second") {
        true => Some((format!("{name}/s").into(), value)),
        false => Some((name.into(), value)),
    }
}

/// What a prefix stands for; behind it an `s` where the counter is a time.
fn scale(prefix: &str) -> Option<f64> {
    Some(match prefix.strip_suffix('s').unwrap_or(prefix) {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" | "ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "m" => 1e-3,
        "u" => 1e-6,
        "n" => 1e-9,
        "p" => 1e-12,
        "f" => 1e-15,
        "%" => 0.01,
        _ => return None,
    })
}
