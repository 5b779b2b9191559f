//! Names of steps, models and variables: given where missing, unique, and fit to be shown anywhere.

use std::collections::{HashMap, HashSet};

use super::{File, Step};
use crate::pipeline::diagnostic::{Diagnostic, Findings, Span, quote};
use crate::pipeline::grammar::{ModelSource, Pipeline};
use crate::pipeline::onnx::OnnxStep;
use crate::pipeline::step::{Command, Common};
use crate::pipeline::syntax::bad_name;
use crate::pipeline::tree::Part;

/// Programs whose second word says more than their own name.
const RUNNERS: [&str; 14] =
    ["bun", "cargo", "dotnet", "go", "gradle", "just", "make", "mvn", "npm", "pnpm", "poetry", "tox", "uv", "yarn"];

/// Gives each step without a name one made from its command, unique in its section.
pub(super) fn fill(pipeline: &mut Pipeline) {
    fill_section(pipeline.generations.iter_mut().map(|step| {
        let prompts = step.completion.as_ref().map(|completion| &completion.prompts);
        let source = step.template.as_ref().or(step.set.as_ref()).or(prompts);
        let name = file_stem(source.map_or("generation", String::as_str));
        (&mut step.common, name)
    }));
    fill_section(pipeline.tests.iter_mut().map(|step| {
        let name = from_work(step.run.as_ref(), step.onnx.as_ref());
        (&mut step.common, name)
    }));
    fill_section(pipeline.benchmarks.iter_mut().map(|step| {
        let name = match &step.llm {
            Some(_) => "llm".to_owned(),
            None => from_work(step.run.as_ref(), step.onnx.as_ref()),
        };
        (&mut step.common, name)
    }));
}

fn fill_section<'p>(steps: impl Iterator<Item = (&'p mut Common, String)>) {
    let mut steps: Vec<_> = steps.collect();
    let mut taken: HashSet<String> = steps.iter().map(|(common, _)| common.name.clone()).collect();
    let mut next: HashMap<String, usize> = HashMap::new();
    for (common, wanted) in steps.iter_mut().filter(|(common, _)| common.name.is_empty()) {
        let mut name = wanted.clone();
        let count = next.entry(wanted.clone()).or_insert(1);
        while !taken.insert(name.clone()) {
            *count += 1;
            name = format!("{wanted}-{count}");
        }
        common.name = name;
    }
}

fn from_work(run: Option<&Command>, onnx: Option<&OnnxStep>) -> String {
    match (run, onnx.and_then(|onnx| onnx.settings().model)) {
        (Some(run), _) => from_command(run),
        // A template says nothing to people.
        (None, Some(path)) if !path.contains('{') => file_stem(&path),
        (None, _) => "onnx".to_owned(),
    }
}

fn from_command(command: &Command) -> String {
    let words: Vec<&str> = match command {
        Command::Shell(text) => text.split_whitespace().take(64).collect(),
        Command::Args(args) => args.iter().map(String::as_str).take(64).collect(),
    };
    let assignment =
        |word: &&str| word.split_once('=').is_some_and(|(name, _)| crate::pipeline::fields::is_variable(name));
    let mut words =
        words.into_iter().skip_while(|word| assignment(word) || matches!(*word, "exec" | "env" | "time" | "sudo"));
    let program = file_stem(words.next().unwrap_or_default());
    let second = words.next().filter(|_| RUNNERS.contains(&program.as_str()));
    match second.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')) {
        Some(second) => format!("{program}-{second}"),
        None => program,
    }
}

/// `templates/test_model.py.j2` gives `test_model`.
fn file_stem(path: &str) -> String {
    let file = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let name: String = stem.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '+')).take(60).collect();
    if name.is_empty() { "step".into() } else { name }
}

pub(super) fn check(pipeline: &Pipeline, steps: &[Step<'_>], file: File<'_>, findings: &mut Findings) {
    if let Some(why) = pipeline.project.as_deref().and_then(|name| bad_name(name, 100)) {
        findings.push(Diagnostic::error("bad-name", file.at(&["project".into()]), format!("`project` {why}")));
    }
    let mut seen: HashMap<(&str, &str), Span> = HashMap::new();
    for step in steps {
        let span = file.at(&step.way("name"));
        let name = step.common.name.as_str();
        if let Some(why) = bad_name(name, 100) {
            let message = format!("this name {why}");
            let help = "use up to 100 printable characters without `[` and `]`";
            findings.push(Diagnostic::error("bad-name", span, message).help(help));
        }
        if let Some(first) = seen.get(&(step.kind.section(), name)) {
            let message = format!("two steps of `{}` have the name {}", step.kind.section(), quote(name));
            let found = Diagnostic::error("duplicate-name", span, message).label("the second");
            findings.push(found.also(*first, "the first").help("give each its own name"));
        } else {
            seen.insert((step.kind.section(), name), span);
        }
    }
    check_models(pipeline, file, findings);
}

fn check_models(pipeline: &Pipeline, file: File<'_>, findings: &mut Findings) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for (index, source) in pipeline.models.iter().enumerate() {
        let ModelSource::Model(model) = source else { continue };
        let span = file.at(&["models".into(), Part::Index(index), "id".into()]);
        findings.extend(model_id(&model.id, span));
        if let Some(first) = seen.insert(&model.id, span) {
            findings.push(duplicate_model(&model.id, span, first));
        }
    }
}

/// Why a model's id cannot be used.
pub(in crate::pipeline) fn model_id(id: &str, span: Span) -> Option<Diagnostic> {
    let why = bad_name(id, 200)?;
    Some(Diagnostic::error("bad-name", span, format!("this model's id {why}")))
}

/// Two models with one id.
pub(in crate::pipeline) fn duplicate_model(id: &str, span: Span, first: Span) -> Diagnostic {
    let message = format!("two models have the id {}", quote(id));
    Diagnostic::error("duplicate-model", span, message).label("the second").also(first, "the first")
}

#[cfg(test)]
mod tests {
    use super::{Command, from_command};

    #[test]
    fn names_come_from_the_command() {
        for (command, name) in [
            ("pytest -q", "pytest"),
            ("./target/release/tokenizer --version", "tokenizer"),
            ("cargo test --workspace", "cargo-test"),
            ("cargo --version", "cargo"),
            ("RUST_LOG=debug exec ./run.sh", "run"),
            ("&& ;", "step"),
            (".hidden", "hidden"),
        ] {
            assert_eq!(from_command(&Command::Shell(command.into())), name, "{command}");
        }
        assert_eq!(from_command(&Command::Args(vec!["/usr/bin/python3.11".into(), "x.py".into()])), "python3");
    }
}
