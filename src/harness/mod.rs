//! Other tools' output to results; one file per format. The caller reads the files and hands in text or readers.
//!
//! [`ADAPTERS`] is the table of all formats, and [`detect`] finds the one that an output is in. A benchmark format turns
//! a text into [`Parsed`]. The rule that all of them keep: a text without a benchmark, or one
//! that is cut off, is an error; a line that looks like a result and is none is a warning with its number. "0
//! benchmarks, all fine" is never an answer. [`junit`] reads test cases and is a stream, since its files get large.

/// (shared) What a format is to the rest of the program.
mod adapter;
pub mod asv;
pub mod backsight;
pub mod benchmark_ips;
pub mod benchmarkdotnet;
pub mod benchmarkjs;
pub mod bmf;
/// (shared) What the readers of test cases have in common.
pub mod cases;
pub mod catch2;
pub mod criterion;
/// (shared) Tables of comma-separated values.
mod csv_tables;
pub mod ctrf;
pub mod dart;
pub mod dart_json;
pub mod divan;
/// (shared) JSON documents of benchmark tools, read straight into types.
mod documents;
/// (shared) Large JSON documents, element by element.
mod elements;
/// (shared) Streams of events of test runners, one a line.
mod events;
/// (shared) Figures with units to metrics, for tools that report whole runs.
mod figures;
pub mod fio;
/// (shared) JSON objects without nesting, fast.
mod flat;
pub mod folly;
pub mod gab_custom;
/// (shared) Collects benchmarks.
mod gather;
pub mod ghz;
pub mod gnu_time;
pub mod go;
pub mod go_test_json;
pub mod google_benchmark;
pub mod gungraun;
pub mod hyperfine;
pub mod jmh;
/// (shared) One JSON document as a stream.
mod json;
pub mod julia;
pub mod junit;
pub mod k6;
pub mod libtest;
pub mod libtest_json;
/// (shared) Lines of an output of any size.
mod lines;
pub mod llama_bench;
pub mod lm_evaluation_harness;
pub mod luau;
pub mod mitata;
pub mod mlperf_loadgen;
pub mod mocha_json;
/// (shared) Benchmarks in the memory of earlier ones.
mod mould;
pub mod nanobench;
pub mod nccl_tests;
/// (shared) Numbers as people and locales write them.
mod numbers;
pub mod nunit3;
pub mod oha;
pub mod onnxruntime_perf_test;
pub mod openvino_benchmark_app;
pub mod optimum_benchmark;
pub mod package_benchmark;
pub mod perf_stat;
pub mod pgbench;
/// (shared) Many small things in little memory.
mod pool;
pub mod pyperf;
pub mod pytest_benchmark;
/// (shared) Reports for people, line by line.
mod report_lines;
pub mod ruby_benchmark;
pub mod sysbench;
pub mod tango;
pub mod tap;
/// (shared) What tests of readers have in common.
#[cfg(test)]
mod testing;
pub mod timeit;
pub mod tinybench;
pub mod trtexec;
pub mod trx;
/// (shared) What units mean.
mod units;
/// (shared) JSON documents of benchmark tools.
mod values;
pub mod vitest;
pub mod vllm;
/// (shared) A stretch of an input, as text.
mod window;
pub mod wrk;
/// (shared) XML of test reports, as a stream.
mod xml;
pub mod xunit2;
pub mod zbench;

use std::borrow::Cow;
use std::collections::HashMap;

pub use adapter::{
    Adapter, Confidence, HEAD, Head, OnBenchmark, ParseBenchmarks, ReadCases, ReadEach, ReadLines, ReadTwice, Reading,
    Source, Tree, TreeFile, Undecided, detect,
};
pub use backsight::{Outcome, outcome};

use crate::results::Benchmark;

