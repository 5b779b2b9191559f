//! What the entries of an output hold: figures by their shape, texts by their number, values in one pool.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::harness::pool::{Pool, Texts};

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

    pub(super) fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }
}

/// What the entries hold, apart from the benchmarks themselves.
pub(super) struct Contents {
    /// Names of counters and aggregates, and units.
    pub(super) texts: Texts,
    /// All shapes; that of nothing comes first.
    pub(super) shapes: Vec<Shape>,
    numbers: HashMap<Shape, u32>,
    pub(super) names: Pool<u8>,
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

    pub(super) fn aggregate(&mut self, run: &mut Run<'_>) -> Aggregate {
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

    pub(super) fn repetition(&mut self, group: &mut Group, run: &mut Run<'_>) {
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
    pub(super) fn row(&mut self, run: &Run<'_>) -> Row {
        let near = self.shapes.iter().take(NEAR).position(|shape| shape.is_of(run, &self.texts));
        let shape = near.map_or_else(|| self.number_of_shape(run), |near| near as u32);
        let times = run.real_time.into_iter().chain(run.cpu_time);
        self.ready.clear();
        self.ready.extend(times.chain(run.counters.iter().map(|(_, value)| *value)));
        let values = self.values.add_all(&self.ready);
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
