//! Candidate + baseline to a comparison of verdicts.
//!
//! What is compared here was measured at different times ([`Basis::Unpaired`]): on a busy host that says little about
//! small changes, so its verdicts inform and never gate. A change is called only if the whole interval lies beyond
//! the limit; even then the verdict is `inconclusive` with a note that asks for a paired measurement, because a day's
//! difference between two runs is not noise that their samples know of.

mod cases;
pub mod legs;
mod matrix;
mod paired;
pub mod quarantine;
pub mod reliability;
mod simulation;
pub mod trend;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{
    BaselineRef, Basis, Benchmark, Comparison, Direction, Document, Metric, MetricChange, Validity, Verdict,
};
use crate::stats;

pub use matrix::matrix;
pub use paired::{Finding, paired, row as paired_row};
pub use simulation::{Family, Recorded, Scenario, Sensitivity, Source, Tally, sensitivity, simulate};
pub use trial::{
    Decision as TrialDecision, Pair, Role, SoFar, Stage, Subject, SubjectMetric, Terms as TrialTerms, Trial, counted,
};

/// Coverage of the intervals.
const CONFIDENCE: f64 = 0.99;
/// The name of the method in the document.
const METHOD: &str = "hodges-lehmann of log ratios, unpaired";

/// Which metrics of a benchmark step are compared, and how large a change must be to matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The metrics; empty for all that the harness reports.
    pub metrics: Vec<String>,
    /// The smallest change that matters, relative.
    pub limit: f64,
}

/// Terms by step id, with a default for steps that have none.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// For steps that are not listed.
    pub default: Terms,
    /// By step id.
    pub steps: BTreeMap<String, Terms>,
}

impl Limits {
    /// Wall and CPU time (all metrics of a harness) within `limit`.
    pub fn uniform(limit: f64) -> Self {
        Self { default: Terms { metrics: Vec::new(), limit }, steps: BTreeMap::new() }
    }

    fn of(&self, step: &str) -> &Terms {
        self.steps.get(step).unwrap_or(&self.default)
    }
}

/// Compares a run with a stored one, metric by metric and case by case. Benchmarks of the base whose step was left
/// out of this run by a selection are not called missing.
pub fn unpaired(base: &Document, head: &Document, limits: &Limits) -> Comparison {
    let stored: BTreeMap<String, &Benchmark> = base.benchmarks.iter().map(|bench| (bench.series(), bench)).collect();
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for benchmark in &head.benchmarks {
        let series = benchmark.series();
        let terms = limits.of(&benchmark.step);
        let earlier = stored.get(&series).copied();
        for metric in compared(benchmark, terms) {
            let base = earlier.and_then(|earlier| earlier.metric(&metric.metric));
            rows.push(row(&series, base, Some(metric), terms.limit, &benchmark.validity));
        }
        seen.insert(series);
    }
    let ran: BTreeSet<&str> = head.steps.iter().map(|step| step.id.as_str()).collect();
    // A whole run of the same file has all steps that there are: one that is not among them has vanished, too.
    let whole = head.run.selection.is_none() && head.pipeline.path == base.pipeline.path;
    let told = |bench: &Benchmark| whole || ran.contains(bench.step.as_str());
    let gone = stored.iter().filter(|(series, bench)| !seen.contains(*series) && told(bench));
    for (series, benchmark) in gone {
        let terms = limits.of(&benchmark.step);
        rows.extend(
            compared(benchmark, terms).map(|metric| row(series, Some(metric), None, terms.limit, &Validity::Valid)),
        );
    }
    let told = cases::changes(base, head);
    Comparison {
        basis: Basis::Unpaired,
        false_alarms: None,
        baseline: Some(reference(base)),
        note: Some("measured at another time on the same kind of host: indicative, never gates".into()),
        rows,
        newly_failing: told.newly_failing,
        still_failing: told.still_failing,
        fixed: told.fixed,
        vanished: told.vanished,
    }
}

/// The comparison where there is nothing to compare with; `why` says so to people.
pub fn without_base(head: &Document, limits: &Limits, why: String) -> Comparison {
    let rows = head.benchmarks.iter().flat_map(|benchmark| {
        let terms = limits.of(&benchmark.step);
        let series = benchmark.series();
        compared(benchmark, terms)
            .map(|metric| MetricChange {
                verdict: Verdict::NoBase,
                ..row(&series, None, Some(metric), terms.limit, &benchmark.validity)
            })
            .collect::<Vec<_>>()
    });
    Comparison {
        basis: Basis::Unpaired,
        false_alarms: None,
        baseline: None,
        note: Some(why),
        rows: rows.collect(),
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    }
}

