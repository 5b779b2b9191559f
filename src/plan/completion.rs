//! A generation that a model writes: who is asked for each file, as the call of our own program that asks, and the numbers
//! that tell one request from another.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::own::{self, given};
use super::prompts::{Prompt, PromptText, Prompts};
use super::{Invocation, TemplateError};
use crate::expect::Expectation;
use crate::pipeline::{CompletionStep, Expect, Model, OnChange, Texts};

/// The seed of requests where the pipeline says nothing.
const SEED: u32 = 1;
/// The longest answer where the pipeline says nothing, in tokens.
const MAX_TOKENS: u32 = 1024;

/// A generation that a model writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// What the pipeline says, templates not yet expanded.
    pub step: CompletionStep,
    /// What is asked.
    pub prompts: Arc<Prompts>,
    /// Our own program.
    pub program: String,
}

/// Who is asked: the same for many files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    endpoint: Option<String>,
    command: Option<Vec<String>>,
    model: Option<String>,
    system: Option<String>,
}

/// What is asked for one file.
#[derive(Debug, Clone)]
pub struct Asked<'c> {
    /// Who.
    pub request: Request,
    /// What.
    pub prompt: &'c Prompt,
    /// The model and the parameters as a number. The address is no part of it: the same model elsewhere is the same.
    pub parameters: [u8; 16],
    /// The prompt as a number, with what stands before it.
    pub digest: [u8; 16],
}

impl Completion {
    /// A completion whose expectations can be understood.
    ///
    /// # Errors
    /// What is wrong with one that has no templates.
    pub(super) fn new(step: &CompletionStep, prompts: Arc<Prompts>, program: String) -> Result<Self, String> {
        if let Some(expect) = step.expect.as_ref().filter(|expect| !has_templates(expect)) {
            Expectation::compile(expect, &plain).map_err(|error| format!("`expect`: {error}"))?;
        }
        for prompt in &prompts.all {
            if let Some(expect) = &prompt.expect {
                let told = |error| format!("prompt `{}` of {}: `expect`: {error}", prompt.id, step.prompts);
                Expectation::compile(expect, &plain).map_err(told)?;
            }
        }
        Ok(Self { step: step.clone(), prompts, program })
    }

    /// What another answer to the same request means.
    pub fn on_change(&self) -> OnChange {
        self.step.on_change.unwrap_or_default()
    }

    /// What is asked for the file of a prompt; `render` expands templates.
    ///
    /// # Errors
    /// The template engine's words, and what is missing.
    pub fn asked(
        &self,
        prompt: usize,
        model: Option<&Model>,
        render: &dyn Fn(&str) -> Result<String, TemplateError>,
    ) -> Result<Asked<'_>, TemplateError> {
        let gone = || TemplateError(format!("there is no prompt {prompt}"));
        let prompt = self.prompts.all.get(prompt).ok_or_else(gone)?;
        let step = &self.step;
        let text = |text: &Option<String>| text.as_deref().map(render).transpose();
        let words = |words: &Vec<String>| words.iter().map(|word| render(word)).collect::<Result<Vec<_>, _>>();
        let by_model = || model.map(|model| model.id.clone()).filter(|_| step.endpoint.is_some());
        let request = Request {
            endpoint: text(&step.endpoint)?,
            command: step.command.as_ref().map(words).transpose()?,
            model: text(&step.model)?.or_else(by_model),
            system: text(&step.system)?,
        };
        let parameters = number(&json!({
            "command": request.command,
            "model": request.model,
            "api": step.api,
            "seed": step.seed.unwrap_or(SEED),
            "temperature": step.temperature.unwrap_or(0.0),
            "top_p": step.top_p,
            "max_tokens": step.max_tokens.unwrap_or(MAX_TOKENS),
            "stop": step.stop,
            "extra": step.extra,
        }));
        let asked = match &prompt.text {
            PromptText::Text(text) => Value::from(text.as_str()),
            PromptText::Messages(messages) => Value::Array(messages.clone()),
        };
        let digest = number(&json!({ "system": request.system, "prompt": asked }));
        Ok(Asked { request, prompt, parameters, digest })
    }

    /// The call that asks for all prompts of a file of JSON lines.
    pub fn call(&self, request: &Request, prompts: &str) -> Invocation {
        Invocation::Own { program: self.program.clone(), args: self.args(request, prompts) }
    }

    /// The call for people, templates as they stand.
    pub fn display(&self) -> String {
        let step = &self.step;
        let request = Request {
            endpoint: step.endpoint.clone(),
            command: step.command.clone(),
            model: step.model.clone(),
            system: step.system.clone(),
        };
        format!("backsight {}", shell_words::join(self.args(&request, &step.prompts)))
    }

    fn args(&self, request: &Request, prompts: &str) -> Vec<String> {
        let step = &self.step;
        let mut args: Vec<String> = ["llm", "complete"].map(str::to_owned).into();
        let mut option = |name: &str, value: String| own::option(&mut args, name, value);
        let of_endpoint = request.command.is_none();
        let extra = serde_json::to_string(&step.extra).unwrap_or_default();
        let all = [
            ("endpoint", request.endpoint.clone()),
            ("command", request.command.as_ref().map(shell_words::join)),
            ("model", request.model.clone()),
            ("api", step.api.map(|api| api.as_str().to_owned())),
            ("api-key-env", step.api_key_env.clone()),
            ("system", request.system.clone()),
            ("prompts", Some(prompts.to_owned())),
            ("seed", Some(step.seed.unwrap_or(SEED).to_string())),
            ("temperature", of_endpoint.then(|| step.temperature.unwrap_or(0.0).to_string())),
            ("top-p", step.top_p.map(|share| share.to_string())),
            ("max-tokens", Some(step.max_tokens.unwrap_or(MAX_TOKENS).to_string())),
            ("timeout", step.timeout.map(|time| time.to_string())),
            ("concurrency", step.concurrency.map(|number| number.to_string())),
            ("retries", step.retries.map(|number| number.to_string())),
            ("extra", Some(extra).filter(|_| !step.extra.is_empty())),
        ];
        given(all, &mut option);
        for text in &step.stop {
            option("stop", text.clone());
        }
        args
    }
}

