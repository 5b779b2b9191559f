//! What a cell came to, in the form that the harness `backsight` reads, and with more than it reads: each request.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::trace::Trace;
use crate::results::{Direction, Execution, Validity};

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub metric: &'static str,
    /// The value, in `unit`.
    pub value: f64,
    /// `ms`, `tokens/s`, `words/s`, `requests/s` or `ratio`.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// What the true value does not exceed, with a confidence of 99 %; of percentiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// How many observations the value stands for.
    pub iterations: u64,
    /// The observations in the order of time; of many a part, evenly chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<f64>,
    /// What is to be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// There is a whole answer.
    Ok,
    /// There is none.
    Failed {
        /// Why, as a stable word: `http_503`, `timeout`, ...
        reason: String,
    },
}

/// One request. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// When it was due, from the start of the cell.
    pub at: f64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// From when it was due to the first piece of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<f64>,
    /// From when it was due to its end.
    pub latency: f64,
    /// Tokens of its answer.
    pub tokens: u64,
}

impl Row {
    /// Of a request.
    pub(super) fn of(trace: &Trace) -> Self {
        let since = |at: std::time::Duration| millis(at.saturating_sub(trace.due));
        Self {
            at: millis(trace.due),
            outcome: match &trace.failure {
                None => Outcome::Ok,
                Some(reason) => Outcome::Failed { reason: reason.code.clone() },
            },
            first: trace.first().map(since),
            latency: since(trace.end),
            tokens: trace.tokens(),
        }
    }
}

/// A span in milliseconds, to the nanosecond.
pub(super) fn millis(span: std::time::Duration) -> f64 {
    span.as_nanos() as f64 / 1e6
}

/// One cell: a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The benchmark's name.
    pub name: String,
    /// What tells it from the others of the same name: the load, the length of prompts and answers.
    pub parameters: BTreeMap<String, Value>,
    /// What was measured.
    pub metrics: Vec<Figure>,
    /// Whether it may be used, and why not.
    pub validity: Validity,
    /// What answered, and the seed.
    pub execution: Execution,
    /// Why requests failed, each reason with one sentence and how often.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failures>,
    /// Each request, up to a bound: what succeeded, what failed and why.
    pub requests: Vec<Row>,
}

/// Requests that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// The reason, as a stable word.
    pub code: String,
    /// The first one's sentence.
    pub text: String,
    /// How many.
    pub count: u64,
}

impl Entry {
    /// The value of a metric.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.metrics.iter().find(|figure| figure.metric == metric).map(|figure| figure.value)
    }
}
