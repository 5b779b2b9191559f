//! The pipeline as a plain value: what `backsight.yml` says after validation, defaults filled in where they do not
//! depend on the host.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::executors::ExecutorsConfig;
use super::fields;
use super::generation::GenerationStep;
use super::harness::{Harness, TestHarness};
use super::llm::LlmStep;
use super::onnx::{OnnxSettings, OnnxStep};
use super::shards::ShardsConfig;
use super::step::{Command, Common};
use super::{Percent, StepDuration};

/// A pipeline file, version 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Backsight pipeline, version 1")]
pub struct Pipeline {
    /// The version of this format: 1.
    #[schemars(schema_with = "fields::version")]
    pub version: u32,
    /// The project's name in reports; default: the name of the repository at whose top the file
    /// stands (the last part of its `origin`'s address), otherwise that of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Targets that must be there: a missing one fails the run instead of skipping its steps.
    #[serde(default)]
    #[schemars(schema_with = "fields::targets")]
    pub require: Vec<String>,
    /// Environment variables whose values are secret: masked in all that is written, given only to steps that list
    /// them in their own `secrets`.
    #[serde(default)]
    #[schemars(schema_with = "fields::variable_names")]
    pub secrets: Vec<String>,
    /// Environment for all steps; list-form templates are allowed in values.
    #[serde(default)]
    #[schemars(schema_with = "fields::environment")]
    pub env: BTreeMap<String, String>,
    /// How many test steps may run at the same time; benchmarks always run alone. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<u32>,
    /// Models that steps can be repeated for: entries, or the path (glob) of files that hold them.
    #[serde(default)]
    pub models: Vec<ModelSource>,
    /// Files rendered from templates, before tests and benchmarks.
    #[serde(default)]
    pub generations: Vec<GenerationStep>,
    /// Test commands.
    #[serde(default)]
    pub tests: Vec<TestStep>,
    /// Things to measure.
    #[serde(default)]
    pub benchmarks: Vec<BenchmarkStep>,
    /// Which model × target pairs are skipped or must fail, and why; the first that matches wins.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Where the baseline comes from.
    #[serde(default)]
    pub baseline: BaselineConfig,
    /// Time for all benchmarks of a run together. Default 5 m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<StepDuration>,
    /// What makes a run fail.
    #[serde(default)]
    pub gate: Gate,
    /// Tests that are known to fail: they run and are reported, and their failures fail nothing until a day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<QuarantineEntry>,
    /// How `backsight plan` splits the work over several machines.
    #[serde(default, skip_serializing_if = "ShardsConfig::is_empty")]
    pub shards: ShardsConfig,
    /// How steps are handed to clusters.
    #[serde(default, skip_serializing_if = "ExecutorsConfig::is_empty")]
    pub executors: ExecutorsConfig,
    /// How `backsight publish` reports; on a change request the base's file decides.
    #[serde(default)]
    pub publish: PublishConfig,
}

impl Pipeline {
    /// The time for all benchmarks of a run together: what `budget` says, or five minutes.
    pub fn time(&self) -> Duration {
        self.budget.map_or(Duration::from_secs(300), |budget| budget.0)
    }
}

/// An entry of `quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineEntry {
    /// The names of test cases as reports give them, or a glob for them; `*` also crosses `/` and `::`.
    #[schemars(length(min = 1))]
    pub pattern: String,
    /// Only in steps whose name matches this glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Who looks after it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// Why, for people.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The day (YYYY-MM-DD, UTC) from which its failures count again.
    #[schemars(schema_with = "fields::date")]
    pub until: String,
}

/// An entry of `models`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ModelSource {
    /// A path or glob, relative to the pipeline file, of YAML or JSON files with a list of models, or of
    /// `config.json` files.
    Path(String),
    /// A model.
    Model(Box<Model>),
}

/// An ML model. Keys beside the named ones are kept and are available in templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Its id: `sentence-transformers/all-MiniLM-L6-v2`.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Its architecture family: `bert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// What it is for: `feature-extraction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The commit of the model repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its file, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of an ONNX model, sizes and inputs that each step with it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxSettings>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// An entry of `tests`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestStep {
    /// What all steps have.
    #[serde(flatten)]
    pub common: Common,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Command>,
    /// Instead of a command: an ONNX model, whose answers are held against stored ones or the CPU's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxStep>,
    /// Where the framework writes its JUnit XML (path or glob, relative to `working_dir`); default: what it writes
    /// to `$BACKSIGHT_JUNIT`, otherwise the exit code is the only case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub junit: Option<String>,
    /// The format in which the framework reports. Default `junit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<TestHarness>,
    /// Where the report is: `stdout` (default; of `junit`: `$BACKSIGHT_JUNIT`), `stderr`, or a path or glob relative to
    /// `working_dir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSource>,
    /// How often a failed command is run again. A case that fails and then passes is flaky.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
}

/// A number of retries, at most 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retries(#[schemars(range(max = 10))] pub u32);

