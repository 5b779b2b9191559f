//! hyperfine's JSON (`--export-json FILE`), with each command's raw times; its CSV, its Markdown, and what it prints.
//!
//! `docs/harness/hyperfine.md` has the rules.

mod tables;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::adapter::{Adapter, Reading};
use super::documents::documents;
use super::gather::{Gather, give_or_take, metric, middle, sampled};
use super::lines::without_colours;
use super::units::Unit;
use super::{HarnessError, Parsed, decoded, quoted};
use crate::results::{Benchmark, Reason, Validity};

const FORMAT: &str = "hyperfine";
const HELP: &str = "run it with `--export-json FILE` and read that file";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "hyperfine",
    title: "hyperfine's JSON, CSV and Markdown, and what it prints",
    reading: Reading::Benchmarks(parse),
    sniff: |head| match head.json_object(&["results", "command", "mean"]) {
        Ok(found) => Ok(found),
        Err(why) => {
            let is_table =
                |line: &str| tables::is_csv_header(line) || tables::is_markdown_header(line) || tables::is_time(line);
            head.line("`command,mean,stddev,median` or `Time (mean ± σ):`", is_table).map_err(|_| why)
        }
    },
};

#[derive(Deserialize)]
struct Root {
    results: Vec<Entry>,
}

#[derive(Default, Deserialize)]
struct Entry {
    command: String,
    mean: Option<f64>,
    stddev: Option<f64>,
    median: Option<f64>,
    user: Option<f64>,
    system: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    times: Option<Vec<f64>>,
    #[serde(default)]
    memory_usage_byte: Option<Vec<f64>>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

/// Reads the file, or what was printed.
///
/// # Errors
/// Where it is no output of hyperfine, damaged, cut off, or has no result.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let has = |test: fn(&str) -> bool| text.lines().any(|line| test(without_colours(line).trim()));
    if has(tables::is_csv_header) {
        return tables::csv(&text);
    }
    if has(tables::is_markdown_header) {
        return tables::markdown(&text);
    }
    if has(tables::is_time) {
        return tables::printed(&text);
    }
    json(bytes)
}

fn json(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        for entry in document.value.results {
            let failed = entry.exit_codes.iter().filter(|code| **code != Some(0)).count();
            let mut found = benchmark(&entry);
            if failed > 0 {
                let text =
                    format!("`{}` failed in {failed} of {} runs", quoted(&entry.command), entry.exit_codes.len());
                found.validity = Validity::Noisy { reason: Reason::new("command_failed", &text) };
                gather.warn(last, text);
            }
            gather.add(last, found);
        }
    }
    gather.finish(last, "the list of `results` is empty", HELP)
}

fn benchmark(entry: &Entry) -> Benchmark {
    let mut found = Benchmark::new(&entry.command);
    for (key, value) in &entry.parameters {
        found.parameters.insert(key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let unit = Unit::seconds();
    let times = entry.times.as_deref().unwrap_or_default();
    if let Some(value) = entry.median.or(entry.mean) {
        let time = sampled(metric(FORMAT, "wall_time", value, &unit), times, &unit);
        let mut time = give_or_take(time, entry.stddev, &unit);
        time.iterations = (!times.is_empty()).then_some(times.len() as u64);
        found.metrics.push(time);
    }
    for (name, value) in [
        ("wall_time_mean", entry.mean),
        ("wall_time_min", entry.min),
        ("wall_time_max", entry.max),
        ("user_time", entry.user),
        ("system_time", entry.system),
    ] {
        found.metrics.extend(value.map(|value| metric(FORMAT, name, value, &unit)));
    }
    if let Some(memory) = entry.memory_usage_byte.as_deref().filter(|all| !all.is_empty()) {
        let bytes = Unit::of("bytes");
        found.metrics.push(sampled(metric(FORMAT, "peak_memory", middle(memory), &bytes), memory, &bytes));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&parse(&fixture("hyperfine", "recorded.json")).unwrap()));
    }

    #[test]
    fn recorded_tables_are_read() {
        for file in ["recorded.csv", "recorded.md", "recorded.txt"] {
            let parsed = parse(&fixture("hyperfine", file)).unwrap();
            assert_eq!(parsed.benchmarks.len(), 4, "{file}");
            assert_eq!(parsed.benchmarks[1].name, "sleep 0.01, \"quoted\"", "{file}");
            insta::assert_snapshot!(file, listed(&parsed));
        }
    }

    /// Each form of one run has the same mean, as exactly as it was written.
    #[test]
    fn all_tables_of_one_run_agree() {
        let means = |file: &str| -> Vec<f64> {
            let parsed = parse(&fixture("hyperfine", file)).unwrap();
            parsed.benchmarks.iter().map(|found| found.metric("wall_time_mean").unwrap().value).collect()
        };
        let exact = means("recorded.csv");
        assert_eq!(exact[0], 165_177_907.6);
        for file in ["recorded.md", "recorded.txt"] {
            let near = means(file).iter().zip(&exact).all(|(rounded, exact)| (rounded - exact).abs() <= 0.05e6 + 1.0);
            assert!(near, "{file}: {:?} {exact:?}", means(file));
        }
    }

    #[test]
    fn halves_of_tables_are_never_fine() {
        for (file, at) in [("recorded.csv", ",0.31186"), ("recorded.md", " 311.9"), ("recorded.txt", " 141.3 ms")] {
            let whole = String::from_utf8(fixture("hyperfine", file)).unwrap();
            let cut = &whole[..whole.rfind(at).unwrap()];
            assert!(parse(cut.as_bytes()).unwrap_err().text.starts_with("cut off"), "{file}");
        }
        let odd = "| Command | Mean [ms] | Min [ms] | Max [ms] | Relative |\n|:---|---:|---:|---:|---:|\n\
                   | `a \\| b` | 1.5 | 1.0 | 2.0 | 1.00 |\n| `c` | x | 1.0 | 2.0 | 1.00 |\n";
        let parsed = parse(odd.as_bytes()).unwrap();
        assert_eq!((parsed.benchmarks[0].name.as_str(), parsed.warnings[0].line), ("a | b", 4));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"results\":[]}", "{\"results\":[{\"command\":\"a\"", "[]", "Benchmark 1: a\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
