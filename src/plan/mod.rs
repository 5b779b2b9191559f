//! Pipeline + host facts + models to a [`Plan`]: what is executed, in which order, and why something is not.
//!
//! Pure. Every entry carries its decision, so that nothing is skipped in silence, and every command is final: the
//! engine expands nothing.

mod batch;
mod completion;
mod context;
mod expand;
mod generation;
mod llm;
mod manner;
mod onnx;
mod order;
mod own;
mod prompts;
mod rows;
mod rules;
mod select;
mod shards;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::pipeline::{Command, Harness, MetricName, Model, OutputSource, Resources, Shell, TestHarness};
use crate::results::{Kind, Reason};

pub use batch::{Axes, Batch, BatchFacts, Cell, CellError, Expander, LeftOut, Position, Product};
pub use completion::{Asked, Completion, Request, has_templates};
pub use context::{Template, TemplateError};
pub use expand::expand;
pub use generation::Sources;
pub use manner::Manner;
pub use prompts::{MOST_PROMPTS, Prompt, PromptText, Prompts, PromptsFormat};
pub use rows::{MOST_ROWS, Rows};
pub use select::{Selection, SelectionError};
pub use shards::{
    Estimates, JobPlan, MOST_SHARDS, PLAN_SCHEMA, PlanTag, PlannedShard, Runner, ShardPlan, Times, Wanted, jobs, split,
};

/// What planning needs to know of the world.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Whether this is a CI job.
    pub ci: bool,
    /// `github`, `gitlab`, `other`, or empty.
    pub provider: String,
    /// The current branch, empty where unknown.
    pub branch: String,
    /// The default branch, empty where unknown.
    pub default_branch: String,
    /// Whether the run belongs to a change request.
    pub change_request: bool,
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// `x86_64`, `aarch64`, ...
    pub arch: String,
    /// The targets that this host can execute.
    pub targets: Vec<String>,
    /// Why it cannot execute the others that are asked for.
    pub absent: BTreeMap<String, Reason>,
    /// Per target, environment variables that steps on it get: its device, for people and for programs.
    pub target_env: BTreeMap<String, Vec<(String, String)>>,
    /// Our own program, for steps that it carries out itself in a process of its own.
    pub program: String,
    /// Environment variables that templates and conditions may see: those named under `env`.
    pub env: BTreeMap<String, String>,
    /// Today in UTC as `YYYY-MM-DD`, for rules with an end.
    pub today: String,
    /// The project's name.
    pub project: String,
    /// The run's id.
    pub run_id: String,
    /// What generations read beside their templates.
    pub sources: Sources,
}

/// All that will be executed or skipped, in the order in which it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The entries. An entry's `needs` point to earlier entries only.
    pub items: Vec<Item>,
    /// The names of all generations of the pipeline, those that are not selected included.
    pub generations: Vec<String>,
    /// Targets of `require` that the host does not have.
    pub missing_targets: Vec<String>,
    /// Sentences for people, such as a rule that has run out.
    pub remarks: Vec<String>,
}

impl Plan {
    /// How many entries will really run.
    pub fn runnable(&self) -> usize {
        self.items.iter().filter(|item| item.skip.is_none()).count()
    }
}

/// One entry of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `tests/unit`, `benchmarks/encode[model=minilm,target=cuda]`.
    pub id: String,
    /// Its section.
    pub kind: Kind,
    /// The name in the pipeline file.
    pub name: String,
    /// The model it is repeated for.
    pub model: Option<Model>,
    /// The target it executes on.
    pub target: String,
    /// Why it is not run; `None` if it is.
    pub skip: Option<Reason>,
    /// Positions in [`Plan::items`] that must have passed before.
    pub needs: Vec<usize>,
    /// Environment of the step beside the inherited one, final.
    pub env: Vec<(String, String)>,
    /// Names of secret variables it may see.
    pub secrets: Vec<String>,
    /// Its folder, relative to the workspace; empty for the workspace itself.
    pub working_dir: String,
    /// Its time limit.
    pub timeout: Duration,
    /// What it needs where a cluster carries it out.
    pub resources: Resources,
    /// What to do.
    pub work: Work,
    /// Why it must fail: a failure is then a skip, and a success a failure.
    pub xfail: Option<Reason>,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Render files.
    Generate(Arc<Batch>),
    /// Run a test command.
    Test {
        /// The command.
        run: Invocation,
        /// The format of its report and where that is; without a place JUnit in `$BACKSIGHT_JUNIT`.
        report: (TestHarness, Option<OutputSource>),
        /// How often a failed command is run again.
        retries: u32,
    },
    /// Measure a command or call a harness.
    Benchmark(Measure),
}

impl Work {
    /// The command for people; of a generation, its template or how a model is asked.
    pub fn display(&self) -> String {
        match self {
            Self::Generate(batch) => match &batch.completion {
                Some(completion) => completion.display(),
                None => batch.source().to_owned(),
            },
            Self::Test { run, .. } => run.display(),
            Self::Benchmark(measure) => measure.run.display(),
        }
    }
}