/// An entry of `benchmarks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BenchmarkStep {
    /// What all steps have.
    #[serde(flatten)]
    pub common: Common,
    /// The command to measure, or the harness to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Command>,
    /// Instead of a command: an ONNX model, whose answers are checked before its speed is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxStep>,
    /// Instead of a command: a language model, whose generation is measured request by request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<Box<LlmStep>>,
    /// A command run once before, in a paired run once in each arm; its time is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Command>,
    /// Which metrics are compared; all but counters are recorded in any case. `instructions`, `cycles`, `branch_misses`
    /// and `cache_misses` are counted only where they are named here. Default: wall and CPU time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricName>>,
    /// Where the number of instructions comes from. Default `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CounterSource>,
    /// A command before each execution, warm-ups included; it is not measured. If it fails, that execution failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare: Option<Command>,
    /// A command after each execution, whatever became of it; it is not measured. If it fails, that execution failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Command>,
    /// What the command reads on standard input: a file, relative to the workspace, or `text: ...`. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Stdin>,
    /// Which processors the command may use: `none` (as it is), `auto` (all but the first where there are more than
    /// two), or a list of numbers. Default `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::pin")]
    pub pin: Option<Pin>,
    /// The command's nice value, -20 (first) to 19 (last); below 0 it takes a permission. Default: -20 where that is
    /// permitted, otherwise as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -20, max = 19))]
    pub priority: Option<i32>,
    /// The command sees no environment but `PATH`, `HOME`, `LANG=C.UTF-8`, `env`, the step's `secrets`, and what
    /// Backsight sets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clean_env: bool,
    /// Time for the samples of this benchmark. Default: its share of the run's `budget`; at most 10 s where there is no
    /// base to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<StepDuration>,
    /// Executions before the first sample. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 10_000))]
    pub warm_up: Option<u32>,
    /// Exactly this many samples where there is no base to compare with, whatever the budget. Default: as many as the
    /// budget allows, 6 to 1000. With a base the decision needs as many pairs as it needs, within the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub samples: Option<u32>,
    /// The command is a harness that reports benchmarks of its own in this format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<Harness>,
    /// Where the harness's report is: `stdout` (default), `stderr`, or a path, folder or glob relative to `working_dir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSource>,
    /// The smallest change that matters for this benchmark; default: the gate's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regression: Option<Percent>,
}

/// A metric of a measured command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// Elapsed time.
    WallTime,
    /// User and system time of the process and its waited-for descendants.
    CpuTime,
    /// User time.
    UserTime,
    /// System time.
    SystemTime,
    /// Memory at its peak.
    PeakMemory,
    /// Instructions executed in user space.
    Instructions,
    /// Processor cycles in user space.
    Cycles,
    /// Mispredicted branches.
    BranchMisses,
    /// Misses of the last cache.
    CacheMisses,
    /// Page faults that needed no reading from a disk.
    MinorFaults,
    /// Page faults that did.
    MajorFaults,
    /// How often the command gave up a processor to wait.
    VoluntarySwitches,
    /// How often a processor was taken from it.
    InvoluntarySwitches,
}

impl MetricName {
    /// The name in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WallTime => "wall_time",
            Self::CpuTime => "cpu_time",
            Self::UserTime => "user_time",
            Self::SystemTime => "system_time",
            Self::PeakMemory => "peak_memory",
            Self::Instructions => "instructions",
            Self::Cycles => "cycles",
            Self::BranchMisses => "branch_misses",
            Self::CacheMisses => "cache_misses",
            Self::MinorFaults => "minor_faults",
            Self::MajorFaults => "major_faults",
            Self::VoluntarySwitches => "voluntary_switches",
            Self::InvoluntarySwitches => "involuntary_switches",
        }
    }

    /// Whether it takes a counter, which is only there for those who ask for it.
    pub const fn is_counter(self) -> bool {
        matches!(self, Self::Instructions | Self::Cycles | Self::BranchMisses | Self::CacheMisses)
    }
}

/// Where the number of instructions comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CounterSource {
    /// The processor's counters where the kernel gives them, otherwise callgrind where it is installed.
    #[default]
    Auto,
    /// The processor's counters, in the timed executions themselves.
    Perf,
    /// Executions of their own under `valgrind --tool=callgrind`: slow, and the same count every time.
    Callgrind,
}

impl CounterSource {
    /// The word in the pipeline file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Perf => "perf",
            Self::Callgrind => "callgrind",
        }
    }
}

/// What a command reads on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Stdin {
    /// A file, relative to the workspace; a template.
    File(#[schemars(length(min = 1))] String),
    /// A text; a template.
    Text {
        /// The text.
        text: String,
    },
}

/// Which processors a measured command may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pin {
    /// By a rule.
    Rule(PinRule),
    /// These, by their numbers.
    Processors(Vec<u16>),
}

