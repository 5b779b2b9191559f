//! The harnesses whose output a pipeline can name.
//!
//! The readers stand on a higher floor, so the names stand here too; a test there keeps both equal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A benchmark harness whose output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Harness {
    /// The results of asv, a file or the folder.
    Asv,
    /// Whatever the output's content is.
    Auto,
    /// Backsight's own documented JSON.
    Backsight,
    /// What Ruby's benchmark-ips prints.
    BenchmarkIps,
    /// BenchmarkDotNet's JSON.
    Benchmarkdotnet,
    /// Benchmark.js's `name x 1,234 ops/sec` lines.
    Benchmarkjs,
    /// Bencher Metric Format, JSON.
    Bmf,
    /// Catch2's benchmarks, console and XML.
    Catch2,
    /// Criterion's text, cargo-criterion's JSON, or the folder `target/criterion`.
    Criterion,
    /// What Dart's benchmark_harness prints.
    Dart,
    /// Divan's table of benchmarks.
    Divan,
    /// fio's JSON.
    Fio,
    /// The table and the JSON of folly's benchmarks.
    Folly,
    /// Github-action-benchmark's custom JSON, direction by unit.
    GabCustom,
    /// Github-action-benchmark's customBiggerIsBetter.
    GabCustomBigger,
    /// Github-action-benchmark's customSmallerIsBetter.
    GabCustomSmaller,
    /// ghz's JSON.
    Ghz,
    /// What `/usr/bin/time -v` writes.
    GnuTime,
    /// The output of `go test -bench`.
    Go,
    /// Google Benchmark's JSON and console output.
    GoogleBenchmark,
    /// What gungraun and iai-callgrind print.
    Gungraun,
    /// Hyperfine's JSON.
    Hyperfine,
    /// What iai prints.
    Iai,
    /// The JSON of JMH.
    Jmh,
    /// The JSON of Julia's BenchmarkTools.
    Julia,
    /// k6's summary, as JSON or printed.
    K6,
    /// Rust's libtest `bench:` lines; criterion with `--output-format bencher`.
    Libtest,
    /// llama-bench as JSON, JSON lines, CSV or Markdown.
    LlamaBench,
    /// The results of lm-evaluation-harness.
    LmEvaluationHarness,
    /// The output of Luau's benchmark runner.
    Luau,
    /// Mitata's JSON and what it prints.
    Mitata,
    /// LoadGen's `mlperf_log_summary.txt`.
    MlperfLoadgen,
    /// Nanobench's table and JSON.
    Nanobench,
    /// The tables of nccl-tests and rccl-tests.
    NcclTests,
    /// oha's JSON.
    Oha,
    /// What `onnxruntime_perf_test` prints.
    OnnxruntimePerfTest,
    /// What OpenVINO's `benchmark_app` prints or stores.
    OpenvinoBenchmarkApp,
    /// The reports of optimum-benchmark.
    OptimumBenchmark,
    /// The tables of Swift's package-benchmark.
    PackageBenchmark,
    /// `perf stat` as JSON or CSV.
    PerfStat,
    /// What pgbench prints.
    Pgbench,
    /// The JSON of pyperf.
    Pyperf,
    /// pytest-benchmark's JSON.
    PytestBenchmark,
    /// What Ruby's `Benchmark.bm` prints.
    RubyBenchmark,
    /// What sysbench prints.
    Sysbench,
    /// What tango's `compare` and `solo` print.
    Tango,
    /// Python's `timeit` and IPython's `%timeit`.
    Timeit,
    /// Tinybench's tasks as JSON, and its table.
    Tinybench,
    /// What TensorRT's `trtexec` prints.
    Trtexec,
    /// Vitest's benchmarks, JSON and tables.
    Vitest,
    /// The JSON of `vllm bench`.
    Vllm,
    /// What wrk prints.
    Wrk,
    /// zBench's table and JSON.
    Zbench,
}

