//! The checks of one step.

use minijinja::Environment;

use super::fields::{Context, check_path, check_target, check_variable, span};
use crate::pipeline::diagnostic::{Diagnostic, Span, nearest};
use crate::pipeline::grammar::{Command, Common, Harness, OutputSource, Pipeline};
use crate::pipeline::tree::Node;

/// What templates see. `model` only where the step is repeated for models, `output` only in `verify`.
const ROOTS: [&str; 7] = ["model", "target", "step", "output", "env", "project", "run"];
/// What conditions see besides.
const FACTS: [&str; 7] = ["ci", "provider", "branch", "default_branch", "change_request", "os", "arch"];

/// A step with everything in it that needs looking at.
pub(super) struct Step<'a> {
    pub section: &'static str,
    pub node: &'a Node,
    pub common: &'a Common,
    /// Keys whose values are templates.
    pub templates: Vec<(&'static str, &'a str)>,
    /// Keys whose values are commands.
    pub commands: Vec<(&'static str, &'a Command)>,
    /// Keys whose values are paths.
    pub paths: Vec<(&'static str, &'a str)>,
    /// Keys whose values are numbers, with the range they must lie in.
    pub numbers: Vec<(&'static str, u32, u32, u32)>,
    /// For a benchmark: the harness, and whether its output is named.
    pub harness: Option<(Option<Harness>, bool)>,
}

/// All steps of a file in the order of its sections.
pub(super) fn all<'a>(pipeline: &'a Pipeline, root: &'a Node) -> Vec<Step<'a>> {
    let node = |section: &str, at: usize| root.get(section).and_then(|list| list.item(at)).unwrap_or(root);
    let generations = pipeline.generations.iter().enumerate().map(|(at, generation)| Step {
        templates: vec![("output", generation.output.as_str())],
        commands: generation.verify.iter().map(|command| ("verify", command)).collect(),
        paths: vec![("template", generation.template.as_str()), ("output", generation.output.as_str())],
        ..step("generations", node("generations", at), &generation.common)
    });
    let tests = pipeline.tests.iter().enumerate().map(|(at, test)| Step {
        templates: test.junit.iter().map(|path| ("junit", path.as_str())).collect(),
        commands: vec![("run", &test.run)],
        paths: test.junit.iter().map(|path| ("junit", path.as_str())).collect(),
        numbers: test.retries.iter().map(|retries| ("retries", retries.0, 0, 10)).collect(),
        ..step("tests", node("tests", at), &test.common)
    });
    let benchmarks = pipeline.benchmarks.iter().enumerate().map(|(at, benchmark)| {
        let files = match &benchmark.output {
            Some(OutputSource::Files(path)) => vec![("output", path.as_str())],
            Some(OutputSource::Stdout | OutputSource::Stderr) | None => Vec::new(),
        };
        let warm_up = benchmark.warm_up.map(|n| ("warm_up", n, 0, 10_000));
        let samples = benchmark.samples.map(|n| ("samples", n, 1, 1_000_000));
        Step {
            commands: [("run", Some(&benchmark.run)), ("build", benchmark.build.as_ref())]
                .into_iter()
                .filter_map(|(key, command)| Some((key, command?)))
                .collect(),
            paths: files,
            numbers: warm_up.into_iter().chain(samples).collect(),
            harness: Some((benchmark.harness, benchmark.output.is_some())),
            ..step("benchmarks", node("benchmarks", at), &benchmark.common)
        }
    });
    generations.chain(tests).chain(benchmarks).collect()
}

