//! What a measured step says in the end: its benchmarks with their validity, and the rows of its comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bench::{Bench, Finished, Stop, close_log};
use super::figures::describe;
use super::turns::FEWEST;
use crate::compare::{Finding, TrialDecision, counted, paired_row};
use crate::execute::ended::Ended;
use crate::report::figures;
use crate::results::{
    Arm, Benchmark, ColumnName, Conditions, Event, Measured, MetricChange, Reason, RemarkLevel, StepStatus, Validity,
    is_wrong,
};

/// Pairs below which a stage cannot decide anything at the usual levels.
const FEWEST_PAIRS: u32 = 12;

/// What was around the measuring.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The state of the host meanwhile.
    pub conditions: Conditions,
    /// The size in bytes below which peak memory cannot be told.
    pub floor: Option<u64>,
}

/// What the trial decided of one step.
#[derive(Debug)]
pub(super) struct Decided {
    /// Which column of the record each decision is about.
    pub columns: Vec<(usize, ColumnName)>,
    /// The decisions, in that order.
    pub decisions: Vec<Option<TrialDecision>>,
    /// Time its pairs took.
    pub spent: Duration,
    /// How many.
    pub pairs: u32,
}

/// Ends a step: its benchmarks are told, and the rows of its comparison are given.
pub(super) fn conclude(
    mut bench: Bench<'_>,
    decided: Option<&Decided>,
    surroundings: &Surroundings,
) -> (Finished, Vec<MetricChange>) {
    let rows = finish(&mut bench, decided, surroundings);
    let attempts = u32::try_from(bench.record.iterations().len()).unwrap_or(u32::MAX);
    let ended = match bench.stop.take() {
        None => Ended::new(StepStatus::Passed),
        Some(Stop::Cancelled) => Ended::cancelled(),
        Some(Stop::Fails(failure)) => {
            let status = match failure.reason.code.as_str() {
                _ if failure.skipped => StepStatus::Skipped,
                code if is_wrong(code) => StepStatus::Failed,
                "timeout" => StepStatus::TimedOut,
                "command_failed" | "out_of_memory" => StepStatus::Failed,
                _ => StepStatus::Errored,
            };
            Ended { exit: failure.exit, reason: Some(failure.reason), ..Ended::new(status) }
        }
    };
    let ended = close_log(Ended { attempts, ..ended }, bench.log, bench.setting);
    (Finished { ended, timing: bench.timing }, rows)
}

/// Tells the benchmarks; the rows are none where it was stopped or had no base.
fn finish(bench: &mut Bench<'_>, decided: Option<&Decided>, surroundings: &Surroundings) -> Vec<MetricChange> {
    remarks(bench);
    let mut validity = validity(bench);
    // Pairs in drawn order stay comparable on a busy host; samples of one arm do not, with those of another day.
    if !bench.paired_up() {
        validity = validity.under(&surroundings.conditions);
    }
    let iterations = bench.record.iterations().to_vec();
    let one_call = bench.is_harness() && !bench.paired_up();
    let mut benchmarks =
        if one_call { std::mem::take(&mut bench.whole) } else { bench.record.clone().into_benchmarks() };
    // What the pairs gave are figures; on what a model ran is what its last good call of the head said.
    let mut executions: BTreeMap<String, _> =
        bench.whole.iter_mut().filter_map(|known| Some((known.series(), known.execution.take()?))).collect();
    if !executions.is_empty() {
        for benchmark in &mut benchmarks {
            benchmark.execution = executions.remove(&benchmark.series());
        }
    }
    let floor = if bench.is_harness() { None } else { surroundings.floor };
    let [base, head] = std::mem::take(&mut bench.counted);
    if let Some(first) = benchmarks.first_mut() {
        first.metrics.extend(head);
        first.base.extend(base);
    }
    for benchmark in &mut benchmarks {
        describe(benchmark, floor);
        benchmark.conditions = Some(surroundings.conditions.clone());
        if !one_call {
            benchmark.iterations.clone_from(&iterations);
        }
        if !one_call && benchmark.validity == Validity::Valid {
            benchmark.validity = validity.clone();
        }
    }
    let stopped = match &bench.stop {
        Some(Stop::Cancelled) => true,
        Some(Stop::Fails(failure)) => failure.skipped,
        None => false,
    };
    let rows = if bench.paired && !stopped { rows(bench, &benchmarks, decided) } else { Vec::new() };
    for benchmark in benchmarks {
        bench.setting.emitter.emit(Event::BenchmarkFinished { benchmark });
    }
    rows
}

impl Bench<'_> {
    /// Whether base and head were ever measured together.
    fn paired_up(&self) -> bool {
        self.record.counted(Arm::Base) > 0
    }
}

