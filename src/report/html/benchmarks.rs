//! The rows of the page's table of benchmarks: one for each metric of each benchmark, and for what is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::number::Number;
use super::samples::{Pool, Series};
use super::texts::line;
use crate::report::rows::{self, verdict_word};
use crate::results::{Basis, Benchmark, Direction, Document, Metric, MetricChange, Summary, Validity, Verdict};

/// One metric of one benchmark.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    benchmark: String,
    metric: String,
    unit: String,
    /// More is better.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    higher: bool,
    /// Shown where nobody asks for all metrics: it decides, or it is the benchmark's first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    main: bool,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
    /// `noisy` or `not usable`, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<(&'static str, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executions: Option<String>,
    /// Base and head.
    arms: [Arm; 2],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trend: Vec<Number>,
    /// The series and metric as the document names them.
    #[serde(skip)]
    pub(super) key: (String, String),
    /// The place of its history among all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<usize>,
    /// There are samples, and there was no room for them here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// What a comparison says of a row.
#[derive(Debug, Serialize)]
struct Compared {
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<Number>,
    n: (u64, u64),
    limit: Number,
    /// Screening and confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detectable: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    accepted: bool,
}

/// What was measured of one side.
#[derive(Debug, Default, Serialize)]
struct Arm {
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<Series>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Described>,
}

#[derive(Debug, Serialize)]
struct Described {
    n: u64,
    median: Number,
    min: Number,
    max: Number,
    spread: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<(Number, Number)>,
}

/// A metric, with what the comparison says of it and where its samples are.
struct Found<'a> {
    benchmark: Option<&'a Benchmark>,
    series: String,
    metric: Option<&'a Metric>,
    base: Option<&'a Metric>,
    compared: Option<&'a MetricChange>,
    main: bool,
}

impl Found<'_> {
    fn samples(&self) -> usize {
        [self.metric, self.base].into_iter().flatten().map(|metric| metric.samples.len()).sum()
    }

    /// Who comes first where there is no room for all samples.
    fn rank(&self) -> u8 {
        match (self.main, self.compared.is_some_and(rows::is_remarkable)) {
            (true, true) => 0,
            (false, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        }
    }
}

/// The rows in the order of the document, and their samples.
pub(super) fn table(document: &Document, room: usize) -> (Vec<Row>, Pool) {
    let found = find(document);
    let wanted = found.iter().filter(|found| found.rank() < 3).map(Found::samples).sum();
    let mut pool = Pool::new(wanted, room);
    let mut order: Vec<(u8, usize)> = found.iter().enumerate().map(|(nth, found)| (found.rank(), nth)).collect();
    order.sort_unstable();
    let mut taken: BTreeMap<usize, [Option<Series>; 2]> = BTreeMap::new();
    for (_, nth) in order {
        if let Some(found) = found.get(nth).filter(|found| found.samples() > 0) {
            let mut take = |metric: Option<&Metric>| metric.and_then(|metric| pool.take(&metric.samples));
            taken.insert(nth, [take(found.base), take(found.metric)]);
        }
    }
    let paired = document.comparison.as_ref().is_some_and(|comparison| comparison.basis == Basis::Paired);
    let row = |(nth, found): (usize, &Found<'_>)| row(found, taken.remove(&nth), paired);
    (found.iter().enumerate().map(row).collect(), pool)
}

fn find(document: &Document) -> Vec<Found<'_>> {
    let compared = || document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let names: BTreeSet<&str> = compared().map(|row| row.benchmark.as_str()).collect();
    let mut left: BTreeMap<(String, &str), &MetricChange> =
        compared().map(|row| ((row.benchmark.clone(), row.metric.as_str()), row)).collect();
    let mut found = Vec::new();
    for benchmark in &document.benchmarks {
        let series = benchmark.series();
        let known = names.contains(series.as_str());
        for (nth, metric) in benchmark.metrics.iter().enumerate() {
            let compared = left.remove(&(series.clone(), metric.metric.as_str()));
            let main = compared.map_or(nth == 0 && !known, |row| !row.beside);
            let base = benchmark.base.iter().find(|base| base.metric == metric.metric);
            let series = series.clone();
            found.push(Found { benchmark: Some(benchmark), series, metric: Some(metric), base, compared, main });
        }
    }
    for row in compared().filter(|row| left.contains_key(&(row.benchmark.clone(), row.metric.as_str()))) {
        let series = row.benchmark.clone();
        found.push(Found { benchmark: None, series, metric: None, base: None, compared: Some(row), main: !row.beside });
    }
    found
}

