//! Runs and aggregates to benchmarks.

use std::collections::HashMap;

use super::HELP;
use crate::harness::gather::{Gather, between, give_or_take, invalid, metric, middle, plain, sampled};
use crate::harness::units::{Unit, snake_case};
use crate::harness::{HarnessError, Parsed};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "google-benchmark";

/// An entry of the output.
#[derive(Default)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) run_name: Option<String>,
    pub(super) is_aggregate: Option<bool>,
    pub(super) aggregate: Option<String>,
    /// The aggregate is a share, such as a coefficient of variation.
    pub(super) is_share: bool,
    pub(super) time_unit: Option<String>,
    pub(super) label: Option<String>,
    pub(super) big_o: Option<String>,
    pub(super) message: Option<String>,
    pub(super) failed: bool,
    /// A time is null: it was not a number.
    pub(super) not_finite: bool,
    pub(super) real_time: Option<f64>,
    pub(super) cpu_time: Option<f64>,
    pub(super) rms: Option<f64>,
    pub(super) iterations: Option<u64>,
    pub(super) counters: Vec<(Box<str>, f64)>,
}

/// A benchmark with its repetitions.
#[derive(Default)]
struct Group {
    line: u64,
    name: String,
    unit: String,
    real: Vec<f64>,
    cpu: Vec<f64>,
    counters: Vec<(Box<str>, Vec<f64>)>,
    iterations: Option<u64>,
    note: Option<String>,
    failed: Option<String>,
    aggregates: Vec<Run>,
}

/// The names that old versions, which do not mark aggregates, put behind a benchmark's.
const ENDINGS: [&str; 6] = ["_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS"];

#[derive(Default)]
pub(super) struct Runs {
    gather: Gather,
    groups: Vec<Group>,
    places: HashMap<String, usize>,
}

