//! Google Benchmark: its JSON, its CSV, and what it prints.
//!
//! Repetitions are samples, aggregates describe them, and neither are benchmarks of their own. `docs/harness/google-benchmark.md`
//! has the rules.

mod benchmarks;
mod console;
mod contents;
mod csv;
mod json;
mod runs;
#[cfg(test)]
mod tests;
mod unmarked;

use std::io::Read;

use self::runs::Runs;
use super::adapter::{Adapter, Confidence, HEAD, Head, OnBenchmark, Reading};
use super::elements::{Elements, Found};
use super::lines::without_colours;
use super::{HarnessError, Warning};

/// The longest table that is read, in bytes.
const LARGEST: u64 = 1 << 30;

const HELP: &str = "run it with `--benchmark_format=json` or `--benchmark_out=FILE`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "google-benchmark",
    title: "Google Benchmark's JSON, CSV and console output",
    reading: Reading::Each(read),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.text().contains("\"benchmarks\"") || head.has_key("context") {
        let found = head.json_object(&["context", "benchmarks"])?;
        let own = ["real_time", "cpu_time", "library_build_type", "num_cpus"].iter().any(|key| head.has_key(key));
        return if own { Ok(found) } else { Err("no key `real_time`".into()) };
    }
    head.line("`Benchmark  Time  CPU  Iterations`", |line| console::is_header(line) || csv::is_header(line))
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn read(input: &mut dyn Read, take: &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError> {
    let mut elements = Elements::new(input, HELP)?;
    // A program may print objects of its own before the table.
    let head = elements.ahead(HEAD)?;
    let is_table = head.get(..head.floor_char_boundary(HEAD)).unwrap_or(head).lines().any(is_header);
    let mut runs = Runs::default();
    let found = if is_table { Found::Stop } else { elements.find(is_header)? };
    match found {
        Found::Stop => {
            let before = elements.line() - 1;
            let text = elements.into_text(LARGEST)?;
            match text.lines().any(|line| console::is_header(&without_colours(line))) {
                true => console::parse(&text, before, runs, take),
                false => csv::parse(&text, before, runs, take),
            }
        }
        Found::Document => {
            let last = json::read(&mut elements, &mut runs)?;
            runs.hand_out(last, "the list of `benchmarks` is empty", take)
        }
        Found::End => {
            let text = if elements.line() == 1 { "the input is empty" } else { "no JSON document" };
            Err(HarnessError::new(1, 1, text, HELP))
        }
    }
}

fn is_header(line: &str) -> bool {
    let line = without_colours(line);
    console::is_header(&line) || csv::is_header(line.trim())
}
