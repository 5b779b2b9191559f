//! What tests of plans have in common.

use serde_json::{Value, json};

use super::{Facts, Plan, PlanError, Selection, expand};
use crate::pipeline::{Model, ModelSource, Pipeline};

/// The plan of a pipeline that is given as JSON, with its inline models.
pub(super) fn planned(mut file: Value, facts: &Facts, selection: &Selection) -> Result<Plan, PlanError> {
    file["version"] = json!(1);
    let pipeline: Pipeline = serde_json::from_value(file).unwrap();
    let inline = |source: &ModelSource| match source {
        ModelSource::Model(model) => Some(model.as_ref().clone()),
        ModelSource::Path(_) => None,
    };
    let models: Vec<Model> = pipeline.models.iter().filter_map(inline).collect();
    expand(&pipeline, &models, facts, selection)
}