impl Harness {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 53] = [
        Self::Asv,
        Self::Auto,
        Self::Backsight,
        Self::BenchmarkIps,
        Self::Benchmarkdotnet,
        Self::Benchmarkjs,
        Self::Bmf,
        Self::Catch2,
        Self::Criterion,
        Self::Dart,
        Self::Divan,
        Self::Fio,
        Self::Folly,
        Self::GabCustom,
        Self::GabCustomBigger,
        Self::GabCustomSmaller,
        Self::Ghz,
        Self::GnuTime,
        Self::Go,
        Self::GoogleBenchmark,
        Self::Gungraun,
        Self::Hyperfine,
        Self::Iai,
        Self::Jmh,
        Self::Julia,
        Self::K6,
        Self::Libtest,
        Self::LlamaBench,
        Self::LmEvaluationHarness,
        Self::Luau,
        Self::Mitata,
        Self::MlperfLoadgen,
        Self::Nanobench,
        Self::NcclTests,
        Self::Oha,
        Self::OnnxruntimePerfTest,
        Self::OpenvinoBenchmarkApp,
        Self::OptimumBenchmark,
        Self::PackageBenchmark,
        Self::PerfStat,
        Self::Pgbench,
        Self::Pyperf,
        Self::PytestBenchmark,
        Self::RubyBenchmark,
        Self::Sysbench,
        Self::Tango,
        Self::Timeit,
        Self::Tinybench,
        Self::Trtexec,
        Self::Vitest,
        Self::Vllm,
        Self::Wrk,
        Self::Zbench,
    ];

    /// The canonical name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asv => "asv",
            Self::Auto => "auto",
            Self::Backsight => "backsight",
            Self::BenchmarkIps => "benchmark-ips",
            Self::Benchmarkdotnet => "benchmarkdotnet",
            Self::Benchmarkjs => "benchmarkjs",
            Self::Bmf => "bmf",
            Self::Catch2 => "catch2",
            Self::Criterion => "criterion",
            Self::Dart => "dart",
            Self::Divan => "divan",
            Self::Fio => "fio",
            Self::Folly => "folly",
            Self::GabCustom => "gab-custom",
            Self::GabCustomBigger => "gab-custom-bigger",
            Self::GabCustomSmaller => "gab-custom-smaller",
            Self::Ghz => "ghz",
            Self::GnuTime => "gnu-time",
            Self::Go => "go",
            Self::GoogleBenchmark => "google-benchmark",
            Self::Gungraun => "gungraun",
            Self::Hyperfine => "hyperfine",
            Self::Iai => "iai",
            Self::Jmh => "jmh",
            Self::Julia => "julia",
            Self::K6 => "k6",
            Self::Libtest => "libtest",
            Self::LlamaBench => "llama-bench",
            Self::LmEvaluationHarness => "lm-evaluation-harness",
            Self::Luau => "luau",
            Self::Mitata => "mitata",
            Self::MlperfLoadgen => "mlperf-loadgen",
            Self::Nanobench => "nanobench",
            Self::NcclTests => "nccl-tests",
            Self::Oha => "oha",
            Self::OnnxruntimePerfTest => "onnxruntime-perf-test",
            Self::OpenvinoBenchmarkApp => "openvino-benchmark-app",
            Self::OptimumBenchmark => "optimum-benchmark",
            Self::PackageBenchmark => "package-benchmark",
            Self::PerfStat => "perf-stat",
            Self::Pgbench => "pgbench",
            Self::Pyperf => "pyperf",
            Self::PytestBenchmark => "pytest-benchmark",
            Self::RubyBenchmark => "ruby-benchmark",
            Self::Sysbench => "sysbench",
            Self::Tango => "tango",
            Self::Timeit => "timeit",
            Self::Tinybench => "tinybench",
            Self::Trtexec => "trtexec",
            Self::Vitest => "vitest",
            Self::Vllm => "vllm",
            Self::Wrk => "wrk",
            Self::Zbench => "zbench",
        }
    }
}

/// A format in which test frameworks report, and which is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestHarness {
    /// Whatever the output's content is.
    Auto,
    /// The Common Test Report Format, JSON.
    Ctrf,
    /// What `dart test --reporter json` and `flutter test --machine` print.
    DartJson,
    /// What `go test -json` prints.
    GoTestJson,
    /// JUnit XML in all its dialects.
    Junit,
    /// The JSON lines of Rust's libtest and of cargo-nextest.
    LibtestJson,
    /// Mocha's JSON.
    MochaJson,
    /// NUnit 3's XML.
    Nunit3,
    /// The Test Anything Protocol.
    Tap,
    /// Visual Studio's test results, which `dotnet test --logger trx` writes.
    Trx,
    /// The XML of xUnit.net 2 and 3.
    Xunit2,
}

impl TestHarness {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 11] = [
        Self::Auto,
        Self::Ctrf,
        Self::DartJson,
        Self::GoTestJson,
        Self::Junit,
        Self::LibtestJson,
        Self::MochaJson,
        Self::Nunit3,
        Self::Tap,
        Self::Trx,
        Self::Xunit2,
    ];

    /// The canonical name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ctrf => "ctrf",
            Self::DartJson => "dart-json",
            Self::GoTestJson => "go-test-json",
            Self::Junit => "junit",
            Self::LibtestJson => "libtest-json",
            Self::MochaJson => "mocha-json",
            Self::Nunit3 => "nunit3",
            Self::Tap => "tap",
            Self::Trx => "trx",
            Self::Xunit2 => "xunit2",
        }
    }
}
