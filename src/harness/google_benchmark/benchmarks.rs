//! What was collected of a benchmark, to the benchmark.

use super::contents::{Aggregate, Contents, Group, Row, Shape};
use crate::harness::gather::{deviate, invalid, metric, middle_of, plain};
use crate::harness::mould::Mould;
use crate::harness::pool::{Columns, Texts};
use crate::harness::units::{Unit, snake_case};
use crate::results::{Direction, Metric};

const FORMAT: &str = "google-benchmark";

/// Makes the benchmarks.
pub(super) struct Making {
    contents: Contents,
    /// Of each shape, what its values become, with what they are multiplied with; nothing if that is less simple.
    likes: Vec<Option<Vec<(Metric, f64)>>>,
    known: Known,
    collected: Collected,
    mould: Mould,
}

impl Making {
    pub(super) fn new(contents: Contents) -> Self {
        let likes = contents.shapes.iter().map(|shape| likes(shape, &contents.texts)).collect();
        let (known, collected, mould) = (Known::default(), Collected::default(), Mould::default());
        Self { contents, likes, known, collected, mould }
    }

    pub(super) fn benchmark(&mut self, group: &Group) -> &mut Mould {
        let name = str::from_utf8(self.contents.name(group)).unwrap_or_default();
        self.mould.begin(name, std::iter::empty());
        let likes = self.likes.get(group.first.shape as usize).and_then(Option::as_ref);
        let Some(likes) = likes.filter(|_| group.rest.is_none()) else {
            self.collected.fill(group, &self.contents);
            let rest = group.rest.as_deref();
            let aggregates = rest.map_or(&[][..], |rest| &rest.aggregates);
            let (texts, known, collected) = (&self.contents.texts, &mut self.known, &mut self.collected);
            Described { aggregates, texts, known, collected }.put(&mut self.mould);
            if let Some((first, note)) = self.mould.first().zip(rest.and_then(|rest| rest.note.as_deref())) {
                first.note = Some(note.to_owned());
            }
            match rest.and_then(|rest| rest.failed.as_deref()) {
                Some(why) => self.mould.judge(invalid(why)),
                None if self.mould.first().is_none() => self.mould.judge(invalid("the output has no figure for it")),
                None => {}
            }
            return &mut self.mould;
        };
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
    let times = [(Clock::Wall, shape.has_real), (Clock::Cpu, shape.has_cpu)].into_iter().filter(|(_, has)| *has);
    let times = times.map(|(clock, _)| What::Time(clock, shape.unit));
    Some(times.chain(shape.counters.iter().copied().map(What::Counter)).map(|what| what.like(texts)).collect())
}

/// Nanoseconds, where nothing else is said.
fn unit_of(unit: Option<u32>, texts: &Texts) -> Unit {
    unit.and_then(|unit| Unit::time(texts.text(unit))).unwrap_or_else(Unit::nanoseconds)
}

/// All that was measured of a benchmark; the next one is collected in the same memory.
#[derive(Default)]
struct Collected {
    /// The last entry's.
    unit: Option<u32>,
    real: Vec<f64>,
    cpu: Vec<f64>,
    /// By their names.
    counters: Columns,
    iterations: Option<u64>,
    sorted: Vec<f64>,
}

impl Collected {
    fn fill(&mut self, group: &Group, contents: &Contents) {
        self.real.clear();
        self.cpu.clear();
        self.counters.clear();
        (self.unit, self.iterations) = (None, None);
        group.rows().for_each(|row| self.add(row, contents));
    }

    fn add(&mut self, row: Row, contents: &Contents) {
        let shape = contents.shape(row);
        self.unit = shape.unit;
        let mut values = contents.values(row).iter().copied();
        self.real.extend(values.by_ref().take(usize::from(shape.has_real)));
        self.cpu.extend(values.by_ref().take(usize::from(shape.has_cpu)));
        if shape.has_iterations {
            self.iterations = Some(self.iterations.unwrap_or(0).saturating_add(row.iterations));
        }
        for (name, value) in shape.counters.iter().zip(values) {
            self.counters.column(*name).push(value);
        }
    }
}

/// One of the two times of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Wall,
    Cpu,
}

impl Clock {
    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall_time",
            Self::Cpu => "cpu_time",
        }
    }

    fn of(self, run: &Aggregate) -> Option<f64> {
        match self {
            Self::Wall => run.real_time,
            Self::Cpu => run.cpu_time,
        }
    }
}

/// What a figure is of; texts by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Time(Clock, Option<u32>),
    Counter(u32),
    /// An aggregate of this name.
    Statistic(Clock, u32, Option<u32>),
    Complexity(Clock, Option<u32>),
    ComplexityRms,
}

impl What {
    /// A metric like all of this kind, and what values are multiplied with.
    fn like(self, texts: &Texts) -> (Metric, f64) {
        let time = |unit| unit_of(unit, texts);
        let timed = |name: &str, unit: Unit| (metric(FORMAT, name, 0.0, &unit), unit.scale);
        match self {
            Self::Time(clock, unit) => timed(clock.name(), time(unit)),
            Self::Counter(name) => counter(texts.text(name)),
            Self::Statistic(clock, name, unit) => {
                timed(&format!("{}_{}", clock.name(), snake_case(texts.text(name))), time(unit))
            }
            Self::Complexity(clock, unit) => timed(&format!("complexity_{}", clock.name()), time(unit)),
            Self::ComplexityRms => (plain(FORMAT, "complexity_rms", 0.0, "ratio", Direction::Lower), 1.0),
        }
    }
}

/// How many kinds of figures are remembered.
const KNOWN: usize = 64;

/// Metrics to make others like.
#[derive(Default)]
struct Known(Vec<(What, Metric, f64)>);

