//! Collects what the executions of one benchmark step reported, in a live run and from a journal alike, so that a
//! restored benchmark cannot differ from what the run itself would have said.
//!
//! One execution of a command gives one value a metric; one call of a harness gives one value a metric of each
//! benchmark that it reports. Both are a block of benchmarks here, and the blocks become columns of samples.

use std::collections::BTreeMap;

use super::{Arm, Benchmark, Direction, Iteration, Measured, Metric};

/// The executions of one benchmark step so far.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The benchmarks as first reported, without metrics.
    benchmarks: Vec<Benchmark>,
    /// The place of a series in them.
    owners: BTreeMap<String, usize>,
    columns: Vec<Column>,
    /// The column of a benchmark's series and metric.
    places: BTreeMap<(String, String), usize>,
    iterations: Vec<Iteration>,
    /// How many executions of base and head count.
    counted: [usize; 2],
}

#[derive(Debug, Clone)]
struct Column {
    benchmark: usize,
    /// The metric as first reported.
    metric: Metric,
    /// Values of base and head by execution; NaN where one did not report it.
    values: [Vec<f64>; 2],
}

/// A metric of a record, found by its column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnName {
    /// The benchmark's series name.
    pub series: String,
    /// The metric.
    pub metric: String,
    /// Which way is better.
    pub direction: Direction,
}

impl Record {
    /// A record of one benchmark that is there even if nothing of it can be measured.
    pub fn of(benchmark: &Benchmark) -> Self {
        let mut record = Self::default();
        record.owner(&benchmark.series(), benchmark);
        record
    }

    /// Takes in one execution. `block` is what it reported, a value a metric; values that are no numbers are left out.
    /// Gives one value a column, NaN where there is none, or nothing if the execution does not count.
    pub fn take(&mut self, iteration: Iteration, block: &[Benchmark]) -> Vec<f64> {
        let arm = iteration.arm.unwrap_or(Arm::Head);
        let counts = iteration.counts();
        self.iterations.push(iteration);
        if !counts {
            return Vec::new();
        }
        let mut row = vec![f64::NAN; self.columns.len()];
        for benchmark in block {
            let series = benchmark.series();
            for metric in benchmark.metrics.iter().filter(|metric| metric.value.is_finite()) {
                let at = self.column(&series, benchmark, metric);
                row.resize(self.columns.len(), f64::NAN);
                if let Some(value) = row.get_mut(at) {
                    *value = metric.value;
                }
            }
        }
        let n = &mut self.counted[side(arm)];
        for (column, value) in self.columns.iter_mut().zip(&row) {
            let values = &mut column.values[side(arm)];
            values.resize(*n, f64::NAN);
            values.push(*value);
        }
        *n += 1;
        row
    }

    fn column(&mut self, series: &str, benchmark: &Benchmark, metric: &Metric) -> usize {
        let key = (series.to_owned(), metric.metric.clone());
        if let Some(at) = self.places.get(&key) {
            return *at;
        }
        let owner = self.owner(series, benchmark);
        let metric = Metric { samples: Vec::new(), summary: None, ..metric.clone() };
        self.columns.push(Column { benchmark: owner, metric, values: [Vec::new(), Vec::new()] });
        self.places.insert(key, self.columns.len() - 1);
        self.columns.len() - 1
    }

    fn owner(&mut self, series: &str, benchmark: &Benchmark) -> usize {
        if let Some(at) = self.owners.get(series) {
            return *at;
        }
        self.benchmarks.push(Benchmark { metrics: Vec::new(), base: Vec::new(), ..benchmark.clone() });
        self.owners.insert(series.to_owned(), self.benchmarks.len() - 1);
        self.benchmarks.len() - 1
    }

    /// What each column holds.
    pub fn names(&self) -> impl Iterator<Item = ColumnName> {
        self.columns.iter().map(|column| ColumnName {
            series: self.benchmarks.get(column.benchmark).map(Benchmark::series).unwrap_or_default(),
            metric: column.metric.metric.clone(),
            direction: column.metric.direction,
        })
    }

    /// How many executions of an arm count.
    pub fn counted(&self, arm: Arm) -> usize {
        self.counted[side(arm)]
    }

    /// All executions in the order of time.
    pub fn iterations(&self) -> &[Iteration] {
        &self.iterations
    }

    /// The head's values of the first column of this metric.
    pub fn head(&self, metric: &str) -> Option<&[f64]> {
        let column = self.columns.iter().find(|column| column.metric.metric == metric)?;
        Some(&column.values[side(Arm::Head)])
    }

    /// The benchmarks with their samples: sample i of the base belongs to the pair of the head's sample i.
    pub fn into_benchmarks(self) -> Vec<Benchmark> {
        let mut benchmarks = self.benchmarks;
        for benchmark in &mut benchmarks {
            benchmark.iterations.clone_from(&self.iterations);
        }
        for column in self.columns {
            let Some(benchmark) = benchmarks.get_mut(column.benchmark) else { continue };
            let (base, head) = column.aligned();
            benchmark.metrics.extend(described(&column.metric, head));
            benchmark.base.extend(described(&column.metric, base));
        }
        benchmarks
    }
}

