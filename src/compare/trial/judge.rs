//! What the pairs of a trial say: suspects, verdicts, and the figures beside them.

use super::terms::{Decision, Role, SoFar, State, Terms, UNCHANGED_ERROR, UNCHANGED_SCREENING};
use crate::results::{Direction, Tested, Verdict};
use crate::stats::{Paired, PairedShift, TimedPair, median, normal_quantile, weighted_holm};

/// The loosest level at which screening calls a metric suspect when there are many, and how many suspects by chance it
/// aims at when there are few.
const SUSPECT_LEVEL: f64 = 0.1;
pub(super) const SUSPECTS_BY_CHANCE: f64 = 4.0;
/// The share of the error budget of wall time and CPU time that goes to the one that decides.
const DECIDING_SHARE: f64 = 0.8;
/// Processor time over wall time, in the calmest twentieth of the runs, from which a program counts as bound by the processor.
const BOUND_BY_PROCESSOR: f64 = 0.7;
/// The power of the smallest detectable change.
const POWER: f64 = 0.95;
/// Equal values of each arm that show a countable metric to be deterministic.
const DETERMINISTIC: usize = 2;
/// Coverage of the interval shown while measuring.
const SHOWN: f64 = 0.95;

/// Settles what is unchanged, and names the suspects among the rest.
pub(super) fn screen(state: &mut State, metrics: usize, terms: Terms) {
    let level = (SUSPECTS_BY_CHANCE / metrics.max(1) as f64).clamp(SUSPECT_LEVEL, 1.0);
    let confidence = 1.0 - 2.0 * UNCHANGED_ERROR * UNCHANGED_SCREENING;
    for at in 0..state.standings.len() {
        let told = if state.direct { None } else { analyse(state, at, 0).and_then(|all| all.analyse(confidence)) };
        let inside = told.filter(|told| is_inside(told, limit(state, at)));
        let decision = inside.map(|told| Decision {
            verdict: Verdict::Unchanged,
            pairs: (state.pairs.len(), 0),
            role: role(state, at),
            ..described(&told, confidence, terms.false_alarms)
        });
        let Some(standing) = state.standings.get_mut(at) else { continue };
        standing.suspect = decision.is_none() && told.is_none_or(|told| told.p() <= level);
        standing.decision = decision;
    }
}

/// One planned look of the confirmation, which may spend `share` of both error budgets.
pub(super) fn confirm(states: &mut [State], share: f64, last: bool, terms: Terms) {
    let alpha = terms.false_alarms * share;
    let mut places = Vec::new();
    let (mut p_values, mut weights) = (Vec::new(), Vec::new());
    for (at, state) in states.iter().enumerate() {
        for (metric, standing) in state.standings.iter().enumerate().filter(|(_, standing)| standing.suspect) {
            // One that an earlier look decided stays in the family: leaving it out would loosen the level of the rest.
            let fresh = if standing.decision.is_none() { analyse(state, metric, state.screening) } else { None };
            places.push((at, metric));
            weights.push(weight(role(state, metric)));
            p_values.push(fresh.map_or(1.0, |told| told.p()));
        }
    }
    let rejected: Vec<_> = places
        .into_iter()
        .zip(weighted_holm(&p_values, &weights, alpha))
        .filter(|(_, hit)| *hit)
        .map(|(place, _)| place)
        .collect();
    for (at, state) in states.iter_mut().enumerate() {
        for metric in 0..state.standings.len() {
            let decision = settled(state, metric, rejected.contains(&(at, metric)), share, terms);
            let Some(standing) = state.standings.get_mut(metric).filter(|standing| standing.decision.is_none()) else {
                continue;
            };
            standing.decision = decision.filter(|decision| last || decision.verdict != Verdict::Inconclusive);
        }
    }
}