/// What a benchmark does.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The command.
    pub run: Invocation,
    /// The base's command in a paired measurement, where it is another than the head's.
    pub vs: Option<Invocation>,
    /// A command run once before; in a paired measurement once in each arm.
    pub build: Option<Invocation>,
    /// Which metrics are compared.
    pub metrics: Vec<MetricName>,
    /// Time for its samples; `None` for its share of the run's.
    pub budget: Option<Duration>,
    /// Executions before the first sample.
    pub warm_up: u32,
    /// Exactly this many samples.
    pub samples: Option<u32>,
    /// The harness and where its report is; `None` for a measured command.
    pub harness: Option<(Harness, OutputSource)>,
    /// The smallest change that matters, relative.
    pub limit: f64,
    /// How the command is executed.
    pub manner: Box<Manner>,
}

/// A command, final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Text for a shell.
    Shell {
        /// Which shell.
        shell: Shell,
        /// The text.
        script: String,
    },
    /// A program with its arguments.
    Args(Vec<String>),
    /// Our own program, which does the work in a process of its own.
    Own {
        /// Where it is.
        program: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Invocation {
    /// The command on one line, for people.
    pub fn display(&self) -> String {
        match self {
            Self::Shell { script, .. } => script.trim_end().to_owned(),
            Self::Args(words) => shell_words::join(words),
            Self::Own { args, .. } => format!("backsight {}", shell_words::join(args)),
        }
    }

    /// The program and its arguments as they are started.
    pub fn argv(&self) -> Vec<String> {
        let words = |fixed: &[&str], script: &str| {
            fixed.iter().map(ToString::to_string).chain([script.to_owned()]).collect::<Vec<_>>()
        };
        match self {
            Self::Shell { shell: Shell::Sh, script } => words(&["sh", "-e", "-c"], script),
            Self::Shell { shell: Shell::Bash, script } => words(&["bash", "-e", "-o", "pipefail", "-c"], script),
            Self::Args(words) => words.clone(),
            Self::Own { program, args } => std::iter::once(program).chain(args).cloned().collect(),
        }
    }

    /// Whether it is our own program, whose report also says what became of it.
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// The command that a pipeline file asks for; `render` expands the templates in its words.
    fn of(
        command: &Command,
        shell: Option<Shell>,
        render: &dyn Fn(&str) -> Result<String, TemplateError>,
    ) -> Result<Self, TemplateError> {
        Ok(match command {
            Command::Shell(script) => Self::Shell { shell: shell.unwrap_or(Shell::Sh), script: script.clone() },
            Command::Args(words) => Self::Args(words.iter().map(|word| render(word)).collect::<Result<_, _>>()?),
        })
    }
}

/// Why a pipeline that is right in itself cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A template of the pipeline file failed.
    #[error("{section}[{index}] ({name}): {what}: {source}")]
    Template {
        /// The section.
        section: &'static str,
        /// The position in the section, from 0.
        index: usize,
        /// The step's name.
        name: String,
        /// Which key.
        what: &'static str,
        /// The template engine's words.
        source: TemplateError,
    },
    /// A condition failed.
    #[error(
        "{section}[{index}] ({name}): `if`: {source}; facts are ci, provider, branch, default_branch, change_request, os, arch, target, model, env"
    )]
    Condition {
        /// The section.
        section: &'static str,
        /// The position in the section, from 0.
        index: usize,
        /// The step's name.
        name: String,
        /// The template engine's words.
        source: TemplateError,
    },
    /// Several outputs are one file.
    #[error("{}; make `output` differ, for example by `{{{{ model.slug }}}}`", told(clashes, *more))]
    SameOutput {
        /// The first of them.
        clashes: Vec<Clash>,
        /// How many more there are.
        more: usize,
    },
    /// A rule's pattern is wrong.
    #[error("rules[{index}]: `{pattern}` is not a glob: {text}")]
    Rule {
        /// The position of the rule, from 0.
        index: usize,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        text: String,
    },
    /// The `needs` of the steps form a circle.
    #[error("the steps need each other in a circle: {}", path.join(" -> "))]
    Circle {
        /// The ids on the circle.
        path: Vec<String>,
    },
}

impl PlanError {
    /// Where in the pipeline file: the section and the position in it.
    pub fn place(&self) -> Option<(&'static str, usize)> {
        match self {
            Self::Template { section, index, .. } | Self::Condition { section, index, .. } => Some((section, *index)),
            Self::Rule { index, .. } => Some(("rules", *index)),
            Self::SameOutput { .. } | Self::Circle { .. } => None,
        }
    }
}

/// Two outputs that are one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The path of the second.
    pub path: String,
    /// Who writes it first, and as what where that differs in case only.
    pub first: String,
    /// Who writes it again.
    pub second: String,
}

fn told(clashes: &[Clash], more: usize) -> String {
    let one = |clash: &Clash| format!("two generations write `{}`: {} and {}", clash.path, clash.first, clash.second);
    let mut text = clashes.iter().map(one).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}
