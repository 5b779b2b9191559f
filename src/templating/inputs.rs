//! What a set wants to know, as a JSON Schema: fills in defaults and says what is wrong with what was given.
//!
//! A schema is as hostile as its author. Nothing is fetched for it, patterns are matched in linear time, and how deep
//! defaults are filled in is bounded.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::{Map, Value};

use crate::pipeline::{nearest, quote};

/// How deep defaults are filled in.
const DEEPEST: usize = 32;
/// The most mistakes that are told.
const MOST: usize = 30;
/// The largest compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// A compiled schema.
#[derive(Debug, Clone)]
pub struct Inputs {
    schema: Value,
    validator: Validator,
}

impl Inputs {
    /// Compiles the schema of an object. One that names its `properties` and says nothing of others has no others.
    ///
    /// # Errors
    /// If it is no JSON Schema, or not of an object.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let mut schema = schema.clone();
        let Some(object) = schema.as_object_mut() else {
            return Err("a schema is a mapping such as `type: object`".to_owned());
        };
        match object.get("type") {
            None => {
                object.insert("type".to_owned(), "object".into());
            }
            Some(Value::String(kind)) if kind == "object" => {}
            Some(_) => return Err("`type` must be `object`, for inputs have names".to_owned()),
        }
        close(object);
        let validator = validator(&schema)?;
        Ok(Self { schema, validator })
    }

    /// Fills in the schema's defaults where nothing is given, then checks the whole.
    ///
    /// # Errors
    /// Each thing that is wrong: the input's path, what is wanted, and what was found.
    pub fn check(&self, value: &mut Value) -> Result<(), Vec<String>> {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        fill(&self.schema, &self.schema, value, DEEPEST);
        let mut wrong: Vec<String> =
            self.validator.iter_errors(value).take(MOST).map(|error| self.tell(&error)).collect();
        wrong.sort();
        wrong.dedup();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn tell(&self, error: &ValidationError<'_>) -> String {
        let path = dotted(&error.instance_path().to_string());
        let subject = if path.is_empty() { "the inputs".to_owned() } else { quote(&path) };
        let found = shown(error.instance());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => self.unknown(error, &path, unexpected),
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                format!("{} is missing; give it a value", quote(&joined(&path, name)))
            }
            ValidationErrorKind::Type { kind } => format!("{subject} wants {}, found {found}", kinds(kind)),
            ValidationErrorKind::Enum { options } => {
                let options: Vec<&Value> = options.as_array().into_iter().flatten().collect();
                let texts = options.iter().filter_map(|option| option.as_str());
                let near = error.instance().as_str().and_then(|given| nearest(given, texts));
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                let listed: Vec<String> = options.iter().take(20).map(|option| shown(option)).collect();
                format!("{subject} wants one of {}, found {found}{near}", listed.join(", "))
            }
            ValidationErrorKind::Constant { expected_value } => {
                format!("{subject} wants {}, found {found}", shown(expected_value))
            }
            kind => bounds(kind).map_or_else(
                || format!("{subject}: {error}"),
                |bounds| format!("{subject} wants {bounds}, found {found}"),
            ),
        }
    }

    fn unknown(&self, error: &ValidationError<'_>, path: &str, unexpected: &[String]) -> String {
        let schema_path = error.schema_path().to_string();
        let at = schema_path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let known = self.schema.pointer(at).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let known: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let told: Vec<String> = unexpected
            .iter()
            .take(MOST)
            .map(|name| {
                let near = nearest(name, known.iter().copied());
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                format!("{} is no input of this set{near}", quote(&joined(path, name)))
            })
            .collect();
        let listed = if known.is_empty() { "it has none".to_owned() } else { format!("inputs: {}", known.join(", ")) };
        format!("{} ({listed})", told.join("; "))
    }
}

/// Compiles a schema, within bounds.
pub(super) fn validator(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options()
        .with_retriever(Nothing)
        .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN));
    options.build(schema).map_err(|error| {
        let at = error.instance_path().to_string();
        let at = if at.is_empty() { String::new() } else { format!(" (at {})", at.trim_start_matches('/')) };
        format!("{error}{at}")
    })
}

/// Refuses every reference to a schema elsewhere.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{}` lies elsewhere, and nothing is fetched; write it under `$defs`", uri.as_str()).into())
    }
}