fn row(found: &Found<'_>, taken: Option<[Option<Series>; 2]>, paired: bool) -> Row {
    let (compared, metric) = (found.compared, found.metric);
    let cut = taken.as_ref().is_some_and(|arms| arms.iter().all(Option::is_none));
    let [base, head] = taken.unwrap_or_default();
    let validity = compared.map(|row| &row.validity).or(found.benchmark.map(|benchmark| &benchmark.validity));
    let unit = compared.map(|row| &row.unit).or(metric.map(|metric| &metric.unit));
    let name = compared.map(|row| &row.metric).or(metric.map(|metric| &metric.metric));
    let direction = compared.map(|row| row.direction).or(metric.map(|metric| metric.direction));
    Row {
        benchmark: line(&found.series),
        metric: line(&rows::metric_word(name.map(String::as_str).unwrap_or_default())),
        unit: line(unit.map(String::as_str).unwrap_or_default()),
        higher: direction == Some(Direction::Higher),
        main: found.main,
        verdict: compared.map_or("measured", |row| verdict_word(row.verdict)),
        base: compared.and_then(|row| row.base).or(found.base.map(|metric| metric.value)).map(Number),
        head: compared.and_then(|row| row.head).or(metric.map(|metric| metric.value)).map(Number),
        compared: compared.filter(|row| row.verdict != Verdict::NoBase).map(compared_of),
        doubt: validity.and_then(doubt),
        notes: [compared.and_then(|row| row.note.as_deref()), metric.and_then(|metric| metric.note.as_deref())]
            .into_iter()
            .flatten()
            .map(line)
            .chain(compared.and_then(accepted))
            .collect(),
        executions: found.benchmark.and_then(|benchmark| executions(benchmark, paired)),
        arms: [arm(found.base, base), arm(metric, head)],
        trend: compared.map(|row| row.trend.iter().copied().map(Number).collect()).unwrap_or_default(),
        key: (found.series.clone(), name.cloned().unwrap_or_default()),
        history: None,
        cut,
    }
}

fn compared_of(row: &MetricChange) -> Compared {
    Compared {
        change: row.change.map(Number),
        low: row.low.map(Number),
        high: row.high.map(Number),
        confidence: row.confidence.map(Number),
        p: row.p.map(Number),
        n: row.n,
        limit: Number(row.limit),
        pairs: row.pairs.map(|pairs| (pairs.screening, pairs.confirmation)),
        detectable: row.smallest_detectable.map(Number),
        method: row.method.as_deref().map(line),
        accepted: row.accepted.is_some(),
    }
}

fn accepted(row: &MetricChange) -> Option<String> {
    let accepted = row.accepted.as_ref()?;
    Some(line(&format!("Accepted by {}: {}", accepted.author, accepted.reason)))
}

fn doubt(validity: &Validity) -> Option<(&'static str, String)> {
    match validity {
        Validity::Valid => None,
        Validity::Noisy { reason } => Some(("noisy", line(&reason.text))),
        Validity::Invalid { reason } => Some(("not usable", line(&reason.text))),
    }
}

fn arm(metric: Option<&Metric>, samples: Option<Series>) -> Arm {
    Arm { samples, summary: metric.and_then(|metric| metric.summary.as_ref()).map(described) }
}

fn described(summary: &Summary) -> Described {
    Described {
        n: summary.n,
        median: Number(summary.median),
        min: Number(summary.min),
        max: Number(summary.max),
        spread: Number(summary.spread),
        interval: summary.low.zip(summary.high).map(|(low, high)| (Number(low), Number(high))),
    }
}

/// `63 executions, 3 of them warm-ups`: what became of all of them.
fn executions(benchmark: &Benchmark, paired: bool) -> Option<String> {
    let all = &benchmark.iterations;
    let count = |is: fn(&crate::results::Iteration) -> bool| all.iter().filter(|one| is(one)).count();
    let parts = [
        (count(|one| one.warm_up), "warmed up"),
        (count(|one| !one.warm_up && one.failed.is_some()), "failed"),
        (count(|one| one.dropped.is_some()), "dropped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} of them {what}")).collect();
    let sides = if paired && !benchmark.base.is_empty() { " of both sides" } else { "" };
    (!all.is_empty()).then(|| {
        let rest = if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) };
        format!("{} executions{sides}{rest}", all.len())
    })
}
