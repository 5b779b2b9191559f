//! One executed (or skipped) entry of the plan.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which section of the pipeline file a step comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An entry of `generations`.
    Generation,
    /// An entry of `tests`.
    Test,
    /// An entry of `benchmarks`.
    Benchmark,
}

impl Kind {
    /// The name of the section in the pipeline file, also the first part of a step's id.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Generation => "generations",
            Self::Test => "tests",
            Self::Benchmark => "benchmarks",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It ran and did what was asked.
    Passed,
    /// It ran; a case failed, a file drifted, or its command returned non-zero.
    Failed,
    /// It could not be run or its output could not be read.
    Errored,
    /// It was not run; `reason` says why.
    Skipped,
    /// It was stopped after its `timeout`.
    TimedOut,
    /// It was stopped because the run was.
    Cancelled,
}

/// Why something was skipped, or why it errored: a stable code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A stable snake_case word such as `no_device`, `condition_false`, `needs_failed`, `rule_excluded`.
    pub code: String,
    /// One plain sentence.
    pub text: String,
}

impl Reason {
    /// A reason from its two parts.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into() }
    }
}

/// How a process ended: by returning a code or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ExitStatus {
    /// The returned code; absent where a signal ended the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

impl ExitStatus {
    /// Whether the process returned zero.
    pub fn success(self) -> bool {
        self.code == Some(0)
    }
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "unknown exit"),
        }
    }
}

/// Where a step's output is kept, with its end quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogRef {
    /// The log file, relative to the run's folder.
    pub path: String,
    /// How much the step printed, in bytes, before any limit.
    pub bytes: u64,
    /// How much of that is not in the file because the file has a limit, in bytes.
    pub omitted: u64,
    /// The last lines, secrets masked, invalid UTF-8 replaced.
    pub tail: String,
}

/// One entry of the plan and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Unique in the document: `tests/unit`, `benchmarks/encode[model=minilm,target=cpu]`.
    pub id: String,
    /// Which section it comes from.
    pub kind: Kind,
    /// The `name` in the pipeline file.
    pub name: String,
    /// The model it was repeated for, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The target it executed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How it ended.
    pub status: StepStatus,
    /// Why, where the status alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The command as it was run, for people (secrets masked); empty where none was.
    #[serde(default)]
    pub command: String,
    /// How often the command was started (tests with `retries`).
    pub attempts: u32,
    /// How the last attempt's process ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitStatus>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How long it took, all attempts together, in nanoseconds.
    pub duration_ns: u64,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogRef>,
    /// In a joined document, the place in `legs` of the one that carried it out, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<u32>,
}