/// A rule for the processors of a measured command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinRule {
    /// Those that Backsight may use.
    #[default]
    None,
    /// All of them but the first, where there are more than two: that one is left to Backsight.
    Auto,
}

impl Default for Pin {
    fn default() -> Self {
        Self::Rule(PinRule::None)
    }
}

/// Where a harness's report is found: `stdout`, `stderr`, or a path or glob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum OutputSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Files, relative to the step's `working_dir`.
    Files(String),
}

impl From<String> for OutputSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "stdout" => Self::Stdout,
            "stderr" => Self::Stderr,
            _ => Self::Files(text),
        }
    }
}

impl From<OutputSource> for String {
    fn from(source: OutputSource) -> Self {
        match source {
            OutputSource::Stdout => "stdout".into(),
            OutputSource::Stderr => "stderr".into(),
            OutputSource::Files(glob) => glob,
        }
    }
}

/// A compatibility rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// What it applies to: `model`, `family`, `task`, `target`, `kind`, `step` to a glob; all must match.
    #[schemars(schema_with = "fields::rule_when")]
    pub when: BTreeMap<String, String>,
    /// What to do.
    pub then: RuleAction,
    /// A stable reason code, such as `unsupported_op`.
    #[schemars(schema_with = "fields::code")]
    pub code: String,
    /// The reason for people.
    pub reason: String,
    /// Where it is being worked on: an address or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub issue: Option<String>,
    /// The day (YYYY-MM-DD, UTC) from which the rule no longer holds and the run says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::date")]
    pub until: Option<String>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// The pair is not run.
    Skip,
    /// The pair is run and must fail: a failure is a skip with the reason, and a success fails the run, so that the rule
    /// does not outlive what it is about.
    Xfail,
    /// The pair is run, and parts of the model may run on the processor.
    AllowCpuFallback,
}

/// How `backsight publish` reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishConfig {
    /// When there is a comment on the change request. Default `on-change`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<CommentPolicy>,
    /// The project's own template of the comment, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// When there is a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommentPolicy {
    /// With every run.
    Always,
    /// Where something moved or failed.
    OnChange,
    /// Not at all.
    Never,
}

/// Where the baseline comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineConfig {
    /// The branch whose runs are the baseline; default: the current branch, then the default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_with: Option<String>,
    /// Paths that git ignores and a paired measurement needs in both working copies (data sets, installed packages): they
    /// are linked from the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carry: Vec<String>,
    /// Where results are shared between hosts. Default: in a CI job whose remote has the data branch, `git`; otherwise
    /// `sqlite`, which shares nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<BaselineStore>,
    /// The git remote that holds the data branch. Default `origin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::branch")]
    pub remote: Option<String>,
    /// The branch that holds shared results. Default `backsight-data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields::branch")]
    pub data_branch: Option<String>,
    /// With `store: file`, the folder that holds shared results, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Which runs are added to the shared results. Default `default-branch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushPolicy>,
    /// Shared results that cannot be read or written make the run fail with exit code 4; otherwise that is a remark.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// Where results are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaselineStore {
    /// A branch of its own in the project's repository.
    Git,
    /// A folder.
    File,
    /// Nowhere: the store of this workspace is all there is.
    Sqlite,
}

/// Which runs are added to the shared results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PushPolicy {
    /// Those of the default branch.
    #[default]
    DefaultBranch,
    /// All, each in the place of its branch or change request.
    Always,
    /// None: shared results are only read.
    Never,
}

/// What makes a run fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// The smallest change that matters. Default 2 %.
    #[serde(default = "default_regression")]
    pub regression: Percent,
    /// The chance that a paired run raises any alarm when nothing changed, all benchmarks and metrics together. Default
    /// 1 %.
    #[serde(default = "default_false_alarms")]
    pub false_alarms: Percent,
    /// What a benchmark without a figure, or without a baseline, does to the run. Default `fail` for the former.
    #[serde(default)]
    pub missing: MissingPolicy,
    /// What may come together since a release or another anchor: what `backsight history --guard` holds the default
    /// branch against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftLimit>,
}

/// The largest sum of changes since an anchor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftLimit {
    /// A tag, a branch or a commit; `latest` for the latest tag behind the commit that is checked out. Default `latest`.
    #[serde(default = "latest_tag")]
    #[schemars(schema_with = "fields::branch")]
    pub since: String,
    /// The largest sum of changes for the worse that is allowed in any benchmark.
    pub limit: Percent,
}

fn latest_tag() -> String {
    "latest".to_owned()
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            regression: default_regression(),
            false_alarms: default_false_alarms(),
            missing: MissingPolicy::default(),
            drift: None,
        }
    }
}

const fn default_regression() -> Percent {
    Percent(0.02)
}

const fn default_false_alarms() -> Percent {
    Percent(0.01)
}

/// What a benchmark that gave no result does to the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingPolicy {
    /// A benchmark that crashed or vanished makes the run undecided (exit 3).
    #[default]
    Fail,
    /// It is reported, and the exit code stays.
    Warn,
}
