//! Tries a template set: is everything in it right, and what does its example become?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use minijinja::value::Serde;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::TemplatesError;
use super::located::{Located, Origin};
use super::verified::verify;
use crate::ops::load::LoadError;
use crate::pipeline::{Diagnostic, Model, Severity, Span};
use crate::plan::{Facts, Template};
use crate::templating::{Fault, Inputs, SetOutput, describe_with};

/// The largest file that an example may become, in bytes.
const LARGEST: usize = 16 << 20;

/// What became of a set.
#[derive(Debug)]
pub struct Trial {
    /// The set, as it was named.
    pub set: String,
    /// All that is wrong, by file.
    pub faults: Vec<(SourceText, Vec<Diagnostic>)>,
    /// What its example became.
    pub made: Vec<Made>,
    /// What could not be tried, and why.
    pub notes: Vec<String>,
}

/// A text in which something is wrong.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Its name for messages.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// A file that the example became.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The template.
    pub template: String,
    /// Where the file would go.
    pub path: String,
    /// How large it is.
    pub bytes: usize,
}

impl Trial {
    /// Whether nothing is wrong with it; warnings are not wrong.
    pub fn passed(&self) -> bool {
        !self.faults.iter().flat_map(|(_, found)| found).any(|one| one.severity == Severity::Error)
    }
}

/// Tries the set of a name or in a folder: manifest, templates, every name in them, and its example, whose files go to
/// `into` or to a temporary folder.
///
/// # Errors
/// If there is no such set, or something cannot be read or written. A manifest that is wrong is an answer.
pub fn validate(workspace: &Path, name: &str, into: Option<&Path>) -> Result<Trial, TemplatesError> {
    let located = match Located::find(workspace, name) {
        Ok(located) => located,
        Err(TemplatesError::Load(LoadError::Wrong { path, text, diagnostics })) => {
            let source = SourceText { file: path.display().to_string(), text };
            let (made, notes) = (Vec::new(), Vec::new());
            return Ok(Trial { set: name.to_owned(), faults: vec![(source, diagnostics)], made, notes });
        }
        Err(other) => return Err(other),
    };
    let mut faults = located.set.check(&located.manifest);
    let (mut made, mut notes, mut outputs) = (Vec::new(), Vec::new(), BTreeMap::new());
    if faults.iter().all(|fault| fault.diagnostic.severity == Severity::Warning) {
        let temporary;
        let folder = match into {
            Some(folder) => folder,
            None => {
                temporary = tempfile::tempdir()
                    .map_err(|source| TemplatesError::Write { path: std::env::temp_dir(), source })?;
                temporary.path()
            }
        };
        let mut tried = Tried {
            located: &located,
            folder,
            faults: Vec::new(),
            made: Vec::new(),
            notes: Vec::new(),
            outputs: BTreeMap::new(),
        };
        tried.example()?;
        faults.extend(tried.faults);
        (made, notes, outputs) = (tried.made, tried.notes, tried.outputs);
    }
    Ok(Trial { set: name.to_owned(), faults: by_file(&located, faults, &outputs), made, notes })
}

/// Faults by the file they are in, with its text.
fn by_file(
    located: &Located,
    faults: Vec<Fault>,
    outputs: &BTreeMap<String, String>,
) -> Vec<(SourceText, Vec<Diagnostic>)> {
    let mut files: Vec<(SourceText, Vec<Diagnostic>)> = Vec::new();
    for fault in faults {
        let text = match located.set.files.get(&fault.file) {
            Some(source) => source.clone(),
            None => outputs.get(&fault.file).cloned().unwrap_or_else(|| located.manifest.clone()),
        };
        let file = match outputs.contains_key(&fault.file) {
            true => format!("{} (of the example)", fault.file),
            false => located.origin.file(&located.set.manifest.name, &fault.file),
        };
        match files.iter_mut().find(|(source, _)| source.file == file) {
            Some((_, found)) => found.push(fault.diagnostic),
            None => files.push((SourceText { file, text }, vec![fault.diagnostic])),
        }
    }
    files
}

/// An example that is being rendered.
struct Tried<'a> {
    located: &'a Located,
    folder: &'a Path,
    faults: Vec<Fault>,
    made: Vec<Made>,
    notes: Vec<String>,
    /// What each file of the example says that has faults.
    outputs: BTreeMap<String, String>,
}

