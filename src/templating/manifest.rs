//! `templates.yml`: what a template set is called, what it wants to know, and which files it makes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::described::describe;
use super::engine::engine;
use super::inputs::Inputs;
use crate::pipeline::{Diagnostic, Ladder, Part, Read, read_as};

/// The manifest of a template set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The set's name: small letters, digits and `-`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What it makes, in a sentence.
    #[schemars(length(min = 1))]
    pub description: String,
    /// The set's version, as text.
    #[schemars(length(min = 1))]
    pub version: String,
    /// What the set wants to know: a JSON Schema of an object. Its defaults are filled in; where it names its
    /// `properties`, there are no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// The files it makes.
    #[schemars(length(min = 1))]
    pub outputs: Vec<SetOutput>,
    /// The rungs that each file of the set climbs where the pipeline does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Ladder>,
    /// What `backsight templates validate` renders with: `inputs`, a `model`, and any other value that templates of
    /// this set need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// A file that a set makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetOutput {
    /// The template, relative to the set's folder.
    #[schemars(length(min = 1))]
    pub template: String,
    /// Where the file goes, relative to the workspace; a template.
    #[schemars(length(min = 1))]
    pub path: String,
    /// A condition; the file is made where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// One file for all: the template sees the list `items`, one entry for each combination, in their order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub many_to_one: bool,
}

/// Reads the text of a `templates.yml`.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn parse_manifest(text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    let read = read_as::<Manifest>(text, "the manifest of a template set")?;
    let mut found = Vec::new();
    names(&read, &mut found);
    inputs(&read, &mut found);
    for (index, output) in read.value.outputs.iter().enumerate() {
        check_output(&read, index, output, &mut found);
    }
    if found.is_empty() {
        return Ok(read.value);
    }
    found.sort_by_key(|one| one.primary.span.start);
    Err(found)
}

fn names(read: &Read<Manifest>, found: &mut Vec<Diagnostic>) {
    let name = &read.value.name;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(fits) || name.starts_with('-') || name.ends_with('-') || name.len() > 64 {
        let message = "a set's name has small letters, digits and `-` between them, at most 64";
        let help = format!("for example `{}`", super::filters::slug(name).replace('_', "-"));
        found.push(read.fault("bad-name", &["name".into()], message).help(help));
    }
    if read.value.version.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = "a version has no spaces";
        found.push(read.fault("bad-version", &["version".into()], message).help("for example `version: \"1.0\"`"));
    }
}

fn inputs(read: &Read<Manifest>, found: &mut Vec<Diagnostic>) {
    let Some(schema) = &read.value.inputs else { return example(read, None, found) };
    match Inputs::compile(schema) {
        Ok(inputs) => example(read, Some(&inputs), found),
        Err(error) => {
            let message = format!("`inputs` is no JSON Schema of an object: {error}");
            found.push(read.fault("bad-schema", &["inputs".into()], message));
        }
    }
}

