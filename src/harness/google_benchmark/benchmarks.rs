//! What was collected of a benchmark, to the benchmark.

use super::contents::{Aggregate, Contents, Group, Row, Shape};
use crate::harness::gather::{between, give_or_take, invalid, metric, middle, plain, sampled};
use crate::harness::mould::Mould;
use crate::harness::pool::Texts;
use crate::harness::units::{Unit, snake_case};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "google-benchmark";

/// Makes the benchmarks.
pub(super) struct Making {
    contents: Contents,
    /// Of each shape, what its values become, with what they are multiplied with; nothing if that is less simple.
    likes: Vec<Option<Vec<(Metric, f64)>>>,
    mould: Mould,
}

impl Making {
    pub(super) fn new(contents: Contents) -> Self {
        let likes = contents.shapes.iter().map(|shape| likes(shape, &contents.texts)).collect();
        Self { contents, likes, mould: Mould::default() }
    }

    pub(super) fn benchmark(&mut self, group: &Group) -> &mut Mould {
        let name = str::from_utf8(self.contents.name(group)).unwrap_or_default();
        let likes = self.likes.get(group.first.shape as usize).and_then(Option::as_ref);
        let Some(likes) = likes.filter(|_| group.rest.is_none()) else {
            self.mould.whole(Collected::of(group, &self.contents).benchmark(name));
            return &mut self.mould;
        };
        self.mould.begin(name, std::iter::empty());
        let shape = self.contents.shape(group.first);
        let times = usize::from(shape.has_real) + usize::from(shape.has_cpu);
        for (index, ((like, scale), value)) in likes.iter().zip(self.contents.values(group.first)).enumerate() {
            let metric = self.mould.metric(like);
            metric.value = value * scale;
            metric.iterations = (shape.has_iterations && index < times).then_some(group.first.iterations);
        }
        &mut self.mould
    }
}

/// What the values of this shape become, if there are some and each is a metric of its own.
fn likes(shape: &Shape, texts: &Texts) -> Option<Vec<(Metric, f64)>> {
    let mut counters = shape.counters.clone();
    counters.sort_unstable();
    if shape.length() == 0 || counters.windows(2).any(|two| two[0] == two[1]) {
        return None;
    }
    let unit = unit_of(shape, texts);
    let times = [("wall_time", shape.has_real), ("cpu_time", shape.has_cpu)].into_iter().filter(|(_, has)| *has);
    let times = times.map(|(name, _)| (metric(FORMAT, name, 0.0, &unit), unit.scale));
    let counters = shape.counters.iter().map(|name| {
        let (found, unit) = counter(texts.text(*name), 0.0);
        (found, unit.scale)
    });
    Some(times.chain(counters).collect())
}

/// Nanoseconds, where nothing else is said.
fn unit_of(shape: &Shape, texts: &Texts) -> Unit {
    shape.unit.and_then(|unit| Unit::time(texts.text(unit))).unwrap_or_else(Unit::nanoseconds)
}

/// All that was measured of a benchmark.
struct Collected<'a> {
    group: &'a Group,
    texts: &'a Texts,
    unit: Unit,
    real: Vec<f64>,
    cpu: Vec<f64>,
    counters: Vec<(u32, Vec<f64>)>,
    iterations: Option<u64>,
}

impl<'a> Collected<'a> {
    fn of(group: &'a Group, contents: &'a Contents) -> Self {
        let unit =
            group.rows().last().map_or_else(Unit::nanoseconds, |row| unit_of(contents.shape(row), &contents.texts));
        let (real, cpu) = (Vec::new(), Vec::new());
        let mut collected =
            Self { group, texts: &contents.texts, unit, real, cpu, counters: Vec::new(), iterations: None };
        group.rows().for_each(|row| collected.add(row, contents));
        collected
    }

    fn add(&mut self, row: Row, contents: &Contents) {
        let shape = contents.shape(row);
        let mut values = contents.values(row).iter().copied();
        self.real.extend(values.by_ref().take(usize::from(shape.has_real)));
        self.cpu.extend(values.by_ref().take(usize::from(shape.has_cpu)));
        if shape.has_iterations {
            self.iterations = Some(self.iterations.unwrap_or(0).saturating_add(row.iterations));
        }
        for (name, value) in shape.counters.iter().zip(values) {
            match self.counters.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.push(value),
                None => self.counters.push((*name, vec![value])),
            }
        }
    }

    fn aggregates(&self) -> &'a [Aggregate] {
        self.group.rest.as_ref().map_or(&[], |rest| &rest.aggregates)
    }

    fn benchmark(&self, name: &str) -> Benchmark {
        let mut benchmark = Benchmark::new(name);
        let metrics = &mut benchmark.metrics;
        metrics.reserve(2 + self.counters.len() + self.aggregates().len());
        metrics.extend(self.time("wall_time", &self.real, |run| run.real_time));
        metrics.extend(self.time("cpu_time", &self.cpu, |run| run.cpu_time));
        for (name, values) in &self.counters {
            let (mut found, unit) = counter(self.texts.text(*name), middle(values));
            if values.len() > 1 {
                found = sampled(found, values, &unit);
            }
            metrics.push(found);
        }
        if self.counters.is_empty() {
            metrics.extend(self.counters_of_aggregates());
        }
        metrics.extend(self.other_aggregates());
        let rest = self.group.rest.as_deref();
        if let Some(first) = metrics.first_mut()
            && let Some(note) = rest.and_then(|rest| rest.note.as_deref())
        {
            first.note = Some(note.to_owned());
        }
        match rest.and_then(|rest| rest.failed.as_deref()) {
            Some(why) => benchmark.validity = invalid(why),
            None if metrics.is_empty() => benchmark.validity = invalid("the output has no figure for it"),
            None => {}
        }
        benchmark
    }

    /// The aggregate of this name.
    fn aggregate(&self, name: &str) -> Option<&'a Aggregate> {
        self.aggregates().iter().find(|run| self.texts.text(run.name) == name)
    }

    /// One of the two times: the median of the repetitions, or what the aggregates say of it.
    fn time(&self, name: &str, values: &[f64], of: impl Fn(&Aggregate) -> Option<f64>) -> Option<Metric> {
        let aggregate = |name: &str| {
            let is_time = |run: &&Aggregate| self.texts.text(run.name) == name && !run.is_share && run.big_o.is_none();
            let run = self.aggregates().iter().find(is_time)?;
            let unit = Unit::time(self.texts.text(run.time_unit?)).unwrap_or_else(Unit::nanoseconds);
            Some((of(run)?, unit))
        };
        let unit = &self.unit;
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
        let run = self.aggregate("median").or_else(|| self.aggregate("mean"));
        let counters = run.map_or(&[][..], |run| &run.counters);
        counters.iter().map(|(name, value)| counter(self.texts.text(*name), *value).0).collect()
    }

    /// The mean, complexities, and statistics that the program adds itself.
    fn other_aggregates(&self) -> Vec<Metric> {
        let mut all = Vec::new();
        for run in self.aggregates() {
            let unit =
                run.time_unit.and_then(|unit| Unit::time(self.texts.text(unit))).unwrap_or_else(Unit::nanoseconds);
            let times = [("wall_time", run.real_time), ("cpu_time", run.cpu_time)];
            match self.texts.text(run.name) {
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
