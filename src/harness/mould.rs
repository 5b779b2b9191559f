//! Benchmarks made in the memory of earlier ones: a large output has a million, and asking for new memory for each text
//! of each metric took longer than reading the output.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::adapter::OnBenchmark;
use super::gather::Gather;
use crate::results::{Benchmark, Metric, Validity};

/// One benchmark after the other.
pub(super) struct Mould {
    benchmark: Benchmark,
    /// How many of its metrics are this benchmark's; the others are of earlier ones.
    used: usize,
    /// Metrics of earlier benchmarks.
    spare: Vec<Metric>,
}

impl Default for Mould {
    fn default() -> Self {
        Self { benchmark: Benchmark::new(""), used: 0, spare: Vec::new() }
    }
}

impl Mould {
    /// Begins a benchmark.
    pub(super) fn begin<'a>(&mut self, name: &str, parameters: impl Iterator<Item = (&'a str, &'a str)> + Clone) {
        let Benchmark {
            step,
            name: own_name,
            parameters: own_parameters,
            model,
            target,
            metrics: _,
            base,
            iterations,
            validity,
            conditions,
            execution,
        } = &mut self.benchmark;
        refill_text(own_name, name);
        refill_parameters(own_parameters, parameters);
        step.clear();
        (*model, *target, *validity, *conditions, *execution) = (None, None, Validity::Valid, None, None);
        base.clear();
        iterations.clear();
        self.used = 0;
    }

    /// Adds a metric like this one.
    pub(super) fn metric(&mut self, like: &Metric) -> &mut Metric {
        let metrics = &mut self.benchmark.metrics;
        if self.used >= metrics.len() {
            metrics.push(self.spare.pop().unwrap_or_else(|| like.clone()));
            self.used = metrics.len() - 1;
        }
        let metric = &mut metrics[self.used];
        self.used += 1;
        refill_metric(metric, like);
        metric
    }

    /// The first metric of this benchmark.
    pub(super) fn first(&mut self) -> Option<&mut Metric> {
        self.benchmark.metrics.get_mut(..self.used)?.first_mut()
    }

    /// Says how far it can be trusted.
    pub(super) fn judge(&mut self, validity: Validity) {
        self.benchmark.validity = validity;
    }

    /// Hands out the benchmark, which stands on this line.
    pub(super) fn hand(&mut self, line: u64, gather: &mut Gather, take: &mut OnBenchmark<'_>) -> ControlFlow<()> {
        self.spare.extend(self.benchmark.metrics.drain(self.used..));
        gather.hand(line, &mut self.benchmark, take)
    }
}

fn refill_text(text: &mut String, with: &str) {
    text.clear();
    text.push_str(with);
}

fn refill_parameters<'a>(
    known: &mut BTreeMap<String, String>,
    parameters: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) {
    if known.len() != parameters.clone().count() || !parameters.clone().all(|(key, _)| known.contains_key(key)) {
        known.clear();
    }
    for (key, value) in parameters {
        match known.get_mut(key) {
            Some(text) => refill_text(text, value),
            None => drop(known.insert(key.to_owned(), value.to_owned())),
        }
    }
}

/// What [`Clone::clone_from`] would do, if it were derived so.
fn refill_metric(metric: &mut Metric, like: &Metric) {
    let Metric { metric: name, unit, original_unit, source, samples, summary, note, .. } = metric;
    name.clone_from(&like.metric);
    unit.clone_from(&like.unit);
    original_unit.clone_from(&like.original_unit);
    source.clone_from(&like.source);
    samples.clone_from(&like.samples);
    summary.clone_from(&like.summary);
    note.clone_from(&like.note);
    let Metric { value, direction, lower, upper, iterations, .. } = like;
    (metric.value, metric.direction, metric.iterations) = (*value, *direction, *iterations);
    (metric.lower, metric.upper) = (*lower, *upper);
}
