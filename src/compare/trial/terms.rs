//! The plain types of a trial: who takes part, what it is held to, what was measured, and what is decided.

use std::time::Duration;

use crate::results::{Direction, Tested, Verdict};

/// The chance of "unchanged" where the true change lies exactly at the limit, all looks together.
pub(super) const UNCHANGED_ERROR: f64 = 0.05;
/// What screening's look may spend of it; the looks of the confirmation share the rest.
pub(super) const UNCHANGED_SCREENING: f64 = 0.4;

/// One benchmark of the measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// What is decided of it.
    pub metrics: Vec<SubjectMetric>,
    /// Its own budget; an equal share of the whole where it has none.
    pub budget: Option<Duration>,
}

/// One metric of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectMetric {
    /// Its name: `wall_time` and `cpu_time` of one benchmark are weighed against each other.
    pub name: String,
    /// Which way is better.
    pub direction: Direction,
    /// The smallest relative change that matters.
    pub limit: f64,
    /// The smallest change that matters in the metric's unit, beside the relative one; zero for none.
    pub floor: f64,
    /// Whether equal values are no coincidence (counts, not clocks): such a metric is compared exactly once each arm
    /// has given one value only.
    pub countable: bool,
}

/// What the whole measurement is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The chance of calling any change of the whole measurement when there is none, such as 0.01.
    pub false_alarms: f64,
    /// Time for all pairs together.
    pub budget: Duration,
    /// Where the order of the rounds is drawn from.
    pub seed: u64,
}

/// One base run and one head run that belong together: a value a metric in the subject's order, NaN where the run did
/// not report it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The base's values.
    pub base: Vec<f64>,
    /// The head's values.
    pub head: Vec<f64>,
    /// Whether the head ran first.
    pub head_first: bool,
}

impl Pair {
    /// The values of the run that came first, and of the other.
    pub(in crate::compare) fn in_time(self) -> (Vec<f64>, Vec<f64>) {
        if self.head_first { (self.head, self.base) } else { (self.base, self.head) }
    }
}

/// What is decided of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Regressed, improved, unchanged or inconclusive.
    pub verdict: Verdict,
    /// Estimated relative change.
    pub change: f64,
    /// Lower end of its interval; minus one where the pairs are too few to bound it.
    pub low: f64,
    /// Upper end; infinity where the pairs are too few.
    pub high: f64,
    /// Coverage of the interval.
    pub confidence: f64,
    /// Two-sided p-value of "no change", before Holm's correction; `None` where the values are compared exactly.
    pub p: Option<f64>,
    /// The test for a change, for a correction together with the tests of other legs; `None` where there was none.
    pub tested: Option<Tested>,
    /// The smallest relative change that would have been found 19 times out of 20; `None` with too few pairs.
    pub smallest_detectable: Option<f64>,
    /// Pairs of screening and of confirmation.
    pub pairs: (usize, usize),
    /// Whether it was a suspect after screening, which alone are tested for a change.
    pub suspect: bool,
    /// What the benchmark rests on where wall and CPU time are both measured.
    pub role: Role,
    /// How many times the time of this stage would be needed to decide, for an inconclusive one.
    pub more: Option<f64>,
}

/// What a metric is for its benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The benchmark has no other clock to weigh it against.
    Alone,
    /// CPU time, and the program is bound by the processor: it decides, being calmer than wall time.
    ProcessorBound,
    /// Wall time, and the program waits for other things than the processor: it decides.
    Waits,
    /// Reported beside the one that decides, and tested with the smaller share of the error budget.
    Beside,
}

/// How a metric looks while it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct SoFar {
    /// The metric.
    pub metric: String,
    /// The estimated relative change; NaN without a pair.
    pub change: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many pairs that is.
    pub pairs: usize,
    /// What it would be, were this the last look.
    pub verdict: Verdict,
}

/// A benchmark with what was measured of it.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) subject: Subject,
    pub(super) pairs: Vec<Pair>,
    /// Pairs that belong to screening.
    pub(super) screening: usize,
    /// Time spent in this stage, and the time it may spend.
    pub(super) spent: Duration,
    pub(super) allowance: Duration,
    /// One stage only: nothing is chosen, or its pairs are too dear for two.
    pub(super) direct: bool,
    /// No more pairs: its command fails, or all is decided.
    pub(super) closed: bool,
    pub(super) standings: Vec<Standing>,
}

/// What is settled of one metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    pub(super) suspect: bool,
    pub(super) decision: Option<Decision>,
}
