//! Collects the benchmarks of an output, and keeps the rules that hold for all of them: never none, never two alike.

use std::ops::ControlFlow;

use crate::results::{Benchmark, Direction, Metric, Reason, Validity};

use super::adapter::OnBenchmark;
use super::units::Unit;
use super::{HarnessError, Parsed, Repeats, Warning, number_repeats, quoted};

/// The most warnings that are kept.
const WARNINGS: usize = 100;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Gather {
    pub(super) benchmarks: Vec<Benchmark>,
    lines: Vec<u64>,
    warnings: Vec<Warning>,
    left_out: u64,
    broken: Option<(u64, String)>,
    /// The names that were handed out, where equal ones are told apart.
    repeats: Option<Repeats>,
}

impl Gather {
    /// Takes a benchmark that stands on this line. Values that are no numbers are taken out, with a warning; one that
    /// has no other is kept and marked invalid.
    pub(super) fn add(&mut self, line: u64, mut benchmark: Benchmark) {
        self.check(line, &mut benchmark);
        self.benchmarks.push(benchmark);
        self.lines.push(line);
    }

    fn check(&mut self, line: u64, benchmark: &mut Benchmark) {
        let usable = |value: f64| value.is_finite();
        let before = benchmark.metrics.len();
        benchmark.metrics.retain(|metric| usable(metric.value));
        if benchmark.metrics.len() < before {
            self.warn(line, format!("`{}` has a value that is no number; left out", quoted(&benchmark.name)));
        }
        for metric in &mut benchmark.metrics {
            metric.lower = metric.lower.filter(|value| usable(*value));
            metric.upper = metric.upper.filter(|value| usable(*value));
            metric.samples.retain(|value| usable(*value));
        }
        if benchmark.metrics.is_empty() && benchmark.validity == Validity::Valid {
            self.warn(line, format!("`{}` has no figure", quoted(&benchmark.name)));
            benchmark.validity = invalid("the output has no figure for it");
        }
    }

    /// Something odd on this line.
    pub(super) fn warn(&mut self, line: u64, text: impl Into<String>) {
        match self.warnings.len() < WARNINGS {
            true => self.warnings.push(Warning { line, text: text.into() }),
            false => self.left_out += 1,
        }
    }

    /// A line that looks like a result and cannot be read.
    pub(super) fn broken(&mut self, line: u64, text: &str) {
        self.warn(line, format!("looks like a result, but cannot be read: `{}`", quoted(text)));
        self.broken.get_or_insert_with(|| (line, quoted(text)));
    }

    /// All of it. Benchmarks of the same series are numbered.
    ///
    /// # Errors
    /// Where there is no benchmark; `last` is the last line, `what` was missed, and `help` says what to do.
    pub(super) fn finish(self, last: u64, what: &str, help: &str) -> Result<Parsed, HarnessError> {
        self.end(last, what, help, true)
    }

    /// The same, where equal names are the format's own affair.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(super) fn end(mut self, last: u64, what: &str, help: &str, number: bool) -> Result<Parsed, HarnessError> {
        if self.benchmarks.is_empty() {
            return Err(self.nothing(last, what, help));
        }
        if number {
            number_repeats(&mut self.benchmarks, &self.lines, &mut self.warnings);
        }
        let benchmarks = std::mem::take(&mut self.benchmarks);
        Ok(Parsed { benchmarks, warnings: self.warnings(last) })
    }

    /// From now on, benchmarks that are handed out may have the name of an earlier one.
    pub(super) fn number_repeats(&mut self) {
        self.repeats.get_or_insert_default();
    }

    /// Hands out a benchmark that was not added and stands on this line, by the rules for those that are.
    pub(super) fn hand(&mut self, line: u64, benchmark: &mut Benchmark, take: &mut OnBenchmark<'_>) -> ControlFlow<()> {
        if let Some(warning) = self.repeats.as_mut().and_then(|repeats| repeats.number(benchmark, line)) {
            self.warn(line, warning.text);
        }
        self.check(line, benchmark);
        take(benchmark)
    }

    /// There was none.
    pub(super) fn nothing(mut self, last: u64, what: &str, help: &str) -> HarnessError {
        match self.broken.take() {
            Some((line, text)) => HarnessError::new(line, 1, format!("cannot read `{text}`"), help),
            None => HarnessError::new(last.max(1), 1, what, help),
        }
    }

    /// What was odd.
    pub(super) fn warnings(mut self, last: u64) -> Vec<Warning> {
        self.warnings.sort_by_key(|warning| warning.line);
        if self.left_out > 0 {
            let text = format!("{} more warnings are left out", self.left_out);
            self.warnings.push(Warning { line: last.max(1), text });
        }
        self.warnings
    }
}

/// A benchmark that gave no figure, and why.
pub(super) fn invalid(why: impl Into<String>) -> Validity {
    Validity::Invalid { reason: Reason::new("no_figure", why) }
}

/// A metric of a format. The constructors of all metrics of adapters are [`metric`] and [`plain`].
pub(super) fn metric(format: &str, name: &str, value: f64, unit: &Unit) -> Metric {
    Metric {
        metric: name.into(),
        value: value * unit.scale,
        unit: unit.unit.clone(),
        direction: unit.direction(),
        lower: None,
        upper: None,
        iterations: None,
        original_unit: unit.original.clone(),
        source: ["harness:", format].concat(),
        samples: Vec::new(),
        summary: None,
        note: None,
    }
}

/// A metric without conversion.
pub(super) fn plain(format: &str, name: &str, value: f64, unit: &str, direction: Direction) -> Metric {
    let mut metric = metric(format, name, value, &Unit::as_written(unit));
    metric.direction = direction;
    metric
}

/// The metric with an interval in its original unit.
pub(super) fn between(mut metric: Metric, lower: Option<f64>, upper: Option<f64>, unit: &Unit) -> Metric {
    metric.lower = lower.map(|value| value * unit.scale);
    metric.upper = upper.map(|value| value * unit.scale);
    metric
}

/// The metric with its value minus and plus a deviation in its original unit, not below zero.
pub(super) fn give_or_take(mut metric: Metric, deviation: Option<f64>, unit: &Unit) -> Metric {
    deviate(&mut metric, deviation.map(|by| by * unit.scale));
    metric
}

/// Gives the metric an interval: its value minus and plus a deviation in its unit, not below zero.
pub(super) fn deviate(metric: &mut Metric, deviation: Option<f64>) {
    let by = deviation.filter(|by| by.is_finite() && *by >= 0.0);
    metric.lower = by.map(|by| if metric.value < 0.0 { metric.value - by } else { (metric.value - by).max(0.0) });
    metric.upper = by.map(|by| metric.value + by);
}

/// The metric with raw samples in its original unit.
pub(super) fn sampled(mut metric: Metric, samples: &[f64], unit: &Unit) -> Metric {
    metric.samples = samples.iter().map(|value| value * unit.scale).collect();
    metric
}

/// The median; zero for nothing.
pub(super) fn middle(values: &[f64]) -> f64 {
    middle_of(values, &mut Vec::new())
}

/// The median, with memory to sort in.
pub(super) fn middle_of(values: &[f64], sorted: &mut Vec<f64>) -> f64 {
    sorted.clear();
    sorted.extend_from_slice(values);
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (sorted.get(half), sorted.len() % 2) {
        (Some(upper), 0) => sorted.get(half - 1).map_or(*upper, |lower| f64::midpoint(*lower, *upper)),
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}