impl Known {
    /// Adds a metric of this kind to the benchmark, and says what values are multiplied with.
    fn put<'a>(&mut self, what: What, texts: &Texts, mould: &'a mut Mould) -> (&'a mut Metric, f64) {
        let place = self.0.iter().position(|(known, ..)| *known == what).unwrap_or_else(|| {
            if self.0.len() == KNOWN {
                self.0.clear();
            }
            let (like, scale) = what.like(texts);
            self.0.push((what, like, scale));
            self.0.len() - 1
        });
        let (_, like, scale) = &self.0[place];
        (mould.metric(like), *scale)
    }
}

/// What was collected of a benchmark, with the aggregates that describe it.
struct Described<'a> {
    aggregates: &'a [Aggregate],
    texts: &'a Texts,
    known: &'a mut Known,
    collected: &'a mut Collected,
}

impl<'a> Described<'a> {
    fn put(&mut self, mould: &mut Mould) {
        self.time(Clock::Wall, mould);
        self.time(Clock::Cpu, mould);
        for (name, values) in self.collected.counters.columns() {
            let (found, scale) = self.known.put(What::Counter(*name), self.texts, mould);
            found.value = middle_of(values, &mut self.collected.sorted) * scale;
            if values.len() > 1 {
                found.samples.extend(values.iter().map(|value| value * scale));
            }
        }
        if self.collected.counters.columns().is_empty() {
            self.counters_of_aggregates(mould);
        }
        self.other_aggregates(mould);
    }

    /// The aggregate of this name.
    fn aggregate(&self, name: &str) -> Option<&'a Aggregate> {
        self.aggregates.iter().find(|run| self.texts.text(run.name) == name)
    }

    /// An aggregate of times of this name.
    fn of_times(&self, clock: Clock, name: &str) -> Option<(f64, &'a Aggregate)> {
        let is_time = |run: &&Aggregate| self.texts.text(run.name) == name && !run.is_share && run.big_o.is_none();
        let run = self.aggregates.iter().find(is_time)?;
        run.time_unit?;
        Some((clock.of(run)?, run))
    }

    /// One of the two times: the median of the repetitions, or what the aggregates say of it.
    fn time(&mut self, clock: Clock, mould: &mut Mould) {
        let deviation = self.of_times(clock, "stddev");
        let described = self.of_times(clock, "median").or_else(|| self.of_times(clock, "mean"));
        let Collected { unit, real, cpu, sorted, iterations, .. } = &mut *self.collected;
        let values = if clock == Clock::Wall { real } else { cpu };
        let found = if values.is_empty() {
            let Some((value, run)) = described else { return };
            let (found, scale) = self.known.put(What::Time(clock, run.time_unit), self.texts, mould);
            found.value = value * scale;
            let repetitions = self.aggregates.iter().find_map(|run| run.iterations);
            found.note = repetitions.map(|repetitions| format!("of {repetitions} repetitions"));
            found
        } else {
            let (found, scale) = self.known.put(What::Time(clock, *unit), self.texts, mould);
            found.value = middle_of(values, sorted) * scale;
            if values.len() > 1 {
                found.samples.extend(values.iter().map(|value| value * scale));
            }
            found
        };
        found.iterations = *iterations;
        if let Some((deviation, run)) = deviation {
            deviate(found, Some(deviation * unit_of(run.time_unit, self.texts).scale));
        }
    }

    /// Where only aggregates were written: the counters of the median.
    fn counters_of_aggregates(&mut self, mould: &mut Mould) {
        let run = self.aggregate("median").or_else(|| self.aggregate("mean"));
        for (name, value) in run.map_or(&[][..], |run| &run.counters) {
            let (found, scale) = self.known.put(What::Counter(*name), self.texts, mould);
            found.value = value * scale;
        }
    }

    /// The mean, complexities, and statistics that the program adds itself.
    fn other_aggregates(&mut self, mould: &mut Mould) {
        for run in self.aggregates {
            let mut times = |what: fn(Clock, &Aggregate) -> What, note: Option<&str>| {
                for clock in [Clock::Wall, Clock::Cpu] {
                    let Some(value) = clock.of(run) else { continue };
                    let (found, scale) = self.known.put(what(clock, run), self.texts, mould);
                    found.value = value * scale;
                    found.note = note.map(|of| format!("coefficient of {of}"));
                }
            };
            match self.texts.text(run.name) {
                "median" | "stddev" | "cv" => {}
                "RMS" => {
                    if let Some(rms) = run.rms {
                        self.known.put(What::ComplexityRms, self.texts, mould).0.value = rms;
                    }
                }
                "BigO" => times(|clock, run| What::Complexity(clock, run.time_unit), run.big_o.as_deref()),
                _ if run.is_share => {}
                _ => times(|clock, run| What::Statistic(clock, run.name, run.time_unit), None),
            }
        }
    }
}

/// A metric like a counter of the library or of the program, and what values are multiplied with.
fn counter(name: &str) -> (Metric, f64) {
    let (metric_name, unit) = match name {
        "bytes_per_second" => ("throughput".to_owned(), Unit::of("B/s")),
        "items_per_second" => ("rate".to_owned(), Unit::of("ops/s")),
        "max_bytes_used" | "total_allocated_bytes" | "net_heap_growth" => (name.to_owned(), Unit::of("bytes")),
        name if name.ends_with("_per_second") || name.ends_with("/s") || name.ends_with("PerSecond") => {
            (snake_case(name.strip_suffix("/s").unwrap_or(name)), Unit::of("ops/s"))
        }
        name => (snake_case(name), Unit::as_written("count")),
    };
    let mut found = metric(FORMAT, &metric_name, 0.0, &unit);
    found.original_unit = None;
    (found, unit.scale)
}