/// What this look says of one metric; `None` without a usable pair.
fn settled(state: &State, metric: usize, rejected: bool, share: f64, terms: Terms) -> Option<Decision> {
    let alpha = terms.false_alarms * share;
    let suspect = state.standings.get(metric).is_some_and(|standing| standing.suspect);
    let (limit, fresh) = (limit(state, metric), state.pairs.len() - state.screening);
    // Effect and interval of a suspect are those of the fresh pairs alone: the others chose it.
    let from = if suspect && fresh > 0 { state.screening } else { 0 };
    let told = analyse(state, metric, from)?.analyse(1.0 - alpha)?;
    let role = role(state, metric);
    let mut decision =
        Decision { pairs: (state.screening, fresh), suspect, role, ..described(&told, 1.0 - alpha, alpha) };
    if suspect && fresh > 0 {
        // At each look the level is the whole one times the look's share.
        decision.tested = Some(Tested { p: (told.p() / share).min(1.0), weight: weight(role) });
    }
    let direction = direction(state, metric);
    if let Some(change) = exact(state, metric) {
        let verdict = word(change, limit, direction);
        return Some(Decision {
            verdict,
            change,
            low: change,
            high: change,
            confidence: 1.0,
            p: None,
            tested: None,
            ..decision
        });
    }
    if rejected && decision.change.abs() >= limit {
        return Some(Decision { verdict: word(decision.change, limit, direction), ..decision });
    }
    // Each look has its own share of this error, so that all pairs may be used at each, whatever chose them.
    let left = if state.direct { 1.0 } else { 1.0 - UNCHANGED_SCREENING };
    let error = UNCHANGED_ERROR * left * share;
    let all = analyse(state, metric, 0)?.analyse(1.0 - 2.0 * error).filter(|all| is_inside(all, limit));
    if let Some(all) = all {
        let pairs = decision.pairs;
        return Some(Decision {
            verdict: Verdict::Unchanged,
            pairs,
            suspect,
            role,
            tested: decision.tested,
            ..described(&all, 1.0 - 2.0 * error, alpha)
        });
    }
    decision.more = more(&decision, limit);
    Some(decision)
}

/// Compares counts that were taken apart from the timed pairs: exactly, if each arm gave one value only and more than once.
/// Others are not decided. `None` without counts of both.
pub fn counted(base: &[f64], head: &[f64], direction: Direction, limit: f64) -> Option<Decision> {
    let (first_base, first_head) = (*base.first()?, *head.first()?);
    let repeats = |values: &[f64]| values.len() >= DETERMINISTIC && values.windows(2).all(|pair| pair[0] == pair[1]);
    let same = if first_base == first_head { 0.0 } else { median(head)? / median(base)? - 1.0 };
    let change = Some(same).filter(|change| change.is_finite())?;
    let exact = repeats(base) && repeats(head);
    let bound = |open: f64| if exact { change } else { open };
    Some(Decision {
        verdict: if exact { word(change, limit, direction) } else { Verdict::Inconclusive },
        change,
        low: bound(-1.0),
        high: bound(f64::INFINITY),
        confidence: 1.0,
        p: None,
        tested: None,
        smallest_detectable: None,
        pairs: (0, base.len().min(head.len())),
        suspect: false,
        role: Role::Alone,
        more: None,
    })
}

/// The figures so far, with the verdict that the last look would give.
pub(super) fn so_far(state: &State, metric: usize, from: usize, terms: Terms) -> SoFar {
    let name = state.subject.metrics.get(metric).map(|metric| metric.name.clone()).unwrap_or_default();
    let told = analyse(state, metric, from).and_then(|all| all.analyse(SHOWN));
    let limit = limit(state, metric);
    let verdict = match &told {
        Some(told) if is_inside(told, limit) => Verdict::Unchanged,
        Some(told) if told.p() <= terms.false_alarms && told.estimate.exp_m1().abs() >= limit => {
            word(told.estimate.exp_m1(), limit, direction(state, metric))
        }
        Some(_) | None => Verdict::Inconclusive,
    };
    SoFar {
        metric: name,
        change: told.map_or(f64::NAN, |told| told.estimate.exp_m1()),
        low: told.map_or(-1.0, |told| told.low.exp_m1()),
        high: told.map_or(f64::INFINITY, |told| told.high.exp_m1()),
        pairs: state.pairs.len() - from,
        verdict,
    }
}

/// Which of wall and CPU time decides: by what the program does, both arms taken together, never by the effect.
fn role(state: &State, metric: usize) -> Role {
    let at = |name: &str| state.subject.metrics.iter().position(|metric| metric.name == name);
    let (Some(wall), Some(cpu)) = (at("wall_time"), at("cpu_time")) else { return Role::Alone };
    if metric != wall && metric != cpu {
        return Role::Alone;
    }
    let runs = state.pairs.iter().flat_map(|pair| [&pair.base, &pair.head]);
    let share = |run: &Vec<f64>| Some(run.get(cpu)? / run.get(wall)?).filter(|share| share.is_finite());
    let mut shares: Vec<f64> = runs.filter_map(share).collect();
    shares.sort_unstable_by(f64::total_cmp);
    let calmest = shares.get(shares.len() * 19 / 20).copied().unwrap_or(0.0);
    match (calmest >= BOUND_BY_PROCESSOR, metric == cpu) {
        (true, true) => Role::ProcessorBound,
        (false, false) => Role::Waits,
        (true, false) | (false, true) => Role::Beside,
    }
}

