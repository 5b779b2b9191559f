//! What an `llm` step needs, and what does not go together in it.

use super::{File, Step};
use crate::pipeline::diagnostic::{Diagnostic, Findings, quote};
use crate::pipeline::llm::LlmStep;

pub(super) fn check(llm: &LlmStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key: &'static str| file.at(&step.way_to("llm", key));
    if llm.endpoint.is_none() && llm.command.is_none() {
        let found = Diagnostic::error("no-endpoint", file.at(&step.way("llm")), "nothing says what is to be measured");
        findings.push(
            found.help("add `endpoint: http://127.0.0.1:8000/v1`, or `command` with a program and its arguments"),
        );
    }
    for (key, other, both) in [
        ("command", "endpoint", llm.command.is_some() && llm.endpoint.is_some()),
        ("rate", "concurrency", llm.rate.is_some() && llm.concurrency.is_some()),
        ("prompts", "prompt_tokens", llm.prompts.is_some() && llm.prompt_tokens.is_some()),
    ] {
        if both {
            let found = Diagnostic::error("not-both", span(key), format!("`{key}` cannot stand beside `{other}`"));
            findings.push(found.help("make two steps of it"));
        }
    }
    of_endpoints(llm, step, file, findings);
    if let (Some(limit), Some(duration)) = (llm.limit, llm.duration)
        && limit.0 < duration.0
    {
        let message = format!("`limit` {limit} is shorter than `duration` {duration}: no result could be valid");
        findings.push(Diagnostic::error("too-short", span("limit"), message));
    }
}

/// What only an endpoint has, and what it needs.
fn of_endpoints(llm: &LlmStep, step: &Step<'_>, file: File<'_>, findings: &mut Findings) {
    let span = |key: &'static str| file.at(&step.way_to("llm", key));
    if llm.command.is_some() && llm.endpoint.is_none() {
        for (key, given) in [
            ("model", llm.model.is_some()),
            ("api", llm.api.is_some()),
            ("api_key_env", llm.api_key_env.is_some()),
            ("usage", llm.usage.is_some()),
            ("extra", !llm.extra.is_empty()),
        ] {
            if given {
                let message = format!("`{key}` means nothing beside `command`");
                findings
                    .push(Diagnostic::error("not-with-command", span(key), message).help("write it into the command"));
            }
        }
        return;
    }
    if llm.endpoint.is_some() && llm.model.is_none() && step.common.for_each.is_none() {
        let found = Diagnostic::error("no-model", span("endpoint"), "nothing says which model is asked for");
        findings.push(found.help("add `model:` as the server calls it, or repeat the step `for_each: models`"));
    }
    if let Some(name) = llm.api_key_env.as_ref().filter(|name| !step.common.secrets.contains(name)) {
        let message = format!("the key in {} is no secret of this step, so it would not be masked", quote(name));
        let found = Diagnostic::error("key-not-secret", span("api_key_env"), message);
        findings.push(found.help(format!("add `secrets: [{name}]` to the step, and at the top level of the file")));
    }
}
