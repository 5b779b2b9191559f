//! Entries of an output, collected by the benchmarks that they are of.

use std::borrow::Cow;
use std::collections::HashMap;

use super::HELP;
use super::benchmarks::Making;
use crate::harness::gather::Gather;
use crate::harness::pool::{Places, Pool, Texts};
use crate::harness::{HarnessError, OnBenchmark, Warning};

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
    /// The number of the counter's name, and its value.
    pub(super) counters: Vec<(u32, f64)>,
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
            counters: self.counters,
        }
    }
}

/// An aggregate of a benchmark. Texts that all of them share have numbers.
pub(super) struct Aggregate {
    pub(super) name: u32,
    pub(super) is_share: bool,
    pub(super) time_unit: Option<u32>,
    pub(super) big_o: Option<Box<str>>,
    pub(super) real_time: Option<f64>,
    pub(super) cpu_time: Option<f64>,
    pub(super) rms: Option<f64>,
    pub(super) iterations: Option<u64>,
    pub(super) counters: Vec<(u32, f64)>,
}

/// Which figures an entry has; nearly all have the same.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) unit: Option<u32>,
    pub(super) has_real: bool,
    pub(super) has_cpu: bool,
    pub(super) has_iterations: bool,
    pub(super) counters: Vec<u32>,
}

impl Shape {
    /// How many values stand in the pool: the times, and then the counters.
    pub(super) fn length(&self) -> usize {
        usize::from(self.has_real) + usize::from(self.has_cpu) + self.counters.len()
    }

    fn is_of(&self, run: &Run<'_>, texts: &Texts) -> bool {
        self.unit.map(|unit| texts.text(unit)) == run.time_unit.as_deref()
            && self.has_real == run.real_time.is_some()
            && self.has_cpu == run.cpu_time.is_some()
            && self.has_iterations == run.iterations.is_some()
            && self.counters.len() == run.counters.len()
            && self.counters.iter().zip(&run.counters).all(|(here, (there, _))| here == there)
    }
}

/// What was measured in one repetition.
#[derive(Default, Clone, Copy)]
pub(super) struct Row {
    /// The number of the shape; that of nothing is zero.
    pub(super) shape: u32,
    /// Where the values stand in the pool.
    pub(super) values: usize,
    pub(super) iterations: u64,
}

/// A benchmark with its repetitions. There can be hundreds of thousands: it is kept small.
pub(super) struct Group {
    pub(super) line: u64,
    /// Where the name stands in the pool, and how long it is.
    pub(super) name: (usize, u32),
    pub(super) first: Row,
    pub(super) rest: Option<Box<Rest>>,
}

/// What few benchmarks have.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) more: Vec<Row>,
    pub(super) note: Option<Box<str>>,
    pub(super) failed: Option<Box<str>>,
    pub(super) aggregates: Vec<Aggregate>,
}

impl Group {
    /// What was measured, repetition by repetition.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        std::iter::once(self.first).chain(self.rest.iter().flat_map(|rest| rest.more.iter().copied()))
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }
}

/// The names that old versions, which do not mark aggregates, put behind a benchmark's.
const ENDINGS: [&str; 6] = ["_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS"];

/// What the entries hold, apart from the benchmarks themselves.
pub(super) struct Contents {
    /// Names of counters and aggregates, and units.
    pub(super) texts: Texts,
    /// All shapes; that of nothing comes first.
    pub(super) shapes: Vec<Shape>,
    numbers: HashMap<Shape, u32>,
    names: Pool<u8>,
    values: Pool<f64>,
    /// Values on their way into the pool.
    ready: Vec<f64>,
}

/// How many shapes are looked at before the others are searched.
const NEAR: usize = 8;

impl Default for Contents {
    fn default() -> Self {
        let (texts, names, values, ready) = (Texts::default(), Pool::default(), Pool::default(), Vec::new());
        let numbers = HashMap::from([(Shape::default(), 0)]);
        Self { texts, shapes: vec![Shape::default()], numbers, names, values, ready }
    }
}

impl Contents {
    pub(super) fn name(&self, group: &Group) -> &[u8] {
        self.names.get(group.name.0, group.name.1 as usize)
    }

    pub(super) fn shape(&self, row: Row) -> &Shape {
        &self.shapes[row.shape as usize]
    }

    pub(super) fn values(&self, row: Row) -> &[f64] {
        self.values.get(row.values, self.shape(row).length())
    }

    fn aggregate(&mut self, run: &mut Run<'_>) -> Aggregate {
        Aggregate {
            name: self.texts.number(run.aggregate.as_deref().unwrap_or("aggregate")),
            is_share: run.is_share,
            time_unit: run.time_unit.as_deref().map(|unit| self.texts.number(unit)),
            big_o: run.big_o.take().map(Into::into),
            real_time: run.real_time,
            cpu_time: run.cpu_time,
            rms: run.rms,
            iterations: run.iterations,
            counters: run.counters.clone(),
        }
    }

    fn repetition(&mut self, group: &mut Group, run: &mut Run<'_>) {
        if run.failed {
            group.rest().failed = Some(run.message.take().unwrap_or(Cow::Borrowed("the benchmark failed")).into());
            return;
        }
        if run.not_finite {
            group.rest().failed.get_or_insert_with(|| "its time is not a number".into());
        }
        if let Some(label) = run.label.take().filter(|label| !label.is_empty()) {
            group.rest().note = Some(label.into());
        }
        let row = self.row(run);
        match group.first.shape {
            0 if group.rest.as_ref().is_none_or(|rest| rest.more.is_empty()) => group.first = row,
            _ => group.rest().more.push(row),
        }
    }

