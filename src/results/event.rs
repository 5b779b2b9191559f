//! What the engine tells its listeners while it works.
//!
//! One stream serves the terminal, the journal on disk and whatever comes later. Events carry finished nouns of the
//! document, so that a [`super::Assembly`] of the journal gives back everything that was finished.

use serde::{Deserialize, Serialize};

use super::{
    Benchmark, Case, Comparison, Document, ExitCode, Generation, Kind, Measuring, Remark, Status, Step,
    UnlistedGenerations,
};

/// One thing that happened. Serialised one to a line in `journal.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins. Carries a document without results: identity, change, host.
    RunStarted {
        /// The empty document.
        document: Box<Document>,
        /// How many steps the plan will execute.
        steps: u64,
    },
    /// A step begins.
    StepStarted {
        /// Its id.
        step: String,
        /// Its section.
        kind: Kind,
        /// Which attempt this is, from 1.
        attempt: u32,
        /// Nanoseconds since the run started.
        at_ns: u64,
    },
    /// How far a running step has come, for people; not needed to rebuild the document.
    Progress {
        /// The step.
        step: String,
        /// What it does now: `warm-up`, `sampling`, `building`.
        doing: String,
        /// Units done.
        done: u64,
        /// Units in all, where known.
        total: Option<u64>,
        /// The figure so far, ready to print.
        figure: Option<String>,
    },
    /// One execution of a benchmarked command, or one call of a harness, ended. Of a pair, both are told when both are
    /// over.
    SampleTaken {
        /// The step.
        step: String,
        /// The execution.
        iteration: super::Iteration,
        /// Its figures as (metric, value), in the document's units; empty for a failed run.
        values: Vec<(String, f64)>,
        /// What a harness reported in this call, a value a metric; empty for a command.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        benchmarks: Vec<Benchmark>,
    },
    /// What is known of the measuring as a whole: told before the first benchmark, and again with the conditions after
    /// the last.
    Measuring {
        /// The measuring so far.
        measuring: Measuring,
    },
    /// A test case is final: all its attempts are over.
    CaseFinished {
        /// The case.
        case: Case,
    },
    /// All test cases in quarantine, once they are over.
    Quarantined {
        /// They.
        cases: Vec<super::Quarantined>,
    },
    /// A generated file is final.
    GenerationFinished {
        /// The file.
        generation: Generation,
    },
    /// Generated files that are final and not told one by one.
    GenerationsCounted {
        /// They.
        files: UnlistedGenerations,
    },
    /// A benchmark is final.
    BenchmarkFinished {
        /// The benchmark.
        benchmark: Benchmark,
    },
    /// A step ended or was skipped.
    StepFinished {
        /// The step.
        step: Step,
    },
    /// A sentence about the run.
    Remarked {
        /// The remark.
        remark: Remark,
    },
    /// The comparison with the baseline is made.
    Compared {
        /// The comparison.
        comparison: Comparison,
    },
    /// The run is over.
    RunFinished {
        /// How it ended.
        status: Status,
        /// What the process will return.
        exit_code: ExitCode,
        /// How long it took, in nanoseconds.
        duration_ns: u64,
    },
}
