//! The grid of cells, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::drive::{Cell, Load};
use super::explain::is_lasting;
use super::figures::Gathered;
use super::prompts::Lengths;
use super::record::Entry;
use super::request::Api;
use super::validity::Demands;
use crate::execute::Cancel;
use crate::results::{Execution, Reason, Validity};

pub use super::drive::{MOST_REQUESTS, Source};

/// The most cells of a measurement.
pub const MOST_CELLS: usize = 256;

/// What is measured.
#[derive(Debug)]
pub struct Measurement {
    /// The name of the benchmarks.
    pub name: String,
    /// What answers.
    pub source: Source,
    /// Which interface is spoken; absent for a command.
    pub api: Option<Api>,
    /// So many requests at once: one cell each. Empty where there are rates.
    pub concurrency: Vec<u32>,
    /// So many arrivals a second: one cell each.
    pub rates: Vec<f64>,
    /// Prompts.
    pub lengths: Lengths,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// Requests before each cell that are not measured; absent: as many as there are at once, at least one.
    pub warm_up: Option<u64>,
    /// What a cell must have.
    pub demands: Demands,
    /// Where prompts and arrivals are drawn from.
    pub seed: u64,
}

/// How far a measurement is.
#[derive(Debug)]
pub enum Measuring<'a> {
    /// A cell begins: its number from one, of how many, and its parameters.
    Begins(usize, usize, &'a str),
    /// A cell is over.
    Over(&'a Entry),
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// The system does not let us.
    #[error("no network can be used: {0}")]
    Runtime(#[from] std::io::Error),
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
}

/// Measures cell by cell.
///
/// # Errors
/// If it cannot begin, or was asked to stop. What an endpoint does wrong is part of the entries.
pub fn measure(
    measurement: Measurement,
    cancel: &Cancel,
    told: &mut dyn FnMut(Measuring<'_>),
) -> Result<Vec<Entry>, LlmError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Measurement { name, source, api, concurrency, rates, lengths, max_tokens, warm_up, demands, seed } =
        measurement;
    let grid = Grid { name, api, source: Arc::new(source), lengths, max_tokens, warm_up, demands, seed };
    let at_once = concurrency.into_iter().map(Load::AtOnce);
    let loads: Vec<Load> = at_once.chain(rates.into_iter().map(Load::Rate)).collect();
    let lengths = match &grid.lengths {
        Lengths::Words(lengths) => lengths.clone(),
        Lengths::File(..) => vec![0],
    };
    let cells: Vec<(Load, u32)> =
        loads.iter().flat_map(|load| lengths.iter().map(move |words| (*load, *words))).collect();
    let mut entries = Vec::new();
    let mut lasting = None;
    for (at, (load, words)) in cells.iter().enumerate() {
        let parameters = grid.parameters(*load, *words);
        let shown: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        told(Measuring::Begins(at + 1, cells.len(), &shown.join(" ")));
        let gathered = match &lasting {
            Some(_) => Gathered::default(),
            None => runtime.block_on(grid.cell(at, *load, *words, cancel)),
        };
        if cancel.is_asked() {
            return Err(LlmError::Stopped);
        }
        let entry = grid.entry(parameters, gathered, lasting.as_ref());
        lasting = lasting.or_else(|| grid.lasting(&entry));
        told(Measuring::Over(&entry));
        entries.push(entry);
    }
    Ok(entries)
}

/// What is the same in all cells.
struct Grid {
    name: String,
    api: Option<Api>,
    source: Arc<Source>,
    lengths: Lengths,
    max_tokens: u32,
    warm_up: Option<u64>,
    demands: Demands,
    seed: u64,
}

impl Grid {
    async fn cell(&self, at: usize, load: Load, words: u32, cancel: &Cancel) -> Gathered {
        let cell = Cell {
            source: &self.source,
            load,
            lengths: &self.lengths,
            words,
            demands: self.demands,
            seed: self.seed,
            number: at as u64,
            cancel,
        };
        let usual = match load {
            Load::AtOnce(n) => u64::from(n),
            Load::Rate(_) => 1,
        };
        let warmed = cell.warm_up(self.warm_up.unwrap_or(usual)).await;
        if warmed.failed > 0 && warmed.succeeded == 0 {
            // Measuring would only take longer to say the same.
            return warmed;
        }
        cell.measure().await
    }

    fn parameters(&self, load: Load, words: u32) -> BTreeMap<String, Value> {
        let (name, value) = match load {
            Load::AtOnce(n) => ("concurrency", json!(n)),
            Load::Rate(rate) => ("rate", json!(rate)),
        };
        let mut found = BTreeMap::from([(name.to_owned(), value), ("max_tokens".into(), json!(self.max_tokens))]);
        match &self.lengths {
            Lengths::Words(_) => found.insert("prompt_tokens".into(), json!(words)),
            Lengths::File(name, _) => found.insert("prompts".into(), json!(name)),
        };
        if let Some(api) = self.api.filter(|api| *api != Api::default()) {
            found.insert("api".into(), json!(api.as_str()));
        }
        found
    }

    fn entry(&self, parameters: BTreeMap<String, Value>, gathered: Gathered, lasting: Option<&Reason>) -> Entry {
        let validity = match lasting {
            Some(reason) => {
                Validity::Invalid { reason: Reason::new("all_failed", format!("not tried: {}", reason.text)) }
            }
            None => self.demands.judge(&gathered),
        };
        let metrics = gathered.figures(self.api.is_none());
        let execution = Execution { runtime: gathered.server, seed: Some(self.seed), ..Execution::default() };
        let Gathered { failures, rows, .. } = gathered;
        Entry { name: self.name.clone(), parameters, metrics, validity, execution, failures, requests: rows }
    }

    /// The reason why further cells have no chance.
    fn lasting(&self, entry: &Entry) -> Option<Reason> {
        let all_failed = entry.value("success_rate") == Some(0.0);
        let reason = entry.failures.iter().map(|one| Reason::new(&one.code, &one.text)).find(is_lasting);
        reason.filter(|_| all_failed)
    }
}
