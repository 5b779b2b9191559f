//! An `llm` step as the call of our own program that does it.

use super::onnx::Asking;
use super::own::{self, given, joined};
use super::{Invocation, Template, TemplateError};
use crate::pipeline::{LlmStep, StepDuration};

/// The call.
pub(super) fn invocation(
    step: &LlmStep,
    budget: Option<StepDuration>,
    asking: Asking<'_>,
    template: &Template,
) -> Result<Invocation, TemplateError> {
    let mut args: Vec<String> = ["llm", "measure", "--format", "json"].map(str::to_owned).into();
    let mut option = |name: &str, value: String| own::option(&mut args, name, value);
    option("name", asking.name.to_owned());
    match (&step.endpoint, &step.command) {
        (Some(endpoint), _) => {
            option("endpoint", template.render(endpoint)?);
            option("model", model(step, asking, template)?);
            if let Some(api) = step.api {
                option("api", api.as_str().to_owned());
            }
            if let Some(name) = &step.api_key_env {
                option("api-key-env", name.clone());
            }
            if !step.extra.is_empty() {
                let extra = serde_json::to_string(&step.extra).map_err(|error| TemplateError(error.to_string()))?;
                option("extra", extra);
            }
        }
        (None, Some(command)) => {
            let words = command.iter().map(|word| template.render(word)).collect::<Result<Vec<_>, _>>()?;
            option("command", shell_words::join(words));
        }
        (None, None) => return Err(TemplateError("no `endpoint` and no `command`".to_owned())),
    }
    if let Some(prompts) = &step.prompts {
        option("prompts", template.render(prompts)?);
    }
    numbers(step, budget, &mut option);
    if step.usage == Some(false) {
        args.push("--no-usage".to_owned());
    }
    Ok(Invocation::Own { program: asking.facts.program.clone(), args })
}

fn model(step: &LlmStep, asking: Asking<'_>, template: &Template) -> Result<String, TemplateError> {
    match (&step.model, asking.model) {
        (Some(model), _) => template.render(model),
        (None, Some(model)) => Ok(model.id.clone()),
        (None, None) => Err(TemplateError("no model: add `model:`, or repeat the step `for_each: models`".to_owned())),
    }
}

fn numbers(step: &LlmStep, budget: Option<StepDuration>, option: &mut impl FnMut(&str, String)) {
    let time = |time: Option<StepDuration>| time.map(|time| time.to_string());
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let all = [
        ("concurrency", step.concurrency.as_deref().map(joined)),
        ("rate", step.rate.as_deref().map(joined)),
        ("prompt-tokens", step.prompt_tokens.as_deref().map(joined)),
        ("max-tokens", number(step.max_tokens)),
        ("requests", number(step.requests)),
        ("duration", time(step.duration)),
        ("limit", time(step.limit)),
        ("budget", time(budget)),
        ("max-failed", step.max_failed.map(|share| format!("{}%", share.0 * 100.0))),
        ("warm-up", number(step.warm_up)),
        ("timeout", time(step.timeout)),
        ("silence", time(step.silence)),
        ("seed", step.seed.map(|seed| seed.to_string())),
    ];
    given(all, option);
}
