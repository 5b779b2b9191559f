//! What a generation step says must fit together: a template or a set, and a file of its own for each thing that it is
//! repeated for.

use serde_json::Value;

use super::templates::TEMPLATE_ROOTS;
use super::{File, Step, completion};
use crate::pipeline::diagnostic::{Diagnostic, Findings, quote};
use crate::pipeline::generation::{Forbidden, GenerationStep, Ladder, Verify};
use crate::pipeline::tree::Part;

pub(super) fn check(body: &GenerationStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    completion::check(body, step, file, findings);
    matrix(body, step, file, findings);
    if body.many_to_one {
        one_file_for_all(body, step, file, findings);
    } else {
        one_file_each(body, step, file, findings);
    }
    if let Some(Verify::Ladder(ladder)) = &body.verify {
        subjects(ladder, step, file, findings);
    }
}

/// A template with its output, or a set that knows both. The file is asked, not what was understood of it: a key with a
/// value of the wrong type is there.
pub(super) fn source(step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let entry = file.root.follow(&[Part::Key(step.kind.section()), Part::Index(step.index)]);
    let has = |key: &str| entry.entry(key).is_some();
    let kind = entry.entry("kind").map(|kind| kind.value.to_json());
    if has("completion") || kind.is_some_and(|kind| kind == "completion") {
        return;
    }
    match (has("template"), has("set")) {
        (false, false) => {
            let found = Diagnostic::error("missing-key", file.at(&step.way("name")), "this step has no `template`");
            findings.push(found.help("add `template:` with a file and `output:`, or `set:` with a template set"));
        }
        (true, true) => {
            let found =
                Diagnostic::error("two-works", file.at(&step.way("set")), "`set` cannot stand beside `template`");
            findings.push(found.help("make two steps of it"));
        }
        _ => {}
    }
    if has("template") && !has("set") {
        if !has("output") {
            let found = Diagnostic::error("missing-key", file.at(&step.way("template")), "this step has no `output`");
            findings.push(found.help("add `output:` with the file to write, such as `tests/test_{{ model.slug }}.py`"));
        }
        for key in ["with", "into"].into_iter().filter(|key| has(key)) {
            let message = format!("`{key}` is for a template set; this step has a `template`");
            let found = Diagnostic::error("needs-set", file.at(&step.way(key)), message);
            findings.push(found.help("name a set with `set:` instead, or remove it"));
        }
    }
}

/// The names of a matrix are not those of something else, and its values are plain.
fn matrix(body: &GenerationStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    for (name, values) in &body.matrix {
        let Some(values) = values.as_array() else { continue };
        for (index, value) in values.iter().enumerate() {
            let twice = values.get(..index).is_some_and(|before| before.contains(value));
            let way = [
                Part::Key(step.kind.section()),
                Part::Index(step.index),
                Part::Key("matrix"),
                Part::Key(name),
                Part::Index(index),
            ];
            if twice && !body.many_to_one {
                let message = format!("this value stands in `{name}` twice, which would make one file twice");
                findings.push(Diagnostic::error("same-output", file.at(&way), message).help("remove one of them"));
                break;
            }
        }
    }
}

/// A generation that is repeated must write a file of its own each time.
fn one_file_each(body: &GenerationStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let Some(output) = &body.output else { return };
    let several = |values: &Value| values.as_array().is_some_and(|values| values.len() > 1);
    let axes = [
        (step.common.for_each.is_some(), "model", "model.slug".to_owned()),
        (step.common.targets.len() > 1, "target", "target".to_owned()),
        (body.rows.is_some(), "row", "row.NAME".to_owned()),
        (body.completion.is_some(), "prompt", "prompt.slug".to_owned()),
    ];
    let own = body.matrix.iter().map(|(name, values)| (several(values), name.as_str(), format!("matrix.{name}")));
    for (repeated, what, root) in axes.into_iter().chain(own) {
        let by_row = what == "row" && output.contains("number");
        if repeated && !output.contains(what) && !by_row {
            let message = format!("`output` names the same file for each {}", quote(what).trim_matches('`'));
            let or = if body.completion.is_some() { "" } else { ", or `many_to_one: true` for one file of all" };
            let help = format!("put `{{{{ {root} }}}}` into it{or}");
            findings.push(Diagnostic::error("same-output", file.at(&step.way("output")), message).help(help));
        }
    }
}

fn one_file_for_all(body: &GenerationStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let repeated = step.common.for_each.is_some()
        || !step.common.targets.is_empty()
        || body.rows.is_some()
        || !body.matrix.is_empty();
    if !repeated {
        let message = "`many_to_one` makes one file of many things, but this step is repeated for nothing";
        let found = Diagnostic::error("not-repeated", file.at(&step.way("many_to_one")), message);
        findings.push(found.help("add `for_each: models`, `targets`, `matrix` or `rows`, or remove `many_to_one`"));
    }
}

/// Without a subject the rule would find nothing, in silence.
fn subjects(ladder: &Ladder, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let mocked = |entry: &&Forbidden| matches!(entry, Forbidden::BuiltIn(name) if name == "mocked-subject");
    if ladder.forbid.iter().any(|entry| mocked(&entry)) && ladder.subjects.is_empty() {
        let message = "`mocked-subject` needs to know what is under test";
        let found = Diagnostic::error("no-subjects", file.at(&step.way_to("verify", "forbid")), message);
        findings.push(found.help("add `subjects: [NAME]` beside `forbid`, with the modules that must not be mocked"));
    }
}

/// The names that only templates of generations may begin with.
pub(super) const OWN_ROOTS: [&str; 6] = ["matrix", "row", "prompt", "data", "generated", "number"];

/// Why a name that only some generations have is not known in this one; `None` if it is known.
pub(super) fn unknown(root: &str, rest: Option<&str>, body: Option<&GenerationStep>) -> Option<Diagnostic> {
    let wrong = |message: String, help: String| {
        Some(Diagnostic::error("unknown-variable", crate::pipeline::Span::default(), message).help(help))
    };
    let Some(body) = body else {
        return wrong(
            format!("`{root}` is known in generations only"),
            format!("known here: {}", TEMPLATE_ROOTS.join(", ")),
        );
    };
    let first = rest.and_then(|rest| rest.split('.').next());
    match (root, first) {
        ("matrix", _) if body.matrix.is_empty() => {
            wrong("this step has no `matrix`".into(), "add `matrix:` with names and lists of values".into())
        }
        ("matrix", Some(name)) if !body.matrix.contains_key(name) => {
            let names = body.matrix.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            wrong(format!("`matrix` has no {}", quote(name)), format!("it has: {names}"))
        }
        ("row", _) if body.rows.is_none() => {
            wrong("this step has no `rows`".into(), "add `rows:` with a CSV, JSON or YAML file".into())
        }
        ("prompt", _) if body.completion.is_none() => {
            wrong("this step has no `completion`".into(), "`prompt` is what a model is asked".into())
        }
        ("data", Some(name)) if !body.data.contains_key(name) => {
            let names = body.data.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let help =
                if names.is_empty() { "add `data:` with names and files".into() } else { format!("it has: {names}") };
            wrong(format!("`data` has no {}", quote(name)), help)
        }
        _ => None,
    }
}
