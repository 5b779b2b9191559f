//! The text of `backsight.yml` to a [`Pipeline`], with positions, validation and help.
//!
//! Pure: the caller reads the file and renders what is wrong with it. The types of `types.rs` are the one source of
//! truth: the JSON Schema is generated from them, the checker walks the YAML tree along that schema and reports
//! *every* violation with its place, and only a tree without violations becomes a [`Pipeline`].

mod scalars;
mod types;

pub use scalars::{Percent, StepDuration};
pub use types::{
    BaselineConfig, BenchmarkStep, Command, Common, ForEach, Gate, GenerationStep, Harness, MetricName, MissingPolicy,
    Model, ModelSource, OutputSource, Pipeline, Retries, Rule, RuleAction, Shell, TestStep,
};
mod stub;
pub use stub::*;
