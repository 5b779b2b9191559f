//! What can be said of a set without rendering it: that its templates are there and compile, and that every name in them
//! is one that a template can know.

use std::collections::BTreeSet;

use serde_json::Value;

use super::described::describe;
use super::engine::engine;
use super::manifest::{Manifest, SetOutput};
use super::references::referenced;
use super::set::Set;
use crate::pipeline::{Diagnostic, Part, Read, Severity, Span, nearest, quote, read_as};

/// What templates see whatever they are made for.
const EVERYWHERE: [&str; 9] = ["project", "run", "step", "env", "data", "generated", "inputs", "output", "number"];
/// What a template of one file sees besides.
const OF_ONE: [&str; 4] = ["model", "target", "matrix", "row"];
/// What a template of one file for all sees besides.
const OF_ALL: [&str; 1] = ["items"];
/// What the engine has, wherever it is called.
const ENGINE: [&str; 9] = ["range", "dict", "namespace", "debug", "joiner", "cycler", "caller", "loop", "self"];

/// One thing that is wrong with a file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, relative to the set's folder.
    pub file: String,
    /// What is wrong, and where in it.
    pub diagnostic: Diagnostic,
}

impl Set {
    /// What is wrong with the set, by its files. `manifest` is the text of its `templates.yml`, for places in it.
    pub fn check(&self, manifest: &str) -> Vec<Fault> {
        let Ok(read) = read_as::<Manifest>(manifest, "the manifest of a template set") else { return Vec::new() };
        let mut checker =
            Checker { set: self, read: &read, faults: Vec::new(), used: BTreeSet::new(), all_used: false };
        for (index, output) in self.manifest.outputs.iter().enumerate() {
            checker.output(index, output);
        }
        for (file, source) in &self.files {
            checker.template(file, source);
        }
        checker.unused();
        let mut faults = checker.faults;
        faults.sort_by(|a, b| (&a.file, a.diagnostic.primary.span).cmp(&(&b.file, b.diagnostic.primary.span)));
        faults
    }

    /// The names of the set's inputs; `None` where its schema leaves open which there are.
    pub fn input_names(&self) -> Option<Vec<&str>> {
        let Some(schema) = &self.manifest.inputs else { return Some(Vec::new()) };
        let open = ["additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"];
        if open.iter().any(|key| schema.get(key).is_some_and(|value| *value != Value::Bool(false))) {
            return None;
        }
        Some(schema.get("properties").and_then(Value::as_object)?.keys().map(String::as_str).collect())
    }
}

struct Checker<'s> {
    set: &'s Set,
    read: &'s Read<Manifest>,
    faults: Vec<Fault>,
    /// Inputs that some template asks for.
    used: BTreeSet<String>,
    /// Some template asks for all of them.
    all_used: bool,
}