impl Tried<'_> {
    fn example(&mut self) -> Result<(), TemplatesError> {
        let manifest = &self.located.set.manifest;
        let Some(example) = &manifest.example else {
            let text = "the set has no `example`, so nothing was rendered; add one with `inputs` and a `model`";
            self.notes.push(text.to_owned());
            return Ok(());
        };
        let values = match values(example, manifest.inputs.as_ref()) {
            Ok(values) => values,
            Err(text) => {
                self.fault_in_manifest("example:", format!("the example is refused: {text}"));
                return Ok(());
            }
        };
        for output in &manifest.outputs {
            self.output(output, &values)?;
        }
        Ok(())
    }

    fn output(&mut self, output: &SetOutput, one: &Map<String, Value>) -> Result<(), TemplatesError> {
        let mut values = one.clone();
        if output.many_to_one {
            let items = json!([one]);
            for name in ["model", "target", "matrix", "row"] {
                values.remove(name);
            }
            values.insert("items".to_owned(), items);
        }
        let engine = match self.located.set.engine() {
            Ok(engine) => engine,
            Err(error) => {
                self.failed(&error, &minijinja::Value::UNDEFINED, None);
                return Ok(());
            }
        };
        if let Some(when) = &output.when {
            let context = minijinja::Value::from(Serde(one));
            match engine.compile_expression(when).and_then(|condition| condition.eval(context.clone())) {
                Ok(holds) if !holds.is_true() => {
                    self.notes
                        .push(format!("{}: its condition `{when}` does not hold for the example", output.template));
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => {
                    self.failed(&error, &context, Some(when));
                    return Ok(());
                }
            }
        }
        let context = minijinja::Value::from(Serde(&values));
        let path = match engine.render_named_str("path", &output.path, context.clone()) {
            Ok(path) => path,
            Err(error) => {
                self.failed(&error, &context, Some(&output.path));
                return Ok(());
            }
        };
        let Some(place) = within(&path) else {
            let text = format!("the example's path `{path}` leaves the workspace or names no file");
            self.fault_in_manifest(&output.path, text);
            return Ok(());
        };
        values.insert("output".to_owned(), path.clone().into());
        let context = minijinja::Value::from(Serde(&values));
        match engine.get_template(&output.template).and_then(|template| template.render(context.clone())) {
            Ok(text) if text.len() > LARGEST => {
                let text = format!("the example becomes a file of more than {} MiB", LARGEST >> 20);
                self.fault(&output.template, Diagnostic::error("too-large", Span::START, text));
            }
            Ok(text) => self.keep(output, &path, &place, text)?,
            Err(error) => self.failed(&error, &context, None),
        }
        Ok(())
    }

    fn keep(&mut self, output: &SetOutput, path: &str, place: &Path, text: String) -> Result<(), TemplatesError> {
        let place = self.folder.join(place);
        let failed = |source| TemplatesError::Write { path: place.clone(), source };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&place, &text).map_err(failed)?;
        let wrong = verify(path, &text, self.located.set.manifest.verify.as_ref());
        if !wrong.is_empty() {
            wrong.into_iter().for_each(|diagnostic| self.fault(path, diagnostic));
            self.outputs.insert(path.to_owned(), text);
            return Ok(());
        }
        self.made.push(Made { template: output.template.clone(), path: path.to_owned(), bytes: text.len() });
        Ok(())
    }

    fn fault(&mut self, file: &str, diagnostic: Diagnostic) {
        self.faults.push(Fault { file: file.to_owned(), diagnostic });
    }

    /// A fault at the first place in the manifest that says this.
    fn fault_in_manifest(&mut self, says: &str, message: String) {
        let text = &self.located.manifest;
        let span = text.find(says).map_or(Span::START, |at| Span::of(text, at, at + says.len()));
        self.fault(super::MANIFEST, Diagnostic::error("bad-example", span, message));
    }

    /// An error of the engine, at its place: that of the innermost cause. `text` is what was rendered where it is a part
    /// of the manifest.
    fn failed(&mut self, error: &minijinja::Error, values: &minijinja::Value, text: Option<&str>) {
        let mut innermost = error;
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            innermost = inner.downcast_ref::<minijinja::Error>().unwrap_or(innermost);
            cause = inner.source();
        }
        let message = describe_with(error, values);
        if let Some(text) = text {
            return self.fault_in_manifest(text, message);
        }
        let file = innermost.name().filter(|name| self.located.set.files.contains_key(*name)).map(str::to_owned);
        let Some(file) = file else { return self.fault_in_manifest("example:", message) };
        let source = self.located.set.files.get(&file).cloned().unwrap_or_default();
        let span = match (innermost.range(), innermost.line()) {
            (Some(range), _) => Span::of(&source, range.start, range.end),
            (None, Some(line)) => line_of(&source, line),
            (None, None) => Span::START,
        };
        self.fault(&file, Diagnostic::error("does-not-render", span, message));
    }
}

fn line_of(source: &str, line: usize) -> Span {
    let start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = source.get(start..).and_then(|rest| rest.find('\n')).map_or(source.len(), |end| start + end);
    Span::of(source, start, end)
}

/// What the templates see of an example, defaults of the inputs filled in.
fn values(example: &Value, schema: Option<&Value>) -> Result<Map<String, Value>, String> {
    let mut values = Map::new();
    let facts = Facts { project: "example".to_owned(), run_id: "example".to_owned(), ..Facts::default() };
    let given = example.as_object().cloned().unwrap_or_default();
    let target = given.get("target").and_then(Value::as_str).unwrap_or("cpu").to_owned();
    let model: Option<Model> = match given.get("model") {
        Some(model) => Some(serde_json::from_value(model.clone()).map_err(|error| format!("`model`: {error}"))?),
        None => None,
    };
    let seen = Template::new(&facts, "example", model.as_ref(), &target);
    values.extend(seen.values().as_object().cloned().unwrap_or_default());
    values.extend(given.into_iter().filter(|(name, _)| name != "model" && name != "inputs"));
    let mut inputs = example.get("inputs").cloned().unwrap_or_else(|| json!({}));
    if let Some(schema) = schema {
        Inputs::compile(schema)?.check(&mut inputs).map_err(|wrong| wrong.join("; "))?;
    }
    values.insert("inputs".to_owned(), inputs);
    Ok(values)
}

/// A path that stays below a folder.
fn within(path: &str) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let names_a_file = clean.file_name().is_some() && !path.ends_with('/') && !path.chars().any(char::is_control);
    names_a_file.then_some(clean)
}

impl Origin {
    /// Where the set lies, for people.
    pub fn display(&self) -> String {
        match self {
            Self::BuiltIn => "built in".to_owned(),
            Self::Folder { path } => path.display().to_string(),
        }
    }
}