const fn weight(role: Role) -> f64 {
    match role {
        Role::Alone => 1.0,
        Role::ProcessorBound | Role::Waits => 2.0 * DECIDING_SHARE,
        Role::Beside => 2.0 * (1.0 - DECIDING_SHARE),
    }
}

fn direction(state: &State, metric: usize) -> Direction {
    state.subject.metrics.get(metric).map_or(Direction::Lower, |metric| metric.direction)
}

fn word(change: f64, limit: f64, direction: Direction) -> Verdict {
    if change == 0.0 || change.abs() < limit {
        Verdict::Unchanged
    } else if (change > 0.0) == (direction == Direction::Lower) {
        Verdict::Regressed
    } else {
        Verdict::Improved
    }
}

/// The relative limit, raised where the absolute floor is the larger.
fn limit(state: &State, metric: usize) -> f64 {
    let Some(terms) = state.subject.metrics.get(metric) else { return 0.0 };
    if terms.floor <= 0.0 {
        return terms.limit;
    }
    let bases: Vec<f64> = columns(state, metric, 0).map(|pair| pair.base).collect();
    let base = median(&bases).filter(|base| *base > 0.0);
    base.map_or(terms.limit, |base| terms.limit.max(terms.floor / base))
}

/// The complete values of a metric, base and head.
fn columns(state: &State, metric: usize, from: usize) -> impl Iterator<Item = TimedPair> {
    let value = move |values: &[f64]| values.get(metric).copied().filter(|value| value.is_finite());
    state.pairs.iter().skip(from).filter_map(move |pair| {
        Some(TimedPair { base: value(&pair.base)?, head: value(&pair.head)?, head_first: pair.head_first })
    })
}

/// The exact change of a countable metric that is constant in both arms.
fn exact(state: &State, metric: usize) -> Option<f64> {
    let countable = state.subject.metrics.get(metric).is_some_and(|metric| metric.countable);
    let values: Vec<(f64, f64)> = columns(state, metric, 0).map(|pair| (pair.base, pair.head)).collect();
    let (first, enough) = (values.first()?, values.len() >= DETERMINISTIC);
    let constant = values.iter().all(|value| value == first);
    let change = if first.0 == first.1 { 0.0 } else { first.1 / first.0 - 1.0 };
    (countable && enough && constant && change.is_finite()).then_some(change)
}

/// The logarithms of the pairs from `from` on, analysed. Logarithms need positive values: equal ones are "no change",
/// others without one are left out.
fn analyse(state: &State, metric: usize, from: usize) -> Option<PairedShift> {
    let logs = |pair: TimedPair| {
        let log = |value: f64| match pair.base == pair.head {
            true => value.abs().max(f64::MIN_POSITIVE).ln(),
            false => value.ln(),
        };
        let [base, head] = [log(pair.base), log(pair.head)];
        (base.is_finite() && head.is_finite()).then_some(TimedPair { base, head, ..pair })
    };
    PairedShift::of(columns(state, metric, from).filter_map(logs).collect())
}

fn is_inside(told: &Paired, limit: f64) -> bool {
    told.low.exp_m1() > -limit && told.high.exp_m1() < limit
}

fn described(told: &Paired, confidence: f64, alpha: f64) -> Decision {
    let half = (told.high - told.low) / 2.0;
    let error = half / normal_quantile(0.5 + confidence / 2.0);
    let needed = normal_quantile(1.0 - alpha / 2.0) + normal_quantile(POWER);
    Decision {
        verdict: Verdict::Inconclusive,
        change: told.estimate.exp_m1(),
        low: told.low.exp_m1(),
        high: told.high.exp_m1(),
        confidence,
        p: Some(told.p()),
        tested: None,
        smallest_detectable: half.is_finite().then(|| (needed * error).exp_m1()),
        pairs: (0, 0),
        suspect: false,
        role: Role::Alone,
        more: None,
    }
}

/// How many times as many pairs would bring the smallest detectable change down to the limit: errors fall with the
/// root of the number of pairs.
fn more(decision: &Decision, limit: f64) -> Option<f64> {
    let seen = decision.smallest_detectable.filter(|_| limit > 0.0)?;
    Some((seen / limit).powi(2).max(1.0))
}
