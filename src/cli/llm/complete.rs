//! `backsight llm complete`.

use std::io::Write;
use std::path::PathBuf;

use clap::ArgGroup;
use serde_json::{Map, Value};

use super::Interface;
use crate::cli::output::{Console, duration};
use crate::llm::Api;
use crate::ops::completion::{Request, ask};
use crate::ops::llm::Target;
use crate::ops::run::cancel_on_signals;
use crate::pipeline::StepDuration;
use crate::report::escape;
use crate::results::{Answer, ExitCode};

const EXIT_CODES: &str = "Exit codes: 0 each prompt has its answer; 1 some have none; 2 the command line or a file is wrong; \
4 the tool or its surroundings failed. docs/completion.md says more.";

/// Arguments of `llm complete`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES, group = ArgGroup::new("source").required(true).args(["endpoint", "command"]))]
pub(super) struct CompleteArgs {
    /// The base address of an OpenAI-compatible interface, such as http://127.0.0.1:8000/v1.
    #[arg(long, value_name = "URL", requires = "model")]
    endpoint: Option<String>,
    /// A command instead: run once for each prompt, what it writes to its standard output is the answer. `{prompt}`,
    /// `{max_tokens}` and `{seed}` are filled in; without `{prompt}` the prompt comes to its standard input.
    #[arg(long, value_name = "CMD",
        conflicts_with_all = ["model", "api", "api_key_env", "temperature", "top_p", "stop", "no_usage", "extra"])]
    command: Option<String>,
    /// The model, as the server calls it.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Which interface is spoken.
    #[arg(long, value_enum, default_value_t)]
    api: Interface,
    /// The environment variable that holds the key.
    #[arg(long, value_name = "VARIABLE")]
    api_key_env: Option<String>,
    /// What the model is told before each prompt.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The prompts: a .jsonl, .json, .yaml or .csv file, each with `id` and `prompt` or `messages`.
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// The seed of each request.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u32,
    /// The temperature; 0 for the likeliest token each time.
    #[arg(long, default_value_t = 0.0, value_name = "T")]
    temperature: f64,
    /// Only the likeliest tokens that have this probability together.
    #[arg(long, value_name = "SHARE")]
    top_p: Option<f64>,
    /// The longest answer, in tokens.
    #[arg(long, default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    max_tokens: u32,
    /// A text at which an answer ends; may be repeated.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// So many requests at once.
    #[arg(long, default_value_t = 1, value_name = "N")]
    concurrency: usize,
    /// How often a request is sent again that the server did not take: a refused connection, a rate limit, a model that
    /// still loads.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10))]
    retries: u32,
    /// The longest time of one request.
    #[arg(long, value_parser = duration, default_value = "2m", value_name = "TIME")]
    timeout: StepDuration,
    /// The longest wait for the first or the next piece of an answer; default: as long as the whole may take.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    silence: Option<StepDuration>,
    /// Do not ask the server to tell usage: some refuse it.
    #[arg(long)]
    no_usage: bool,
    /// Further fields of each request's body, as a JSON object; null takes one away.
    #[arg(long, value_name = "JSON")]
    extra: Option<String>,
    /// Trust the certificates in this PEM file, too.
    #[arg(long, value_name = "FILE", env = "BACKSIGHT_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// Runs the command: each answer is a line of JSON on standard output.
pub(super) fn run(args: CompleteArgs, console: Console) -> ExitCode {
    let request = match request(args) {
        Ok(request) => request,
        Err((text, code)) => {
            console.error(&escape::line(&text));
            return code;
        }
    };
    let mut told = |answer: &Answer| {
        if let Some(reason) = &answer.failure {
            console.complain(&escape::line(&format!("{}: {}: {}", answer.id, reason.code, reason.text)));
        }
        let mut line = serde_json::to_string(answer)?;
        line.push('\n');
        let mut out = anstream::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush())
    };
    match ask(request, &mut told) {
        Ok(0) => ExitCode::Passed,
        Ok(failed) => {
            console.error(&format!("{failed} prompts have no answer"));
            ExitCode::Failed
        }
        Err(error) => {
            console.error(&escape::line(&error.to_string()));
            error.exit_code()
        }
    }
}

fn request(args: CompleteArgs) -> Result<Request, (String, ExitCode)> {
    let extra = fields(&args).map_err(|text| (text, ExitCode::Usage))?;
    let target = match (args.endpoint, args.command) {
        (Some(address), _) => Target::Endpoint {
            address,
            api: match args.api {
                Interface::Chat => Api::Chat,
                Interface::Completions => Api::Completions,
            },
            model: args.model.unwrap_or_default(),
            key: args.api_key_env.map(|name| {
                let value = std::env::var(&name).ok();
                (name, value)
            }),
            usage: !args.no_usage,
            extra: Some(extra),
            certificates: args.ca_file,
        },
        (None, command) => Target::Command(command.unwrap_or_default()),
    };
    let cancel =
        cancel_on_signals().map_err(|error| (format!("signals cannot be handled: {error}"), ExitCode::Tool))?;
    Ok(Request {
        target,
        system: args.system,
        prompts: args.prompts,
        seed: u64::from(args.seed),
        max_tokens: args.max_tokens,
        concurrency: args.concurrency,
        retries: args.retries,
        timeout: args.timeout.0,
        silence: args.silence.unwrap_or(args.timeout).0,
        cancel,
    })
}

/// How words are drawn, and further fields, as a JSON object.
fn fields(args: &CompleteArgs) -> Result<String, String> {
    if !(args.temperature.is_finite() && args.temperature >= 0.0) {
        return Err(format!("--temperature {} is not 0 or above", args.temperature));
    }
    if let Some(share) = args.top_p.filter(|share| !(0.0..=1.0).contains(share)) {
        return Err(format!("--top-p {share} is not from 0 to 1"));
    }
    let mut fields = Map::from_iter([("temperature".to_owned(), Value::from(args.temperature))]);
    if let Some(share) = args.top_p {
        fields.insert("top_p".into(), share.into());
    }
    if !args.stop.is_empty() {
        fields.insert("stop".into(), args.stop.clone().into());
    }
    let Some(extra) = &args.extra else { return Ok(Value::Object(fields).to_string()) };
    match serde_json::from_str::<Value>(extra) {
        Ok(Value::Object(extra)) => {
            fields.extend(extra);
            Ok(Value::Object(fields).to_string())
        }
        Ok(_) => Err("--extra wants a JSON object such as '{\"top_k\": 1}'".into()),
        Err(error) => Err(format!("--extra wants a JSON object such as '{{\"top_k\": 1}}': {error}")),
    }
}
