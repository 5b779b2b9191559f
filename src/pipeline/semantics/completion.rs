//! What a generation by a model needs, and what does not go together in it.

use super::{File, Step};
use crate::pipeline::completion::{CompletionStep, Expect, ExpectedNumber, GenerationKind, NumberSource, Texts};
use crate::pipeline::diagnostic::{Diagnostic, Findings, quote};
use crate::pipeline::generation::GenerationStep;
use crate::pipeline::llm::LlmApi;
use crate::pipeline::tree::Part;

pub(super) fn check(body: &GenerationStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let Some(completion) = &body.completion else {
        if body.kind == Some(GenerationKind::Completion) {
            let found = Diagnostic::error("missing-key", file.at(&step.way("kind")), "this step has no `completion`");
            findings.push(found.help("add `completion:` with an `endpoint` or a `command`, and `prompts`"));
        }
        return;
    };
    if body.kind == Some(GenerationKind::Template) {
        let message = "`kind: template` and `completion` contradict each other";
        let found = Diagnostic::error("two-works", file.at(&step.way("kind")), message);
        findings.push(found.help("write `kind: completion`, or leave `kind` out"));
    }
    for (key, given) in [
        ("template", body.template.is_some()),
        ("set", body.set.is_some()),
        ("with", !body.with.is_empty()),
        ("into", body.into.is_some()),
        ("matrix", !body.matrix.is_empty()),
        ("rows", body.rows.is_some()),
        ("many_to_one", body.many_to_one),
    ] {
        if given {
            let message = format!("`{key}` cannot stand beside `completion`");
            let found = Diagnostic::error("not-with-completion", file.at(&step.way(key)), message);
            findings.push(found.help("a completion is repeated for its `prompts`, with `for_each` and `targets`"));
        }
    }
    source(completion, step, file, findings);
    if let Some(expect) = &completion.expect {
        expected(expect, step, file, findings);
    }
}

/// Who is asked, and how.
fn source(completion: &CompletionStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key: &'static str| file.at(&step.way_to("completion", key));
    match (&completion.endpoint, &completion.command) {
        (None, None) => {
            let message = "nothing says which model is asked";
            let found = Diagnostic::error("no-endpoint", file.at(&step.way("completion")), message);
            findings.push(
                found.help("add `endpoint: http://127.0.0.1:8000/v1`, or `command` with a program and its arguments"),
            );
        }
        (Some(_), Some(_)) => {
            let found = Diagnostic::error("not-both", span("command"), "`command` cannot stand beside `endpoint`");
            findings.push(found.help("make two steps of it"));
        }
        (None, Some(_)) => {
            for (key, given) in [
                ("model", completion.model.is_some()),
                ("api", completion.api.is_some()),
                ("api_key_env", completion.api_key_env.is_some()),
                ("temperature", completion.temperature.is_some()),
                ("top_p", completion.top_p.is_some()),
                ("stop", !completion.stop.is_empty()),
                ("extra", !completion.extra.is_empty()),
            ] {
                if given {
                    let message = format!("`{key}` means nothing beside `command`");
                    let found = Diagnostic::error("not-with-command", span(key), message);
                    findings.push(found.help("write it into the command"));
                }
            }
        }
        (Some(_), None) => of_endpoints(completion, step, file, findings),
    }
}

fn of_endpoints(completion: &CompletionStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key: &'static str| file.at(&step.way_to("completion", key));
    if completion.model.is_none() && step.common.for_each.is_none() {
        let found = Diagnostic::error("no-model", span("endpoint"), "nothing says which model is asked for");
        findings.push(found.help("add `model:` as the server calls it, or repeat the step `for_each: models`"));
    }
    if completion.system.is_some() && completion.api == Some(LlmApi::Completions) {
        let message = "`system` needs messages, which `api: completions` does not have";
        let found = Diagnostic::error("no-messages", span("system"), message);
        findings.push(found.help("write it into the prompts, or use `api: chat`"));
    }
    if let Some(name) = completion.api_key_env.as_ref().filter(|name| !step.common.secrets.contains(name)) {
        let message = format!("the key in {} is no secret of this step, so it would not be masked", quote(name));
        let found = Diagnostic::error("key-not-secret", span("api_key_env"), message);
        findings.push(found.help(format!("add `secrets: [{name}]` to the step, and at the top level of the file")));
    }
}

/// Patterns can be read, and something is expected at all.
fn expected(expect: &Expect, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    if *expect == Expect::default() {
        let message = "`expect` expects nothing";
        let found = Diagnostic::error("empty", file.at(&step.way_to("completion", "expect")), message);
        findings.push(found.help("add `exact`, `contains`, `regex`, `json_schema`, `number` or `command`"));
    }
    let [section, index, completion] = step.way("completion");
    let way = |key: &'static str| [section, index, completion, Part::Key("expect"), Part::Key(key)];
    let number = match &expect.number {
        Some(ExpectedNumber::Within(within)) => within.pattern.as_ref(),
        Some(ExpectedNumber::Exactly(_)) | None => None,
    };
    let patterns = expect.regex.iter().flat_map(Texts::all).map(|text| ("regex", text));
    for (key, pattern) in patterns.chain(number.map(|pattern| ("number", pattern))) {
        if let Some(why) = bad_pattern(pattern) {
            let message = format!("{} is no regular expression: {why}", quote(pattern));
            findings.push(Diagnostic::error("bad-regex", file.at(&way(key)), message));
        }
    }
    if let Some(ExpectedNumber::Within(within)) = &expect.number
        && let NumberSource::Text(text) = &within.value
        && !text.contains("{{")
        && text.trim().parse::<f64>().is_err()
    {
        let message = format!("{} is no number", quote(text));
        let found = Diagnostic::error("wrong-type", file.at(&way("number")), message);
        findings.push(found.help("write a number, or a template such as `{{ prompt.answer }}`"));
    }
}

/// Why a pattern without templates cannot be compiled, in one line.
fn bad_pattern(pattern: &str) -> Option<String> {
    if pattern.contains("{{") || pattern.contains("{%") {
        return None;
    }
    let error = regex::Regex::new(pattern).err()?.to_string();
    let last = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(last.trim().trim_start_matches("error: ").to_owned())
}