impl Checker<'_> {
    fn fault(&mut self, file: &str, diagnostic: Diagnostic) {
        self.faults.push(Fault { file: file.to_owned(), diagnostic });
    }

    /// An entry of `outputs`: its template is there, path and condition ask for what there is.
    fn output(&mut self, index: usize, output: &SetOutput) {
        let way = |key: &'static str| [Part::Key("outputs"), Part::Index(index), Part::Key(key)];
        if !self.set.files.contains_key(&output.template) {
            let near = nearest(&output.template, self.set.files.keys().map(String::as_str));
            let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            let message = format!("the set has no file {}{near}", quote(&output.template));
            let help = "the name is relative to the folder of templates.yml";
            let fault = self.read.fault("missing-template", &way("template"), message).help(help);
            self.fault("templates.yml", fault);
        }
        let engine = engine();
        if let Ok(path) = engine.template_from_str(&output.path) {
            self.names_in_manifest(&output.path, &path.undeclared_variables(true), output, &way("path"));
        }
        // A condition is asked for each combination, also where the file is one for all.
        let each = SetOutput { many_to_one: false, ..output.clone() };
        if let Some(when) = &output.when
            && let Ok(condition) = engine.compile_expression(when)
        {
            self.names_in_manifest(when, &condition.undeclared_variables(true), &each, &way("when"));
        }
    }

    fn names_in_manifest(
        &mut self,
        text: &str,
        names: &std::collections::HashSet<String>,
        output: &SetOutput,
        way: &[Part<'_>],
    ) {
        for (name, message, help) in self.unknown(names, Some(output.many_to_one)) {
            let range = place(text, &name).unwrap_or(0..0);
            let fault = self.read.fault_within("unknown-name", way, (text, range), message).help(help);
            self.fault("templates.yml", fault);
        }
    }

    fn template(&mut self, file: &str, source: &str) {
        let engine = engine();
        let template = match engine.template_from_named_str(file, source) {
            Ok(template) => template,
            Err(error) => {
                let range = error.range().unwrap_or(0..0);
                let words = describe(&error);
                let words =
                    words.rsplit_once(&format!(":{}: ", error.line().unwrap_or(1))).map_or(words.as_str(), |w| w.1);
                let span = Span::of(source, range.start, range.end);
                // What it asks for cannot be known.
                self.all_used = true;
                return self.fault(file, Diagnostic::error("bad-template", span, words.to_owned()));
            }
        };
        for name in referenced(source) {
            if !self.set.files.contains_key(&name) {
                let near = nearest(&name, self.set.files.keys().map(String::as_str));
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                let span = source.find(&name).map_or(Span::START, |at| Span::of(source, at, at + name.len()));
                let message = format!("the set has no file {}{near}", quote(&name));
                self.fault(file, Diagnostic::error("missing-template", span, message));
            }
        }
        // What another template includes or extends sees its variables as well.
        let whole = !source.contains("extends") && !source.contains("import");
        let uses: Vec<&SetOutput> = self.set.manifest.outputs.iter().filter(|output| output.template == file).collect();
        let for_all = match uses.as_slice() {
            [first, rest @ ..] if whole && rest.iter().all(|use_| use_.many_to_one == first.many_to_one) => {
                Some(first.many_to_one)
            }
            _ => None,
        };
        for (name, message, help) in self.unknown(&template.undeclared_variables(true), for_all) {
            let range = place(source, &name).unwrap_or(0..0);
            let span = Span::of(source, range.start, range.end);
            self.fault(file, Diagnostic::error("unknown-name", span, message).help(help));
        }
    }

    /// The names that a template cannot know, each with a message and what to do. `for_all`: whether it is one file for
    /// all; where that is not known, only inputs are looked at.
    fn unknown(
        &mut self,
        names: &std::collections::HashSet<String>,
        for_all: Option<bool>,
    ) -> Vec<(String, String, String)> {
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        let mut found = Vec::new();
        let inputs = self.set.input_names();
        for name in names {
            let (root, rest) = name.split_once('.').map_or((name.as_str(), None), |(root, rest)| (root, Some(rest)));
            if root == "inputs" {
                let Some(input) = rest.and_then(|rest| rest.split('.').next()) else {
                    self.all_used = true;
                    continue;
                };
                self.used.insert(input.to_owned());
                if let Some(inputs) = inputs.as_ref().filter(|inputs| !inputs.contains(&input)) {
                    let near = nearest(input, inputs.iter().copied());
                    // What was misspelt is asked for.
                    self.used.extend(near.map(str::to_owned));
                    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                    let message = format!("{} is no input of this set{near}", quote(input));
                    let help = if inputs.is_empty() {
                        "name it under `inputs` in templates.yml".to_owned()
                    } else {
                        format!("inputs: {}", inputs.join(", "))
                    };
                    found.push((format!("inputs.{input}"), message, help));
                }
            } else if let Some(for_all) = for_all {
                found.extend(unknown_root(root, for_all).map(|(message, help)| (root.to_owned(), message, help)));
            }
        }
        found.dedup();
        found
    }

    fn unused(&mut self) {
        if self.all_used {
            return;
        }
        let names = self.set.input_names().unwrap_or_default();
        let unused: Vec<String> =
            names.into_iter().filter(|name| !self.used.contains(*name)).map(str::to_owned).collect();
        for name in unused {
            let way = ["inputs".into(), "properties".into(), Part::Key(&name)];
            let message = format!("no template asks for the input {}", quote(&name));
            let mut fault =
                self.read.fault("unused-input", &way, message).help("remove it, or write `inputs.` before it");
            fault.severity = Severity::Warning;
            self.fault("templates.yml", fault);
        }
    }
}

fn unknown_root(root: &str, for_all: bool) -> Option<(String, String)> {
    let here: &[&str] = if for_all { &OF_ALL } else { &OF_ONE };
    let known: Vec<&str> = EVERYWHERE.iter().chain(here).copied().collect();
    if known.contains(&root) || ENGINE.contains(&root) {
        return None;
    }
    let help = format!("names here: {}", known.join(", "));
    if for_all && OF_ONE.contains(&root) {
        let message = format!("there is no `{root}` in one file for all");
        return Some((message, format!("go through `items`: each has a `{root}` of its own")));
    }
    if !for_all && OF_ALL.contains(&root) {
        let message = format!("there is no `{root}` where each has a file of its own");
        return Some((message, "write `many_to_one: true` to make one file for all".to_owned()));
    }
    let near = nearest(root, known).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    Some((format!("unknown name {}{near}", quote(root)), help))
}

