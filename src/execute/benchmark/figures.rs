//! What the document says beside the samples: summaries, and where a figure has a floor.

use crate::results::{Benchmark, Metric, Summary};
use crate::stats;

/// Coverage of the interval shown beside a median.
const CONFIDENCE: f64 = 0.95;

/// Describes the samples of a benchmark. `floor` is the size in bytes below which the peak memory of a measured command
/// cannot be told.
pub(super) fn describe(benchmark: &mut Benchmark, floor: Option<u64>) {
    for metric in benchmark.metrics.iter_mut().chain(&mut benchmark.base) {
        if metric.summary.is_none() {
            metric.summary = summary(&metric.samples);
        }
        note_floor(metric, floor);
    }
}

fn note_floor(metric: &mut Metric, floor: Option<u64>) {
    if let Some(floor) = floor.filter(|floor| metric.value <= *floor as f64)
        && metric.metric == "peak_memory"
        && metric.source == "rusage"
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
