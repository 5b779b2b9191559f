//! The JSON Schema of the pipeline file, generated from the types and closed for editors.
//!
//! It is what editors complete keys from, what other validators check with, and what our own checker walks along.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::Pipeline;

/// The JSON Schema (draft 2020-12) of the pipeline file.
pub fn schema() -> Schema {
    let mut schema = strict::<Pipeline>();
    if let Some(object) = schema.as_object_mut() {
        let mut rest = std::mem::take(object);
        object.extend(rest.shift_remove_entry("$schema"));
        object.insert("$id".into(), "urn:backsight:pipeline:1".into());
        object.extend(rest.shift_remove_entry("title"));
        object.extend(rest);
    }
    schema
}

/// The schema that files are held against. A release reads it from its file in `schemas/`, which a test compares with
/// [`schema`]: what makes it would be a third of a megabyte more.
pub(super) fn to_check_with() -> Value {
    if cfg!(debug_assertions) {
        schema().as_value().clone()
    } else {
        serde_json::from_str(include_str!("../../schemas/pipeline.schema.json")).unwrap_or_default()
    }
}

/// The schema of `T` in which an object that names its keys has no others and nothing may be null.
pub(super) fn strict<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(close))
        .into_generator()
        .into_root_schema_for::<T>()
}

fn close(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    drop_null(object);
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".into(), Value::Bool(false));
    }
    // An empty default tells a reader of the schema nothing.
    if object.get("default").is_some_and(is_empty) {
        object.remove("default");
    }
}

/// A key without a value is nearly always an unfinished edit, so `null` is not a way to leave a key out.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The schema as text, as it stands in `schemas/`.
pub fn schema_text() -> String {
    let mut text = format!("{:#}", schema().as_value());
    text.push('\n');
    text
}