fn close(object: &mut Map<String, Value>) {
    const OPEN: [&str; 9] = [
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "$ref",
        "dependentSchemas",
    ];
    if object.contains_key("properties") && !OPEN.iter().any(|key| object.contains_key(*key)) {
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// Puts the defaults of `schema` where `value` has nothing.
fn fill(root: &Value, schema: &Value, value: &mut Value, deeper: usize) {
    if deeper == 0 {
        return;
    }
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    if let Some(target) = reference.and_then(|path| root.pointer(path)) {
        fill(root, target, value, deeper - 1);
    }
    match value {
        Value::Object(object) => {
            for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let (None, Some(default)) = (object.get(name), inner.get("default")) {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(given) = object.get_mut(name) {
                    fill(root, inner, given, deeper - 1);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(root, inner, item, deeper - 1));
            }
        }
        _ => {}
    }
}

/// `/a/0/b` as `a.0.b`.
fn dotted(pointer: &str) -> String {
    let parts = pointer.trim_start_matches('/').split('/');
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().join(".")
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => quote(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn kinds(kind: &TypeKind) -> String {
    let word = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    };
    match kind {
        TypeKind::Single(only) => word(*only).to_owned(),
        TypeKind::Multiple(several) => several.iter().map(word).collect::<Vec<_>>().join(" or "),
    }
}

/// What a number, a text, a list or a mapping must be like.
fn bounds(kind: &ValidationErrorKind) -> Option<String> {
    Some(match kind {
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} entries"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} entries"),
        ValidationErrorKind::MinProperties { limit } => format!("at least {limit} keys"),
        ValidationErrorKind::MaxProperties { limit } => format!("at most {limit} keys"),
        ValidationErrorKind::UniqueItems => "a list without repetitions".to_owned(),
        ValidationErrorKind::Pattern { pattern } => format!("text that matches {}", quote(pattern)),
        ValidationErrorKind::Format { format } => format!("text in the format {}", quote(format)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Inputs;

    fn schema() -> Value {
        json!({
            "properties": {
                "batch": {"type": "integer", "minimum": 1, "default": 4},
                "device": {"enum": ["cpu", "cuda"], "default": "cpu"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2},
                "sizes": {"type": "array", "items": {"$ref": "#/$defs/size"}, "uniqueItems": true},
                "nested": {"type": "object", "properties": {"on": {"type": ["boolean", "null"], "default": true}},
                           "default": {}},
            },
            "required": ["name"],
            "$defs": {"size": {"type": "object", "properties": {"width": {"type": "integer", "default": 8}},
                               "additionalProperties": false}},
        })
    }

    fn wrong(mut value: Value) -> Vec<String> {
        Inputs::compile(&schema()).unwrap().check(&mut value).unwrap_err()
    }

    #[test]
    fn defaults_are_filled_in_at_any_depth() {
        let mut value = json!({"name": "ab", "sizes": [{}, {"width": 2}]});
        Inputs::compile(&schema()).unwrap().check(&mut value).unwrap();
        let whole = json!({"name": "ab", "sizes": [{"width": 8}, {"width": 2}], "batch": 4, "device": "cpu",
                           "nested": {"on": true}});
        assert_eq!(value, whole);
        let mut none = Value::Null;
        Inputs::compile(&json!({"properties": {"a": {"default": 1}}})).unwrap().check(&mut none).unwrap();
        assert_eq!(none, json!({"a": 1}));
    }

    #[test]
    fn what_is_wanted_and_what_was_found_is_said() {
        assert_eq!(wrong(json!({"name": "ab", "batch": "x"})), ["`batch` wants a whole number, found `x`"]);
        assert_eq!(wrong(json!({"name": "ab", "batch": 0})), ["`batch` wants at least 1, found 0"]);
        assert_eq!(
            wrong(json!({"name": "ab", "device": "cud"})),
            ["`device` wants one of `cpu`, `cuda`, found `cud`, did you mean `cuda`?"]
        );
        assert_eq!(wrong(json!({})), ["`name` is missing; give it a value"]);
        assert_eq!(wrong(json!([])), ["the inputs wants a mapping, found a list"]);
        assert_eq!(
            wrong(json!({"name": "ab", "nested": {"on": "x"}})),
            ["`nested.on` wants nothing or true or false, found `x`"]
        );
        assert_eq!(wrong(json!({"name": "AB"})), ["`name` wants text that matches `^[a-z]+$`, found `AB`"]);
    }

    #[test]
    fn unknown_inputs_are_refused_with_what_was_meant() {
        assert_eq!(
            wrong(json!({"name": "ab", "bacth": 2})),
            ["`bacth` is no input of this set, did you mean `batch`? (inputs: batch, device, name, sizes, nested)"]
        );
        assert_eq!(
            wrong(json!({"name": "ab", "sizes": [{"widht": 2}]})),
            ["`sizes.0.widht` is no input of this set, did you mean `width`? (inputs: width)"]
        );
    }

    #[test]
    fn several_mistakes_come_at_once() {
        assert_eq!(wrong(json!({"batch": 0, "device": 1, "name": "a"})).len(), 3);
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for (schema, want) in [
            (json!({"type": "objekt"}), "`type` must be `object`"),
            (json!({"type": "array"}), "`type` must be `object`"),
            (json!([]), "a schema is a mapping"),
            (json!({"properties": {"a": {"type": "strin"}}}), "properties/a"),
            (json!({"properties": {"a": {"$ref": "https://example.org/a.json"}}}), "lies elsewhere"),
            (json!({"properties": {"a": {"pattern": "("}}}), "pattern"),
            (json!({"properties": {"a": {"pattern": "(?:a{1000}){1000}"}}}), "pattern"),
        ] {
            let error = Inputs::compile(&schema).map(|_| ()).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn defaults_that_refer_to_themselves_end() {
        let schema = json!({"$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a", "default": {}}}}},
                            "properties": {"a": {"$ref": "#/$defs/a", "default": {}}}});
        let mut value = json!({});
        Inputs::compile(&schema).unwrap().check(&mut value).unwrap();
        assert!(value["a"]["a"]["a"].is_object());
    }
}
