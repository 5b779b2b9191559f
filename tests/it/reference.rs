//! The reference pages below `docs/reference/` are made from the published JSON Schemas, as those are made from the types.
//! `BACKSIGHT_UPDATE_SCHEMAS=1` rewrites the pages; without it a page that is out of step fails.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use backsight::ops::schema::{Format, schema_text};
use serde_json::{Map, Value};

/// Lists of more words than this have a table of their own.
const SHORT: usize = 6;

/// A definition that has a section: where it is met first, and what it says.
struct Section<'a> {
    path: String,
    name: Option<String>,
    schema: &'a Value,
}

/// One schema on its way to a page.
struct Reference<'a> {
    definitions: &'a Map<String, Value>,
    /// The heading of each definition that has a section.
    headings: BTreeMap<String, String>,
    sections: Vec<Section<'a>>,
}

impl<'a> Reference<'a> {
    fn new(root: &'a Value) -> Self {
        let definitions = root["$defs"].as_object().unwrap();
        let mut found = Self { definitions, headings: BTreeMap::new(), sections: Vec::new() };
        found.sections.push(Section { path: String::new(), name: None, schema: root });
        // Breadth first, so that a definition is met at its shortest path.
        let mut next = 0;
        while next < found.sections.len() {
            let (path, schema) = (found.sections[next].path.clone(), found.sections[next].schema);
            for (key, value) in properties(schema).into_iter().flatten() {
                found.meet(&join(&path, key), value);
            }
            for one in variants(schema) {
                found.meet(&path, one);
            }
            next += 1;
        }
        found
    }

    /// Gives the definitions that a value names their sections.
    fn meet(&mut self, path: &str, value: &'a Value) {
        if let Some(items) = value.get("items") {
            self.meet(&format!("{path}[]"), items);
        }
        if let Some(values) = value.get("additionalProperties").filter(|values| values.is_object()) {
            self.meet(&format!("{path}.NAME"), values);
        }
        for one in variants(value) {
            self.meet(path, one);
        }
        let Some(name) = definition_name(value) else {
            return;
        };
        let schema = &self.definitions[name];
        if !has_section(schema) {
            self.meet(path, schema);
        } else if !self.headings.contains_key(name) {
            let heading = if words(schema).is_some() { format!("Words of `{path}`") } else { format!("`{path}`") };
            self.headings.insert(name.to_owned(), heading);
            self.sections.push(Section { path: path.to_owned(), name: Some(name.to_owned()), schema });
        }
    }

    /// What may stand there, in a few words.
    fn type_of(&self, value: &Value) -> String {
        if let Some(name) = definition_name(value) {
            return self.type_of_definition(name);
        }
        let several: Vec<String> = variants(value).filter(|one| !is_null(one)).map(|one| self.type_of(one)).collect();
        if !several.is_empty() {
            return several.join(", or ");
        }
        if let Some(word) = value.get("const") {
            return code(word);
        }
        if let Some(words) = value["enum"].as_array() {
            return words.iter().map(code).collect::<Vec<_>>().join(", ");
        }
        match value["type"].as_str().or_else(|| value["type"][0].as_str()) {
            Some("array") => match value.get("items") {
                Some(items) => format!("list of: {}", self.type_of(items)),
                None => value["prefixItems"].as_array().map_or("list".to_owned(), |parts| {
                    format!("[{}]", parts.iter().map(|part| self.type_of(part)).collect::<Vec<_>>().join(", "))
                }),
            },
            Some("object") => match value.get("additionalProperties").filter(|values| values.is_object()) {
                Some(values) => format!("names to: {}", self.type_of(values)),
                None => "mapping".to_owned(),
            },
            Some("integer") => number("whole number", value),
            Some("number") => number("number", value),
            Some("boolean") => "`true`, `false`".to_owned(),
            Some("string") if value["type"].is_array() && value["type"][1] != "null" => {
                "text, number, truth value".to_owned()
            }
            Some("string") => value["title"].as_str().unwrap_or("text").to_owned(),
            _ => "anything".to_owned(),
        }
    }

    fn type_of_definition(&self, name: &str) -> String {
        let schema = &self.definitions[name];
        match (self.headings.get(name), words(schema)) {
            (Some(heading), Some(_)) => format!("[a word](#{})", anchor(heading)),
            (Some(heading), None) => {
                let others = variants(schema).filter(|one| properties(one).is_none()).map(|one| self.type_of(one));
                let all: Vec<_> = others.chain([format!("[mapping](#{})", anchor(heading))]).collect();
                all.join(", or ")
            }
            (None, Some(words)) => words.iter().map(|(word, _)| code(word)).collect::<Vec<_>>().join(", "),
            (None, None) => self.type_of(schema),
        }
    }