fn example(read: &Read<Manifest>, inputs: Option<&Inputs>, found: &mut Vec<Diagnostic>) {
    let Some(example) = &read.value.example else { return };
    let Some(map) = example.as_object() else {
        let message = "`example` wants a mapping: `inputs`, `model`, and what else templates of the set need";
        found.push(read.fault("wrong-type", &["example".into()], message));
        return;
    };
    let way: [Part<'_>; 2] = ["example".into(), "inputs".into()];
    let mut given = map.get("inputs").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    match inputs {
        Some(inputs) => {
            for error in inputs.check(&mut given).err().into_iter().flatten() {
                found.push(read.fault("bad-example", &way, format!("the example is refused: {error}")));
            }
        }
        None if map.contains_key("inputs") => {
            let fault = read.fault("bad-example", &way, "the example has inputs, and the set has none");
            found.push(fault.help("say what the set wants to know under `inputs`"));
        }
        None => {}
    }
}

fn check_output(read: &Read<Manifest>, index: usize, output: &SetOutput, found: &mut Vec<Diagnostic>) {
    let way = |key: &'static str| [Part::Key("outputs"), Part::Index(index), Part::Key(key)];
    if let Some(wrong) = outside(&output.template) {
        found.push(read.fault("bad-path", &way("template"), format!("`template` {wrong}")));
    } else if output.template == "templates.yml" {
        found.push(read.fault("bad-path", &way("template"), "the manifest is no template"));
    }
    if !output.path.contains('{') {
        found
            .extend(outside(&output.path).map(|wrong| read.fault("bad-path", &way("path"), format!("`path` {wrong}"))));
    }
    let same = |other: &SetOutput| other.path == output.path && other.when == output.when;
    if read.value.outputs.iter().take(index).any(same) {
        let fault = read.fault("two-writers", &way("path"), "two outputs write this path");
        found.push(fault.help("give each output a path of its own, or conditions that differ (`when`)"));
    }
    let engine = engine();
    if let Err(error) = engine.template_from_str(&output.path) {
        found.push(broken(read, &way("path"), &output.path, &error));
    }
    if let Some(Err(error)) = output.when.as_ref().map(|when| engine.compile_expression(when)) {
        found.push(broken(read, &way("when"), output.when.as_deref().unwrap_or_default(), &error));
    }
}

fn broken(read: &Read<Manifest>, way: &[Part<'_>], text: &str, error: &minijinja::Error) -> Diagnostic {
    let range = error.range().unwrap_or(0..text.len());
    let words = describe(error);
    let words = words.split_once(": ").map_or(words.as_str(), |(_, words)| words);
    read.fault_within("bad-template", way, (text, range), words.to_owned())
}

/// Why a path does not stay where it belongs.
fn outside(path: &str) -> Option<&'static str> {
    if path.starts_with(['/', '\\', '~']) || path.get(1..2) == Some(":") {
        Some("is relative, without a `/` at its begin")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        Some("stays within its folder, without `..`")
    } else if path.chars().any(char::is_control) {
        Some("holds a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::parse_manifest;

    const WHOLE: &str = "\
name: model-test
description: A test for each model.
version: \"1.2\"
inputs:
  type: object
  properties:
    tolerance: {type: number, default: 0.01, description: How far answers may be off.}
  required: [tolerance]
outputs:
  - template: test.py.j2
    path: tests/test_{{ model.slug }}.py
    when: model.family == 'bert'
  - {template: index.md.j2, path: tests/README.md, many_to_one: true}
example:
  inputs: {tolerance: 0.5}
  model: {id: org/name}
";

    #[test]
    fn a_whole_manifest() {
        let manifest = parse_manifest(WHOLE).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("model-test", "1.2"));
        assert_eq!(manifest.outputs[0].when.as_deref(), Some("model.family == 'bert'"));
        assert!(!manifest.outputs[0].many_to_one && manifest.outputs[1].many_to_one);
        assert_eq!(manifest.example.unwrap()["inputs"]["tolerance"], 0.5);
    }

    /// Each mistake by its code and its place.
    #[test]
    fn mistakes_with_their_places() {
        for (from, to, want) in [
            ("name: model-test", "name: Model Test", "bad-name 1:7"),
            ("name: model-test\n", "", "missing-key 1:1"),
            ("\"1.2\"", "1.2", "wrong-type 3:10"),
            ("\"1.2\"", "\"1 2\"", "bad-version 3:10"),
            ("type: object", "type: objekt", "bad-schema 5:3"),
            ("type: object", "type: array", "bad-schema 5:3"),
            ("outputs:", "output:", "unknown-key 9:1"),
            ("template: test.py.j2", "template: ../test.py.j2", "bad-path 10:15"),
            ("template: test.py.j2", "template: templates.yml", "bad-path 10:15"),
            ("path: tests/README.md", "path: /etc/passwd", "bad-path 13:35"),
            ("{{ model.slug }}", "{{ model.slug", "bad-template 11:36"),
            ("{{ model.slug }}", "{{ model.slug ! }}", "bad-template 11:36"),
            ("== 'bert'", "== =", "bad-template 12:27"),
            ("path: tests/README.md", "path: \"tests/test_{{ model.slug }}.py\"", ""),
            ("tolerance: 0.5", "tolerance: much", "bad-example 15:12"),
            ("tolerance: 0.5", "tolerence: 0.5", "bad-example 15:12"),
            ("    when: model.family == 'bert'", "    whem: x", "unknown-key 12:5"),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let found = match parse_manifest(&WHOLE.replacen(from, to, 1)) {
                Ok(_) => String::new(),
                Err(found) => {
                    let first = &found[0];
                    format!("{} {}:{}", first.code, first.primary.span.line, first.primary.span.column)
                }
            };
            assert_eq!(found, want, "{to}");
        }
    }

    #[test]
    fn two_outputs_of_one_path_are_refused() {
        let text = WHOLE.replace("    when: model.family == 'bert'\n", "").replace("tests/README.md", "a");
        let text = text.replace("tests/test_{{ model.slug }}.py", "a");
        assert_eq!(parse_manifest(&text).unwrap_err()[0].code, "two-writers");
    }

    #[test]
    fn all_mistakes_at_once() {
        let text = WHOLE.replace("model-test", "Model").replace("{{ model.slug }}", "{{").replace("0.5", "x");
        let found = parse_manifest(&text).unwrap_err();
        let codes: Vec<_> = found.iter().map(|one| one.code).collect();
        assert_eq!(codes, ["bad-name", "bad-template", "bad-example"]);
    }
}
