//! What a paired measurement says of each metric, as rows of a comparison: one place for `run` and `bench` alike.

use std::time::Duration;

use super::{Role, TrialDecision as Decision};
use crate::results::{Basis, Benchmark, Comparison, Direction, Metric, MetricChange, Pairs, Reason, Validity, Verdict};

/// The methods' names in documents.
const METHOD: &str =
    "paired, random order: bounded scores of logarithms (signed rank up to 30 pairs), two stages, Holm";
const EXACT: &str = "paired: counts that repeat, compared exactly";

/// What became of the comparison of one metric.
#[derive(Debug, Clone, Copy)]
pub enum Finding<'a> {
    /// Both arms could be run.
    Measured {
        /// What the trial decided; `None` without a usable pair.
        decision: Option<&'a Decision>,
        /// A budget of this benchmark that would decide it, as far as that can be told.
        needed: Option<Duration>,
    },
    /// The base could not be built or run.
    NoBase(&'a Reason),
    /// The head's command fails.
    HeadFails(&'a Reason),
}

/// The row of one metric of a benchmark whose samples are those of both arms.
pub fn row(benchmark: &Benchmark, metric: &str, limit: f64, finding: Finding<'_>) -> MetricChange {
    let head = benchmark.metric(metric);
    let base = benchmark.base.iter().find(|known| known.metric == metric);
    let mut row = blank(benchmark, metric, limit, (base, head));
    match finding {
        Finding::NoBase(reason) => {
            (row.verdict, row.note) = (Verdict::NoBase, Some(reason.text.clone()));
            (row.base, row.n) = (None, (0, row.n.1));
        }
        Finding::HeadFails(reason) => {
            (row.verdict, row.note) = (Verdict::Missing, Some(reason.text.clone()));
        }
        Finding::Measured { decision, needed } => match (base, head) {
            (None, Some(_)) => row.verdict = Verdict::New,
            (Some(_), None) => row.verdict = Verdict::Missing,
            (None, None) => row.validity = invalid("no_sample", "no run gave a figure"),
            (Some(base), Some(head)) => {
                decide(&mut row, decision, needed);
                if let Some(reason) = odd(base, head) {
                    row.validity = Validity::Invalid { reason };
                }
            }
        },
    }
    row
}

fn blank(benchmark: &Benchmark, metric: &str, limit: f64, arms: (Option<&Metric>, Option<&Metric>)) -> MetricChange {
    let known = arms.1.or(arms.0);
    let size = |metric: Option<&Metric>| metric.map_or(0, |metric| metric.samples.len() as u64);
    MetricChange {
        benchmark: benchmark.series(),
        metric: metric.to_owned(),
        unit: known.map(|metric| metric.unit.clone()).unwrap_or_default(),
        direction: known.map_or(Direction::Lower, |metric| metric.direction),
        base: arms.0.map(|metric| metric.value),
        head: arms.1.map(|metric| metric.value),
        change: None,
        low: None,
        high: None,
        confidence: None,
        p: None,
        tested: None,
        n: (size(arms.0), size(arms.1)),
        limit,
        pairs: None,
        smallest_detectable: None,
        method: Some(METHOD.into()),
        beside: false,
        verdict: Verdict::Inconclusive,
        validity: benchmark.validity.clone(),
        note: None,
        trend: Vec::new(),
        accepted: None,
    }
}

fn decide(row: &mut MetricChange, decision: Option<&Decision>, needed: Option<Duration>) {
    let Some(decision) = decision else {
        row.validity =
            invalid("no_pair", "no ratio can be told: the first pair lacked it, or no pair has two values above zero");
        return;
    };
    let finite = |bound: f64| Some(bound).filter(|bound| bound.is_finite() && *bound > -1.0);
    let (screening, confirmation) = (decision.pairs.0 as u64, decision.pairs.1 as u64);
    let n = if confirmation > 0 { confirmation } else { screening };
    row.change = finite(decision.change);
    (row.low, row.high) = (finite(decision.low), finite(decision.high));
    row.confidence = Some(decision.confidence);
    row.p = decision.p;
    row.tested = decision.tested;
    row.method = Some(if decision.p.is_some() { METHOD } else { EXACT }.into());
    row.n = (n, n);
    row.pairs = Some(Pairs { screening, confirmation });
    row.smallest_detectable = decision.smallest_detectable.filter(|size| size.is_finite());
    row.verdict = decision.verdict;
    row.beside = decision.role == Role::Beside;
    let open = decision.verdict == Verdict::Inconclusive;
    let open = open.then(|| match decision.p {
        Some(_) => undecided(row.smallest_detectable, screening + confirmation, needed),
        // Counted apart: more of the same would not decide it either.
        None => "the counts differ from execution to execution, so they cannot be compared exactly".to_owned(),
    });
    let notes: Vec<String> = [part(decision.role).map(str::to_owned), open].into_iter().flatten().collect();
    row.note = Some(notes.join("; ")).filter(|note| !note.is_empty());
}

/// Why this one of two clocks is the one that decides.
const fn part(role: Role) -> Option<&'static str> {
    match role {
        Role::ProcessorBound => Some("it decides: the program is bound by the processor"),
        Role::Waits => Some("it decides: the program waits for more than the processor"),
        Role::Alone | Role::Beside => None,
    }
}

