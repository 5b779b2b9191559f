//! Does the file make sense? References, templates, paths and numbers, after its shape is known to be right.

mod fields;
mod needs;
mod steps;

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Span, nearest};
use super::grammar::{Command, Common, ModelSource, Pipeline};
use super::tree::Node;
use fields::{Context, check_path, check_target, check_variable, span};

/// What a rule can ask about.
const RULE_KEYS: [&str; 6] = ["kind", "step", "target", "model", "family", "task"];

/// Fills in the names that were left out and checks everything that the shape does not say.
pub(super) fn check(pipeline: &mut Pipeline, root: &Node, found: &mut Vec<Diagnostic>) {
    if pipeline.version != 1 {
        let span = span(root.get("version"), root);
        let text = format!("version {} of the format is not known", pipeline.version);
        found.push(Diagnostic::error("version", text, span).help("this backsight reads `version: 1`"));
    }
    if pipeline.generations.len() + pipeline.tests.len() + pipeline.benchmarks.len() == 0 {
        let told = Diagnostic::error("no-steps", "there is nothing to run", root.span.start..root.span.start);
        found.push(told.help("add a step under `tests`, `benchmarks` or `generations`"));
    }
    name_steps(pipeline);
    let context = Context::of(pipeline);
    for step in steps::all(pipeline, root) {
        step.check(&context, found);
    }
    needs::check(pipeline, root, found);
    check_names(pipeline, root, found);
    check_root(pipeline, root, found);
    check_rules(pipeline, root, found);
}

/// A step without a name is called after its command or template; a number tells equal ones apart.
fn name_steps(pipeline: &mut Pipeline) {
    let generations = pipeline.generations.iter_mut().map(|step| {
        let name =
            step.template.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default().to_owned();
        (&mut step.common, name)
    });
    fill_names(generations.collect());
    fill_names(pipeline.tests.iter_mut().map(|step| (&mut step.common, command_name(&step.run))).collect());
    fill_names(pipeline.benchmarks.iter_mut().map(|step| (&mut step.common, command_name(&step.run))).collect());
}

fn fill_names(mut steps: Vec<(&mut Common, String)>) {
    let mut taken: Vec<String> = steps.iter().map(|(common, _)| common.name.clone()).collect();
    for (common, proposed) in &mut steps {
        if !common.name.is_empty() {
            continue;
        }
        let mut name = proposed.clone();
        let mut number = 2;
        while taken.contains(&name) {
            name = format!("{proposed}-{number}");
            number += 1;
        }
        taken.push(name.clone());
        common.name = name;
    }
}

fn command_name(command: &Command) -> String {
    let first = match command {
        Command::Shell(script) => script.split_whitespace().next(),
        Command::Args(words) => words.first().map(String::as_str),
    };
    let file = first.unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let name: String =
        file.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).take(60).collect();
    if name.is_empty() { "step".to_owned() } else { name }
}

fn check_names(pipeline: &Pipeline, root: &Node, found: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<(&str, String), Span> = BTreeMap::new();
    for step in steps::all(pipeline, root) {
        let Some(node) = step.node.get("name") else { continue };
        let name = &step.common.name;
        let text = match () {
            () if name.chars().count() > 100 => Some("a name has at most 100 characters".to_owned()),
            () if name.trim().is_empty() => Some("a name cannot be empty".to_owned()),
            () if name.chars().any(|c| c.is_control() || "[]/".contains(c)) => Some(
                "a name cannot hold control characters, `/`, `[` or `]`, which separate the parts of an id".to_owned(),
            ),
            () => None,
        };
        if let Some(text) = text {
            found.push(Diagnostic::error("name", text, node.span.clone()));
        }
        if let Some(earlier) = first.insert((step.section, name.clone()), node.span.clone()) {
            let told =
                Diagnostic::error("same-name", format!("two {} are called `{name}`", step.section), node.span.clone());
            found.push(
                told.note(earlier, "first here")
                    .help("names are unique in their section: results are stored under them"),
            );
        }
    }
}