fn plain(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Whether a text of it is a template.
pub fn has_templates(expect: &Expect) -> bool {
    let text = |text: &String| text.contains("{{") || text.contains("{%");
    let lists = [&expect.contains, &expect.regex].into_iter().flatten().flat_map(Texts::all);
    let number = match &expect.number {
        Some(crate::pipeline::ExpectedNumber::Within(within)) => match &within.value {
            crate::pipeline::NumberSource::Text(value) => Some(value),
            crate::pipeline::NumberSource::Number(_) => None,
        },
        Some(crate::pipeline::ExpectedNumber::Exactly(_)) | None => None,
    };
    lists.chain(&expect.exact).chain(number).any(text)
}

fn number(value: &Value) -> [u8; 16] {
    let mut number = [0; 16];
    number.copy_from_slice(&Sha256::digest(value.to_string())[..16]);
    number
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Asked, Completion};
    use crate::pipeline::CompletionStep;
    use crate::plan::{Prompts, PromptsFormat, TemplateError};

    fn completion(step: &str) -> Completion {
        let step: CompletionStep = serde_json::from_str(step).unwrap();
        let prompts = "{\"id\": \"a\", \"prompt\": \"one\"}\n{\"id\": \"b\", \"prompt\": \"two\"}\n";
        let prompts = Prompts::parse(prompts.into(), PromptsFormat::Lines).unwrap();
        Completion::new(&step, Arc::new(prompts), "/bin/backsight".into()).unwrap()
    }

    fn asked(completion: &Completion, prompt: usize) -> Asked<'_> {
        let render = |text: &str| Ok::<_, TemplateError>(text.replace("{{ target }}", "cuda"));
        completion.asked(prompt, None, &render).unwrap()
    }

    const STEP: &str =
        r#"{"endpoint": "http://h/v1", "model": "m-{{ target }}", "prompts": "p.jsonl", "stop": ["\n", "-"]}"#;

    #[test]
    fn the_call_has_all_that_is_pinned() {
        let one = completion(STEP);
        let call = one.call(&asked(&one, 0).request, "run/p.jsonl").display();
        assert_eq!(
            call,
            "backsight llm complete --endpoint http://h/v1 --model m-cuda --prompts run/p.jsonl --seed 1 \
             --temperature 0 --max-tokens 1024 --stop '\n' '--stop=-'"
        );
        assert!(one.display().contains("--model 'm-{{ target }}' --prompts p.jsonl --seed 1"), "{}", one.display());
        let command = completion(r#"{"command": ["sh", "say it.sh"], "prompts": "p.jsonl", "system": "be short"}"#);
        assert_eq!(
            command.display(),
            "backsight llm complete --command 'sh '\\''say it.sh'\\''' --system 'be short' --prompts p.jsonl --seed 1 --max-tokens 1024"
        );
    }

    #[test]
    fn what_changes_the_answer_changes_the_numbers_and_the_address_does_not() {
        let base = completion(STEP);
        let base = asked(&base, 0);
        let other = |from: &str, to: &str| {
            let one = completion(&STEP.replace(from, to));
            let asked = asked(&one, 0);
            (asked.parameters != base.parameters, asked.digest != base.digest)
        };
        assert_eq!(other("http://h/v1", "https://elsewhere:1/v1"), (false, false));
        assert_eq!(other("m-", "n-"), (true, false));
        assert_eq!(other("\"stop\"", "\"seed\": 2, \"stop\""), (true, false));
        assert_eq!(other("\"stop\"", "\"extra\": {\"top_k\": 1}, \"stop\""), (true, false));
        assert_eq!(other("\"stop\"", "\"system\": \"x\", \"stop\""), (false, true));
        assert_eq!(other("\"stop\"", "\"concurrency\": 4, \"stop\""), (false, false));
        let same = completion(STEP);
        assert_ne!(asked(&same, 1).digest, base.digest);
    }

    #[test]
    fn an_expectation_that_makes_no_sense_is_found_first() {
        let step: CompletionStep = serde_json::from_str(
            r#"{"command": ["cat"], "prompts": "p.jsonl", "expect": {"json_schema": {"type": "x"}}}"#,
        )
        .unwrap();
        let prompts = |expect: &str| {
            let text = format!("{{\"id\": \"a\", \"prompt\": \"one\", \"expect\": {expect}}}");
            Arc::new(Prompts::parse(text, PromptsFormat::Lines).unwrap())
        };
        let error = Completion::new(&step, prompts("\"x\""), String::new()).unwrap_err();
        assert!(error.starts_with("`expect`: `json_schema`"), "{error}");
        let step = CompletionStep { expect: None, ..step };
        let error = Completion::new(&step, prompts("{\"regex\": \"(\"}"), String::new()).unwrap_err();
        assert!(error.starts_with("prompt `a` of p.jsonl: `expect`: `regex`"), "{error}");
    }
}
