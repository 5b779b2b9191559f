//! The harnesses whose output a pipeline can name.
//!
//! The readers stand on a higher floor, so the names stand here too; a test there keeps both equal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A benchmark harness whose output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Harness {
    /// fio's JSON.
    Fio,
    /// ghz's JSON.
    Ghz,
    /// k6's summary, as JSON or printed.
    K6,
    /// Rust's libtest `bench:` lines; criterion with `--output-format bencher`.
    Libtest,
    /// llama-bench as JSON, JSON lines, CSV or Markdown.
    LlamaBench,
    /// The results of lm-evaluation-harness.
    LmEvaluationHarness,
    /// LoadGen's `mlperf_log_summary.txt`.
    MlperfLoadgen,
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
    /// What pgbench prints.
    Pgbench,
    /// pytest-benchmark's JSON.
    PytestBenchmark,
    /// What sysbench prints.
    Sysbench,
    /// What TensorRT's `trtexec` prints.
    Trtexec,
    /// The JSON of `vllm bench`.
    Vllm,
    /// What wrk prints.
    Wrk,
}

impl Harness {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 18] = [
        Self::Fio,
        Self::Ghz,
        Self::K6,
        Self::Libtest,
        Self::LlamaBench,
        Self::LmEvaluationHarness,
        Self::MlperfLoadgen,
        Self::NcclTests,
        Self::Oha,
        Self::OnnxruntimePerfTest,
        Self::OpenvinoBenchmarkApp,
        Self::OptimumBenchmark,
        Self::Pgbench,
        Self::PytestBenchmark,
        Self::Sysbench,
        Self::Trtexec,
        Self::Vllm,
        Self::Wrk,
    ];

    /// The canonical name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fio => "fio",
            Self::Ghz => "ghz",
            Self::K6 => "k6",
            Self::Libtest => "libtest",
            Self::LlamaBench => "llama-bench",
            Self::LmEvaluationHarness => "lm-evaluation-harness",
            Self::MlperfLoadgen => "mlperf-loadgen",
            Self::NcclTests => "nccl-tests",
            Self::Oha => "oha",
            Self::OnnxruntimePerfTest => "onnxruntime-perf-test",
            Self::OpenvinoBenchmarkApp => "openvino-benchmark-app",
            Self::OptimumBenchmark => "optimum-benchmark",
            Self::Pgbench => "pgbench",
            Self::PytestBenchmark => "pytest-benchmark",
            Self::Sysbench => "sysbench",
            Self::Trtexec => "trtexec",
            Self::Vllm => "vllm",
            Self::Wrk => "wrk",
        }
    }
}