fn reference(base: &Document) -> BaselineRef {
    BaselineRef {
        run: base.run.id.to_string(),
        commit: base.change.commit.clone(),
        branch: base.change.branch.clone(),
        at: base.run.started_at,
        class_key: base.host.class_key.clone(),
        distance: None,
    }
}

fn compared<'a>(benchmark: &'a Benchmark, terms: &'a Terms) -> impl Iterator<Item = &'a Metric> {
    let measured_here = !benchmark.is_reported();
    benchmark.metrics.iter().filter(move |metric| {
        if !terms.metrics.is_empty() && measured_here {
            terms.metrics.contains(&metric.metric)
        } else {
            !measured_here || metric.metric == "wall_time" || metric.metric == "cpu_time"
        }
    })
}

fn row(series: &str, base: Option<&Metric>, head: Option<&Metric>, limit: f64, validity: &Validity) -> MetricChange {
    let known = head.or(base);
    let mut row = MetricChange {
        benchmark: series.to_owned(),
        metric: known.map(|metric| metric.metric.clone()).unwrap_or_default(),
        unit: known.map(|metric| metric.unit.clone()).unwrap_or_default(),
        direction: known.map_or(Direction::Lower, |metric| metric.direction),
        base: base.map(|metric| metric.value),
        head: head.map(|metric| metric.value),
        change: None,
        low: None,
        high: None,
        confidence: None,
        p: None,
        tested: None,
        n: (size(base), size(head)),
        limit,
        pairs: None,
        smallest_detectable: None,
        method: None,
        beside: false,
        verdict: Verdict::Inconclusive,
        validity: validity.clone(),
        note: None,
        trend: Vec::new(),
        accepted: None,
    };
    match (base, head) {
        (Some(base), Some(head)) if base.unit == head.unit && base.source == head.source => {
            judge(&mut row, base, head);
        }
        (Some(base), Some(head)) if base.unit == head.unit => {
            row.note = Some(format!("it was measured by {} then and by {} now", base.source, head.source));
        }
        (Some(base), Some(_)) => row.note = Some(format!("the unit changed from {} to {}", base.unit, row.unit)),
        (None, Some(_)) => row.verdict = Verdict::New,
        (Some(_), None) | (None, None) => row.verdict = Verdict::Missing,
    }
    row
}

fn size(metric: Option<&Metric>) -> u64 {
    metric.map_or(0, |metric| metric.samples.len().max(1) as u64)
}

fn judge(row: &mut MetricChange, base: &Metric, head: &Metric) {
    row.change = (base.value != 0.0).then(|| head.value / base.value - 1.0).filter(|change| change.is_finite());
    if constant(base) && constant(head) && base.value == head.value {
        (row.low, row.high) = (row.change.map(|_| 0.0), row.change.map(|_| 0.0));
        row.verdict = Verdict::Unchanged;
        row.note = Some("exactly equal in every sample".into());
        return;
    }
    let countable = crate::results::Measured::find(&row.metric).is_some_and(|known| known.countable);
    if let Some(change) = row.change.filter(|_| countable && constant(base) && constant(head)) {
        (row.low, row.high) = (Some(change), Some(change));
        row.note = Some("a count that is equal in every sample of a run".into());
        if change.abs() < row.limit {
            row.verdict = Verdict::Unchanged;
        }
        return;
    }
    let Some(shift) = stats::log_shift(&base.samples, &head.samples, CONFIDENCE) else {
        row.note = Some("too few samples for an interval".into());
        return;
    };
    row.change = Some(shift.change);
    (row.low, row.high, row.confidence, row.p) = (Some(shift.low), Some(shift.high), Some(CONFIDENCE), Some(shift.p));
    row.method = Some(METHOD.into());
    if shift.low > -row.limit && shift.high < row.limit {
        row.verdict = Verdict::Unchanged;
    } else if shift.low >= row.limit || shift.high <= -row.limit {
        row.note = Some("beyond the limit; only a paired measurement decides".into());
    }
}

fn constant(metric: &Metric) -> bool {
    metric.samples.len() >= 2 && metric.samples.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests;
