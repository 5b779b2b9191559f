//! Models from files of their own: a list in YAML or JSON, or a `config.json` as the Hugging Face Hub keeps it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Findings, Span, quote};
use super::grammar::Model;
use super::load::load;
use super::model_types;
use super::schema::strict;
use super::semantics::{duplicate_model, model_id};
use super::shape::Shape;
use super::tree::{Content, Node};

/// Reads a file that `models` names: a list of models, a mapping with such a list under `models`, one model, or a
/// `config.json`. `folder` is the name of the folder the file stands in: the id of a `config.json` that names none.
///
/// # Errors
/// All that is wrong with the file, in its order. Ids are unique within the file; the caller compares files.
pub fn parse_models(text: &str, folder: &str) -> Result<Vec<Model>, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let models = match load(text, &mut findings) {
        Ok(Some(root)) => read(&root, folder, &mut findings),
        Ok(None) => {
            let empty = Diagnostic::error("empty-file", Span::START, "this file of models is empty");
            findings.push(empty.help("write entries such as `- id: org/name`"));
            Vec::new()
        }
        Err(broken) => {
            findings.push(*broken);
            Vec::new()
        }
    };
    if findings.is_empty() { Ok(models) } else { Err(findings.into_sorted()) }
}

fn read(root: &Node, folder: &str, findings: &mut Findings) -> Vec<Model> {
    let listed = root.entry("models").map_or(root, |entry| &entry.value);
    match &listed.content {
        Content::List(items) => list(items, findings),
        Content::Map(_) if listed.entry("id").is_none() && is_config(listed) => config(listed, folder, findings),
        _ => list(std::slice::from_ref(listed), findings),
    }
}

fn list(items: &[Node], findings: &mut Findings) -> Vec<Model> {
    let schema = strict::<Model>();
    let mut models = Vec::new();
    let mut seen: HashMap<String, Span> = HashMap::new();
    for item in items {
        let checked = Shape::new(schema.as_value(), findings).entry(item, schema.as_value(), "models");
        let Some(model) = checked.and_then(|value| serde_json::from_value::<Model>(value).ok()) else { continue };
        let span = item.entry("id").map_or_else(|| item.head(), |entry| entry.value.span);
        findings.extend(model_id(&model.id, span));
        if let Some(first) = seen.insert(model.id.clone(), span) {
            findings.push(duplicate_model(&model.id, span, first));
        }
        models.push(model);
    }
    models
}

fn is_config(node: &Node) -> bool {
    ["model_type", "architectures", "_name_or_path"].iter().any(|key| node.entry(key).is_some())
}

fn config(node: &Node, folder: &str, findings: &mut Findings) -> Vec<Model> {
    let Value::Object(mut extra) = node.to_json() else { return Vec::new() };
    // A local path says where its author kept the model, not which one it is.
    let named = text_of(&extra, "_name_or_path").filter(|name| !name.starts_with(['.', '/', '~', '\\']));
    let id = named.unwrap_or_else(|| folder.to_owned());
    let (family, revision) = (family(node, &extra, findings), text_of(&extra, "_commit_hash"));
    let architectures = extra.get("architectures").and_then(Value::as_array);
    let architectures = architectures.into_iter().flatten().filter_map(Value::as_str).take(16);
    let task = model_types::task(architectures).map(ToOwned::to_owned);
    // These keys of ours would be mistaken for the fields of the same name.
    for key in ["family", "task", "revision", "path", "onnx"] {
        extra.shift_remove(key);
    }
    findings.extend(model_id(&id, node.entry("_name_or_path").map_or_else(|| node.head(), |entry| entry.value.span)));
    vec![Model { id, family, task, revision, path: None, onnx: None, extra }]
}

/// The family of a `config.json`, by its type and not by its name. A type that is not known is refused: rules and
/// reports that go by family would pass it over.
fn family(node: &Node, config: &Map<String, Value>, findings: &mut Findings) -> Option<String> {
    let model_type = text_of(config, "model_type")?;
    if let Some(family) = model_types::family(&model_type) {
        return Some(family.to_owned());
    }
    let span = node.entry("model_type").map_or_else(|| node.head(), |entry| entry.value.span);
    let candidates = model_types::candidates(&model_type);
    let near = if candidates.is_empty() { String::new() } else { format!(", did you mean {}?", candidates.join(", ")) };
    let message = format!("unknown model type {}{near}", quote(&model_type));
    let help = "if it is right, list the model with its own `id`, `family` and `task` instead of its config.json";
    findings.push(Diagnostic::error("unknown-model-type", span, message).help(help));
    None
}

fn text_of(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::parse_models;

    fn ids(text: &str) -> Vec<String> {
        parse_models(text, "folder").unwrap().into_iter().map(|model| model.id).collect()
    }

    #[test]
    fn lists_in_yaml_and_json() {
        assert_eq!(ids("- id: a/b\n  layers: 2\n- id: c\n"), ["a/b", "c"]);
        assert_eq!(ids("[\n\t{\"id\": \"a\\/b\"},\n\t{\"id\": \"c\"}\n]\n"), ["a/b", "c"]);
        assert_eq!(ids("models:\n  - id: a\n"), ["a"]);
        assert_eq!(ids("id: a\n"), ["a"]);
        let models = parse_models("- {id: a, layers: 2, tags: [x]}", "").unwrap();
        assert_eq!(models[0].extra["layers"], 2);
    }

    #[test]
    fn a_config_of_the_hub() {
        let text = r#"{"_name_or_path": "google/bert", "model_type": "bert", "hidden_size": 384, "path": "x"}"#;
        let models = parse_models(text, "folder").unwrap();
        assert_eq!((models[0].id.as_str(), models[0].family.as_deref()), ("google/bert", Some("bert")));
        assert_eq!(models[0].extra["hidden_size"], 384);
        assert_eq!(models[0].path, None);
        assert_eq!(ids(r#"{"_name_or_path": "./out", "model_type": "bert"}"#), ["folder"]);
        assert_eq!(ids(r#"{"architectures": ["Bert"]}"#), ["folder"]);
        let text = r#"{"model_type": "aimv2_text_model", "architectures": ["Own", "BertForMaskedLM"]}"#;
        let model = &parse_models(text, "folder").unwrap()[0];
        assert_eq!((model.family.as_deref(), model.task.as_deref()), (Some("aimv2"), Some("fill-mask")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, code) in [
            ("- id: a\n- id: a\n", "duplicate-model"),
            ("- id: \"a\\nb\"\n", "bad-name"),
            ("- family: bert\n", "missing-key"),
            ("", "empty-file"),
            ("{\"model_type\": \"brt\"}", "unknown-model-type"),
            ("{", "syntax"),
            ("- just text", "wrong-type"),
        ] {
            let found = parse_models(text, "folder").unwrap_err();
            assert_eq!(found[0].code, code, "{text}: {found:?}");
        }
    }
}
