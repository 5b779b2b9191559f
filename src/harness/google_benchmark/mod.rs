//! Google Benchmark: its JSON, its CSV, and what it prints.
//!
//! Repetitions are samples, aggregates describe them, and neither are benchmarks of their own. `docs/harness/google-benchmark.md`
//! has the rules.

mod console;
mod csv;
mod json;
mod runs;
#[cfg(test)]
mod tests;
mod unmarked;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::{HarnessError, Parsed, decoded};

const HELP: &str = "run it with `--benchmark_format=json` or `--benchmark_out=FILE`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "google-benchmark",
    title: "Google Benchmark's JSON, CSV and console output",
    reading: Reading::Benchmarks(parse),
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
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    if text.lines().any(|line| console::is_header(line.trim())) {
        return console::parse(&text);
    }
    match text.lines().any(|line| csv::is_header(line.trim())) {
        true => csv::parse(&text),
        false => json::parse(bytes),
    }
}
