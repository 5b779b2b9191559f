//! `backsight onnx`: one model, its answers and its speed, in this process. A pipeline's `onnx:` steps call it as a
//! process of its own.
#![cfg_attr(not(feature = "onnx"), allow(dead_code, reason = "without a runtime nothing of it is asked for"))]

mod answers;
#[cfg(feature = "onnx")]
mod device;
mod memory;
mod report;
mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::onnx::{
    Fill, Found, InputError, ModelError, ModelFacts, Provider, RuntimeError, Scenario, Sizes, Tolerance, find, inspect,
    providers,
};
use crate::results::{ExitCode, Reason};

pub use answers::{Checked, check};
pub use report::{ctrf, document};
pub use timing::{Measured, measure};

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct Request {
    /// The model file.
    pub model: PathBuf,
    /// The name in results.
    pub name: String,
    /// Which of several files of one model it is: a parameter of results.
    pub precision: Option<String>,
    /// Where it is to run.
    pub target: String,
    /// The number of the device.
    pub device: i32,
    /// The shared library, where one was named.
    pub runtime: Option<PathBuf>,
    /// The folder in which a virtual environment is looked for.
    pub folder: PathBuf,
    /// Sizes of open dimensions; each combination is measured.
    pub dimensions: BTreeMap<String, Vec<i64>>,
    /// Open dimensions that are as large as another of them.
    pub same: BTreeMap<String, String>,
    /// Those of them that are no parameters of results.
    pub fixed: BTreeSet<String>,
    /// What inputs are filled with.
    pub fills: BTreeMap<String, Fill>,
    /// Threads inside an operator; each number is measured. Empty: one for each processor that may be used.
    pub threads: Vec<usize>,
    /// How queries come.
    pub scenario: Scenario,
    /// How many are answered at once.
    pub streams: usize,
    /// At least so many queries.
    pub queries: usize,
    /// With fewer a result does not count.
    pub least: usize,
    /// At least so long.
    pub time: Duration,
    /// Not longer than this, for each combination.
    pub most: Duration,
    /// The 99th percentile of latency that must hold, for a result to be valid.
    pub latency_limit: Option<Duration>,
    /// Where inputs and arrivals are drawn from.
    pub seed: u64,
    /// Stored inputs and answers; `None` for those beside the model.
    pub golden: Option<PathBuf>,
    /// How far answers may be off; `None` for what the precision allows.
    pub tolerance: Option<Tolerance>,
    /// The smallest share of the nodes that the target's provider must execute, 0 to 1.
    pub placement: f64,
    /// The largest amount of memory that there is, in bytes.
    pub memory: Option<u64>,
}

/// What became of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It ran and answered rightly.
    Passed,
    /// It answered wrongly, or ran elsewhere than it was to.
    Failed,
    /// It cannot run here.
    Skipped,
    /// It, or what is asked of it, is wrong.
    Wrong,
    /// The runtime is not there or broke.
    Broken,
}

/// Why a model did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", reason.text)]
pub struct Problem {
    /// Of which kind it is.
    pub fate: Fate,
    /// A code for programs and a sentence for people.
    pub reason: Reason,
}

impl Fate {
    /// What the process returns for it.
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Self::Passed => ExitCode::Passed,
            Self::Failed => ExitCode::Failed,
            Self::Skipped => ExitCode::Undecided,
            Self::Wrong => ExitCode::Usage,
            Self::Broken => ExitCode::Tool,
        }
    }

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Wrong | Self::Broken => "errored",
        }
    }
}

impl Problem {
    fn new(fate: Fate, code: &str, text: impl Into<String>) -> Self {
        Self { fate, reason: Reason::new(code, text) }
    }
}

impl From<RuntimeError> for Problem {
    fn from(error: RuntimeError) -> Self {
        Self::new(Fate::Broken, error.code(), error.to_string())
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        let code = match error {
            ModelError::Io { .. } => "no_model",
            ModelError::Damaged { .. } => "invalid_model",
            ModelError::NoWeights { .. } | ModelError::Outside { .. } => "no_weights",
        };
        Self::new(Fate::Wrong, code, error.to_string())
    }
}

impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        let code = match error {
            InputError::Open { .. } => "open_dimension",
            InputError::Kind { .. } | InputError::NoTensor { .. } => {
                return Self::new(Fate::Skipped, "unsupported_input", error.to_string());
            }
            InputError::Large { .. } => "large_input",
            InputError::NoInput { .. } | InputError::NoDimension { .. } => "unknown_input",
        };
        Self::new(Fate::Wrong, code, error.to_string())
    }
}

#[cfg(feature = "onnx")]
impl From<crate::onnx::EngineError> for Problem {
    fn from(error: crate::onnx::EngineError) -> Self {
        let fate = match error.code {
            "unsupported_op" | "ep_unavailable" | "insufficient_memory" => Fate::Skipped,
            "invalid_model" | "invalid_input" => Fate::Wrong,
            "device_failed" => Fate::Broken,
            _ => Fate::Failed,
        };
        Self::new(fate, error.code, error.text)
    }
}

impl Request {
    /// What the model says of itself, and whether it can fit at all.
    pub(super) fn facts(&self) -> Result<ModelFacts, Problem> {
        let facts = inspect(&self.model)?;
        if let Some(told) = self.precision.as_ref().filter(|told| !facts.fits(told)) {
            let found = facts.precision().map_or("none", crate::onnx::Element::name);
            let path = self.model.display();
            let text = format!("{path} is to be of the precision {told}, but its weights are {found}; name it rightly");
            return Err(Problem::new(Fate::Wrong, "wrong_precision", text));
        }
        if let Some(there) = self.memory.filter(|there| facts.least_memory() > *there) {
            let mib = |bytes: u64| bytes >> 20;
            let text = format!(
                "it needs at least {} MiB for its weights, this process may use {} MiB; give it more, or take a smaller model",
                mib(facts.least_memory()),
                mib(there)
            );
            return Err(Problem::new(Fate::Skipped, "insufficient_memory", text));
        }
        Ok(facts)
    }

    /// The target's providers.
    pub(super) fn providers(&self) -> Result<&'static [Provider], Problem> {
        providers(&self.target).ok_or_else(|| {
            let text = format!("ONNX Runtime does not serve the target `{}`", self.target);
            Problem::new(Fate::Skipped, "ep_unavailable", text)
        })
    }

    /// The library of the runtime.
    pub(super) fn library(&self) -> Result<Found, Problem> {
        Ok(find(self.runtime.as_deref(), &|name| std::env::var(name).ok(), &self.folder)?)
    }

    /// Each combination of sizes.
    pub(super) fn shapes(&self) -> Vec<Sizes> {
        let mut all = vec![Sizes::new()];
        for (name, sizes) in &self.dimensions {
            let with = |known: &Sizes, size: &i64| {
                let mut more = known.clone();
                more.insert(name.clone(), *size);
                more
            };
            all = all.iter().flat_map(|known| sizes.iter().map(move |size| with(known, size))).collect();
        }
        for sizes in &mut all {
            let same = self.same.iter().filter_map(|(name, other)| Some((name.clone(), *sizes.get(other)?)));
            let same: Vec<(String, i64)> = same.collect();
            sizes.extend(same);
        }
        all
    }
}

/// Number of processors that may be used.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
