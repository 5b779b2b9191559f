//! Runs and aggregates to benchmarks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::HELP;
use crate::harness::gather::{Gather, between, give_or_take, invalid, metric, middle, plain, sampled};
use crate::harness::units::{Unit, snake_case};
use crate::harness::{HarnessError, OnBenchmark, Warning};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "google-benchmark";

/// An entry of the output.
#[derive(Default)]
pub(super) struct Run<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) run_name: Option<Cow<'a, str>>,
    pub(super) is_aggregate: Option<bool>,
    pub(super) aggregate: Option<Cow<'a, str>>,
    /// The aggregate is a share, such as a coefficient of variation.
    pub(super) is_share: bool,
    pub(super) time_unit: Option<Cow<'a, str>>,
    pub(super) label: Option<Cow<'a, str>>,
    pub(super) big_o: Option<Cow<'a, str>>,
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) failed: bool,
    /// A time is null: it was not a number.
    pub(super) not_finite: bool,
    pub(super) real_time: Option<f64>,
    pub(super) cpu_time: Option<f64>,
    pub(super) rms: Option<f64>,
    pub(super) iterations: Option<u64>,
    pub(super) counters: Vec<(Cow<'a, str>, f64)>,
}

impl Run<'_> {
    /// The same without the text that it was read from.
    pub(super) fn into_owned(self) -> Run<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Run {
            name: own(self.name),
            run_name: self.run_name.map(own),
            is_aggregate: self.is_aggregate,
            aggregate: self.aggregate.map(own),
            is_share: self.is_share,
            time_unit: self.time_unit.map(own),
            label: self.label.map(own),
            big_o: self.big_o.map(own),
            message: self.message.map(own),
            failed: self.failed,
            not_finite: self.not_finite,
            real_time: self.real_time,
            cpu_time: self.cpu_time,
            rms: self.rms,
            iterations: self.iterations,
            counters: self.counters.into_iter().map(|(name, value)| (own(name), value)).collect(),
        }
    }
}

/// An aggregate of a benchmark.
struct Aggregate {
    name: Box<str>,
    is_share: bool,
    time_unit: Option<Box<str>>,
    big_o: Option<Box<str>>,
    real_time: Option<f64>,
    cpu_time: Option<f64>,
    rms: Option<f64>,
    iterations: Option<u64>,
    counters: Vec<(Box<str>, f64)>,
}

impl Aggregate {
    fn of(run: &mut Run<'_>) -> Self {
        Self {
            name: run.aggregate.take().unwrap_or(Cow::Borrowed("aggregate")).into(),
            is_share: run.is_share,
            time_unit: run.time_unit.take().map(Into::into),
            big_o: run.big_o.take().map(Into::into),
            real_time: run.real_time,
            cpu_time: run.cpu_time,
            rms: run.rms,
            iterations: run.iterations,
            counters: run.counters.drain(..).map(|(name, value)| (name.into(), value)).collect(),
        }
    }
}

/// What was measured in the repetitions: most benchmarks have one.
#[derive(Default)]
enum Values {
    #[default]
    None,
    One(f64),
    Many(Vec<f64>),
}

impl Values {
    fn push(&mut self, value: f64) {
        match self {
            Self::None => *self = Self::One(value),
            Self::One(first) => *self = Self::Many(vec![*first, value]),
            Self::Many(values) => values.push(value),
        }
    }

    fn all(&self) -> &[f64] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A benchmark with its repetitions. There can be hundreds of thousands: it is kept small.
#[derive(Default)]
struct Group {
    line: u64,
    name: Box<str>,
    unit: TimeUnit,
    real: Values,
    cpu: Values,
    counters: Vec<(Box<str>, Values)>,
    iterations: Option<u64>,
    rest: Option<Box<Rest>>,
}

/// What few benchmarks have.
#[derive(Default)]
struct Rest {
    note: Option<Box<str>>,
    failed: Option<Box<str>>,
    aggregates: Vec<Aggregate>,
}

/// The unit of a benchmark's times, without an allocation for those that the library writes.
#[derive(Default)]
enum TimeUnit {
    #[default]
    Nanoseconds,
    Other(Box<str>),
}

impl TimeUnit {
    fn of(written: Option<&str>) -> Self {
        match written {
            None | Some("ns") => Self::Nanoseconds,
            Some(other) => Self::Other(other.into()),
        }
    }

    fn unit(&self) -> Unit {
        match self {
            Self::Nanoseconds => Unit::nanoseconds(),
            Self::Other(written) => Unit::time(written).unwrap_or_else(Unit::nanoseconds),
        }
    }
}

/// The names that old versions, which do not mark aggregates, put behind a benchmark's.
const ENDINGS: [&str; 6] = ["_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS"];

/// All entries of an output.
#[derive(Default)]
pub(super) struct Runs {
    gather: Gather,
    groups: Vec<Group>,
    /// Where the benchmarks of this document stand in `groups`.
    places: HashMap<Box<str>, usize>,
    documents: usize,
}

impl Runs {
    pub(super) fn add(&mut self, line: u64, run: &mut Run<'_>) {
        if run.is_aggregate.is_none() {
            self.mark_aggregate(run);
        }
        let is_aggregate = run.is_aggregate == Some(true);
        let name: &str = match (&run.run_name, is_aggregate) {
            (Some(name), true) => name,
            _ => &run.name,
        };
        let place = self.place(line, name);
        if let Some(group) = self.groups.get_mut(place) {
            if is_aggregate { group.rest().aggregates.push(Aggregate::of(run)) } else { group.repetition(run) }
        }
    }

