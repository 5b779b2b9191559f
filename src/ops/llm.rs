//! `backsight llm measure`: what is asked for, checked, to a measurement.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::execute::Cancel;
use crate::llm::{
    self, Access, Api, Command, Demands, Endpoint, EndpointError, Entry, Fields, Lengths, LlmError, MOST_CELLS,
    MOST_REQUESTS, Measurement, Measuring, PromptsError, Source, Wire,
};
use crate::results::{ExitCode, Reason, Validity};

/// The largest file of prompts or certificates, in bytes.
const LARGEST: u64 = 64 << 20;
/// The longest prompt that is made, in words, and the longest answer that is asked for.
const LONGEST: u32 = 1 << 20;
/// The most requests at once.
const MOST_AT_ONCE: u32 = 512;

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// What answers.
    pub target: Target,
    /// The name of the benchmarks; absent: the model's or the program's.
    pub name: Option<String>,
    /// So many requests at once, each a cell.
    pub concurrency: Vec<u32>,
    /// So many arrivals a second, each a cell; instead of `concurrency`.
    pub rates: Vec<f64>,
    /// Words of made prompts, each a cell.
    pub prompt_tokens: Vec<u32>,
    /// A file of prompts; instead of `prompt_tokens`.
    pub prompts: Option<PathBuf>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// What a cell must have.
    pub demands: Demands,
    /// Requests before each cell that are not measured.
    pub warm_up: Option<u64>,
    /// The longest time of one request.
    pub timeout: Duration,
    /// The longest wait for a piece of an answer.
    pub silence: Duration,
    /// Where prompts and arrivals are drawn from.
    pub seed: u64,
    /// How the measurement is told to stop.
    pub cancel: Cancel,
}

/// What answers.
#[derive(Debug)]
pub enum Target {
    /// An endpoint.
    Endpoint {
        /// Its address.
        address: String,
        /// The interface.
        api: Api,
        /// The model.
        model: String,
        /// The environment variable that holds the key, and the environment's value.
        key: Option<(String, Option<String>)>,
        /// Whether usage is asked for.
        usage: bool,
        /// Further fields of the body, as JSON.
        extra: Option<String>,
        /// A file of certificates.
        certificates: Option<PathBuf>,
    },
    /// A command, in one string.
    Command(String),
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The variable of the key.
    #[error("the environment variable `{0}` is not set or empty; it is to hold the key")]
    NoKey(String),
    /// The connection cannot be prepared.
    #[error("{0}")]
    Access(String),
    /// The command.
    #[error("the command `{0}` cannot be taken apart: it wants words, quoted as in a shell")]
    Command(String),
    /// The further fields.
    #[error("--extra wants a JSON object such as '{{\"ignore_eos\": true}}'{0}")]
    Extra(String),
    /// A number.
    #[error("{0}")]
    Number(String),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of prompts.
    #[error("{}: {source}", path.display())]
    Prompts {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: PromptsError,
    },
    /// The measurement.
    #[error("{error}")]
    Measurement {
        /// Why.
        error: LlmError,
        /// The signal that stopped it.
        signal: Option<u32>,
    },
}

impl MeasureError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Measurement { signal: Some(2), .. } => ExitCode::Interrupted,
            Self::Measurement { signal: Some(_), .. } => ExitCode::Terminated,
            Self::Measurement { signal: None, .. } => ExitCode::Tool,
            _ => ExitCode::Usage,
        }
    }
}

/// The record: what the harness `backsight` reads, and what else is to be known.
#[derive(Debug, Serialize)]
pub struct Record {
    /// What answered.
    pub target: Shown,
    /// Where prompts and arrivals were drawn from.
    pub seed: u64,
    /// What became of it as a whole, where no request succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Failed>,
    /// The cells.
    pub benchmarks: Vec<Entry>,
}

/// That nothing was measured, and why: a run takes it over as the reason of its step.
#[derive(Debug, Serialize)]
pub struct Failed {
    /// Always `errored`.
    status: &'static str,
    /// Why.
    reason: Reason,
}

/// What answered, without secrets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// An endpoint: its address, without a query.
    Endpoint {
        /// The address.
        address: String,
        /// The model.
        model: String,
    },
    /// A command.
    Command(String),
}

impl Record {
    fn new(target: Shown, seed: u64, benchmarks: Vec<Entry>) -> Self {
        let failed = benchmarks.iter().all(|entry| entry.value("success_rate").unwrap_or(0.0) == 0.0);
        let first = || benchmarks.iter().flat_map(|entry| &entry.failures).next();
        let outcome = failed.then(|| Failed {
            status: "errored",
            reason: first().map_or_else(
                || Reason::new("not_measured", "no request was sent"),
                |first| Reason::new(&first.code, &first.text),
            ),
        });
        Self { target, seed, outcome, benchmarks }
    }

    /// What the process returns: no answer at all is a failure, a doubtful one stands in the record.
    pub const fn exit_code(&self) -> ExitCode {
        if self.outcome.is_some() { ExitCode::Failed } else { ExitCode::Passed }
    }

    /// Why a cell may not be used, each with its parameters.
    pub fn doubts(&self) -> Vec<String> {
        let text = |entry: &Entry| {
            let (word, reason) = match &entry.validity {
                Validity::Valid => return None,
                Validity::Noisy { reason } => ("NOISY", reason),
                Validity::Invalid { reason } => ("INVALID", reason),
            };
            let parameters: Vec<String> =
                entry.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("{}: {word} ({}): {}", parameters.join(" "), reason.code, reason.text))
        };
        self.benchmarks.iter().filter_map(text).collect()
    }
}

