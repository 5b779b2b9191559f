//! What a pipeline file says of ONNX models: in steps, and in the entries of `models`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Percent, StepDuration};

/// The model of an `onnx` step: its file, or that with what is to be done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnnxStep {
    /// The file, relative to the step's folder; a template.
    Path(#[schemars(length(min = 1))] String),
    /// With settings.
    Settings(Box<OnnxSettings>),
}

/// Settings of an ONNX model. Those of a step win over those of the model that it is repeated for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxSettings {
    /// The file, relative to the step's folder; a template. Default: the model's `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// Instead of one file: a file for each precision, `fp32: model.onnx`, each a template. The step is repeated for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Which of the model's `files` the step is repeated for. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub precisions: Option<Vec<String>>,
    /// Sizes of open dimensions, by their name in the model, `batch`, `sequence`, or `input.axis`: a size, a list of sizes
    /// to try each, or the name of the dimension that it is as large as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shapes: BTreeMap<String, OnnxSize>,
    /// What inputs are filled with: a number, or a range such as `0..30000`. Default: by name and type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, OnnxInput>,
    /// Threads inside an operator: numbers to try each. Default: one for each processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 4096)))]
    pub threads: Option<Vec<u16>>,
    /// How queries come. Default `single_stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<OnnxScenario>,
    /// Queries a second, for the scenario `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate: Option<f64>,
    /// How many queries are answered at once, each by a session of its own. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub streams: Option<u16>,
    /// At least so many queries. Default 50; 5 for one call of a paired measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub queries: Option<u32>,
    /// At least so long for each combination. Default 10 s, less where `budget` does not allow it; 1 s for one call of a
    /// paired measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<StepDuration>,
    /// The 99th percentile of latency that must hold for the result to be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_limit: Option<StepDuration>,
    /// A folder of stored inputs and answers, relative to the step's folder; a template. Default: those beside the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub golden: Option<String>,
    /// How far answers may be off. Default: by the model's precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<OnnxTolerance>,
    /// The smallest share of the nodes that must run on the target. Default 90 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Percent>,
    /// Where inputs and arrivals are drawn from. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// ONNX Runtime's shared library, relative to the step's folder. Default: the environment's, then that of the active
    /// virtual environment, `.venv`, the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub runtime: Option<String>,
}

/// The size of an open dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnnxSize {
    /// This.
    One(#[schemars(range(min = 1))] u32),
    /// Each of these.
    Each(#[schemars(length(min = 1), inner(range(min = 1)))] Vec<u32>),
    /// As large as this dimension.
    As(#[schemars(length(min = 1))] String),
}

/// What an input is filled with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnnxInput {
    /// This everywhere.
    Value(f64),
    /// Drawn from a range: `0..30000`.
    Range(#[schemars(schema_with = "super::fields::number_range")] String),
}

/// How queries come to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnnxScenario {
    /// The next query when the last is answered: latency.
    SingleStream,
    /// A sample for each stream at a time; the next when all are answered.
    MultiStream,
    /// As fast as all streams can: throughput.
    Offline,
    /// At random times that do not wait for answers: latency under load.
    Server,
}

impl OnnxScenario {
    /// The word in the pipeline file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleStream => "single_stream",
            Self::MultiStream => "multi_stream",
            Self::Offline => "offline",
            Self::Server => "server",
        }
    }
}

/// How far an answer may be off: `absolute + relative × |expected|`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxTolerance {
    /// In the unit of the answer.
    #[schemars(range(min = 0))]
    pub absolute: f64,
    /// A share of the expected value.
    #[schemars(range(min = 0))]
    pub relative: f64,
}

impl OnnxStep {
    /// As settings.
    pub fn settings(&self) -> OnnxSettings {
        match self {
            Self::Path(path) => OnnxSettings { model: Some(path.clone()), ..OnnxSettings::default() },
            Self::Settings(settings) => (**settings).clone(),
        }
    }
}

impl OnnxSettings {
    /// These, and where they say nothing what the others say.
    #[must_use]
    pub fn or(mut self, others: &Self) -> Self {
        for (name, size) in &others.shapes {
            self.shapes.entry(name.clone()).or_insert_with(|| size.clone());
        }
        for (name, input) in &others.inputs {
            self.inputs.entry(name.clone()).or_insert_with(|| input.clone());
        }
        let o = others.clone();
        // One file that is named here is what is meant, whatever files there are besides.
        let files = if self.model.is_some() || !self.files.is_empty() { self.files } else { o.files };
        Self {
            model: self.model.or(o.model),
            files,
            precisions: self.precisions.or(o.precisions),
            threads: self.threads.or(o.threads),
            scenario: self.scenario.or(o.scenario),
            rate: self.rate.or(o.rate),
            streams: self.streams.or(o.streams),
            queries: self.queries.or(o.queries),
            duration: self.duration.or(o.duration),
            latency_limit: self.latency_limit.or(o.latency_limit),
            golden: self.golden.or(o.golden),
            tolerance: self.tolerance.or(o.tolerance),
            placement: self.placement.or(o.placement),
            seed: self.seed.or(o.seed),
            runtime: self.runtime.or(o.runtime),
            shapes: self.shapes,
            inputs: self.inputs,
        }
    }
}
