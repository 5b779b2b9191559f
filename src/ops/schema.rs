//! `backsight schema`: the JSON Schemas of our formats, made from the types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::pipeline;
use crate::results::Document;

/// Which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The results document.
    Results,
    /// The pipeline file.
    Pipeline,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Results, Self::Pipeline];

    /// The file under `schemas/` that holds it.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Results => "results.schema.json",
            Self::Pipeline => "pipeline.schema.json",
        }
    }
}

/// The schema, draft 2020-12.
pub fn schema(format: Format) -> Value {
    match format {
        Format::Pipeline => pipeline::schema(),
        Format::Results => {
            let generator = SchemaSettings::draft2020_12().into_generator();
            let mut schema = generator.into_root_schema_for::<Document>().to_value();
            if let Some(root) = schema.as_object_mut() {
                root.insert("$id".into(), "https://backsight.dev/schemas/results.schema.json".into());
            }
            schema
        }
    }
}
