//! From requests to figures.

use std::time::Duration;

use super::record::{Failures, Figure, Row, millis};
use super::trace::Trace;
use crate::results::Direction;
use crate::stats::{enough_for, median, percentile, upper_bound};

/// The most samples of a metric that are kept in the record.
const SAMPLES: usize = 2_000;
/// The most gaps between tokens that are kept while measuring.
const GAPS: usize = 200_000;
/// The most requests that are listed one by one.
const ROWS: usize = 10_000;
/// The confidence of the bounds of percentiles, as in MLPerf's early stopping.
const CONFIDENCE: f64 = 0.99;

/// The percentiles, with the metrics that carry them.
type Tails = [(f64, &'static str)];

/// Observations in the order of time, of which only each so-manieth is kept once there are too many.
#[derive(Debug)]
struct Kept {
    values: Vec<f64>,
    most: usize,
    every: u64,
    seen: u64,
}

impl Kept {
    const fn new(most: usize) -> Self {
        Self { values: Vec::new(), most, every: 1, seen: 0 }
    }

    fn push(&mut self, value: f64) {
        if self.seen.is_multiple_of(self.every) {
            if self.values.len() >= self.most {
                let mut at = 0_usize;
                self.values.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.every *= 2;
            }
            if self.seen.is_multiple_of(self.every) {
                self.values.push(value);
            }
        }
        self.seen += 1;
    }
}

/// Gathers the requests of a cell; what it keeps of each is small.
#[derive(Debug)]
pub(super) struct Gathered {
    first: Vec<f64>,
    per_token: Vec<f64>,
    latency: Vec<f64>,
    speed: Vec<f64>,
    gaps: Kept,
    tokens: u64,
    prompt_tokens: Vec<f64>,
    cached: u64,
    lumped: u64,
    uncounted: u64,
    late: u64,
    resent: u64,
    began: Option<Duration>,
    ended: Duration,
    /// Requests that gave a whole answer.
    pub(super) succeeded: u64,
    /// Requests that failed.
    pub(super) failed: u64,
    /// Why.
    pub(super) failures: Vec<Failures>,
    /// Each request, up to a bound.
    pub(super) rows: Vec<Row>,
    /// The server's software.
    pub(super) server: Option<String>,
}

/// A request that is sent later than this after its time was kept waiting by us.
const LATE: Duration = Duration::from_millis(20);

impl Default for Gathered {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            per_token: Vec::new(),
            latency: Vec::new(),
            speed: Vec::new(),
            gaps: Kept::new(GAPS),
            tokens: 0,
            prompt_tokens: Vec::new(),
            cached: 0,
            lumped: 0,
            uncounted: 0,
            late: 0,
            resent: 0,
            began: None,
            ended: Duration::ZERO,
            succeeded: 0,
            failed: 0,
            failures: Vec::new(),
            rows: Vec::new(),
            server: None,
        }
    }
}

impl Gathered {
    /// Takes a request that has ended.
    pub(super) fn take(&mut self, trace: &Trace) {
        self.began = Some(self.began.map_or(trace.due, |began| began.min(trace.due)));
        self.ended = self.ended.max(trace.end);
        self.late += u64::from(trace.sent.saturating_sub(trace.due) > LATE);
        self.resent += u64::from(trace.resent);
        if self.rows.len() < ROWS {
            self.rows.push(Row::of(trace));
        }
        if self.server.is_none() {
            self.server.clone_from(&trace.server);
        }
        match &trace.failure {
            None => self.take_answer(trace),
            Some(reason) => {
                self.failed += 1;
                match self.failures.iter_mut().find(|known| known.code == reason.code) {
                    Some(known) => known.count += 1,
                    None => {
                        self.failures.push(Failures { code: reason.code.clone(), text: reason.text.clone(), count: 1 });
                    }
                }
            }
        }
    }

    fn take_answer(&mut self, trace: &Trace) {
        self.succeeded += 1;
        let tokens = trace.tokens();
        self.tokens = self.tokens.saturating_add(tokens);
        let latency = trace.end.saturating_sub(trace.due);
        self.latency.push(millis(latency));
        if let (Some(first), Some(last)) = (trace.first(), trace.last()) {
            self.first.push(millis(first.saturating_sub(trace.due)));
            // In one piece there is no time between tokens that could be seen.
            if tokens > 1 && trace.pieces.len() > 1 {
                self.per_token.push(millis(last.saturating_sub(first)) / (tokens - 1) as f64);
            }
        }
        if !latency.is_zero() {
            self.speed.push(tokens as f64 / latency.as_secs_f64());
        }
        trace.gaps().into_iter().for_each(|gap| self.gaps.push(millis(gap)));
        self.prompt_tokens.extend(trace.usage.prompt.map(|tokens| tokens as f64));
        self.cached = self.cached.saturating_add(trace.usage.cached.unwrap_or(0));
        self.lumped += u64::from(trace.is_lumped());
        self.uncounted += u64::from(trace.usage.output.is_none());
    }

    /// From the first request's time to the last one's end.
    pub(super) fn span(&self) -> Duration {
        self.ended.saturating_sub(self.began.unwrap_or(self.ended))
    }

    /// The share of requests that were sent late, because we were.
    pub(super) fn late_share(&self) -> f64 {
        self.late as f64 / (self.succeeded + self.failed).max(1) as f64
    }

