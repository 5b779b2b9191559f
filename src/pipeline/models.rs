//! Models from files: a list in YAML or JSON, or one model's `config.json`.

use serde_json::Value as Json;

use super::diagnostic::Diagnostic;
use super::grammar::Model;
use super::meaning::model_id_fault;
use super::tree::{self, Node, Value};

/// Reads the models of a file. `folder` names the model of a `config.json` that does not name itself.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_models(text: &str, folder: Option<&str>) -> Result<Vec<Model>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let root = tree::read(text, &mut found).map_err(|error| vec![error])?;
    let mut models = Vec::new();
    match &root.value {
        Value::List(items) => {
            for item in items {
                models.extend(model(item, None, &mut found));
            }
        }
        Value::Map(_) => models.extend(model(&root, folder, &mut found)),
        _ => {
            let told = Diagnostic::error("models", "this is neither a list of models nor a model", root.span.clone());
            found.push(told.help("write a list of entries such as `- id: org/name`"));
        }
    }
    if found.is_empty() { Ok(models) } else { Err(found) }
}

fn model(node: &Node, folder: Option<&str>, found: &mut Vec<Diagnostic>) -> Option<Model> {
    let mut json = node.to_json();
    let place = node.span.start..node.span.start;
    let Some(map) = json.as_object_mut() else {
        found.push(Diagnostic::error("models", "a model is a mapping with at least `id`", place));
        return None;
    };
    let text = |map: &serde_json::Map<String, Json>, key: &str| {
        map.get(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    // Names as Hugging Face's config.json has them.
    let named = text(map, "id").or_else(|| text(map, "_name_or_path")).or_else(|| folder.map(str::to_owned));
    let Some(id) = named else {
        found.push(Diagnostic::error("models", "this model has no `id`", place));
        return None;
    };
    if let Some(text) = model_id_fault(&id) {
        found.push(Diagnostic::error("model-id", text, place));
        return None;
    }
    map.insert("id".into(), Json::String(id));
    if let Some(family) = text(map, "model_type").filter(|_| !map.contains_key("family")) {
        map.insert("family".into(), Json::String(family));
    }
    match serde_json::from_value(json) {
        Ok(model) => Some(model),
        Err(error) => {
            found.push(Diagnostic::error("models", format!("this model cannot be read: {error}"), place));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_models;

    #[test]
    fn a_list_and_a_config_are_read() {
        let list = parse_models("- id: a/b\n  family: bert\n- id: c\n  layers: 3\n", None).unwrap();
        assert_eq!((list[0].family.as_deref(), list[1].extra["layers"].as_i64()), (Some("bert"), Some(3)));
        let config = parse_models(r#"{"model_type": "whisper", "d_model": 384}"#, Some("tiny")).unwrap();
        assert_eq!((config[0].id.as_str(), config[0].family.as_deref()), ("tiny", Some("whisper")));
    }

    #[test]
    fn what_is_no_model_is_refused() {
        assert!(parse_models("- 3\n", None).is_err());
        assert!(parse_models("{}", None).is_err());
        assert!(parse_models("hello", None).is_err());
        assert!(parse_models("- id: \"a\\nb\"\n", None).is_err());
    }
}