/// Measures.
///
/// # Errors
/// If what is asked for cannot be done, or the measurement cannot begin or was stopped.
pub fn measure(request: Request, told: &mut dyn FnMut(Measuring<'_>)) -> Result<Record, MeasureError> {
    check(&request)?;
    let lengths = match &request.prompts {
        None => Lengths::Words(request.prompt_tokens.clone()),
        Some(path) => {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            let prompts = llm::given(&text).map_err(|source| MeasureError::Prompts { path: path.clone(), source })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Lengths::File(name, prompts)
        }
    };
    let prepared = prepare(&request.target, request.max_tokens, (request.timeout, request.silence), &request.cancel)?;
    let (seed, cancel) = (request.seed, request.cancel);
    let measurement = Measurement {
        name: request.name.unwrap_or(prepared.name),
        source: prepared.source,
        api: prepared.api,
        concurrency: request.concurrency,
        rates: request.rates,
        lengths,
        max_tokens: request.max_tokens,
        warm_up: request.warm_up,
        demands: request.demands,
        seed,
    };
    let benchmarks = llm::measure(measurement, &cancel, told)
        .map_err(|error| MeasureError::Measurement { error, signal: cancel.signal() })?;
    Ok(Record::new(prepared.shown, seed, benchmarks))
}

/// Whether the numbers make sense.
fn check(request: &Request) -> Result<(), MeasureError> {
    let wrong = |text: String| Err(MeasureError::Number(text));
    let Request { concurrency, rates, prompt_tokens, demands, .. } = request;
    let lengths = if request.prompts.is_some() { 1 } else { prompt_tokens.len() };
    if (concurrency.len() + rates.len()) * lengths > MOST_CELLS {
        return wrong(format!("loads times lengths of prompts are more than {MOST_CELLS} cells; leave some out"));
    }
    if let Some(n) = concurrency.iter().find(|n| !(1..=MOST_AT_ONCE).contains(*n)) {
        return wrong(format!("--concurrency {n} is not from 1 to {MOST_AT_ONCE}"));
    }
    if let Some(rate) = rates.iter().find(|rate| !(**rate > 0.0 && **rate <= 10_000.0)) {
        return wrong(format!("--rate {rate} is not above 0 and up to 10,000 a second"));
    }
    let sizes = prompt_tokens.iter().map(|n| ("--prompt-tokens", n));
    if let Some((name, n)) =
        sizes.chain([("--max-tokens", &request.max_tokens)]).find(|(_, n)| !(1..=LONGEST).contains(*n))
    {
        return wrong(format!("{name} {n} is not from 1 to {LONGEST}"));
    }
    if !(1..=MOST_REQUESTS).contains(&demands.requests) || request.warm_up.is_some_and(|n| n > MOST_REQUESTS) {
        return wrong(format!("--requests is from 1 to {MOST_REQUESTS}, --warm-up from 0 on"));
    }
    if demands.limit < demands.duration {
        return wrong(format!("--limit {:?} is shorter than --duration {:?}", demands.limit, demands.duration));
    }
    Ok(())
}

/// What answers, ready to be asked.
pub(super) struct Prepared {
    name: String,
    api: Option<Api>,
    pub(super) source: Source,
    shown: Shown,
}

/// Makes ready what answers. The times are the longest of a request, and the longest wait for a piece of its answer.
///
/// # Errors
/// If it cannot be asked.
pub(super) fn prepare(
    target: &Target,
    max_tokens: u32,
    (timeout, silence): (Duration, Duration),
    cancel: &Cancel,
) -> Result<Prepared, MeasureError> {
    match target {
        Target::Command(line) => {
            let wrong = || MeasureError::Command(line.clone());
            let argv = shell_words::split(line).map_err(|_| wrong())?;
            let command = Command::new(argv, max_tokens, timeout, silence, cancel.clone());
            let command = command.ok_or_else(wrong)?;
            let name = command.program().to_owned();
            Ok(Prepared { name, api: None, source: Source::Command(command), shown: Shown::Command(line.clone()) })
        }
        Target::Endpoint { address, api, model, key, usage, extra, certificates } => {
            let endpoint = Endpoint::new(address, *api)?;
            let key = match key {
                None => None,
                Some((name, value)) => {
                    let value = value.clone().filter(|value| !value.trim().is_empty());
                    Some((name.clone(), value.ok_or_else(|| MeasureError::NoKey(name.clone()))?))
                }
            };
            let certificates = certificates.as_deref().map(read).transpose()?;
            let shown = Shown::Endpoint { address: endpoint.shown(), model: model.clone() };
            let extra = further(extra.as_deref())?;
            let fields = Fields { api: *api, model: model.clone(), max_tokens, usage: *usage, extra };
            let access = Access { key, certificates, timeout, silence };
            let wire = Wire::new(endpoint, fields, access).map_err(MeasureError::Access)?;
            Ok(Prepared { name: model.clone(), api: Some(*api), source: Source::Wire(Box::new(wire)), shown })
        }
    }
}

fn further(text: Option<&str>) -> Result<Map<String, Value>, MeasureError> {
    let Some(text) = text else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(MeasureError::Extra(String::new())),
        Err(error) => Err(MeasureError::Extra(format!(": {error}"))),
    }
}

/// A file of bounded size.
fn read(path: &Path) -> Result<Vec<u8>, MeasureError> {
    let wrong = |source| MeasureError::File { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(wrong)?.len();
    if size > LARGEST {
        return Err(wrong(std::io::Error::other("larger than 64 MiB")));
    }
    std::fs::read(path).map_err(wrong)
}

/// What a cell's table shows of its metrics: name and unit as the record has them.
pub const SHOWN: [&str; 6] = [
    "time_to_first_token",
    "time_per_output_token",
    "request_latency",
    "output_throughput",
    "request_throughput",
    "success_rate",
];