    /// The table of a definition's keys.
    fn table(&self, path: &str, schema: &Value, page: &mut String) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        page.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for (key, value) in properties(schema).into_iter().flatten() {
            let (meaning, told) = told_default(value["description"].as_str().unwrap_or_default());
            let default = match value.get("default") {
                _ if required.contains(&key.as_str()) => "required".to_owned(),
                Some(default) if default.is_object() || default.is_null() => String::new(),
                Some(default) => code(default),
                None => told.unwrap_or_default(),
            };
            let (whole, kind) = (join(path, key).replace("[]", ""), cell(&self.type_of(value)));
            let (default, meaning) = (cell(&default), cell(&meaning));
            let id = format!("<a id=\"key-{whole}\"></a>");
            // A key that several forms of a mapping have is found at the first of them.
            let id = if page.contains(&id) { "" } else { &id };
            writeln!(page, "| {id}`{key}` | {kind} | {default} | {meaning} |").unwrap();
        }
    }

    fn section(&self, section: &Section<'_>, page: &mut String) {
        if let Some(name) = &section.name {
            writeln!(page, "\n## {}\n", self.headings[name]).unwrap();
            writeln!(page, "{}\n", prose(section.schema["description"].as_str().unwrap_or_default())).unwrap();
        }
        if let Some(words) = words(section.schema) {
            page.push_str("| word | meaning |\n|---|---|\n");
            for (word, meaning) in words {
                writeln!(page, "| {} | {} |", code(word), cell(meaning)).unwrap();
            }
        } else if properties(section.schema).is_some() {
            self.table(&section.path, section.schema, page);
        }
        for one in variants(section.schema).filter(|one| properties(one).is_some()) {
            writeln!(page, "\n{}\n", prose(one["description"].as_str().unwrap_or_default())).unwrap();
            self.table(&section.path, one, page);
        }
    }

    fn page(&self, head: &str) -> String {
        let mut page = head.to_owned();
        for section in &self.sections {
            self.section(section, &mut page);
        }
        page.replace("\n\n\n", "\n\n")
    }
}

fn definition_name(value: &Value) -> Option<&str> {
    value["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"))
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten()
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// The words of a definition that is a choice of words, with their meanings.
fn words(schema: &Value) -> Option<Vec<(&Value, &str)>> {
    let all = schema["oneOf"].as_array()?;
    all.iter().map(|one| Some((one.get("const")?, one["description"].as_str().unwrap_or_default()))).collect()
}

/// Mappings have a section, and so have long lists of words; a choice of other things is told where it is met.
fn has_section(schema: &Value) -> bool {
    let tagged = variants(schema).any(|one| properties(one).is_some());
    properties(schema).is_some() || tagged || words(schema).is_some_and(|words| words.len() > SHORT)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{text}`")
}

fn number(what: &str, value: &Value) -> String {
    let bound = |key: &str| value[key].as_f64().map(|bound| bound.to_string());
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{what}, {least} to {most}"),
        (Some(least), None) => format!("{what}, from {least}"),
        _ => what.to_owned(),
    }
}

/// The meaning without the sentence that tells the default, and what that says.
fn told_default(description: &str) -> (String, Option<String>) {
    let text = prose(description);
    for (mark, before) in [(" Default: ", "."), (" Default ", "."), ("; default: ", ".")] {
        if let Some((meaning, rest)) = text.split_once(mark) {
            let (told, more) = rest.split_once(". ").unwrap_or((rest.trim_end_matches('.'), ""));
            let end = if meaning.ends_with('.') { "" } else { before };
            let meaning = format!("{meaning}{end} {more}").trim_end().to_owned();
            return (meaning, Some(told.to_owned()));
        }
    }
    (text, None)
}

/// A description on one line.
fn prose(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

/// What GitHub and mdBook make of a heading for the part of a link after `#`.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>().replace(' ', "-")
}

const PIPELINE: &str = "\
# All keys of the pipeline file

Made from [the JSON Schema](../../schemas/pipeline.schema.json); `BACKSIGHT_UPDATE_SCHEMAS=1 cargo test reference` writes it anew. What the
keys do together, with examples, stands in [the pipeline file](../pipeline.md). `a[]` is an entry of the list `a`, `a.b` a key in the
mapping `a`.

## The file

";

const RESULTS: &str = "\
# All fields of the results document

Made from [the JSON Schema](../../schemas/results.schema.json); `BACKSIGHT_UPDATE_SCHEMAS=1 cargo test reference` writes it anew. What is
promised, and how the fields belong together, stands in [the results document](../results.md). `a[]` is an entry of the list `a`, `a.b` a
field of `a`. What is not required is absent where it is not known.

## The document

";

#[test]
fn reference_pages_are_what_the_schemas_say() {
    for (format, head, file) in [
        (Format::Pipeline, PIPELINE, "docs/reference/pipeline.md"),
        (Format::Results, RESULTS, "docs/reference/results.md"),
    ] {
        let schema: Value = serde_json::from_str(&schema_text(format)).unwrap();
        let wanted = Reference::new(&schema).page(head);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if env::var_os("BACKSIGHT_UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == wanted, "{file} is out of date: run the tests once with BACKSIGHT_UPDATE_SCHEMAS=1");
    }
}

#[test]
fn each_key_of_the_schemas_has_a_row() {
    for (format, file) in
        [(Format::Pipeline, "docs/reference/pipeline.md"), (Format::Results, "docs/reference/results.md")]
    {
        let schema: Value = serde_json::from_str(&schema_text(format)).unwrap();
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let definitions = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        let all = definitions.flat_map(|one| variants(one).chain([one])).filter_map(properties);
        for key in all.flat_map(|keys| keys.keys()) {
            assert!(page.contains(&format!("`{key}` |")), "{file} has no row for `{key}`");
        }
    }
}