impl Column {
    /// The samples of base and head. Where both have any, a pair with one value missing is left out.
    fn aligned(&self) -> (Vec<f64>, Vec<f64>) {
        let [base, head] = &self.values;
        let finite = |values: &[f64]| values.iter().copied().filter(|value| value.is_finite()).collect::<Vec<_>>();
        let complete = |(base, head): &(&f64, &f64)| base.is_finite() && head.is_finite();
        let (mut bases, mut heads): (Vec<f64>, Vec<f64>) =
            base.iter().zip(head).filter(complete).map(|(base, head)| (*base, *head)).unzip();
        if bases.is_empty() {
            // In one arm only, or never in both at once.
            let (base, head) = (finite(base), finite(head));
            return if head.is_empty() { (base, head) } else { (Vec::new(), head) };
        }
        heads.extend(finite(head.get(base.len()..).unwrap_or_default()));
        bases.shrink_to_fit();
        (bases, heads)
    }
}

const fn side(arm: Arm) -> usize {
    match arm {
        Arm::Base => 0,
        Arm::Head => 1,
    }
}

fn described(metric: &Metric, samples: Vec<f64>) -> Option<Metric> {
    let value = median(&samples)?;
    // What the harness said of one call does not hold for the median of several.
    let alone = samples.len() == 1;
    let single = |told: Option<f64>| told.filter(|_| alone);
    Some(Metric {
        value,
        lower: single(metric.lower),
        upper: single(metric.upper),
        iterations: metric.iterations.filter(|_| alone),
        samples,
        ..metric.clone()
    })
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted.get(middle.checked_sub(1)?)? + upper) / 2.0 })
}

/// The block of one execution of a command: a benchmark with one value a metric. `memory` is who measured peak memory,
/// where that is known.
pub fn command_block(benchmark: &Benchmark, values: &[(String, f64)], memory: Option<&str>) -> Benchmark {
    let source = |name: &str| match Measured::find(name) {
        Some(known) if name == "peak_memory" => memory.unwrap_or(known.source),
        Some(known) => known.source,
        None => "rusage",
    };
    let metric = |(name, value): &(String, f64)| Metric {
        metric: name.clone(),
        value: *value,
        unit: Measured::find(name).map_or("count", |known| known.unit).into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: source(name).to_owned(),
        samples: Vec::new(),
        summary: None,
        note: None,
    };
    Benchmark { metrics: values.iter().map(metric).collect(), ..benchmark.clone() }
}

#[cfg(test)]
mod tests {
    use super::{Record, command_block};
    use crate::results::{Arm, Benchmark, Dropped, Iteration};

    fn block(names: &[(&str, f64)]) -> Vec<Benchmark> {
        let one = |(name, value): &(&str, f64)| {
            command_block(&Benchmark::new(*name), &[("wall_time".to_owned(), *value)], None)
        };
        names.iter().map(one).collect()
    }

    fn run(arm: Arm) -> Iteration {
        Iteration { arm: Some(arm), ..Iteration::at(0) }
    }

    #[test]
    fn pairs_stay_pairs_whatever_a_call_leaves_out() {
        let mut record = Record::default();
        record.take(run(Arm::Base), &block(&[("a", 1.0), ("b", 10.0)]));
        record.take(run(Arm::Head), &block(&[("a", 2.0), ("c", 7.0)]));
        record.take(run(Arm::Head), &block(&[("a", 4.0), ("b", 30.0)]));
        let row = record.take(run(Arm::Base), &block(&[("b", 20.0), ("a", 3.0)]));
        assert_eq!(row[..2], [3.0, 20.0]);
        assert!(row[2].is_nan());
        record.take(run(Arm::Head), &block(&[("a", 6.0)]));
        let samples = |of: &[crate::results::Metric]| of.first().map(|metric| metric.samples.clone());
        let found = record.into_benchmarks();
        let told: Vec<_> =
            found.iter().map(|one| (one.name.as_str(), samples(&one.base), samples(&one.metrics))).collect();
        assert_eq!(
            told,
            [
                ("a", Some(vec![1.0, 3.0]), Some(vec![2.0, 4.0, 6.0])),
                ("b", Some(vec![20.0]), Some(vec![30.0])),
                ("c", None, Some(vec![7.0]))
            ]
        );
        assert_eq!(found[0].metrics[0].value, 4.0);
        assert_eq!(found[0].iterations.len(), 5);
    }

    #[test]
    fn what_does_not_count_and_what_is_no_number_gives_no_sample() {
        let mut record = Record::default();
        let failed = crate::results::ExitStatus { code: Some(1), signal: None };
        record.take(Iteration { warm_up: true, ..run(Arm::Head) }, &block(&[("a", 9.0)]));
        record.take(Iteration { failed: Some(failed), ..run(Arm::Head) }, &[]);
        record.take(Iteration { dropped: Some(Dropped::Partner), ..run(Arm::Head) }, &block(&[("a", 9.0)]));
        record.take(run(Arm::Head), &block(&[("a", f64::NAN)]));
        record.take(run(Arm::Head), &block(&[("a", 5.0)]));
        assert_eq!((record.counted(Arm::Head), record.counted(Arm::Base), record.iterations().len()), (2, 0, 5));
        let found = record.into_benchmarks();
        assert_eq!(found[0].metrics[0].samples, [5.0]);
    }

    #[test]
    fn a_pair_cut_in_two_gives_the_base_no_sample_without_a_partner() {
        let mut record = Record::default();
        record.take(run(Arm::Base), &block(&[("a", 1.0)]));
        record.take(run(Arm::Head), &block(&[("a", 2.0)]));
        record.take(run(Arm::Base), &block(&[("a", 3.0)]));
        let found = record.into_benchmarks();
        assert_eq!((found[0].base[0].samples.len(), found[0].metrics[0].samples.len()), (1, 1));
    }
}