/// All formats, in the order of their names.
pub const ADAPTERS: [&Adapter; 62] = [
    &asv::ADAPTER,
    &backsight::ADAPTER,
    &benchmark_ips::ADAPTER,
    &benchmarkdotnet::ADAPTER,
    &benchmarkjs::ADAPTER,
    &bmf::ADAPTER,
    &catch2::ADAPTER,
    &criterion::ADAPTER,
    &ctrf::ADAPTER,
    &dart::ADAPTER,
    &dart_json::ADAPTER,
    &divan::ADAPTER,
    &fio::ADAPTER,
    &folly::ADAPTER,
    &gab_custom::ADAPTER,
    &gab_custom::BIGGER,
    &gab_custom::SMALLER,
    &ghz::ADAPTER,
    &gnu_time::ADAPTER,
    &go::ADAPTER,
    &go_test_json::ADAPTER,
    &google_benchmark::ADAPTER,
    &gungraun::ADAPTER,
    &hyperfine::ADAPTER,
    &gungraun::IAI,
    &jmh::ADAPTER,
    &julia::ADAPTER,
    &junit::ADAPTER,
    &k6::ADAPTER,
    &libtest::ADAPTER,
    &libtest_json::ADAPTER,
    &llama_bench::ADAPTER,
    &lm_evaluation_harness::ADAPTER,
    &luau::ADAPTER,
    &mitata::ADAPTER,
    &mlperf_loadgen::ADAPTER,
    &mocha_json::ADAPTER,
    &nanobench::ADAPTER,
    &nccl_tests::ADAPTER,
    &nunit3::ADAPTER,
    &oha::ADAPTER,
    &onnxruntime_perf_test::ADAPTER,
    &openvino_benchmark_app::ADAPTER,
    &optimum_benchmark::ADAPTER,
    &package_benchmark::ADAPTER,
    &perf_stat::ADAPTER,
    &pgbench::ADAPTER,
    &pyperf::ADAPTER,
    &pytest_benchmark::ADAPTER,
    &ruby_benchmark::ADAPTER,
    &sysbench::ADAPTER,
    &tango::ADAPTER,
    &tap::ADAPTER,
    &timeit::ADAPTER,
    &tinybench::ADAPTER,
    &trtexec::ADAPTER,
    &trx::ADAPTER,
    &vitest::ADAPTER,
    &vllm::ADAPTER,
    &wrk::ADAPTER,
    &xunit2::ADAPTER,
    &zbench::ADAPTER,
];

/// The folders that tools leave, with how they are read.
pub const TREES: [Tree; 2] = [asv::TREE, criterion::TREE];

/// The format of this name; `None` if there is none.
pub fn adapter(name: &str) -> Option<&'static Adapter> {
    ADAPTERS.into_iter().find(|adapter| adapter.name == name)
}

/// What an output holds: at least one benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The benchmarks in the order of the output; their `step` is empty.
    pub benchmarks: Vec<Benchmark>,
    /// What was odd.
    pub warnings: Vec<Warning>,
}

/// Something that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1.
    pub line: u64,
    /// What it is, as a lowercase fragment.
    pub text: String,
}

/// Why an output could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}{}", if help.is_empty() { String::new() } else { format!(" at line {line}, column {column}; {help}") })]
pub struct HarnessError {
    /// The line, from 1.
    pub line: u64,
    /// The character in the line, from 1.
    pub column: u64,
    /// What is wrong, as a lowercase fragment.
    pub text: String,
    /// What to do about it; empty where the text says it, and the place, itself.
    pub help: String,
}

impl HarnessError {
    /// What is wrong and what to do about it, without the place.
    pub fn message(&self) -> String {
        if self.help.is_empty() { self.text.clone() } else { format!("{}; {}", self.text, self.help) }
    }

    fn new(line: u64, column: u64, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line, column, text: text.into(), help: help.into() }
    }
}

/// The input could not be read on at this line.
fn unreadable(error: &std::io::Error, line: u64) -> HarnessError {
    HarnessError::new(line.max(1), 1, format!("the input could not be read: {error}"), "check the file or the pipe")
}

/// An output as text: UTF-16 where a byte order mark says so (PowerShell's `>` writes it), otherwise UTF-8 with invalid
/// bytes replaced, without a mark.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let utf_16 = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, ..] => Cow::Owned(utf_16(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Cow::Owned(utf_16(u16::from_be_bytes)),
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    }
}

/// Makes benchmarks of equal name distinct. `lines` are the places of the benchmarks.
fn number_repeats(benchmarks: &mut [Benchmark], lines: &[u64], warnings: &mut Vec<Warning>) {
    let mut repeats = Repeats::default();
    for (benchmark, line) in benchmarks.iter_mut().zip(lines) {
        warnings.extend(repeats.number(benchmark, *line));
    }
}

/// Makes benchmarks of equal name distinct: the second one gets the parameter `occurrence` = 2, and so on, and a
/// warning. They may be two benchmarks of two programs or two runs of one; nothing in these formats tells, so none is
/// dropped and none is mixed into another's samples.
#[derive(Default)]
struct Repeats {
    seen: HashMap<String, u32>,
}

impl Repeats {
    /// Numbers the next benchmark, which stands on this line.
    fn number(&mut self, benchmark: &mut Benchmark, line: u64) -> Option<Warning> {
        let count = self.seen.entry(benchmark.series()).or_default();
        *count += 1;
        if *count == 1 {
            return None;
        }
        benchmark.parameters.insert("occurrence".into(), count.to_string());
        let text = format!("`{}` stands here again; it is kept as occurrence {count}", quoted(&benchmark.name));
        Some(Warning { line, text })
    }
}

/// A text of another program, for a message: short, without control characters.
fn quoted(text: &str) -> String {
    let mut quote: String = text.trim().chars().take(80).filter(|c| !c.is_control()).collect();
    if text.trim().chars().count() > 80 {
        quote.push('…');
    }
    quote
}
