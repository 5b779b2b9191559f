//! Commands, templates and conditions: compiled, never rendered, and every name in them known.

use std::collections::{BTreeMap, HashSet};

use minijinja::Environment;

use super::{Body, File, Step, generation};
use crate::pipeline::completion::{CompletionStep, Texts};
use crate::pipeline::diagnostic::{Diagnostic, Findings, Span, nearest, quote};
use crate::pipeline::generation::{GenerationStep, Verify};
use crate::pipeline::grammar::{Pipeline, Stdin};
use crate::pipeline::llm::LlmStep;
use crate::pipeline::onnx::OnnxStep;
use crate::pipeline::step::Command;
use crate::pipeline::tree::{Content, Part};

/// The names that templates may begin with.
pub const TEMPLATE_ROOTS: [&str; 7] = ["model", "target", "step", "output", "env", "project", "run"];

/// The facts that an `if` may ask for.
pub const CONDITION_FACTS: [&str; 10] =
    ["ci", "provider", "branch", "default_branch", "change_request", "os", "arch", "target", "model", "env"];

/// Functions of the template language.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// What a template may know where it stands.
#[derive(Clone, Copy)]
struct Scope<'p> {
    /// There is a model: the step has `for_each`. `None`: not known.
    model: Option<bool>,
    /// `output` is known: in `verify`.
    output: bool,
    /// The variables that `env` has; `None` where `env` cannot be used.
    env: Option<[&'p BTreeMap<String, String>; 2]>,
    /// The generation that it is part of.
    generation: Option<&'p GenerationStep>,
    /// Whether the whole file was understood, so that what is not there is really not there.
    complete: bool,
}

struct Checker<'a, 'f> {
    file: File<'a>,
    engine: Environment<'static>,
    findings: &'f mut Findings,
}