fn check_root(pipeline: &Pipeline, root: &Node, found: &mut Vec<Diagnostic>) {
    for (at, target) in pipeline.require.iter().enumerate() {
        check_target(target, root.get("require").and_then(|list| list.item(at)), root, found);
    }
    for (at, name) in pipeline.secrets.iter().enumerate() {
        check_variable(name, root.get("secrets").and_then(|list| list.item(at)), root, found);
    }
    if let Some(jobs) = pipeline.jobs.filter(|jobs| !(1..=256).contains(jobs)) {
        let text = format!("`jobs` wants a whole number from 1 to 256, found {jobs}");
        found.push(Diagnostic::error("out-of-range", text, span(root.get("jobs"), root)));
    }
    let project = pipeline.project.as_deref().unwrap_or("-");
    if project.trim().is_empty() || project.chars().any(char::is_control) || project.chars().count() > 100 {
        let text = "`project` wants a name of at most 100 printable characters";
        found.push(Diagnostic::error("name", text, span(root.get("project"), root)));
    }
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for (at, source) in pipeline.models.iter().enumerate() {
        let node = root.get("models").and_then(|list| list.item(at));
        match source {
            ModelSource::Path(path) => check_path(path, "models", node, root, found),
            ModelSource::Model(model) => {
                let place = span(node.and_then(|node| node.get("id")), root);
                if let Some(text) = model_id_fault(&model.id) {
                    found.push(Diagnostic::error("model-id", text, place.clone()));
                }
                if let Some(earlier) = seen.insert(&model.id, place.clone()) {
                    let told = Diagnostic::error("same-model", format!("model `{}` is there twice", model.id), place);
                    found.push(told.note(earlier, "first here"));
                }
            }
        }
    }
}

/// Why an id cannot be a model's.
pub(super) fn model_id_fault(id: &str) -> Option<&'static str> {
    if id.trim().is_empty() || id.chars().count() > 300 {
        Some("a model's id has 1 to 300 characters")
    } else if id.chars().any(|c| c.is_control() || "[],".contains(c)) {
        Some("a model's id cannot hold control characters, `[`, `]` or `,`")
    } else {
        None
    }
}

fn check_rules(pipeline: &Pipeline, root: &Node, found: &mut Vec<Diagnostic>) {
    let from_files = pipeline.models.iter().any(|source| matches!(source, ModelSource::Path(_)));
    let extra = |key: &str| {
        pipeline
            .models
            .iter()
            .any(|source| matches!(source, ModelSource::Model(model) if model.extra.contains_key(key)))
    };
    for (at, rule) in pipeline.rules.iter().enumerate() {
        let Some(node) = root.get("rules").and_then(|list| list.item(at)) else { continue };
        for key in rule.when.keys().filter(|key| !RULE_KEYS.contains(&key.as_str()) && !from_files && !extra(key)) {
            let place = node
                .get("when")
                .and_then(|when| when.entry(key))
                .map_or(node.span.clone(), |(key, _)| key.span.clone());
            let hint = nearest(key, RULE_KEYS).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            let told = Diagnostic::error("unknown-key", format!("no model has `{key}`{hint}"), place);
            found.push(
                told.help(format!("a rule asks about {}, or about any other key of a model", RULE_KEYS.join(", "))),
            );
        }
        if rule.when.is_empty() {
            let told =
                Diagnostic::error("empty-rule", "this rule would match everything", span(node.get("when"), node));
            found.push(told.help("name at least one of: kind, step, target, model, family, task"));
        }
        if let Some(until) =
            rule.until.as_deref().filter(|until| until.len() != 10 || until.parse::<jiff::civil::Date>().is_err())
        {
            let text = format!("`until` wants a day such as 2027-03-01, found {until}");
            found.push(Diagnostic::error("date", text, span(node.get("until"), node)));
        }
    }
}