/// Where a name first stands in a tag, as a whole word.
fn place(source: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let first = source.find("{{").into_iter().chain(source.find("{%")).min().unwrap_or(0);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    source.match_indices(name).map(|(at, _)| at).filter(|at| *at >= first).find_map(|at| {
        let before = source.get(..at)?.chars().next_back();
        let after = source.get(at + name.len()..)?.chars().next();
        let whole = !before.is_some_and(is_word) && !after.is_some_and(|c| c.is_alphanumeric() || c == '_');
        whole.then_some(at..at + name.len())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::templating::{Set, parse_manifest};

    const MANIFEST: &str = "\
name: a
description: b
version: \"1\"
inputs:
  properties:
    size: {type: integer}
    spare: {type: integer}
outputs:
  - template: a.j2
    path: out/{{ model.slug }}-{{ inputs.size }}.txt
  - {template: all.j2, path: all.txt, many_to_one: true}
";

    /// The faults as `file:line:column code message`.
    fn faults(manifest: &str, files: &[(&str, &str)]) -> Vec<String> {
        let mut all: BTreeMap<String, String> = [
            ("a.j2", "{{ model.id }} {{ inputs.spare }}\n"),
            ("all.j2", "{% for i in items %}{{ i.model.id }}{% endfor %}"),
        ]
        .map(|(name, source)| (name.to_owned(), source.to_owned()))
        .into();
        all.extend(files.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())));
        let set = Set { manifest: parse_manifest(manifest).unwrap(), files: all };
        let told = |fault: super::Fault| {
            let span = fault.diagnostic.primary.span;
            format!(
                "{}:{}:{} {} {}",
                fault.file, span.line, span.column, fault.diagnostic.code, fault.diagnostic.message
            )
        };
        set.check(manifest).into_iter().map(told).collect()
    }

    #[test]
    fn a_set_that_is_right() {
        assert_eq!(faults(MANIFEST, &[]), [""; 0]);
        let partial = [("a.j2", "{% set mine = 1 %}{% include 'p.j2' %}{{ inputs.spare }}"), ("p.j2", "{{ mine }}")];
        assert_eq!(faults(MANIFEST, &partial), [""; 0]);
        let whole = "{% for k, v in inputs | items %}{{ k }}{{ v }}{{ loop.index }}{% endfor %}{{ range(3) }}";
        assert_eq!(faults(MANIFEST, &[("a.j2", whole)]), [""; 0]);
    }

    #[test]
    fn templates_that_do_not_compile_or_are_not_there() {
        assert_eq!(
            faults(MANIFEST, &[("a.j2", "x\n{{ inputs.spare }}{% fro x in y %}")]),
            ["a.j2:2:22 bad-template syntax error: unknown statement fro"]
        );
        let missing = MANIFEST.replace("template: a.j2", "template: b.j2");
        assert_eq!(
            faults(&missing, &[("a.j2", "{{ inputs.spare }}{% include 'alll.j2' %}")]),
            [
                "a.j2:1:31 missing-template the set has no file `alll.j2`, did you mean `all.j2`?",
                "templates.yml:9:15 missing-template the set has no file `b.j2`, did you mean `a.j2`?"
            ]
        );
    }

    #[test]
    fn names_that_no_template_knows() {
        for (source, want) in [
            (
                "{{ inputs.spare }}\n  {{ modle.id }}",
                "a.j2:2:6 unknown-name unknown name `modle`, did you mean `model`?",
            ),
            (
                "{{ inputs.spare }}{{ inputs.sise }}",
                "a.j2:1:22 unknown-name `sise` is no input of this set, did you mean `size`?",
            ),
            (
                "{{ inputs.spare }}{{ items }}",
                "a.j2:1:22 unknown-name there is no `items` where each has a file of its own",
            ),
        ] {
            assert_eq!(faults(MANIFEST, &[("a.j2", source)]), [want]);
        }
        assert_eq!(
            faults(MANIFEST, &[("all.j2", "{{ model.id }}")]),
            ["all.j2:1:4 unknown-name there is no `model` in one file for all"]
        );
        let path = MANIFEST.replace("inputs.size", "inputs.sizes");
        assert_eq!(
            faults(&path, &[])[0],
            "templates.yml:10:35 unknown-name `sizes` is no input of this set, did you mean `size`?"
        );
        let when = MANIFEST.replace("many_to_one: true", "many_to_one: true, when: model.id and modl");
        assert_eq!(faults(&when, &[]), ["templates.yml:11:77 unknown-name unknown name `modl`, did you mean `model`?"]);
    }

    #[test]
    fn an_input_that_nobody_asks_for() {
        let found = faults(MANIFEST, &[("a.j2", "x")]);
        assert_eq!(found, ["templates.yml:7:13 unused-input no template asks for the input `spare`"]);
    }
}
