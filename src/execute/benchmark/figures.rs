//! From what single runs used to the metrics of a benchmark.

use super::rig::Rig;
use crate::results::{Direction, Measured, Metric, Summary};
use crate::stats;

/// Coverage of the interval shown beside a median.
const CONFIDENCE: f64 = 0.95;
/// The note on a count that was the same in every execution.
const DETERMINISTIC: &str = "deterministic";

/// The samples of a command, one column a metric, in the order of the first reading.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<(String, Vec<f64>)>);

impl Columns {
    /// Takes the figures of one good run.
    pub(super) fn push(&mut self, values: &[(String, f64)]) {
        for (name, value) in values {
            match self.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, column)) => column.push(*value),
                None => self.0.push((name.clone(), vec![*value])),
            }
        }
    }

    /// How many runs there were.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(_, column)| column.len()).max().unwrap_or(0)
    }

    /// The figure to show while sampling: the median wall time so far, in nanoseconds.
    pub(super) fn wall_so_far(&self) -> Option<f64> {
        self.0.iter().find(|(name, _)| name == "wall_time").and_then(|(_, column)| stats::median(column))
    }

    /// The metrics, as this rig measured them.
    pub(super) fn into_metrics(self, rig: &Rig) -> Vec<Metric> {
        let (source, floor) = rig.memory_source();
        let metrics = self.0.into_iter().filter_map(|(name, samples)| {
            let memory = name == "peak_memory";
            let usual = Measured::find(&name).map_or("rusage", |known| known.source);
            let mut metric = metric(&name, if memory { source } else { usual }, samples)?;
            if let Some(floor) = floor.filter(|floor| memory && metric.value <= *floor as f64) {
                metric.note = Some(format!("at most this: sizes up to {floor} bytes cannot be told apart here"));
            }
            Some(metric)
        });
        metrics.collect()
    }
}

/// One of our metrics; `None` without a sample.
pub(super) fn metric(name: &str, source: &str, samples: Vec<f64>) -> Option<Metric> {
    let summary = summary(&samples)?;
    let known = Measured::find(name);
    let constant = samples.len() > 1 && summary.min == summary.max && summary.min > 0.0;
    let deterministic = known.is_some_and(|known| known.countable) && constant;
    Some(Metric {
        metric: name.to_owned(),
        value: summary.median,
        unit: known.map_or("count", |known| known.unit).to_owned(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: source.to_owned(),
        summary: Some(summary),
        samples,
        note: deterministic.then(|| DETERMINISTIC.to_owned()),
    })
}

/// The summary of samples as the document holds it; `None` for none.
pub(super) fn summary(samples: &[f64]) -> Option<Summary> {
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