    /// Takes what was measured in this entry.
    fn row(&mut self, run: &Run<'_>) -> Row {
        let near = self.shapes.iter().take(NEAR).position(|shape| shape.is_of(run, &self.texts));
        let shape = near.map_or_else(|| self.number_of_shape(run), |near| near as u32);
        let times = run.real_time.into_iter().chain(run.cpu_time);
        self.ready.clear();
        self.ready.extend(times.chain(run.counters.iter().map(|(_, value)| *value)));
        let values = self.values.add(self.ready.iter().copied());
        Row { shape, values, iterations: run.iterations.unwrap_or(0) }
    }

    fn number_of_shape(&mut self, run: &Run<'_>) -> u32 {
        let shape = Shape {
            unit: run.time_unit.as_deref().map(|unit| self.texts.number(unit)),
            has_real: run.real_time.is_some(),
            has_cpu: run.cpu_time.is_some(),
            has_iterations: run.iterations.is_some(),
            counters: run.counters.iter().map(|(name, _)| *name).collect(),
        };
        let next = self.shapes.len() as u32;
        let number = *self.numbers.entry(shape.clone()).or_insert(next);
        if number == next {
            self.shapes.push(shape);
        }
        number
    }
}

/// All entries of an output.
#[derive(Default)]
pub(super) struct Runs {
    gather: Gather,
    contents: Contents,
    groups: Pool<Group>,
    /// Where the benchmarks of this document stand in `groups`.
    places: Places,
    /// The last of them.
    last: Option<usize>,
    documents: usize,
    /// Memory for the counters of an entry.
    spare: Vec<(u32, f64)>,
}

impl Runs {
    /// The number of a counter's name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        self.contents.texts.number(name)
    }

    /// An entry of which nothing is known.
    pub(super) fn blank<'a>(&mut self) -> Run<'a> {
        Run { counters: std::mem::take(&mut self.spare), ..Run::default() }
    }

    pub(super) fn add(&mut self, line: u64, mut run: Run<'_>) {
        if run.is_aggregate.is_none() {
            self.mark_aggregate(&mut run);
        }
        let is_aggregate = run.is_aggregate == Some(true);
        let name: &str = match (&run.run_name, is_aggregate) {
            (Some(name), true) => name,
            _ => &run.name,
        };
        let place = self.place(line, name);
        if let Some(group) = self.groups.get_mut(place) {
            match is_aggregate {
                true => group.rest().aggregates.push(self.contents.aggregate(&mut run)),
                false => self.contents.repetition(group, &mut run),
            }
        }
        self.spare = run.counters;
        self.spare.clear();
    }

    /// Without the mark, an ending counts where the name before it was measured, or is a family's.
    fn mark_aggregate(&self, run: &mut Run<'_>) {
        let Some(ending) = ENDINGS.iter().find(|ending| run.name.ends_with(*ending)) else { return };
        let Some(base) = run.name.strip_suffix(ending) else { return };
        if matches!(*ending, "_BigO" | "_RMS")
            || self.places.find(base.as_bytes(), |place| self.is(place, base)).is_some()
        {
            run.run_name = Some(Cow::Owned(base.to_owned()));
            run.aggregate = Some(Cow::Borrowed(ending.trim_start_matches('_')));
            run.is_aggregate = Some(true);
        }
    }

    /// Whether the benchmark of this place has this name.
    fn is(&self, place: usize, name: &str) -> bool {
        self.groups.get(place, 1).first().is_some_and(|group| self.contents.name(group) == name.as_bytes())
    }

    /// Where the benchmark of this name stands; it is begun if there is none.
    fn place(&mut self, line: u64, name: &str) -> usize {
        // Repetitions mostly follow each other.
        if let Some(last) = self.last.filter(|last| self.is(*last, name)) {
            return last;
        }
        let (next, groups, contents) = (self.groups.next(), &self.groups, &self.contents);
        let is = |place| groups.get(place, 1).first().is_some_and(|group| contents.name(group) == name.as_bytes());
        let known = self.places.find_or_put(name.as_bytes(), next, is);
        let place = known.unwrap_or_else(|| {
            let name = (self.contents.names.add(name.bytes()), name.len() as u32);
            self.groups.add([Group { line, name, first: Row::default(), rest: None }].into_iter())
        });
        self.last = Some(place);
        place
    }

    /// What comes later are not repetitions of what came so far.
    pub(super) fn end_of_document(&mut self) {
        self.places.clear();
        self.last = None;
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
        mut self,
        last: u64,
        what: &str,
        take: &mut OnBenchmark<'_>,
    ) -> Result<Vec<Warning>, HarnessError> {
        if self.groups.next() == 0 {
            return Err(self.gather.nothing(last, what, HELP));
        }
        // Within a document, what has one name is one benchmark.
        if self.documents > 1 {
            self.gather.number_repeats();
        }
        let mut making = Making::new(self.contents);
        for group in self.groups.into_items() {
            if making.benchmark(&group).hand(group.line, &mut self.gather, take).is_break() {
                break;
            }
        }
        Ok(self.gather.warnings(last))
    }
}