/// What an undecided row says: what this measurement could have seen, and what would decide.
fn undecided(seen: Option<f64>, pairs: u64, needed: Option<Duration>) -> String {
    let now = match (seen, pairs) {
        (Some(seen), _) => format!("this measurement could have seen {}", percent(seen)),
        (None, 1) => "one pair decides nothing".to_owned(),
        (None, pairs) => format!("{pairs} pairs are too few to decide anything"),
    };
    match needed {
        Some(needed) => format!("{now}; a budget of about {} for this benchmark would decide", about(needed)),
        None => format!("{now}; a larger budget sees less"),
    }
}

/// Why the relative change of two values means nothing: a ratio needs values above zero.
fn odd(base: &Metric, head: &Metric) -> Option<Reason> {
    let is_odd = |(base, head): &(&f64, &f64)| base.min(**head) < 0.0 || (base != head && base.min(**head) <= 0.0);
    let pairs = base.samples.len().min(head.samples.len());
    let n = base.samples.iter().zip(&head.samples).filter(is_odd).count();
    let text = format!("{n} of {pairs} pairs hold a value of zero or below, to which there is no ratio");
    (n > 0).then(|| Reason::new("odd_value", text))
}

fn invalid(code: &str, text: &str) -> Validity {
    Validity::Invalid { reason: Reason::new(code, text) }
}

fn percent(share: f64) -> String {
    let digits = if share >= 0.1 { 0 } else { 1 + usize::from(share < 0.01) };
    format!("{:.digits$} %", share * 100.0)
}

/// A time as an estimate is told: rounded up to one or two figures.
fn about(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 60.0 => format!("{} s", seconds.ceil().max(1.0)),
        seconds if seconds < 2.0 * 3600.0 => format!("{} min", (seconds / 60.0).ceil()),
        seconds if seconds < 100.0 * 3600.0 => format!("{} h", (seconds / 3600.0).ceil()),
        _ => "more than four days".to_owned(),
    }
}

