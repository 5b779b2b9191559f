//! `backsight llm`: how fast a model generates, and what it answers.

mod complete;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Subcommand, ValueEnum};

use super::output::{Console, Format, duration, percent, print_json};
use super::table::{self, Cell};
use super::written;
use crate::llm::{Api, Demands, Entry, Measuring};
use crate::ops::llm::{Record, Request, SHOWN, Target, measure};
use crate::ops::run::{cancel_on_signals, new_seed};
use crate::pipeline::{Percent, StepDuration};
use crate::report::escape;
use crate::results::{ExitCode, Validity};

/// Arguments of `llm`.
#[derive(Debug, clap::Args)]
pub(super) struct LlmArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send prompts, and time each piece of the answers.
    #[command(after_help = EXIT_CODES)]
    Measure(Box<MeasureArgs>),
    /// Ask prompt by prompt, with a fixed seed; each answer is a line of JSON.
    Complete(Box<complete::CompleteArgs>),
}

const EXIT_CODES: &str = "Exit codes: 0 measured, also where a cell is INVALID with its reason; 1 all requests failed; 2 the \
command line or a file is wrong; 4 the tool or its surroundings failed. docs/llm.md says what each figure means.";

/// How many answers and how much time a cell needs where nothing is said: alone, and in one call of many.
const ALONE: (u64, Duration) = (50, Duration::from_secs(10));
const IN_PAIRS: (u64, Duration) = (10, Duration::from_secs(1));
/// When a cell is over, whatever is missing.
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Interface {
    /// `/chat/completions`
    #[default]
    Chat,
    /// `/completions`
    Completions,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true).args(["endpoint", "command"]))]
struct MeasureArgs {
    /// The base address of an OpenAI-compatible interface, such as http://127.0.0.1:8000/v1.
    #[arg(long, value_name = "URL", requires = "model")]
    endpoint: Option<String>,
    /// A command instead: run once for each request, it writes the answer to its standard output as it comes. `{prompt}`,
    /// `{max_tokens}` and `{seed}` are filled in; without `{prompt}` the prompt comes to its standard input.
    #[arg(long, value_name = "CMD", conflicts_with_all = ["model", "api", "api_key_env", "no_usage", "extra"])]
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
    /// What the benchmarks are called; default: the model, or the command's program.
    #[arg(long)]
    name: Option<String>,
    /// So many requests under way at once; a cell for each number.
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "N,...")]
    concurrency: Vec<u32>,
    /// Instead: so many requests arrive a second, at random times (Poisson), whether earlier ones are answered or not;
    /// latencies count from the drawn time. A cell for each number.
    #[arg(long, value_delimiter = ',', conflicts_with = "concurrency", value_name = "R,...")]
    rate: Vec<f64>,
    /// Prompts of so many words, most of them one token; a cell for each number. No two prompts are alike.
    #[arg(long, value_delimiter = ',', default_value = "128", value_name = "N,...")]
    prompt_tokens: Vec<u32>,
    /// Prompts from a file instead: lines of JSON, each a text, {"prompt": "..."} or {"messages": [...]}.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt_tokens")]
    prompts: Option<PathBuf>,
    /// The longest answer, in tokens.
    #[arg(long, default_value_t = 64, value_name = "N")]
    max_tokens: u32,
    /// A cell needs so many whole answers (50; in one call of a paired run 10) ...
    #[arg(long, value_name = "N")]
    requests: Option<u64>,
    /// ... and this time (10s; in one call of a paired run 1s); with less it is INVALID.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    duration: Option<StepDuration>,
    /// After this time nothing more is sent in a cell, whatever is missing (5m).
    #[arg(long, value_parser = duration, value_name = "TIME")]
    limit: Option<StepDuration>,
    /// The time for all cells together: where no other is given, each has its share as --limit, and half of that as
    /// --duration at the most.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    budget: Option<StepDuration>,
    /// A cell in which a larger share of requests failed is INVALID.
    #[arg(long, value_parser = percent, default_value = "1%", value_name = "SHARE")]
    max_failed: Percent,
    /// Requests before each cell that are not measured; default: as many as there are at once.
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,
    /// The longest time of one request.
    #[arg(long, value_parser = duration, default_value = "2m", value_name = "TIME")]
    timeout: StepDuration,
    /// The longest wait for the first or the next piece of an answer.
    #[arg(long, value_parser = duration, default_value = "1m", value_name = "TIME")]
    silence: StepDuration,
    /// Where prompts and arrivals are drawn from; default: the clock. With the same seed a server may answer from its cache.
    #[arg(long)]
    seed: Option<u64>,
    /// Do not ask the server to tell usage: some refuse it. Each piece of a stream is then counted as one token.
    #[arg(long)]
    no_usage: bool,
    /// Further fields of each request's body, as a JSON object; null takes one away.
    #[arg(long, value_name = "JSON")]
    extra: Option<String>,
    /// Trust the certificates in this PEM file, too.
    #[arg(long, value_name = "FILE", env = "BACKSIGHT_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A table, or what the harness `backsight` reads.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: LlmArgs, console: Console) -> ExitCode {
    match args.action {
        Action::Measure(args) => measured(*args, console),
        Action::Complete(args) => complete::run(*args, console),
    }
}