    /// Without the mark, an ending counts where the name before it was measured, or is a family's.
    fn mark_aggregate(&self, run: &mut Run<'_>) {
        let Some(ending) = ENDINGS.iter().find(|ending| run.name.ends_with(*ending)) else { return };
        let Some(base) = run.name.strip_suffix(ending) else { return };
        if matches!(*ending, "_BigO" | "_RMS") || self.places.contains_key(base) {
            run.run_name = Some(Cow::Owned(base.to_owned()));
            run.aggregate = Some(Cow::Borrowed(ending.trim_start_matches('_')));
            run.is_aggregate = Some(true);
        }
    }

    /// Where the benchmark of this name stands; it is begun if there is none.
    fn place(&mut self, line: u64, name: &str) -> usize {
        // Repetitions mostly follow each other.
        if !self.places.is_empty() && self.groups.last().is_some_and(|last| *last.name == *name) {
            return self.groups.len() - 1;
        }
        // Nearly all others are new: the name is hashed once.
        match self.places.entry(name.into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let place = *new.insert(self.groups.len());
                self.groups.push(Group { line, name: name.into(), ..Group::default() });
                place
            }
        }
    }

    /// What comes later are not repetitions of what came so far.
    pub(super) fn end_of_document(&mut self) {
        self.places.clear();
        self.documents += 1;
    }

    pub(super) fn warn(&mut self, line: u64, text: &str) {
        self.gather.warn(line, text);
    }

    pub(super) fn broken(&mut self, line: u64, text: &str) {
        self.gather.broken(line, text);
    }

    /// Hands out the benchmarks.
    ///
    /// # Errors
    /// If there is none; `last` is the last line, and `what` was missed.
    pub(super) fn hand_out(
        self,
        last: u64,
        what: &str,
        take: &mut OnBenchmark<'_>,
    ) -> Result<Vec<Warning>, HarnessError> {
        drop(self.places);
        let benchmarks = self.groups.into_iter().map(|group| (group.line, group.benchmark()));
        // Within a document, what has one name is one benchmark.
        self.gather.hand_out(benchmarks, self.documents > 1, (last, what, HELP), take)
    }
}

impl Group {
    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    fn aggregates(&self) -> &[Aggregate] {
        self.rest.as_ref().map_or(&[], |rest| &rest.aggregates)
    }

    fn repetition(&mut self, run: &mut Run<'_>) {
        if run.failed {
            self.rest().failed = Some(run.message.take().unwrap_or(Cow::Borrowed("the benchmark failed")).into());
            return;
        }
        if run.not_finite {
            self.rest().failed.get_or_insert_with(|| "its time is not a number".into());
        }
        self.unit = TimeUnit::of(run.time_unit.as_deref());
        run.real_time.into_iter().for_each(|value| self.real.push(value));
        run.cpu_time.into_iter().for_each(|value| self.cpu.push(value));
        if let Some(label) = run.label.take().filter(|label| !label.is_empty()) {
            self.rest().note = Some(label.into());
        }
        if let Some(iterations) = run.iterations {
            self.iterations = Some(self.iterations.unwrap_or(0).saturating_add(iterations));
        }
        for (name, value) in run.counters.drain(..) {
            match self.counters.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, values)) => values.push(value),
                None => self.counters.push((name.into(), Values::One(value))),
            }
        }
    }

    fn benchmark(mut self) -> Benchmark {
        let unit = self.unit.unit();
        let mut benchmark = Benchmark::new(std::mem::take(&mut self.name));
        let metrics = &mut benchmark.metrics;
        metrics.reserve(2 + self.counters.len());
        metrics.extend(self.time("wall_time", self.real.all(), &unit, |run| run.real_time));
        metrics.extend(self.time("cpu_time", self.cpu.all(), &unit, |run| run.cpu_time));
        for (name, values) in &self.counters {
            let values = values.all();
            let (mut found, unit) = counter(name, middle(values));
            if values.len() > 1 {
                found = sampled(found, values, &unit);
            }
            metrics.push(found);
        }
        let Some(rest) = self.rest.as_deref() else {
            if metrics.is_empty() {
                benchmark.validity = invalid("the output has no figure for it");
            }
            return benchmark;
        };
        if self.counters.is_empty() {
            metrics.extend(self.counters_of_aggregates());
        }
        metrics.extend(self.other_aggregates());
        if let Some(first) = metrics.first_mut() {
            first.note = rest.note.as_deref().map(str::to_owned).or(first.note.take());
        }
        match &rest.failed {
            Some(why) => benchmark.validity = invalid(why.clone()),
            None if metrics.is_empty() => benchmark.validity = invalid("the output has no figure for it"),
            None => {}
        }
        benchmark
    }

    /// One of the two times: the median of the repetitions, or what the aggregates say of it.
    fn time(&self, name: &str, values: &[f64], unit: &Unit, of: impl Fn(&Aggregate) -> Option<f64>) -> Option<Metric> {
        let aggregate = |name: &str| {
            self.aggregates().iter().find(|run| *run.name == *name && !run.is_share && run.big_o.is_none()).and_then(
                |run| Some((of(run)?, Unit::time(run.time_unit.as_deref()?).unwrap_or_else(Unit::nanoseconds))),
            )
        };
        let mut found = match values {
            [] => {
                let (value, unit) = aggregate("median").or_else(|| aggregate("mean"))?;
                let iterations = self.aggregates().iter().find_map(|run| run.iterations);
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
        let by = |name: &str| self.aggregates().iter().find(|run| *run.name == *name);
        let run = by("median").or_else(|| by("mean"));
        run.map(|run| run.counters.iter().map(|(name, value)| counter(name, *value).0).collect()).unwrap_or_default()
    }

    /// The mean, complexities, and statistics that the program adds itself.
    fn other_aggregates(&self) -> Vec<Metric> {
        let mut all = Vec::new();
        for run in self.aggregates() {
            let name = &*run.name;
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
