//! Where the values of a simulated run come from: families of drawn noise, and recorded rows.

use crate::compare::trial::Pair;
use crate::stats::Random;

/// The relative standard deviation of one run in the families, about.
const SIGMA: f64 = 0.02;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// How many benchmarks a run has.
    pub benchmarks: usize,
    /// How many legs they are split over, each with its share of the errors; 1 for a run on one host.
    pub legs: usize,
    /// The true relative change of the first benchmark; the others do not change.
    pub effect: f64,
    /// Pairs that each benchmark may spend, both stages together.
    pub pairs: u32,
    /// The smallest change that matters.
    pub limit: f64,
    /// The chance of any call in a run without a change.
    pub false_alarms: f64,
}

/// Where the values of a run come from.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// A family of drawn noise.
    Family(Family),
    /// Rows that were recorded.
    Recorded(&'a Recorded),
}

impl Source<'_> {
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Family(_) => vec!["wall_time".to_owned()],
            Self::Recorded(recorded) => recorded.metrics.clone(),
        }
    }
}

/// A kind of noise. All are of one machine: what drifts, drifts for all benchmarks alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Independent and normal, 2 %.
    Gaussian,
    /// Student's t with 3 degrees of freedom, and one run in thirty several times as long.
    Heavy,
    /// Two modes 10 % apart, either with probability one half, drawn for each run.
    Bimodal,
    /// Normal around a level that walks and rises by some per cent a minute.
    Drifting,
    /// Normal around a sine of 5 % with a period of a few runs.
    Periodic,
    /// An autoregressive level, correlation .95 from run to run, and a normal part.
    Autocorrelated,
    /// A clock speed that jumps between three levels up to 35 % apart, each for some dozens of runs.
    MixedSpeed,
    /// A sharp lower edge and an exponential tail, as wall times on a disputed processor.
    Skewed,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Gaussian,
        Self::Heavy,
        Self::Bimodal,
        Self::Drifting,
        Self::Periodic,
        Self::Autocorrelated,
        Self::MixedSpeed,
        Self::Skewed,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::Heavy => "heavy-tailed",
            Self::Bimodal => "bimodal",
            Self::Drifting => "drifting",
            Self::Periodic => "periodic",
            Self::Autocorrelated => "autocorrelated",
            Self::MixedSpeed => "mixed-speed",
            Self::Skewed => "skewed",
        }
    }

    /// The family of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == name)
    }
}

/// Rows that were recorded: series of pairs, each a workload's session in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The clocks, such as `wall_time` and `cpu_time`.
    pub metrics: Vec<String>,
    /// The series with their names.
    pub series: Vec<(String, Vec<Pair>)>,
}

/// The machine of one simulated run.
pub(super) struct Machine<'a> {
    kind: Kind<'a>,
    /// Runs so far.
    at: f64,
    level: f64,
    /// Drawn once a run: phase and period, or the level's slope.
    phase: f64,
    period: f64,
}

enum Kind<'a> {
    Family(Family),
    /// For each benchmark a series, the row it begins with, and how many were taken.
    Recorded(&'a Recorded, Vec<(usize, usize)>),
}

impl<'a> Machine<'a> {
    pub(super) fn new(source: &Source<'a>, scenario: Scenario, random: &mut Random) -> Self {
        let kind = match source {
            Source::Family(family) => Kind::Family(*family),
            Source::Recorded(recorded) => {
                let place = |random: &mut Random| {
                    let series = below(random, recorded.series.len());
                    let rows = recorded.series.get(series).map_or(0, |(_, rows)| rows.len());
                    // Whole blocks: what overlaps would look like more independent runs than there are.
                    let blocks = rows / (scenario.pairs as usize).max(1);
                    (series, below(random, blocks.max(1)) * scenario.pairs as usize)
                };
                Kind::Recorded(recorded, (0..scenario.benchmarks).map(|_| place(random)).collect())
            }
        };
        Self { kind, at: 0.0, level: 0.0, phase: random.uniform(), period: 3.0 + 9.0 * random.uniform() }
    }

    /// The next pair of a benchmark, order drawn.
    pub(super) fn pair(&mut self, benchmark: usize, random: &mut Random) -> Pair {
        let head_first = random.coin();
        let (one, two) = match &mut self.kind {
            Kind::Family(family) => {
                let family = *family;
                (vec![self.value(family, random)], vec![self.value(family, random)])
            }
            Kind::Recorded(recorded, places) => {
                let row = places.get_mut(benchmark).and_then(|(series, at)| {
                    let (_, rows) = recorded.series.get(*series)?;
                    let row = rows.get(*at % rows.len().max(1))?;
                    *at += 1;
                    Some(row.clone())
                });
                row.map_or((Vec::new(), Vec::new()), Pair::in_time)
            }
        };
        let (base, head) = if head_first { (two, one) } else { (one, two) };
        Pair { base, head, head_first }
    }

    /// One run's value, around 1.
    fn value(&mut self, family: Family, random: &mut Random) -> f64 {
        self.at += 1.0;
        let normal = SIGMA * random.normal();
        let log = match family {
            Family::Gaussian => normal,
            Family::Heavy => {
                let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
                let spike = if random.uniform() < 1.0 / 30.0 { 1.5 * random.uniform() } else { 0.0 };
                normal / (squares / 3.0).sqrt() + spike
            }
            Family::Bimodal => normal / 4.0 + if random.coin() { 0.1 } else { 0.0 },
            Family::Drifting => {
                self.level += 0.003 * random.normal() + 0.0002 * (self.phase - 0.3);
                normal + self.level
            }
            Family::Periodic => {
                normal / 2.0 + 0.05 * (std::f64::consts::TAU * (self.at / self.period + self.phase)).sin()
            }
            Family::Autocorrelated => {
                self.level = 0.95 * self.level + 0.01 * random.normal();
                normal / 2.0 + self.level
            }
            Family::MixedSpeed => {
                if random.uniform() < 1.0 / 40.0 {
                    self.level = [0.0, 0.15, 0.3].get(below(random, 3)).copied().unwrap_or(0.0);
                }
                normal + self.level
            }
            Family::Skewed => normal / 10.0 - 0.05 * random.uniform().max(1e-12).ln(),
        };
        log.exp()
    }
}

/// A whole number below `end`, or zero.
pub(super) fn below(random: &mut Random, end: usize) -> usize {
    ((random.uniform() * end as f64) as usize).min(end.saturating_sub(1))
}