fn measured(args: MeasureArgs, console: Console) -> ExitCode {
    let format = args.format;
    let request = match request(args) {
        Ok(request) => request,
        Err(error) => {
            console.error(&format!("signals cannot be handled: {error}"));
            return ExitCode::Tool;
        }
    };
    match measure(request, &mut |event| tell(console, &event)) {
        Ok(record) => {
            for doubt in record.doubts() {
                console.complain(&escape::line(&doubt));
            }
            if record.exit_code() == ExitCode::Failed {
                console.error("all requests failed");
            }
            record.exit_code().worst(written(match format {
                Format::Json => print_json(&record),
                Format::Text => print_table(&record),
            }))
        }
        Err(error) => {
            console.error(&escape::line(&error.to_string()));
            error.exit_code()
        }
    }
}

impl MeasureArgs {
    /// What a cell must have.
    fn demands(&self) -> Demands {
        let in_pairs = std::env::var_os("BACKSIGHT_PAIRED").is_some();
        let (requests, usual) = if in_pairs { IN_PAIRS } else { ALONE };
        let loads = if self.rate.is_empty() { self.concurrency.len() } else { self.rate.len() };
        let cells = loads * if self.prompts.is_some() { 1 } else { self.prompt_tokens.len() };
        // Of a paired run the calls together have the budget, and how many there are is not known here.
        let share = self.budget.filter(|_| !in_pairs).map(|budget| budget.0 / cells.max(1) as u32);
        let limit = self.limit.map_or_else(|| share.unwrap_or(LIMIT), |limit| limit.0);
        let duration = self.duration.map_or_else(|| share.map_or(usual, |share| usual.min(share / 2)), |time| time.0);
        Demands { requests: self.requests.unwrap_or(requests), duration, failed: self.max_failed.0, limit }
    }
}

fn request(args: MeasureArgs) -> std::io::Result<Request> {
    let demands = args.demands();
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
            extra: args.extra,
            certificates: args.ca_file,
        },
        (None, command) => Target::Command(command.unwrap_or_default()),
    };
    Ok(Request {
        target,
        demands,
        name: args.name,
        concurrency: if args.rate.is_empty() { args.concurrency } else { Vec::new() },
        rates: args.rate,
        prompt_tokens: args.prompt_tokens,
        prompts: args.prompts,
        max_tokens: args.max_tokens,
        warm_up: args.warm_up,
        timeout: args.timeout.0,
        silence: args.silence.0,
        seed: args.seed.unwrap_or_else(new_seed),
        cancel: cancel_on_signals()?,
    })
}

fn tell(console: Console, event: &Measuring<'_>) {
    match event {
        Measuring::Begins(number, of, parameters) => {
            console.say(&escape::line(&format!("{number}/{of} {parameters} ...")));
        }
        Measuring::Over(_) => {}
    }
}

/// One row a cell: parameters, the figures, whether it may be used.
fn print_table(record: &Record) -> std::io::Result<()> {
    let Some(first) = record.benchmarks.first() else { return Ok(()) };
    let names: Vec<&str> = first.parameters.keys().map(String::as_str).collect();
    let heading: Vec<String> = names.iter().chain(&SHOWN).map(|name| name.replace('_', " ")).collect();
    let mut heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    heading.push("validity");
    let rows: Vec<Vec<Cell>> = record.benchmarks.iter().map(|entry| row(entry, &names)).collect();
    let mut out = anstream::stdout().lock();
    table::write(&mut out, &heading, &rows)
}

fn row(entry: &Entry, names: &[&str]) -> Vec<Cell> {
    let parameters = names.iter().map(|name| {
        let value = entry.parameters.get(*name);
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
    });
    let figures = SHOWN.iter().map(|name| {
        let found = entry.metrics.iter().find(|figure| figure.metric == *name);
        found.map_or_else(
            || "-".into(),
            |figure| match figure.unit {
                "ratio" => format!("{:.1} %", figure.value * 100.0),
                unit => format!("{:.2} {unit}", figure.value),
            },
        )
    });
    let validity = match &entry.validity {
        Validity::Valid => "VALID".into(),
        Validity::Noisy { reason } => format!("NOISY({})", reason.code),
        Validity::Invalid { reason } => format!("INVALID({})", reason.code),
    };
    parameters.chain(figures).chain([validity]).map(Cell::from).collect()
}
