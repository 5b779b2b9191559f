//! Is the file of the right shape? Walks the tree along the JSON Schema that is made from the types, and reports every
//! violation with its place.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json};

use super::diagnostic::{Diagnostic, nearest};
use super::grammar::Pipeline;
use super::tree::{Node, Value};

/// The JSON Schema of a pipeline file, draft 2020-12.
pub fn schema() -> Json {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Pipeline>().to_value();
    close(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("$id".into(), "https://backsight.dev/schemas/pipeline.schema.json".into());
        root.insert("title".into(), "Backsight pipeline, version 1".into());
    }
    schema
}

/// Unknown keys are mistakes: every object that names its keys has no others, unless it says so itself.
fn close(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            if map.contains_key("properties") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".into(), false.into());
            }
            map.values_mut().for_each(close);
        }
        Json::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Checks a tree against the schema.
pub(super) fn check(root: &Node, text: &str, schema: &Json, found: &mut Vec<Diagnostic>) {
    let checker = Checker { text, definitions: schema.get("$defs").and_then(Json::as_object) };
    checker.check(root, schema, "the file", found);
}

struct Checker<'a> {
    text: &'a str,
    definitions: Option<&'a Map<String, Json>>,
}

impl<'a> Checker<'a> {
    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let name = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        name.and_then(|name| self.definitions?.get(name)).unwrap_or(schema)
    }

    /// The one schema of an `anyOf` that a node can be meant for; `None` where the types of all differ from it.
    fn branch(&self, node: &Node, schema: &'a Json) -> Option<&'a Json> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").and_then(Json::as_array) {
            Some(branches) => branches.iter().find_map(|branch| self.branch(node, branch)),
            None => type_fits(node, schema).then_some(schema),
        }
    }

    fn check(&self, node: &Node, schema: &'a Json, name: &str, found: &mut Vec<Diagnostic>) {
        let Some(branch) = self.branch(node, schema) else {
            found.push(self.wrong_type(node, schema, name));
            return;
        };
        if let Some(words) = words(branch) {
            return self.check_word(node, &words, name, found);
        }
        match &node.value {
            Value::Map(_) => self.check_map(node, branch, name, found),
            Value::List(items) => {
                let inner = branch.get("items");
                for item in items {
                    if let Some(inner) = inner {
                        self.check(item, inner, &element(name), found);
                    }
                }
            }
            Value::Text(text) => self.check_text(node, text, branch, schema, name, found),
            Value::Number(number) => check_range(node, number.as_f64(), branch, name, found),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn check_map(&self, node: &Node, schema: &'a Json, name: &str, found: &mut Vec<Diagnostic>) {
        let Value::Map(entries) = &node.value else { return };
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in entries {
            match properties.and_then(|properties| properties.get(&key.text)) {
                Some(_) if matches!(value.value, Value::Null) => {}
                Some(inner) => self.check(value, inner, &key.text, found),
                None => match others {
                    Some(Json::Bool(false)) => found.push(unknown_key(key, properties, name)),
                    Some(inner @ Json::Object(_)) if !is_scalar(value) => self.check(value, inner, &key.text, found),
                    _ => {}
                },
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for key in required {
            let there = node.get(key).is_some_and(|value| !matches!(value.value, Value::Null));
            if !there {
                found.push(self.missing_key(node, key, name, properties));
            }
        }
    }

    fn check_word(&self, node: &Node, words: &[&str], name: &str, found: &mut Vec<Diagnostic>) {
        let given = match &node.value {
            Value::Text(text) => text.as_str(),
            _ => self.source(node),
        };
        if words.contains(&given) {
            return;
        }
        let hint = nearest(given, words.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
        let text = format!("`{name}` cannot be `{}`{}", short(given), hint.unwrap_or_default());
        found.push(
            Diagnostic::error("unknown-value", text, node.span.clone())
                .help(format!("it is one of: {}", words.join(", "))),
        );
    }

    fn check_text(
        &self,
        node: &Node,
        text: &str,
        branch: &Json,
        schema: &'a Json,
        name: &str,
        found: &mut Vec<Diagnostic>,
    ) {
        // The two patterns of our schema belong to types whose own parsers are the judges.
        let right = match branch.get("x-wants").and_then(Json::as_str) {
            Some(wants) if wants.contains("duration") => super::StepDuration::parse(text).is_some(),
            Some(_) => super::Percent::parse(text).is_some(),
            None => true,
        };
        if !right {
            found.push(self.wrong_type(node, schema, name));
        }
    }

    fn wrong_type(&self, node: &Node, schema: &'a Json, name: &str) -> Diagnostic {
        let wants = self.wants(schema);
        let source = short(self.source(node));
        let what = match &node.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Null => "nothing".to_owned(),
            Value::Text(_) | Value::Bool(_) | Value::Number(_) => source.clone(),
        };
        let span = match &node.value {
            // A whole block as the place would underline half the file.
            Value::List(_) | Value::Map(_) => node.span.start..self.line_end(node.span.start, node.span.end),
            _ => node.span.clone(),
        };
        let told = Diagnostic::error("wrong-type", format!("`{name}` wants {wants}, found {what}"), span);
        match &node.value {
            Value::Number(_) | Value::Bool(_) if wants.starts_with("text") || wants.contains(" or text") => {
                told.help(format!("quote it to make it text: \"{source}\""))
            }
            Value::Number(_) if wants.contains("duration") => told.help(format!("with a unit: {source}s")),
            Value::Number(_) if wants.contains("share") => told.help(format!("with the sign: {source}%")),
            _ => told,
        }
    }

    fn missing_key(&self, node: &Node, key: &str, name: &str, properties: Option<&Map<String, Json>>) -> Diagnostic {
        let span = node.span.start..self.line_end(node.span.start, node.span.end);
        let wants = properties.and_then(|properties| properties.get(key));
        let about = wants.and_then(|schema| schema.get("description")).and_then(Json::as_str).unwrap_or_default();
        let about = about.split_inclusive('.').next().unwrap_or_default().trim();
        let told = Diagnostic::error("missing-key", format!("`{key}` is missing in {}", place(name)), span);
        if about.is_empty() { told } else { told.help(format!("`{key}`: {about}")) }
    }

    /// What a schema wants, in words.
    fn wants(&self, schema: &'a Json) -> String {
        let schema = self.resolve(schema);
        if let Some(words) = schema.get("x-wants").and_then(Json::as_str) {
            return words.to_owned();
        }
        if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
            let told = branches.iter().filter(|branch| branch.get("type").and_then(Json::as_str) != Some("null"));
            let told: Vec<String> = told.map(|branch| self.wants(branch)).collect();
            return told.join(" or ");
        }
        if let Some(words) = words(schema) {
            return format!("one of {}", words.join(", "));
        }
        match types(schema).first().copied() {
            Some("string") => "text".to_owned(),
            Some("integer") => "a whole number".to_owned(),
            Some("number") => "a number".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("array") => {
                let inner = schema.get("items").map(|items| self.wants(items)).unwrap_or_default();
                if inner.is_empty() || inner.contains(" or ") {
                    "a list".to_owned()
                } else {
                    format!("a list of {}", plural(&inner))
                }
            }
            Some("object") => "a mapping of keys to values".to_owned(),
            _ => "another value".to_owned(),
        }
    }

    fn source(&self, node: &Node) -> &'a str {
        self.text.get(node.span.clone()).unwrap_or_default()
    }

    fn line_end(&self, start: usize, end: usize) -> usize {
        let rest = self.text.get(start..end).unwrap_or_default();
        start + rest.find('\n').unwrap_or(rest.len())
    }
}

fn unknown_key(key: &super::tree::Key, properties: Option<&Map<String, Json>>, name: &str) -> Diagnostic {
    let known: Vec<&str> = properties.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect();
    let hint = nearest(&key.text, known.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
    let text = format!("unknown key `{}` in {}{}", short(&key.text), place(name), hint.unwrap_or_default());
    Diagnostic::error("unknown-key", text, key.span.clone()).help(format!("keys here: {}", known.join(", ")))
}

/// The place in words: the sections' entries are steps.
fn place(name: &str) -> String {
    match name {
        "the file" => "a pipeline".to_owned(),
        "an entry of tests" => "a test".to_owned(),
        "an entry of benchmarks" => "a benchmark".to_owned(),
        "an entry of generations" => "a generation".to_owned(),
        "an entry of models" => "a model".to_owned(),
        "an entry of rules" => "a rule".to_owned(),
        other => format!("`{other}`"),
    }
}

fn element(name: &str) -> String {
    format!("an entry of {name}")
}

fn plural(wants: &str) -> String {
    match wants {
        "text" => "texts".to_owned(),
        "a mapping of keys to values" => "mappings".to_owned(),
        other => other.to_owned(),
    }
}

/// The words that a schema allows, for an enumeration.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(list) = schema.get("enum").and_then(Json::as_array) {
        return Some(list.iter().filter_map(Json::as_str).collect());
    }
    let branches = schema.get("oneOf").and_then(Json::as_array)?;
    let words = branches.iter().flat_map(|branch| {
        let one = branch.get("const").and_then(Json::as_str);
        let list = branch.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        one.into_iter().chain(list)
    });
    Some(words.collect())
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn type_fits(node: &Node, schema: &Json) -> bool {
    let types = types(schema);
    let has = |wanted: &str| types.contains(&wanted);
    if types.is_empty() {
        return words(schema).is_none() || matches!(node.value, Value::Text(_) | Value::Bool(_) | Value::Number(_));
    }
    match &node.value {
        Value::Null => has("null"),
        Value::Bool(_) => has("boolean"),
        Value::Number(number) => has("number") || (has("integer") && (number.is_i64() || number.is_u64())),
        Value::Text(_) => has("string"),
        Value::List(_) => has("array"),
        Value::Map(_) => has("object"),
    }
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node.value, Value::List(_) | Value::Map(_))
}

fn check_range(node: &Node, number: Option<f64>, schema: &Json, name: &str, found: &mut Vec<Diagnostic>) {
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    let (low, high) = (bound("minimum"), bound("maximum"));
    let Some(number) = number else { return };
    if low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high) {
        let range = match (low, high) {
            (Some(low), Some(high)) => format!("from {low} to {high}"),
            (Some(low), None) => format!("of at least {low}"),
            (None, high) => format!("of at most {}", high.unwrap_or_default()),
        };
        found.push(Diagnostic::error(
            "out-of-range",
            format!("`{name}` wants a whole number {range}, found {number}"),
            node.span.clone(),
        ));
    }
}

/// A piece of the file for a message: one line, not endless.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
