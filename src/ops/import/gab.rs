//! github-action-benchmark: `window.BENCHMARK_DATA = {...}`, or the same as plain JSON.

use serde_json::Value;

use super::json::{at, commit, documents, instant, parsed, text};
use super::source::{SourceError, content, is_json};
use super::{Found, Imported};
use crate::execute::FileBelow;
use crate::results::{Benchmark, Direction};
use crate::stats::median;

pub(super) fn read(files: &[FileBelow]) -> Result<Found, SourceError> {
    let mut found = Found::default();
    for (name, path) in files.iter().filter(|(name, _)| is_json(name)) {
        for document in documents(path, &content(path)?)? {
            let Some(suites) = document.get("entries").and_then(Value::as_object) else {
                found.warn(name, "there are no `entries`; left out");
                continue;
            };
            let repository = text(&document, &["repoUrl"]).unwrap_or("an unknown repository").to_owned();
            for (suite, entries) in suites {
                for (index, entry) in entries.as_array().into_iter().flatten().enumerate() {
                    let place = format!("{name}: entries.{suite}[{index}]");
                    match imported(entry, suite, &repository, &place, &mut found) {
                        Ok(one) => found.all.push(one),
                        Err(why) => found.warn(&place, format!("{why}; left out")),
                    }
                }
            }
        }
    }
    Ok(found)
}

fn imported(entry: &Value, suite: &str, repository: &str, place: &str, found: &mut Found) -> Result<Imported, String> {
    let when = instant(entry, &["date"]).or_else(|| instant(entry, &["commit", "timestamp"]));
    let at_time = when.ok_or("neither `date` nor `commit.timestamp` is a time")?;
    let list = at(entry, &["benches"]).filter(|list| list.is_array()).ok_or("there are no `benches`")?;
    let tool = text(entry, &["tool"]).unwrap_or_default();
    let format = match tool {
        "customBiggerIsBetter" => "gab-custom-bigger",
        "customSmallerIsBetter" => "gab-custom-smaller",
        _ => "gab-custom",
    };
    let (mut benchmarks, warnings) = parsed(format, list)?;
    warnings.iter().filter(|text| !text.contains("stands here again")).for_each(|text| found.warn(place, text));
    directions(&mut benchmarks, list);
    Ok(Imported {
        at: at_time,
        commit: commit(entry, &["commit", "id"]),
        branch: None,
        request: text(entry, &["commit", "url"]).and_then(request),
        // The runner is not told; results of one page are compared with each other there, too.
        machine: format!("the runners of {}", repository.trim_start_matches("https://")),
        suite: suite.to_owned(),
        benchmarks: joined(benchmarks),
    })
}

/// `.../pull/12/commits/HASH`: a pull request's own measurement, which must not become the default branch's.
fn request(url: &str) -> Option<u64> {
    let (_, rest) = url.split_once("/pull/")?;
    rest.split('/').next()?.parse().ok()
}

/// Some tools say for each benchmark which way is better.
fn directions(benchmarks: &mut [Benchmark], list: &Value) {
    let told = |entry: &Value| at(entry, &["biggerIsBetter"]).and_then(Value::as_bool);
    let entries: Vec<(&str, bool)> = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((text(entry, &["name"])?, told(entry)?)))
        .collect();
    for benchmark in benchmarks {
        let Some((_, bigger)) = entries.iter().find(|(name, _)| *name == benchmark.name) else { continue };
        let direction = if *bigger { Direction::Higher } else { Direction::Lower };
        benchmark.metrics.iter_mut().for_each(|metric| metric.direction = direction);
    }
}

/// One name again and again in one entry is one benchmark that was repeated.
fn joined(benchmarks: Vec<Benchmark>) -> Vec<Benchmark> {
    let mut all: Vec<Benchmark> = Vec::new();
    for mut benchmark in benchmarks {
        benchmark.parameters.remove("occurrence");
        let first = all.iter_mut().find(|known| known.name == benchmark.name);
        let Some(first) = first else {
            all.push(benchmark);
            continue;
        };
        for metric in benchmark.metrics {
            match first.metrics.iter_mut().find(|known| known.metric == metric.metric && known.unit == metric.unit) {
                None => first.metrics.push(metric),
                Some(known) => {
                    if known.samples.is_empty() {
                        known.samples.push(known.value);
                    }
                    known.samples.push(metric.value);
                    known.value = median(&known.samples).unwrap_or(known.value);
                    (known.lower, known.upper) = (None, None);
                }
            }
        }
    }
    all
}