fn remarks(bench: &Bench<'_>) {
    let remark = |text| bench.setting.emitter.remark(RemarkLevel::Warning, Some(&bench.setting.item.id), text);
    if bench.suspended.times > 0 {
        let (times, longest) = (bench.suspended.times, figures::time(bench.suspended.longest.as_nanos() as f64));
        let what = if bench.paired { "pairs" } else { "runs" };
        remark(format!("{times} {what} dropped: the host was suspended or its clock jumped, by up to {longest}"));
    }
    if let Some(budget) = bench.short_of_time.filter(|_| bench.stop.is_none()) {
        let n = bench.record.counted(Arm::Head);
        if n < FEWEST {
            let text = "fit into its budget of";
            remark(format!("only {n} samples {text} {budget:.1?}; raise `budget` for an interval"));
        }
    }
}

fn validity(bench: &Bench<'_>) -> Validity {
    let reason = |code: &str, text: String| Reason::new(code, text);
    // A base that had to be given up says nothing against the head.
    let ours = |arm: Option<Arm>| arm != Some(Arm::Base) || bench.no_base.is_none();
    let failed = bench.record.iterations().iter().filter(|run| run.failed.is_some() && ours(run.arm)).count();
    let n = bench.record.counted(Arm::Head);
    match bench.stop {
        _ if n == 0 => Validity::Invalid { reason: reason("no_sample", "no run succeeded".into()) },
        Some(Stop::Cancelled) => Validity::Noisy { reason: reason("cancelled", format!("stopped after {n} samples")) },
        Some(Stop::Fails(_)) => Validity::Invalid { reason: reason("command_failed", format!("{failed} runs failed")) },
        None if failed > 0 && bench.has_base() => {
            let text = format!("{failed} runs failed beside {n} complete pairs");
            Validity::Noisy { reason: reason("runs_failed", text) }
        }
        None if failed > 0 => {
            Validity::Noisy { reason: reason("runs_failed", format!("{failed} of {} runs failed", n + failed)) }
        }
        None => Validity::Valid,
    }
}

fn rows(bench: &Bench<'_>, benchmarks: &[Benchmark], decided: Option<&Decided>) -> Vec<MetricChange> {
    let limit = bench.setting.measure.limit;
    let places = decided.map(Decided::places).unwrap_or_default();
    let mut rows = Vec::new();
    for benchmark in benchmarks {
        let series = benchmark.series();
        for metric in compared(bench, benchmark) {
            let finding = match (&bench.no_base, &bench.stop) {
                (_, Some(Stop::Fails(failure))) => Finding::HeadFails(&failure.reason),
                (Some(reason), _) => Finding::NoBase(reason),
                (None, _) => {
                    let place = places.get(&(series.as_str(), metric.as_str()));
                    let found = place.and_then(|at| decided.and_then(|decided| decided.found(*at)));
                    Finding::Measured {
                        decision: found.map(|(decision, _)| decision),
                        needed: found.and_then(|(_, needed)| needed),
                    }
                }
            };
            let apart = apart(benchmark, &metric, limit);
            let finding = match (&apart, finding) {
                (Some(_), Finding::Measured { decision: None, .. }) => {
                    Finding::Measured { decision: apart.as_ref(), needed: None }
                }
                (_, finding) => finding,
            };
            rows.push(paired_row(benchmark, &metric, limit, finding));
        }
    }
    rows
}

/// What counts say that were taken apart from the pairs.
fn apart(benchmark: &Benchmark, metric: &str, limit: f64) -> Option<TrialDecision> {
    Measured::find(metric).filter(|known| known.countable)?;
    let head = benchmark.metric(metric)?;
    let base = benchmark.base.iter().find(|known| known.metric == metric)?;
    counted(&base.samples, &head.samples, head.direction, limit)
}

/// The metrics of a benchmark that are compared: of a command those asked for, of a harness all.
fn compared(bench: &Bench<'_>, benchmark: &Benchmark) -> Vec<String> {
    if !bench.is_harness() {
        return bench.setting.measure.metrics.iter().map(|metric| metric.as_str().to_owned()).collect();
    }
    let mut names: Vec<String> = benchmark.metrics.iter().map(|metric| metric.metric.clone()).collect();
    for metric in &benchmark.base {
        // Whether a percentile has enough queries behind it hangs on a few of them: without, it is not missing.
        let too_few = metric.metric.starts_with("latency_p") && names.iter().any(|name| name == "latency");
        if !too_few && !names.contains(&metric.metric) {
            names.push(metric.metric.clone());
        }
    }
    names
}

impl Decided {
    /// Where the decision on a series' metric stands.
    fn places(&self) -> BTreeMap<(&str, &str), usize> {
        self.columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let (_, name) = column;
                ((name.series.as_str(), name.metric.as_str()), at)
            })
            .collect()
    }

    /// A decision, and a budget of this benchmark that would decide it: errors fall with the root of the number of
    /// pairs, and below a few pairs nothing can be decided at all.
    fn found(&self, at: usize) -> Option<(&TrialDecision, Option<Duration>)> {
        let decision = self.decisions.get(at)?.as_ref()?;
        let needed = match decision.more {
            Some(more) if more.is_finite() => (more > 1.0).then(|| self.spent.mul_f64(more.min(1e6))),
            Some(_) | None => Some(self.spent.checked_div(self.pairs)?.saturating_mul(FEWEST_PAIRS)),
        };
        Some((decision, needed))
    }
}