impl Step<'_> {
    pub(super) fn check(&self, context: &Context, found: &mut Vec<Diagnostic>) {
        self.check_commands(found);
        for (key, text) in &self.templates {
            self.check_template(text, key, self.node.get(key), false, found);
        }
        for (name, value) in &self.common.env {
            let entry = self.node.get("env").and_then(|env| env.entry(name));
            check_variable(name, entry.map(|(_, value)| value), self.node, found);
            self.check_template(value, "env", entry.map(|(_, value)| value), false, found);
        }
        for (key, path) in &self.paths {
            check_path(path, key, self.node.get(key), self.node, found);
        }
        if let Some(folder) = &self.common.working_dir {
            check_path(folder, "working_dir", self.node.get("working_dir"), self.node, found);
        }
        for (key, value, low, high) in &self.numbers {
            if !(low..=high).contains(&value) {
                let text = format!("`{key}` wants a whole number from {low} to {high}, found {value}");
                found.push(Diagnostic::error("out-of-range", text, span(self.node.get(key), self.node)));
            }
        }
        self.check_common(context, found);
        self.check_harness(found);
    }

    fn check_common(&self, context: &Context, found: &mut Vec<Diagnostic>) {
        if self.common.for_each.is_some() && !context.has_models {
            let told = Diagnostic::error(
                "no-models",
                "there are no models to repeat this for",
                span(self.node.get("for_each"), self.node),
            );
            found.push(told.help("add `models:` with at least one entry such as `- id: org/name`"));
        }
        for (at, target) in self.common.targets.iter().enumerate() {
            check_target(target, self.node.get("targets").and_then(|list| list.item(at)), self.node, found);
        }
        for (at, name) in self.common.secrets.iter().enumerate() {
            let node = self.node.get("secrets").and_then(|list| list.item(at));
            check_variable(name, node, self.node, found);
            if !context.secrets.contains(name) {
                let told = Diagnostic::error(
                    "unknown-secret",
                    format!("secret `{name}` is not declared"),
                    span(node, self.node),
                );
                found.push(told.help(format!("add it to the `secrets` of the whole file: secrets: [{name}]")));
            }
        }
        if let Some(condition) = &self.common.condition {
            self.check_condition(condition, found);
        }
    }

    fn check_condition(&self, condition: &str, found: &mut Vec<Diagnostic>) {
        let engine = Environment::new();
        let place = span(self.node.get("if"), self.node);
        match engine.compile_expression(condition) {
            Err(error) => {
                let told = Diagnostic::error("condition", format!("`if` is no condition: {}", words_of(&error)), place);
                found.push(told.help("write for example: if: ci and branch == \"main\""));
            }
            Ok(expression) => {
                for name in sorted(expression.undeclared_variables(false)) {
                    if !FACTS.contains(&name.as_str()) && !self.sees(&name, false) {
                        let known: Vec<&str> = FACTS.iter().copied().chain(self.roots(false)).collect();
                        let hint = nearest(&name, known.iter().copied())
                            .map(|near| format!(", did you mean `{near}`?"))
                            .unwrap_or_default();
                        let told = Diagnostic::error(
                            "unknown-fact",
                            format!("`if` does not know `{name}`{hint}"),
                            place.clone(),
                        );
                        found.push(told.help(format!("it knows: {}", known.join(", "))));
                    }
                }
            }
        }
    }

    fn check_commands(&self, found: &mut Vec<Diagnostic>) {
        for (key, command) in &self.commands {
            let node = self.node.get(key);
            match command {
                Command::Shell(script) if script.trim().is_empty() => {
                    found.push(Diagnostic::error("empty-command", format!("`{key}` is empty"), span(node, self.node)));
                }
                Command::Shell(script) if script.contains("{{") || script.contains("{%") => {
                    let told = Diagnostic::error(
                        "template-in-shell",
                        "a shell string is not a template: a value could become shell text",
                        span(node, self.node),
                    );
                    found.push(told.help(format!("use an environment variable such as \"$BACKSIGHT_MODEL_ID\", or the list form: {key}: [program, \"{{{{ model.id }}}}\"]")));
                }
                Command::Shell(_) => {}
                Command::Args(words) => {
                    if words.first().is_none_or(|program| program.trim().is_empty()) {
                        found.push(Diagnostic::error(
                            "empty-command",
                            format!("`{key}` names no program"),
                            span(node, self.node),
                        ));
                    }
                    for (at, word) in words.iter().enumerate() {
                        self.check_template(word, key, node.and_then(|list| list.item(at)), *key == "verify", found);
                    }
                }
            }
        }
    }

    fn check_template(
        &self,
        text: &str,
        key: &str,
        node: Option<&Node>,
        with_output: bool,
        found: &mut Vec<Diagnostic>,
    ) {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return;
        }
        let engine = Environment::new();
        let place = span(node, self.node);
        match engine.template_from_str(text) {
            Err(error) => found.push(Diagnostic::error(
                "template",
                format!("`{key}` is no template: {}", words_of(&error)),
                place,
            )),
            Ok(template) => {
                for name in sorted(template.undeclared_variables(false)) {
                    if self.sees(&name, with_output) || engine.globals().any(|(known, _)| known == name) {
                        continue;
                    }
                    found.push(self.unseen(&name, key, with_output, place.clone()));
                }
            }
        }
    }

    fn unseen(&self, name: &str, key: &str, with_output: bool, place: Span) -> Diagnostic {
        let told =
            Diagnostic::error("unknown-variable", format!("the template of `{key}` does not see `{name}`"), place);
        if name == "model" {
            return told.help("`model` is there in steps with `for_each: models`");
        }
        let known: Vec<&str> = self.roots(with_output).collect();
        let hint =
            nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        told.help(format!("{hint}it sees: {}", known.join(", ")))
    }

    fn roots(&self, with_output: bool) -> impl Iterator<Item = &'static str> {
        let models = self.common.for_each.is_some();
        ROOTS.into_iter().filter(move |root| (*root != "model" || models) && (*root != "output" || with_output))
    }

    fn sees(&self, name: &str, with_output: bool) -> bool {
        self.roots(with_output).any(|root| root == name)
    }

    fn check_harness(&self, found: &mut Vec<Diagnostic>) {
        let Some((harness, has_output)) = self.harness else { return };
        let at = |key: &str| span(self.node.get(key), self.node);
        if harness.is_none() && has_output {
            let told = Diagnostic::error(
                "output-without-harness",
                "`output` says where a harness reports, but there is no `harness`",
                at("output"),
            );
            found.push(told.help("add `harness: libtest` or `harness: pytest-benchmark`"));
        }
        for key in ["warm_up", "samples", "budget", "metrics"] {
            if harness.is_some() && self.node.get(key).is_some() {
                let text = format!("`{key}` has no meaning with `harness`: the harness takes its own samples");
                found.push(Diagnostic::error("meaningless", text, at(key)));
            }
        }
    }
}

/// A step for the checks.
fn step<'a>(section: &'static str, node: &'a Node, common: &'a Common) -> Step<'a> {
    Step {
        section,
        node,
        common,
        templates: Vec::new(),
        commands: Vec::new(),
        paths: Vec::new(),
        numbers: Vec::new(),
        harness: None,
    }
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names
}

/// The template engine's words, without the name it gives to nameless templates.
fn words_of(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}
