//! Puts parts of a JSON Schema into plain words: what a value should be, what was found, what to write instead.

use serde_json::Value;

use super::diagnostic::quote;
use super::tree::{Content, Meaning, Node};
use super::{fields, scalars};

/// The schema that a `$ref` of `schema` stands for, otherwise `schema`.
pub(super) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

/// The values of an `enum`, a `const`, or a `oneOf` of constants.
pub(super) fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(only) = schema.get("const") {
        return Some(vec![only]);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().collect());
    }
    schema.get("oneOf")?.as_array()?.iter().map(|branch| branch.get("const")).collect()
}

/// Whether `type` names `kind`.
pub(super) fn takes(schema: &Value, kind: &str) -> bool {
    types(schema).any(|name| name == kind)
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let several = schema.get("type").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    schema.get("type").into_iter().chain(several).filter_map(Value::as_str)
}

/// Whether the node is of a `type` of the schema.
pub(super) fn of_kind(node: &Node, schema: &Value) -> bool {
    if schema.get("type").is_none() {
        return true;
    }
    match &node.content {
        Content::List(_) => takes(schema, "array"),
        Content::Map(_) => takes(schema, "object"),
        Content::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => takes(schema, "null"),
            Meaning::Bool(_) => takes(schema, "boolean"),
            Meaning::Text => takes(schema, "string"),
            Meaning::Number(number) => {
                let whole = number.as_f64().is_some_and(|value| value.fract() == 0.0);
                takes(schema, "number") || (whole && takes(schema, "integer"))
            }
        },
    }
}

/// What a value should be: "a duration such as 30s, 10m or 1h".
pub(super) fn wants(root: &Value, schema: &Value) -> String {
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        let all: Vec<_> = branches.iter().map(|branch| wants(root, resolve(root, branch))).collect();
        return all.join(" or ");
    }
    if let Some(title) = schema.get("title").and_then(Value::as_str) {
        let examples = schema.get("examples").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let examples: Vec<_> = examples.iter().map(plain).collect();
        if !examples.is_empty() {
            return format!("a {title} such as {}", any_of(&examples));
        }
    }
    if takes(schema, "string") && takes(schema, "number") {
        return "a single value (text, a number, true or false)".into();
    }
    let names: Vec<_> = types(schema).map(|name| type_name(name).to_owned()).collect();
    any_of(&names)
}

fn type_name(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a mapping (lines of `key: value`)",
        _ => "nothing",
    }
}

/// What is there instead.
pub(super) fn found(node: &Node) -> String {
    match &node.content {
        Content::List(_) => "a list".into(),
        Content::Map(_) => "a mapping".into(),
        Content::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => "nothing".into(),
            Meaning::Text if scalar.text.is_empty() => "an empty text".into(),
            Meaning::Text => quote(&scalar.text),
            Meaning::Bool(_) | Meaning::Number(_) => quote(&scalar.text).trim_matches('`').to_owned(),
        },
    }
}

/// What to write instead of a value of the wrong type.
pub(super) fn type_help(node: &Node, schema: &Value, key: &str) -> Option<String> {
    let variables = takes(schema, "object") && schema.get("properties").is_none();
    let Content::Scalar(scalar) = &node.content else {
        let entries = matches!(node.content, Content::Map(_)) && takes(schema, "array");
        let help = "write each on a line of its own, as `NAME: value`";
        return variables
            .then_some(help)
            .or(entries.then_some("begin each entry of the list with `- `"))
            .map(str::to_owned);
    };
    let text = scalar.text.as_ref();
    if scalar.meaning() == Meaning::Null {
        return Some("give it a value, or remove the key".into());
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str).filter(|_| takes(schema, "string")) {
        return format_help(format, text);
    }
    if text.len() > 60 || text.contains(['\n', '"', '`']) {
        return None;
    }
    if takes(schema, "array") && !key.is_empty() {
        return Some(format!("write it as a list: `{key}: [{text}]`"));
    }
    let branches = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if branches.iter().any(|branch| takes(branch, "array")) && branches.iter().any(|branch| choices(branch).is_some()) {
        return Some(format!("write it as a list: `{key}: [{text}]`"));
    }
    if takes(schema, "string") || branches.iter().any(|branch| takes(branch, "string")) {
        return Some(format!("quote it: \"{text}\""));
    }
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice);
    match required {
        Some([Value::String(only)]) => Some(format!("write `{only}: {text}`")),
        _ => None,
    }
}

/// What to write where a text is not of its format.
pub(super) fn format_help(format: &str, text: &str) -> Option<String> {
    let number = text.len() < 10 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match format {
        scalars::DURATION if number && text.bytes().all(|byte| byte == b'0') => {
            Some("it must be more than nothing".into())
        }
        scalars::DURATION if number => Some(format!("add the unit: {text}s, {text}m or {text}h")),
        scalars::SHARE if number => Some(format!("add the sign: {text}%")),
        scalars::DURATION => Some("numbers with the units ms, s, m, h or d; more than nothing and at most 365d".into()),
        scalars::SHARE => Some("a number with the sign %, more than 0% and at most 100%".into()),
        "date" => Some("a day that exists, as year-month-day".into()),
        fields::CODE => Some("small letters, digits and `_`, beginning with a letter".into()),
        fields::VARIABLE => Some("letters, digits and `_`, not beginning with a digit".into()),
        _ => None,
    }
}

/// "between 1 and 256", "at least 1".
pub(super) fn range(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("between {low} and {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => "a number".into(),
    }
}

/// "a, b or c".
fn any_of(words: &[String]) -> String {
    match words {
        [] => "a value".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// "1", or "one of a, b".
pub(super) fn one_of(words: &[String]) -> String {
    if words.len() == 1 { any_of(words) } else { format!("one of {}", words.join(", ")) }
}

/// A JSON value as it is written in YAML.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The keys of an object's schema.
pub(super) fn keys(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect()
}

/// "not a key of an entry of `tests`".
pub(super) fn not_a_key_of(schema: &Value) -> String {
    section_of(schema).map_or_else(|| "not a key here".into(), |section| format!("not a key of an entry of {section}"))
}

/// The section whose entries a schema describes, in backquotes.
fn section_of(schema: &Value) -> Option<&str> {
    description(schema)?.strip_prefix("An entry of ").map(|section| section.trim_end_matches('.'))
}

/// Where else in the file a key is known.
pub(super) fn home_of(root: &Value, key: &str) -> Option<String> {
    if keys(root).contains(&key) {
        return Some("the top level of the file".into());
    }
    let all = root.get("$defs")?.as_object()?;
    let homes: Vec<_> = all.values().filter(|other| keys(other).contains(&key)).filter_map(section_of).collect();
    let homes: Vec<_> = homes.into_iter().map(str::to_owned).collect();
    (!homes.is_empty()).then(|| format!("an entry of {}", any_of(&homes)))
}

/// "add `run: ...` (the command)".
pub(super) fn add_key(key: &str, about: Option<&Value>) -> String {
    if let Some(only) = about.and_then(|about| about.get("const")) {
        return format!("add `{key}: {}`", plain(only));
    }
    let about = about.and_then(description).and_then(|about| about.split(['.', ';', '\n']).next());
    match about.filter(|about| !about.is_empty()) {
        Some(about) => format!("add `{key}: ...` ({})", lower_first(about)),
        None => format!("add `{key}: ...`"),
    }
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