/// A comparison of these rows, whose order was drawn from `seed`.
pub fn paired(rows: Vec<MetricChange>, false_alarms: f64, note: String) -> Comparison {
    Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: Some(note),
        false_alarms: Some(false_alarms),
        rows,
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Decision, Finding, Role, row};
    use crate::results::{Benchmark, Metric, Reason, Validity, Verdict, command_block};

    fn metric(samples: &[f64]) -> Metric {
        let block = command_block(&Benchmark::new("x"), &[("wall_time".into(), samples[0])], None);
        Metric { samples: samples.to_vec(), ..block.metrics[0].clone() }
    }

    fn benchmark(base: &[f64], head: &[f64]) -> Benchmark {
        let one = |samples: &[f64]| if samples.is_empty() { Vec::new() } else { vec![metric(samples)] };
        Benchmark { base: one(base), metrics: one(head), ..Benchmark::new("x") }
    }

    fn decision(verdict: Verdict, smallest: Option<f64>) -> Decision {
        Decision {
            verdict,
            change: 0.03,
            low: 0.01,
            high: f64::INFINITY,
            confidence: 0.99,
            p: Some(0.02),
            tested: None,
            smallest_detectable: smallest,
            pairs: (4, 0),
            suspect: true,
            role: Role::Alone,
            more: None,
        }
    }

    fn measured(decision: Option<&Decision>, seconds: Option<u64>) -> Finding<'_> {
        Finding::Measured { decision, needed: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn counts_that_vary_are_told_apart_from_too_few_pairs() {
        let both = benchmark(&[1000.0, 1001.0], &[1000.0, 1000.0]);
        let counts = Decision { p: None, ..decision(Verdict::Inconclusive, None) };
        let told = row(&both, "wall_time", 0.02, measured(Some(&counts), None));
        assert!(told.note.unwrap().contains("differ from execution to execution"));
        assert_eq!((told.p, told.verdict), (None, Verdict::Inconclusive));
    }

    #[test]
    fn an_open_question_says_what_would_decide_it() {
        let both = benchmark(&[1.0], &[2.0]);
        let note = |smallest, seconds| {
            let open = decision(Verdict::Inconclusive, smallest);
            row(&both, "wall_time", 0.02, measured(Some(&open), seconds)).note.unwrap()
        };
        let seen = "this measurement could have seen 4.0 %; a budget of about 3 min for this benchmark would decide";
        assert_eq!(note(Some(0.04), Some(150)), seen);
        assert!(note(None, Some(1)).starts_with("4 pairs are too few to decide anything; a budget of about 1 s"));
        let told = row(&both, "wall_time", 0.02, measured(Some(&decision(Verdict::Regressed, None)), None));
        assert_eq!((told.note, told.high, told.low, told.n), (None, None, Some(0.01), (4, 4)));
        let waits = Decision { role: Role::Waits, ..decision(Verdict::Regressed, None) };
        let told = row(&both, "wall_time", 0.02, measured(Some(&waits), None));
        assert!(!told.beside && told.note.unwrap().starts_with("it decides: the program waits"));
        let beside = Decision { role: Role::Beside, ..waits };
        assert!(row(&both, "wall_time", 0.02, measured(Some(&beside), None)).beside);
    }

    #[test]
    fn what_is_in_one_arm_only_is_new_or_missing_or_has_no_base() {
        let verdict = |base: &[f64], head: &[f64], finding| row(&benchmark(base, head), "wall_time", 0.02, finding);
        assert_eq!(verdict(&[], &[1.0], measured(None, None)).verdict, Verdict::New);
        assert_eq!(verdict(&[1.0], &[], measured(None, None)).verdict, Verdict::Missing);
        let reason = Reason::new("build_failed", "the base does not build");
        let told = verdict(&[1.0], &[1.0, 2.0], Finding::NoBase(&reason));
        assert_eq!((told.verdict, told.base, told.n), (Verdict::NoBase, None, (0, 2)));
        assert_eq!(told.note.as_deref(), Some("the base does not build"));
        assert_eq!(verdict(&[1.0], &[], Finding::HeadFails(&reason)).verdict, Verdict::Missing);
        let nothing = verdict(&[], &[], measured(None, None));
        assert!(matches!(nothing.validity, Validity::Invalid { .. }));
    }

    #[test]
    fn values_without_a_ratio_are_said_and_equal_zeros_are_none_of_them() {
        let unchanged = decision(Verdict::Unchanged, None);
        let validity = |base: &[f64], head: &[f64]| {
            row(&benchmark(base, head), "wall_time", 0.02, measured(Some(&unchanged), None)).validity
        };
        assert_eq!(validity(&[0.0, 1.0], &[0.0, 2.0]), Validity::Valid);
        for (base, head) in [(0.0, 1.0), (-1.0, -1.0), (1.0, -2.0)] {
            let found = validity(&[1.0, base], &[1.0, head]);
            assert!(matches!(&found, Validity::Invalid { reason } if reason.text.starts_with("1 of 2")), "{found:?}");
        }
        let none = row(&benchmark(&[1.0], &[1.0]), "wall_time", 0.02, measured(None, None));
        assert!(matches!(none.validity, Validity::Invalid { .. }));
    }
}