    /// The figures. `words`: a command's words stand for tokens.
    pub(super) fn figures(&self, words: bool) -> Vec<Figure> {
        let mut found = Vec::new();
        let prompt = self.about_prompts();
        times(
            &mut found,
            "time_to_first_token",
            &self.first,
            &[(0.9, "time_to_first_token_p90"), (0.99, "time_to_first_token_p99")],
            prompt,
        );
        times(&mut found, "time_per_output_token", &self.per_token, &[], self.about_counting(words));
        times(&mut found, "inter_token_latency", &self.gaps.values, &[], self.about_gaps());
        if let Some(figure) = found.iter_mut().find(|figure| figure.metric == "inter_token_latency") {
            figure.iterations = self.gaps.seen;
        }
        let tails = [(0.5, "request_latency_p50"), (0.9, "request_latency_p90"), (0.99, "request_latency_p99")];
        times(&mut found, "request_latency", &self.latency, &tails, None);
        let unit = if words { "words/s" } else { "tokens/s" };
        if !self.speed.is_empty() {
            let value = median(&self.speed).unwrap_or_default();
            found.push(Figure {
                samples: thinned(&self.speed).0,
                ..rate("request_output_throughput", value, unit, self.succeeded)
            });
        }
        let seconds = self.span().as_secs_f64();
        if self.succeeded > 0 && seconds > 0.0 {
            let note = format!(
                "{:.4} {} an answer",
                self.tokens as f64 / self.succeeded as f64,
                if words { "words" } else { "tokens" }
            );
            found.push(Figure {
                note: Some(note),
                ..rate("output_throughput", self.tokens as f64 / seconds, unit, self.tokens)
            });
            found.push(rate("request_throughput", self.succeeded as f64 / seconds, "requests/s", self.succeeded));
        }
        let all = self.succeeded + self.failed;
        if all > 0 {
            let share = self.succeeded as f64 / all as f64;
            found.push(Figure { note: self.about_failures(), ..rate("success_rate", share, "ratio", all) });
        }
        found
    }

    fn about_prompts(&self) -> Option<String> {
        if self.prompt_tokens.is_empty() {
            return None;
        }
        let mut text =
            format!("prompts of {} tokens, as the server counts", median(&self.prompt_tokens).unwrap_or_default());
        if self.cached > 0 {
            let share = self.cached as f64 / self.prompt_tokens.iter().sum::<f64>() * 100.0;
            text.push_str(&format!("; {share:.0} % of them came from its cache"));
        }
        Some(text)
    }

    fn about_counting(&self, words: bool) -> Option<String> {
        match (words, self.uncounted) {
            (true, _) => Some("words are counted in the place of tokens".into()),
            (false, 0) => None,
            (false, n) if n == self.succeeded => {
                Some("the server does not tell usage: each piece of a stream is counted as one token".into())
            }
            (false, n) => Some(format!(
                "of {n} of {} answers the server does not tell usage: each piece is counted as one token",
                self.succeeded
            )),
        }
    }

    fn about_gaps(&self) -> Option<String> {
        (self.lumped > 0).then(|| {
            format!(
                "pieces carry several tokens in {} of {} answers, and the server does not say how many: these are times \
                 between pieces",
                self.lumped, self.succeeded
            )
        })
    }

    fn about_failures(&self) -> Option<String> {
        let all = self.succeeded + self.failed;
        let reasons: Vec<String> = self.failures.iter().map(|one| format!("{} ({})", one.code, one.count)).collect();
        let failed = (self.failed > 0).then(|| format!("{} of {all} failed: {}", self.failed, reasons.join(", ")));
        let resent = (self.resent > 0).then(|| {
            format!("{} of {all} were sent twice: the server had closed the connection that it had kept", self.resent)
        });
        let notes: Vec<String> = failed.into_iter().chain(resent).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

fn rate(metric: &'static str, value: f64, unit: &'static str, iterations: u64) -> Figure {
    Figure {
        metric,
        value,
        unit,
        direction: Direction::Higher,
        upper: None,
        iterations,
        samples: Vec::new(),
        note: None,
    }
}

/// A time as its median, and percentiles of it as far as there are samples enough for them.
fn times(found: &mut Vec<Figure>, metric: &'static str, values: &[f64], tails: &Tails, note: Option<String>) {
    if values.is_empty() {
        return;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (samples, every) = thinned(values);
    let enough = |p: f64| sorted.len() >= enough_for(p);
    let lacking: Vec<String> = tails
        .iter()
        .filter(|(p, _)| !enough(*p))
        .map(|(p, _)| format!("p{:.0}: insufficient samples, {} of {}", p * 100.0, sorted.len(), enough_for(*p)))
        .collect();
    let kept = (every > 1).then(|| format!("each {every}th sample is kept"));
    let notes: Vec<String> = note.into_iter().chain(lacking).chain(kept).collect();
    let time = |metric, value| Figure { direction: Direction::Lower, ..rate(metric, value, "ms", sorted.len() as u64) };
    found.push(Figure {
        samples,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..time(metric, median(values).unwrap_or_default())
    });
    for (p, name) in tails.iter().filter(|(p, _)| enough(*p)) {
        if let Some(value) = percentile(&sorted, *p) {
            found.push(Figure { upper: upper_bound(&sorted, *p, CONFIDENCE), ..time(*name, value) });
        }
    }
}

/// At most [`SAMPLES`] of the values, evenly chosen, and each so-manieth it is.
fn thinned(values: &[f64]) -> (Vec<f64>, usize) {
    let every = values.len().div_ceil(SAMPLES).max(1);
    (values.iter().step_by(every).copied().collect(), every)
}

#[cfg(test)]
mod tests;
