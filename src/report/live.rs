//! A paired measurement while it goes on, in one line: the interval that narrows, and the verdict so far.

use super::figures;
use super::rows::metric_word;
use crate::compare::SoFar;
use crate::results::Verdict;

/// The metric that says most, with the benchmark's name where there is more than one: what may have moved comes first,
/// then CPU time, which is the quieter clock.
pub fn so_far<'a>(metrics: impl Iterator<Item = (Option<&'a str>, &'a SoFar)>) -> Option<String> {
    let weight = |told: &SoFar| match told.verdict {
        Verdict::Regressed => 3,
        Verdict::Improved => 2,
        _ => u8::from(told.metric == "cpu_time"),
    };
    let known = metrics.filter(|(_, told)| told.change.is_finite());
    // The first of equals.
    let (name, told) = known.reduce(|best, next| if weight(next.1) > weight(best.1) { next } else { best })?;
    let interval = if told.low.is_finite() && told.low > -1.0 && told.high.is_finite() {
        format!(" [{}, {}]", figures::change(told.low), figures::change(told.high))
    } else {
        String::new()
    };
    let word = match told.verdict {
        Verdict::Regressed => "may have regressed",
        Verdict::Improved => "may have improved",
        Verdict::Unchanged => "looks unchanged",
        Verdict::Inconclusive | Verdict::Missing | Verdict::New | Verdict::NoBase => "not decided",
    };
    let metric = if told.metric == "cpu_time" { "CPU".to_owned() } else { metric_word(&told.metric) };
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    let pairs = if told.pairs == 1 { "pair" } else { "pairs" };
    let change = figures::change(told.change);
    Some(format!("{name}{metric} {change}{interval}, {} {pairs}, so far: {word}", told.pairs))
}

#[cfg(test)]
mod tests {
    use super::so_far;
    use crate::compare::SoFar;
    use crate::results::Verdict;

    fn told(metric: &str, change: f64, verdict: Verdict) -> SoFar {
        SoFar { metric: metric.into(), change, low: change - 0.008, high: change + 0.009, pairs: 63, verdict }
    }

    #[test]
    fn what_may_have_moved_comes_first_and_an_interval_without_bounds_is_none() {
        let wall = told("wall_time", 0.031, Verdict::Inconclusive);
        let cpu = told("cpu_time", 0.012, Verdict::Inconclusive);
        let line = |all: &[&SoFar]| so_far(all.iter().map(|told| (None, *told))).unwrap();
        assert_eq!(line(&[&wall, &cpu]), "CPU +1.2 % [+0.40 %, +2.1 %], 63 pairs, so far: not decided");
        let slower = SoFar { verdict: Verdict::Regressed, ..wall };
        assert!(line(&[&slower, &cpu]).starts_with("wall time +3.1 %"));
        let first = SoFar { low: -1.0, high: f64::INFINITY, pairs: 1, ..cpu };
        assert_eq!(so_far([(Some("a"), &first)].into_iter()).unwrap(), "a: CPU +1.2 %, 1 pair, so far: not decided");
        let none = SoFar { change: f64::NAN, ..first };
        assert_eq!(so_far([(None, &none)].into_iter()), None);
    }
}
