//! From what single runs used to the metrics of a benchmark.

use crate::execute::launch::Usage;
use crate::results::{Direction, Metric, Summary};
use crate::stats;

/// Coverage of the interval shown beside a median.
const CONFIDENCE: f64 = 0.95;

/// The samples of a command, one column a metric.
#[derive(Debug, Default)]
pub(super) struct Columns {
    wall: Vec<f64>,
    user: Vec<f64>,
    system: Vec<f64>,
    cpu: Vec<f64>,
    memory: Vec<f64>,
}

/// The figures of one run as (metric, value), in the document's units.
pub(super) fn values(usage: &Usage) -> Vec<(String, f64)> {
    let ns = |time: std::time::Duration| time.as_nanos() as f64;
    vec![
        ("wall_time".into(), ns(usage.wall)),
        ("cpu_time".into(), ns(usage.user + usage.system)),
        ("user_time".into(), ns(usage.user)),
        ("system_time".into(), ns(usage.system)),
        ("peak_memory".into(), usage.peak_memory as f64),
    ]
}

impl Columns {
    pub(super) fn push(&mut self, usage: &Usage) {
        let columns = [&mut self.wall, &mut self.cpu, &mut self.user, &mut self.system, &mut self.memory];
        for (column, (_, value)) in columns.into_iter().zip(values(usage)) {
            column.push(value);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.wall.len()
    }

    /// The figure to show while sampling: the median wall time so far, in nanoseconds.
    pub(super) fn wall_so_far(&self) -> Option<f64> {
        stats::median(&self.wall)
    }

    /// The metrics; `floor` is the size in bytes below which peak memory cannot be told.
    pub(super) fn into_metrics(self, floor: Option<u64>) -> Vec<Metric> {
        let time = |name: &str, source: &str, samples: Vec<f64>| metric(name, "ns", source, samples);
        let mut memory = metric("peak_memory", "bytes", "rusage", self.memory);
        if let (Some(memory), Some(floor)) = (&mut memory, floor)
            && memory.value <= floor as f64
        {
            memory.note = Some(format!("at most this: sizes up to {floor} bytes cannot be told apart here"));
        }
        [
            time("wall_time", "clock", self.wall),
            time("cpu_time", "rusage", self.cpu),
            time("user_time", "rusage", self.user),
            time("system_time", "rusage", self.system),
            memory,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn metric(name: &str, unit: &str, source: &str, samples: Vec<f64>) -> Option<Metric> {
    let summary = summary(&samples)?;
    Some(Metric {
        metric: name.to_owned(),
        value: summary.median,
        unit: unit.to_owned(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: source.to_owned(),
        summary: Some(summary),
        samples,
        note: None,
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
