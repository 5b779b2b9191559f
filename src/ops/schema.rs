//! The published JSON Schemas as text: what editors complete pipeline files from and what readers of results check with.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::hardware::Hardware;
use crate::pipeline;
use crate::plan::ShardPlan;
use crate::results::{Document, History, Matrix};

/// A format that has a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The pipeline file, version 1.
    Pipeline,
    /// The results document, `backsight/results/1`.
    Results,
    /// What `backsight history` tells, `backsight/history/1`.
    History,
    /// What `backsight matrix` tells, `backsight/matrix/1`.
    Matrix,
    /// What `backsight hardware` tells, `backsight/hardware/1`.
    Hardware,
    /// What `backsight plan --shards` writes, `backsight/plan/1`.
    Plan,
}

/// The JSON Schema (draft 2020-12) of a format, as it stands in `schemas/`.
pub fn schema_text(format: Format) -> String {
    match format {
        Format::Pipeline => pipeline::schema_text(),
        Format::Results => text(&open_schema::<Document>("results")),
        Format::History => text(&open_schema::<History>("history")),
        Format::Hardware => text(&open_schema::<Hardware>("hardware")),
        Format::Plan => text(&open_schema::<ShardPlan>("plan")),
        Format::Matrix => text(&open_schema::<Matrix>("matrix")),
    }
}

/// The same, as it was when this was built; a test holds the files against [`schema_text`]. What makes schemas would be a
/// megabyte of each release.
pub const fn published(format: Format) -> &'static str {
    match format {
        Format::Pipeline => include_str!("../../schemas/pipeline.schema.json"),
        Format::Results => include_str!("../../schemas/results.schema.json"),
        Format::History => include_str!("../../schemas/history.schema.json"),
        Format::Hardware => include_str!("../../schemas/hardware.schema.json"),
        Format::Plan => include_str!("../../schemas/plan.schema.json"),
        Format::Matrix => include_str!("../../schemas/matrix.schema.json"),
    }
}

fn text(schema: &Schema) -> String {
    let mut text = format!("{:#}", schema.as_value());
    text.push('\n');
    text
}

/// Objects stay open: a later minor version may add a field, and readers of today must not refuse it.
fn open_schema<T: JsonSchema>(name: &str) -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    if let Some(object) = schema.as_object_mut() {
        let mut rest = std::mem::take(object);
        object.extend(rest.shift_remove_entry("$schema"));
        object.insert("$id".into(), format!("urn:backsight:{name}:1").into());
        object.extend(rest);
    }
    schema
}
