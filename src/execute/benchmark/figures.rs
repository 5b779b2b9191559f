//! What the document says beside the samples: summaries, and where a figure has a floor.

use crate::results::{Benchmark, Direction, Measured, Metric, Summary};
use crate::stats;

/// Coverage of the interval shown beside a median.
const CONFIDENCE: f64 = 0.95;
/// The note on a count that was the same in every execution.
const DETERMINISTIC: &str = "deterministic";

/// Describes the samples of a benchmark. `floor` is the size in bytes below which the peak memory of a measured command
/// cannot be told.
pub(super) fn describe(benchmark: &mut Benchmark, floor: Option<u64>) {
    for metric in benchmark.metrics.iter_mut().chain(&mut benchmark.base) {
        if metric.summary.is_none() {
            metric.summary = summary(&metric.samples);
        }
        note_floor(metric, floor);
        note_deterministic(metric);
    }
}

/// One of our metrics, measured apart; `None` without a sample.
pub(super) fn metric(name: &str, source: &str, samples: Vec<f64>) -> Option<Metric> {
    let value = stats::median(&samples)?;
    let unit = Measured::find(name).map_or("count", |known| known.unit).to_owned();
    let mut metric = Metric {
        metric: name.to_owned(),
        value,
        unit,
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: source.to_owned(),
        summary: summary(&samples),
        samples,
        note: None,
    };
    note_deterministic(&mut metric);
    Some(metric)
}

fn note_deterministic(metric: &mut Metric) {
    let countable = Measured::find(&metric.metric).is_some_and(|known| known.countable);
    let first = metric.samples.first().copied().unwrap_or_default();
    let constant = metric.samples.len() > 1 && metric.samples.iter().all(|value| *value == first);
    if countable && constant && first > 0.0 {
        metric.note = Some(DETERMINISTIC.to_owned());
    }
}

fn note_floor(metric: &mut Metric, floor: Option<u64>) {
    if let Some(floor) = floor.filter(|floor| metric.value <= *floor as f64)
        && metric.metric == "peak_memory"
    {
        metric.note = Some(format!("at most this: sizes up to {floor} bytes cannot be told apart here"));
    }
}

/// The summary of samples as the document holds it; `None` for none.
fn summary(samples: &[f64]) -> Option<Summary> {
    let told = stats::summarise(samples, CONFIDENCE)?;
    Some(Summary {
        n: told.n as u64,
        median: told.median,
        mean: told.mean,
        min: told.min,
        max: told.max,
        spread: told.spread,
        low: told.interval.map(|interval| interval.low),
        high: told.interval.map(|interval| interval.high),
        confidence: told.interval.map(|interval| interval.confidence),
    })
}

#[cfg(test)]
mod tests {
    use super::metric;

    #[test]
    fn only_counts_that_never_differ_are_deterministic() {
        let note = |name: &str, samples: &[f64]| metric(name, "x", samples.to_vec()).and_then(|metric| metric.note);
        assert_eq!(note("instructions", &[7.0, 7.0]).as_deref(), Some("deterministic"));
        assert_eq!(note("instructions", &[7.0, 8.0]), None);
        assert_eq!(note("instructions", &[7.0]), None, "one is no proof");
        assert_eq!(note("wall_time", &[7.0, 7.0]), None, "a clock that agrees is a coincidence");
        assert_eq!(note("minor_faults", &[0.0, 0.0]), None);
        assert!(metric("instructions", "x", Vec::new()).is_none());
    }
}