pub(super) fn check(pipeline: &Pipeline, steps: &[Step<'_>], file: File<'_>, complete: bool, findings: &mut Findings) {
    let mut checker = Checker { file, engine: Environment::empty(), findings };
    let bare = Scope { model: complete.then_some(false), output: false, env: None, generation: None, complete };
    for (name, value) in &pipeline.env {
        checker.template(value, &["env".into(), Part::Key(name)], bare);
    }
    for step in steps {
        let model = complete.then_some(step.common.for_each.is_some());
        checker.step(step, Scope { model, env: Some([&pipeline.env, &step.common.env]), ..bare });
    }
}

impl Checker<'_, '_> {
    fn step(&mut self, step: &Step<'_>, scope: Scope<'_>) {
        if let Some(condition) = &step.common.condition {
            self.condition(condition, &step.way("if"), (&CONDITION_FACTS, "if"), scope);
        }
        for (name, value) in &step.common.env {
            self.template(value, &step.way_to("env", name.as_str()), Scope { env: None, ..scope });
        }
        match step.body {
            Body::Generation(generation) => {
                self.generation(generation, step, Scope { generation: Some(generation), ..scope });
            }
            Body::Test(test) => {
                self.onnx(test.onnx.as_ref(), step, scope);
                if let Some(run) = &test.run {
                    self.command(run, step, "run", scope);
                }
            }
            Body::Benchmark(benchmark) => {
                self.onnx(benchmark.onnx.as_ref(), step, scope);
                self.llm(benchmark.llm.as_deref(), step, scope);
                let around = [
                    ("run", &benchmark.run),
                    ("build", &benchmark.build),
                    ("prepare", &benchmark.prepare),
                    ("cleanup", &benchmark.cleanup),
                ];
                for (key, command) in around {
                    if let Some(command) = command {
                        self.command(command, step, key, scope);
                    }
                }
                match &benchmark.stdin {
                    Some(Stdin::File(path)) => self.template(path, &step.way("stdin"), scope),
                    Some(Stdin::Text { text }) => self.template(text, &step.way_to("stdin", "text"), scope),
                    None => {}
                }
            }
        }
    }

    fn generation(&mut self, body: &GenerationStep, step: &Step<'_>, scope: Scope<'_>) {
        // What is made once for all knows none of them.
        let each =
            Scope { model: if body.many_to_one { scope.complete.then_some(false) } else { scope.model }, ..scope };
        if let Some(output) = &body.output {
            self.template(output, &step.way("output"), each);
        }
        if let Some(when) = &body.when {
            let facts: Vec<&str> = CONDITION_FACTS.into_iter().chain(generation::OWN_ROOTS).collect();
            self.condition(when, &step.way("when"), (&facts, "when"), scope);
        }
        for (name, value) in &body.with {
            if let Some(text) = value.as_str() {
                self.template(text, &step.way_to("with", name.as_str()), each);
            }
        }
        if let Some(completion) = &body.completion {
            self.completion(completion, step, each);
        }
        let each = Scope { output: true, ..each };
        match &body.verify {
            Some(Verify::Shell(text)) => {
                self.command_at(&Command::Shell(text.clone()), &step.way("verify"), "verify", each);
            }
            Some(Verify::Args(words)) => {
                self.command_at(&Command::Args(words.clone()), &step.way("verify"), "verify", each);
            }
            Some(Verify::Ladder(ladder)) => {
                let rungs = [
                    ("lint", &ladder.lint),
                    ("compile", &ladder.compile),
                    ("collect", &ladder.collect),
                    ("run", &ladder.run),
                ];
                for (key, command) in rungs {
                    if let Some(command) = command {
                        self.command_at(command, &step.way_to("verify", key), key, each);
                    }
                }
            }
            None => {}
        }
    }

    fn completion(&mut self, completion: &CompletionStep, step: &Step<'_>, scope: Scope<'_>) {
        let texts = [("endpoint", &completion.endpoint), ("model", &completion.model), ("system", &completion.system)];
        for (key, text) in texts {
            if let Some(text) = text {
                self.template(text, &step.way_to("completion", key), scope);
            }
        }
        for word in completion.command.iter().flatten() {
            self.template(word, &step.way_to("completion", "command"), scope);
        }
        let Some(expect) = &completion.expect else { return };
        let [section, index, key] = step.way("completion");
        let way = |inner: &'static str| [section, index, key, Part::Key("expect"), Part::Key(inner)];
        let lists = [("contains", &expect.contains), ("regex", &expect.regex)];
        let lists = lists.iter().flat_map(|(key, texts)| texts.iter().flat_map(Texts::all).map(|text| (*key, text)));
        for (key, text) in lists.chain(expect.exact.iter().map(|text| ("exact", text))) {
            self.template(text, &way(key), scope);
        }
        if let Some(command) = &expect.command {
            self.command_at(command, &way("command"), "command", Scope { output: true, ..scope });
        }
    }

    fn onnx(&mut self, onnx: Option<&OnnxStep>, step: &Step<'_>, scope: Scope<'_>) {
        match onnx {
            Some(OnnxStep::Path(path)) => self.template(path, &step.way("onnx"), scope),
            Some(OnnxStep::Settings(settings)) => {
                let texts = [("model", &settings.model), ("golden", &settings.golden), ("runtime", &settings.runtime)];
                for (key, text) in texts {
                    if let Some(text) = text {
                        self.template(text, &step.way_to("onnx", key), scope);
                    }
                }
                for path in settings.files.values() {
                    self.template(path, &step.way_to("onnx", "files"), scope);
                }
            }
            None => {}
        }
    }

    fn llm(&mut self, llm: Option<&LlmStep>, step: &Step<'_>, scope: Scope<'_>) {
        let Some(llm) = llm else { return };
        for (key, text) in [("endpoint", &llm.endpoint), ("model", &llm.model), ("prompts", &llm.prompts)] {
            if let Some(text) = text {
                self.template(text, &step.way_to("llm", key), scope);
            }
        }
        for word in llm.command.iter().flatten() {
            self.template(word, &step.way_to("llm", "command"), scope);
        }
    }

    fn command(&mut self, command: &Command, step: &Step<'_>, key: &str, scope: Scope<'_>) {
        self.command_at(command, &step.way(key), key, scope);
    }

    /// A command that stands at the end of `way`.
    fn command_at(&mut self, command: &Command, way: &[Part<'_>], key: &str, scope: Scope<'_>) {
        match command {
            Command::Shell(text) if text.trim().is_empty() => self.empty(way, key),
            Command::Shell(text) => self.shell(text, way, key),
            Command::Args(args) => {
                let at = |index| way.iter().copied().chain([Part::Index(index)]).collect::<Vec<_>>();
                if args.first().is_some_and(|program| program.trim().is_empty()) {
                    self.empty(&at(0), key);
                }
                for (index, arg) in args.iter().enumerate() {
                    self.template(arg, &at(index), scope);
                }
            }
        }
    }

    fn empty(&mut self, way: &[Part<'_>], key: &str) {
        let found = Diagnostic::error("empty", self.file.at(way), format!("`{key}` has no command"));
        self.findings.push(found.help("write a program and its arguments"));
    }

    /// Refuses templates in shell text. Other uses of `{{`, such as docker's `{{.Names}}`, reach the shell untouched.
    fn shell(&mut self, text: &str, way: &[Part<'_>], key: &str) {
        // This helps people; it guards nothing. So it may stop looking, and a hostile text cannot make it slow.
        for (at, _) in text.match_indices("{{").take(1000) {
            let inner = text.get(at + 2..text.ceil_char_boundary((at + 202).min(text.len()))).unwrap_or_default();
            let inner =
                inner.split("}}").next().unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == '-');
            let root: String = inner.chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
            if root.is_empty() || (!TEMPLATE_ROOTS.contains(&root.as_str()) && nearest(&root, TEMPLATE_ROOTS).is_none())
            {
                continue;
            }
            let end = text.get(at..).and_then(|rest| rest.find("}}")).map_or(text.len(), |length| at + length + 2);
            let message = format!("`{key}` is shell text, in which templates are not expanded");
            let found = Diagnostic::error("shell-template", self.place(way, text, at, end), message);
            let instead = instead_of(inner).map(|variable| format!("write \"{variable}\", or ")).unwrap_or_default();
            let help = format!(
                "{instead}use the list form `{key}: [program, \"{{{{ {} }}}}\"]`: a model's name must never become shell text",
                quote(inner).trim_matches('`')
            );
            self.findings.push(found.help(help));
            return;
        }
    }

    fn template(&mut self, text: &str, way: &[Part<'_>], scope: Scope<'_>) {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return;
        }
        match self.engine.template_from_str(text) {
            Err(error) => {
                let found = self.broken(&error, text, way, "this template");
                self.findings.push(found.help("`{{ model.id }}` is a value; write `{{ '{{' }}` for two braces"));
            }
            Ok(template) => {
                let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
                names.sort_unstable();
                for name in names {
                    if let Some(found) = unknown(&name, scope) {
                        let root = name.split('.').next().unwrap_or_default();
                        let at = text.find(&name).or_else(|| text.find(root)).unwrap_or(0);
                        let length = if text.get(at..).is_some_and(|rest| rest.starts_with(&name)) {
                            name.len()
                        } else {
                            root.len()
                        };
                        let span = self.place(way, text, at, at + length);
                        self.findings.push(found.at(span));
                    }
                }
            }
        }
    }

    fn condition(&mut self, text: &str, way: &[Part<'_>], (facts, key): (&[&str], &str), scope: Scope<'_>) {
        let help = "write it bare, such as `ci and branch == \"main\"`";
        if text.trim().is_empty() || text.contains("{{") {
            let found =
                Diagnostic::error("condition", self.file.at(way), format!("`{key}` wants a condition without braces"));
            self.findings.push(found.help(help));
            return;
        }
        match self.engine.compile_expression(text) {
            Err(error) => {
                let found = self.broken(&error, text, way, "this condition");
                self.findings.push(found.help(help));
            }
            Ok(condition) => {
                let mut names: Vec<_> = condition.undeclared_variables(false).into_iter().collect();
                names.sort_unstable();
                for name in names.iter().filter(|name| !facts.contains(&name.as_str())) {
                    let near = nearest(name, facts.iter().copied()).map(|near| format!(", did you mean `{near}`?"));
                    let message = format!("unknown fact {}{}", quote(name), near.unwrap_or_default());
                    let at = text.find(name.as_str()).unwrap_or(0);
                    let found = Diagnostic::error("unknown-fact", self.place(way, text, at, at + name.len()), message);
                    let help = format!("facts: {}; texts stand in quotes: branch == \"main\"", facts.join(", "));
                    self.findings.push(found.help(help));
                }
                self.own_names(&condition.undeclared_variables(true), text, way, scope);
                if scope.model == Some(false) && names.iter().any(|name| name == "model") {
                    let at = text.find("model").unwrap_or(0);
                    self.findings.push(no_model().at(self.place(way, text, at, at + 5)));
                }
            }
        }
    }

    /// What a condition asks of a generation must be there.
    fn own_names(&mut self, names: &HashSet<String>, text: &str, way: &[Part<'_>], scope: Scope<'_>) {
        let mut names: Vec<_> = names.iter().collect();
        names.sort_unstable();
        for name in names {
            let (root, rest) = name.split_once('.').map_or((name.as_str(), None), |(root, rest)| (root, Some(rest)));
            let found =
                generation::OWN_ROOTS.contains(&root).then(|| generation::unknown(root, rest, scope.generation));
            if let Some(found) = found.flatten().filter(|_| scope.complete) {
                let at = text.find(name.as_str()).or_else(|| text.find(root)).unwrap_or(0);
                self.findings.push(found.at(self.place(way, text, at, at + root.len())));
            }
        }
    }

    fn broken(&self, error: &minijinja::Error, text: &str, way: &[Part<'_>], what: &str) -> Diagnostic {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let range = error.range().unwrap_or(0..text.len());
        Diagnostic::error(
            "template",
            self.place(way, text, range.start, range.end),
            format!("{what} cannot be read: {detail}"),
        )
    }

    /// The place of `from..to` of a value's text; the whole value where escapes make its source differ from its text.
    fn place(&self, way: &[Part<'_>], text: &str, from: usize, to: usize) -> Span {
        let node = self.file.root.follow(way);
        let whole = node.head();
        let Content::Scalar(_) = node.content else { return whole };
        let source = self.file.text.get(whole.start..whole.end).unwrap_or_default();
        if let Some(offset) = source.find(text) {
            return Span::of(self.file.text, whole.start + offset + from, whole.start + offset + to);
        }
        // A block of several lines: its source has the same lines, only indented.
        let start = text.get(..from).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        match source.find(line).filter(|_| text.contains('\n')) {
            Some(offset) => {
                let (from, to) = (from - start, to.saturating_sub(start).min(line.len()));
                Span::of(self.file.text, whole.start + offset + from, whole.start + offset + to)
            }
            None => whole,
        }
    }
}

fn unknown(name: &str, scope: Scope<'_>) -> Option<Diagnostic> {
    let (root, rest) = name.split_once('.').map_or((name, None), |(root, rest)| (root, Some(rest)));
    let wrong = |message: String, help: String| {
        Some(Diagnostic::error("unknown-variable", Span::default(), message).help(help))
    };
    match (root, rest) {
        ("model", _) if scope.model == Some(false) => Some(no_model()),
        ("output", _) if !scope.output => {
            wrong("`output` is known in `verify` only".into(), "write the path here".into())
        }
        ("env", _) if scope.env.is_none() => {
            wrong("`env` cannot be used inside `env`".into(), "write the value here".into())
        }
        ("env", Some(variable)) => {
            let known = scope.env.filter(|_| scope.complete)?;
            let variable = variable.split('.').next().unwrap_or_default();
            if known.iter().any(|names| names.contains_key(variable)) {
                return None;
            }
            let message = format!("{} is not listed under `env`", quote(variable));
            wrong(
                message,
                "add it to the step's `env`; other variables of the host are not visible to templates".into(),
            )
        }
        ("step", Some(key)) if key != "name" => wrong(format!("`step` has no {}", quote(key)), "it has: name".into()),
        ("run", Some(key)) if key != "id" => wrong(format!("`run` has no {}", quote(key)), "it has: id".into()),
        _ if generation::OWN_ROOTS.contains(&root) => generation::unknown(root, rest, scope.generation),
        _ if TEMPLATE_ROOTS.contains(&root) || FUNCTIONS.contains(&root) => None,
        _ => {
            let near =
                nearest(root, TEMPLATE_ROOTS).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            wrong(
                format!("unknown variable {}{near}", quote(root)),
                format!("known here: {}", TEMPLATE_ROOTS.join(", ")),
            )
        }
    }
}

fn no_model() -> Diagnostic {
    Diagnostic::error("no-model-here", Span::default(), "there is no `model` here")
        .help("add `for_each: models` to the step")
}

/// The environment variable that carries what a template would.
fn instead_of(expression: &str) -> Option<String> {
    let name = match expression {
        "model.id" => "BACKSIGHT_MODEL_ID",
        "model.family" => "BACKSIGHT_MODEL_FAMILY",
        "model.task" => "BACKSIGHT_MODEL_TASK",
        "model.revision" => "BACKSIGHT_MODEL_REVISION",
        "model.path" => "BACKSIGHT_MODEL_PATH",
        "target" => "BACKSIGHT_TARGET",
        "output" => "BACKSIGHT_OUTPUT",
        "run.id" => "BACKSIGHT_RUN_ID",
        "step.name" => "BACKSIGHT_STEP",
        _ => expression.strip_prefix("env.").filter(|name| crate::pipeline::fields::is_variable(name))?,
    };
    Some(format!("${name}"))
}