impl Runs {
    pub(super) fn add(&mut self, line: u64, mut run: Run) {
        let ending = ENDINGS.iter().find(|ending| run.name.ends_with(*ending)).filter(|_| run.is_aggregate.is_none());
        let base = ending.and_then(|ending| run.name.strip_suffix(ending)).map(str::to_owned);
        // Without the mark, an ending counts where the name before it was measured, or is a family's.
        let known = base.filter(|base| {
            let is_family = ending.is_some_and(|ending| matches!(*ending, "_BigO" | "_RMS"));
            is_family || self.places.contains_key(base.as_str())
        });
        if let Some(base) = known {
            run.aggregate = ending.map(|ending| ending.trim_start_matches('_').to_owned());
            run.is_aggregate = Some(true);
            run.run_name = Some(base);
        }
        let is_aggregate = run.is_aggregate == Some(true);
        let name = match (&run.run_name, is_aggregate) {
            (Some(name), true) => name.clone(),
            _ => run.name.clone(),
        };
        let place = *self.places.entry(name).or_insert_with_key(|name| {
            self.groups.push(Group { line, name: name.clone(), ..Group::default() });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(place) {
            if is_aggregate { group.aggregates.push(run) } else { group.repetition(run) }
        }
    }

    /// What comes later are not repetitions of what came so far.
    pub(super) fn end_of_document(&mut self) {
        self.places.clear();
        for group in std::mem::take(&mut self.groups) {
            let line = group.line;
            let benchmark = group.benchmark();
            self.gather.add(line, benchmark);
        }
    }

    pub(super) fn warn(&mut self, line: u64, text: &str) {
        self.gather.warn(line, text);
    }

    pub(super) fn broken(&mut self, line: u64, text: &str) {
        self.gather.broken(line, text);
    }

    pub(super) fn finish(mut self, last: u64, what: &str) -> Result<Parsed, HarnessError> {
        self.end_of_document();
        self.gather.finish(last, what, HELP)
    }
}

impl Group {
    fn repetition(&mut self, run: Run) {
        if run.failed {
            self.failed = Some(run.message.unwrap_or_else(|| "the benchmark failed".into()));
            return;
        }
        if run.not_finite {
            self.failed.get_or_insert_with(|| "its time is not a number".into());
        }
        self.unit = run.time_unit.unwrap_or_else(|| "ns".into());
        self.real.extend(run.real_time);
        self.cpu.extend(run.cpu_time);
        self.note = run.label.filter(|label| !label.is_empty()).or(self.note.take());
        if let Some(iterations) = run.iterations {
            self.iterations = Some(self.iterations.unwrap_or(0).saturating_add(iterations));
        }
        for (name, value) in run.counters {
            match self.counters.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => self.counters.push((name, vec![value])),
            }
        }
    }

    fn benchmark(self) -> Benchmark {
        let unit = Unit::time(&self.unit).unwrap_or_else(Unit::nanoseconds);
        let mut benchmark = Benchmark::new(self.name.clone());
        let metrics = &mut benchmark.metrics;
        if let Some(found) = self.time("wall_time", &self.real, &unit, |run| run.real_time) {
            metrics.push(found);
        }
        if let Some(found) = self.time("cpu_time", &self.cpu, &unit, |run| run.cpu_time) {
            metrics.push(found);
        }
        for (name, values) in &self.counters {
            let (mut found, unit) = counter(name, middle(values));
            if values.len() > 1 {
                found = sampled(found, values, &unit);
            }
            metrics.push(found);
        }
        if self.counters.is_empty() {
            metrics.extend(self.counters_of_aggregates());
        }
        metrics.extend(self.other_aggregates());
        if let Some(first) = metrics.first_mut() {
            first.note = self.note.clone().or(first.note.take());
        }
        if metrics.is_empty() {
            benchmark.validity = invalid(self.failed.unwrap_or_else(|| "the output has no figure for it".into()));
        } else if let Some(why) = self.failed {
            benchmark.validity = invalid(why);
        }
        benchmark
    }

    /// One of the two times: the median of the repetitions, or what the aggregates say of it.
    fn time(&self, name: &str, values: &[f64], unit: &Unit, of: impl Fn(&Run) -> Option<f64>) -> Option<Metric> {
        let aggregate = |name: &str| {
            self.aggregates
                .iter()
                .find(|run| run.aggregate.as_deref() == Some(name) && !run.is_share && run.big_o.is_none())
                .and_then(|run| {
                    Some((of(run)?, Unit::time(run.time_unit.as_deref()?).unwrap_or_else(Unit::nanoseconds)))
                })
        };
        let mut found = match values {
            [] => {
                let (value, unit) = aggregate("median").or_else(|| aggregate("mean"))?;
                let iterations = self.aggregates.iter().find_map(|run| run.iterations);
                let mut found = metric(FORMAT, name, value, &unit);
                found.note = iterations.map(|repetitions| format!("of {repetitions} repetitions"));
                found
            }
            [one] => metric(FORMAT, name, *one, unit),
            many => sampled(metric(FORMAT, name, middle(many), unit), many, unit),
        };
        found.iterations = self.iterations;
        match aggregate("stddev") {
            Some((deviation, unit)) => Some(give_or_take(found, Some(deviation), &unit)),
            None => Some(between(found, None, None, unit)),
        }
    }

    /// Where only aggregates were written: the counters of the median.
    fn counters_of_aggregates(&self) -> Vec<Metric> {
        let by = |name: &str| self.aggregates.iter().find(|run| run.aggregate.as_deref() == Some(name));
        let run = by("median").or_else(|| by("mean"));
        run.map(|run| run.counters.iter().map(|(name, value)| counter(name, *value).0).collect()).unwrap_or_default()
    }

    /// The mean, complexities, and statistics that the program adds itself.
    fn other_aggregates(&self) -> Vec<Metric> {
        let mut all = Vec::new();
        for run in &self.aggregates {
            let name = run.aggregate.as_deref().unwrap_or("aggregate");
            let unit = Unit::time(run.time_unit.as_deref().unwrap_or("ns")).unwrap_or_else(Unit::nanoseconds);
            let times = [("wall_time", run.real_time), ("cpu_time", run.cpu_time)];
            match name {
                "median" | "stddev" | "cv" => {}
                "RMS" => all.extend(run.rms.map(|rms| plain(FORMAT, "complexity_rms", rms, "ratio", Direction::Lower))),
                "BigO" => {
                    for (of, value) in times {
                        let Some(value) = value else { continue };
                        let mut found = metric(FORMAT, &format!("complexity_{of}"), value, &unit);
                        found.note = run.big_o.as_ref().map(|of| format!("coefficient of {of}"));
                        all.push(found);
                    }
                }
                _ if run.is_share => {}
                name => {
                    let named = |of: &str| format!("{of}_{}", snake_case(name));
                    all.extend(
                        times.iter().filter_map(|(of, value)| Some(metric(FORMAT, &named(of), (*value)?, &unit))),
                    );
                }
            }
        }
        all
    }
}

/// A counter of the library or of the program.
fn counter(name: &str, value: f64) -> (Metric, Unit) {
    let (metric_name, unit) = match name {
        "bytes_per_second" => ("throughput".to_owned(), Unit::of("B/s")),
        "items_per_second" => ("rate".to_owned(), Unit::of("ops/s")),
        "max_bytes_used" | "total_allocated_bytes" | "net_heap_growth" => (name.to_owned(), Unit::of("bytes")),
        name if name.ends_with("_per_second") || name.ends_with("/s") || name.ends_with("PerSecond") => {
            (snake_case(name.strip_suffix("/s").unwrap_or(name)), Unit::of("ops/s"))
        }
        name => (snake_case(name), Unit::as_written("count")),
    };
    let mut found = metric(FORMAT, &metric_name, value, &unit);
    found.original_unit = None;
    (found, unit)
}
