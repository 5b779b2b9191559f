//! The results document: everything one run found out.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{
    Benchmark, Case, Change, Comparison, ExitCode, Generation, Host, Leg, Measuring, Outcome, Quarantined, Shard,
    Status, Step, Toolchain, UnlistedGenerations,
};

/// The name of the format, written into each document.
pub const SCHEMA: &str = "backsight/results/1";

/// A marker that serialises as [`SCHEMA`] and refuses to read anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaTag;

impl Serialize for SchemaTag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCHEMA)
    }
}

impl<'de> Deserialize<'de> for SchemaTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Cow::<str>::deserialize(deserializer)?;
        if found == SCHEMA {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(format!("this backsight reads `{SCHEMA}`, the document says `{found}`")))
        }
    }
}

impl JsonSchema for SchemaTag {
    fn schema_name() -> Cow<'static, str> {
        "SchemaTag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": SCHEMA })
    }
}

/// The program that wrote the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Always `backsight`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Identity, times and outcome of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// UUID version 7: sorts by time of start.
    pub id: Uuid,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, in nanoseconds by the monotonic clock.
    pub duration_ns: u64,
    /// How it ended.
    pub status: Status,
    /// What the process returned.
    #[schemars(with = "u8")]
    pub exit_code: ExitCode,
    /// The command line's selection, where not everything was asked for: `--only tests -k 'parse/*'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// What the head was measured against in pairs, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Where the order of the measurements was drawn from; absent where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Which part of a plan this run is, where the plan was split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// The two sources of a paired measurement, each in a working copy of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// The base as it was named, such as `main` or `HEAD~1`.
    pub named: String,
    /// The base's commit, full hash.
    pub base: String,
    /// The commit that the head rests on, full hash.
    pub head: String,
    /// Whether the head held more than its commit: changed or new files.
    pub changed: bool,
}

/// The pipeline file that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineRef {
    /// Its path relative to the workspace (the folder it stands in).
    pub path: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// How much a remark matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemarkLevel {
    /// Good to know.
    Info,
    /// Something was not as it should be, but the results stand.
    Warning,
    /// Something could not be done.
    Error,
}

/// A sentence about the run that belongs to no single case or benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// How much it matters.
    pub level: RemarkLevel,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The sentence, with the next step where there is one.
    pub text: String,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All cases.
    pub tests: u64,
    /// Passed at the first attempt.
    pub passed: u64,
    /// Failed or timed out.
    pub failed: u64,
    /// Broke outside an assertion.
    pub errored: u64,
    /// Not run on purpose.
    pub skipped: u64,
    /// Failed, then passed.
    pub flaky: u64,
    /// Ended with the run.
    pub cancelled: u64,
    /// Generated files.
    pub generations: u64,
    /// Of them: drifted, missing or failed.
    pub generations_failed: u64,
    /// Benchmarks with at least one figure.
    pub benchmarks: u64,
    /// Steps skipped.
    pub steps_skipped: u64,
}

impl Counts {
    /// Adds one case.
    pub fn add_case(&mut self, outcome: Outcome) {
        self.tests += 1;
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed | Outcome::TimedOut => &mut self.failed,
            Outcome::Errored => &mut self.errored,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Flaky => &mut self.flaky,
            Outcome::Cancelled => &mut self.cancelled,
        } += 1;
    }
}

/// Everything one run found out. The published format `backsight/results/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Backsight results, format 1")]
pub struct Document {
    /// The name and version of this format.
    pub schema: SchemaTag,
    /// The program that wrote it.
    pub tool: Tool,
    /// Identity, times and outcome.
    pub run: RunInfo,
    /// The project's name.
    pub project: String,
    /// The pipeline file.
    pub pipeline: PipelineRef,
    /// The state of the source.
    pub change: Change,
    /// The machine.
    pub host: Host,
    /// Versions of the tools at hand.
    #[serde(default)]
    pub toolchains: Vec<Toolchain>,
    /// How many of each.
    pub counts: Counts,
    /// The entries of the plan in the order they ended; skipped ones included.
    pub steps: Vec<Step>,
    /// Test outcomes.
    pub cases: Vec<Case>,
    /// Generated files.
    pub generations: Vec<Generation>,
    /// Generated files beyond those that are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_generations: Vec<UnlistedGenerations>,
    /// What was measured.
    pub benchmarks: Vec<Benchmark>,
    /// How it was measured: our own overhead, and the state of the host; absent where no command was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measuring: Option<Measuring>,
    /// What moved against the baseline; absent where no comparison was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Test cases in quarantine: their failures count only where their state says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<Quarantined>,
    /// The runs that this document joins; absent where one run made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// The hosts of the legs, one of each class; absent where one run made the document, or all legs ran on one class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// Sentences about the run as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

impl Document {
    /// The document of a run that begins: nothing is found out yet.
    pub fn begun(id: Uuid, started_at: Timestamp, project: impl Into<String>, pipeline: PipelineRef) -> Self {
        let run = RunInfo {
            id,
            started_at,
            duration_ns: 0,
            status: Status::Running,
            exit_code: ExitCode::Passed,
            selection: None,
            against: None,
            seed: None,
            shard: None,
        };
        Self {
            schema: SchemaTag,
            tool: Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
            run,
            project: project.into(),
            pipeline,
            change: Change::default(),
            host: Host::default(),
            toolchains: Vec::new(),
            counts: Counts::default(),
            steps: Vec::new(),
            cases: Vec::new(),
            generations: Vec::new(),
            unlisted_generations: Vec::new(),
            benchmarks: Vec::new(),
            measuring: None,
            comparison: None,
            quarantine: Vec::new(),
            legs: Vec::new(),
            hosts: Vec::new(),
            remarks: Vec::new(),
        }
    }
}
