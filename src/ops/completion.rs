//! `backsight llm complete`: prompts of a file to answers, one line of JSON each.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::llm::{MeasureError, Target, prepare};
use super::load::LoadError;
use super::sources;
use crate::execute::Cancel;
use crate::llm::{Completing, Given, LlmError, complete};
use crate::plan::{Prompt, PromptText};
use crate::results::{Answer, ExitCode};

/// The most requests at once.
const MOST_AT_ONCE: usize = 512;

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// Who answers; how it draws its words stands in the further fields of an endpoint.
    pub target: Target,
    /// What the model is told before each prompt.
    pub system: Option<String>,
    /// The file of prompts.
    pub prompts: PathBuf,
    /// The seed of each request.
    pub seed: u64,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// So many requests at once.
    pub concurrency: usize,
    /// How often a request is sent again that the server did not take.
    pub retries: u32,
    /// The longest time of one request.
    pub timeout: Duration,
    /// The longest wait for a piece of an answer.
    pub silence: Duration,
    /// How it is told to stop.
    pub cancel: Cancel,
}

/// Why nothing was asked, or not all.
#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    /// Who is asked, or how.
    #[error(transparent)]
    Target(#[from] MeasureError),
    /// The file of prompts.
    #[error(transparent)]
    Prompts(#[from] LoadError),
    /// A number.
    #[error("{0}")]
    Number(String),
    /// It stopped.
    #[error("{error}")]
    Stopped {
        /// Why.
        error: LlmError,
        /// The signal that stopped it.
        signal: Option<u32>,
    },
}

impl CompletionError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Target(error) => error.exit_code(),
            Self::Prompts(_) | Self::Number(_) => ExitCode::Usage,
            Self::Stopped { signal: Some(2), .. } => ExitCode::Interrupted,
            Self::Stopped { signal: Some(_), .. } => ExitCode::Terminated,
            Self::Stopped { signal: None, .. } => ExitCode::Tool,
        }
    }
}

/// Asks; each answer is told when it is there. Gives how many prompts have none.
///
/// # Errors
/// If what is asked for cannot be done, or it was stopped.
pub fn ask(request: Request, told: &mut dyn FnMut(&Answer) -> io::Result<()>) -> Result<usize, CompletionError> {
    if !(1..=MOST_AT_ONCE).contains(&request.concurrency) {
        let text = format!("--concurrency {} is not from 1 to {MOST_AT_ONCE}", request.concurrency);
        return Err(CompletionError::Number(text));
    }
    let prompts = sources::prompts(&request.prompts)?;
    let times = (request.timeout, request.silence);
    let prepared = prepare(&request.target, request.max_tokens, times, &request.cancel)?;
    let system = request.system.as_deref();
    let cancel = request.cancel;
    let completing = Completing {
        source: prepared.source,
        prompts: prompts.all.into_iter().map(|prompt| given(prompt, system)).collect(),
        seed: request.seed,
        concurrency: request.concurrency,
        retries: request.retries,
    };
    complete(completing, &cancel, told).map_err(|error| CompletionError::Stopped { error, signal: cancel.signal() })
}

/// A prompt with what stands before it.
fn given(prompt: Prompt, system: Option<&str>) -> (String, Given) {
    let messages = |system: &str, rest: Vec<Value>| {
        let first = json!({ "role": "system", "content": system });
        Given::Messages(std::iter::once(first).chain(rest).collect())
    };
    let given = match (prompt.text, system) {
        (PromptText::Text(text), None) => Given::Text(text),
        (PromptText::Text(text), Some(system)) => messages(system, vec![json!({ "role": "user", "content": text })]),
        (PromptText::Messages(list), None) => Given::Messages(Value::Array(list)),
        (PromptText::Messages(list), Some(system)) => messages(system, list),
    };
    (prompt.id, given)
}
