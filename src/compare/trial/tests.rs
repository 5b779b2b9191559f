//! The whole trial on drawn numbers.

use std::time::Duration;

use super::{Pair, Role, Subject, SubjectMetric, Terms, Trial};
use crate::results::{Direction, Verdict};
use crate::stats::Random;

const SECOND: Duration = Duration::from_secs(1);

fn metric(name: &str, limit: f64) -> SubjectMetric {
    SubjectMetric { name: name.into(), direction: Direction::Lower, limit, floor: 0.0, countable: false }
}

fn subject(limit: f64) -> Subject {
    Subject { metrics: vec![metric("wall_time", limit)], budget: None }
}

/// Drives a trial in which every pair takes a second; `draw` gives the values of a subject's pair.
fn drive(trial: &mut Trial, mut draw: impl FnMut(usize) -> Pair) -> Vec<usize> {
    let mut turns = Vec::new();
    let mut spent = Duration::ZERO;
    while let Some(at) = trial.next(spent) {
        turns.push(at);
        trial.take(at, draw(at), SECOND);
        spent += SECOND;
    }
    turns
}

fn single(base: f64, head: f64) -> Pair {
    Pair { base: vec![base], head: vec![head], head_first: false }
}

fn verdicts(trial: &mut Trial) -> Vec<Option<Verdict>> {
    trial.conclude().into_iter().flatten().map(|decision| decision.map(|decision| decision.verdict)).collect()
}

fn terms(pairs: u64, seed: u64) -> Terms {
    Terms { false_alarms: 0.01, budget: SECOND * u32::try_from(pairs).unwrap(), seed }
}

#[test]
fn all_take_turns_and_the_freed_time_goes_to_the_suspect() {
    let mut random = Random::new(1);
    let mut trial = Trial::new(vec![subject(0.05); 6], terms(600, 7));
    let turns = drive(&mut trial, |at| {
        let slower = if at == 1 { 1.2 } else { 1.0 };
        single(1.0 + 0.01 * random.normal(), slower * (1.0 + 0.01 * random.normal()))
    });
    let screening = &turns[..240];
    for round in screening.chunks(6) {
        let mut round = round.to_vec();
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2, 3, 4, 5]);
    }
    assert!(turns[240..].iter().all(|at| *at == 1), "only the suspect goes on");
    assert!(turns.len() < 300, "a clear case ends at the first look: {}", turns.len());
    let told = verdicts(&mut trial);
    assert_eq!(told[1], Some(Verdict::Regressed));
    assert_eq!(told.iter().filter(|told| **told == Some(Verdict::Unchanged)).count(), 5);
}

#[test]
fn few_metrics_have_one_stage_whose_looks_end_a_clear_case() {
    let mut trial = Trial::new(vec![subject(0.05)], terms(400, 7));
    let turns = drive(&mut trial, |_| single(1.0, 1.2)).len();
    assert_eq!((turns, trial.pairs(0)), (61, (0, 61)));
    assert_eq!(verdicts(&mut trial), [Some(Verdict::Regressed)]);
}

#[test]
fn a_dear_benchmark_has_one_stage_and_a_budget_too_small_one_pair() {
    let mut trial = Trial::new(vec![subject(0.05)], terms(20, 7));
    assert_eq!(drive(&mut trial, |_| single(1.0, 1.5)).len(), 20);
    assert_eq!(trial.pairs(0), (0, 20));
    assert_eq!(verdicts(&mut trial), [Some(Verdict::Regressed)]);

    let mut trial = Trial::new(vec![subject(0.05); 2], Terms { budget: Duration::from_millis(1), ..terms(1, 7) });
    assert_eq!(drive(&mut trial, |_| single(1.0, 1.5)).len(), 2);
    assert_eq!(verdicts(&mut trial), [Some(Verdict::Inconclusive); 2]);
}

#[test]
fn counts_that_repeat_are_compared_exactly_and_times_are_not() {
    let count = SubjectMetric { countable: true, ..metric("instructions", 0.005) };
    let both = Subject { metrics: vec![count, metric("wall_time", 0.005)], budget: None };
    let mut trial = Trial::new(vec![both], terms(2, 7));
    drive(&mut trial, |_| Pair { base: vec![1000.0, 1.0], head: vec![1010.0, 1.01], head_first: false });
    let decisions = trial.conclude().remove(0);
    let exact = decisions[0].as_ref().unwrap();
    assert_eq!((exact.verdict, exact.p), (Verdict::Regressed, None));
    assert!((exact.low - 0.01).abs() < 1e-12 && exact.low == exact.high);
    assert_eq!(decisions[1].as_ref().unwrap().verdict, Verdict::Inconclusive);
}

#[test]
fn absent_zero_and_odd_values_are_no_panic() {
    let mut trial = Trial::new(vec![subject(0.05); 4], terms(200, 7));
    drive(&mut trial, |at| match at {
        0 => single(f64::NAN, 1.0),
        1 => single(0.0, 0.0),
        2 => single(-1.0, 3.0),
        _ => single(f64::INFINITY, 1.0),
    });
    assert_eq!(verdicts(&mut trial), [None, Some(Verdict::Unchanged), None, None]);
}

#[test]
fn what_fails_is_given_up_and_an_early_end_decides_what_it_can() {
    let mut trial = Trial::new(vec![subject(0.05); 2], terms(100, 7));
    trial.give_up(0);
    let mut turns = 0;
    while let Some(at) = trial.next(SECOND * turns) {
        assert_eq!(at, 1);
        trial.take(1, single(1.0, 1.0), SECOND);
        turns += 1;
        if turns == 30 {
            break;
        }
    }
    assert_eq!(verdicts(&mut trial), [None, Some(Verdict::Unchanged)]);
}

#[test]
fn an_absolute_floor_keeps_small_things_quiet() {
    let mut floored = subject(0.01);
    floored.metrics[0].floor = 5.0;
    let mut trial = Trial::new(vec![floored, subject(0.01)], terms(200, 7));
    drive(&mut trial, |_| single(10.0, 11.0));
    assert_eq!(verdicts(&mut trial), [Some(Verdict::Unchanged), Some(Verdict::Regressed)]);
}

#[test]
fn the_clock_that_decides_follows_from_what_the_program_does() {
    let decided = |cpu: f64| {
        let both = Subject { metrics: vec![metric("wall_time", 0.02), metric("cpu_time", 0.02)], budget: None };
        let mut trial = Trial::new(vec![both], terms(100, 7));
        drive(&mut trial, |_| Pair { base: vec![1.0, cpu], head: vec![1.0, cpu], head_first: false });
        trial.conclude().remove(0).into_iter().flatten().map(|decision| decision.role).collect::<Vec<_>>()
    };
    assert_eq!(decided(0.9), [Role::Beside, Role::ProcessorBound]);
    assert_eq!(decided(0.2), [Role::Waits, Role::Beside]);
}

#[test]
fn counts_taken_apart_are_compared_exactly_if_they_repeat() {
    let verdict = |base: &[f64], head: &[f64]| {
        super::counted(base, head, Direction::Lower, 0.004).map(|decision| decision.verdict)
    };
    assert_eq!(verdict(&[1000.0; 2], &[1005.0; 2]), Some(Verdict::Regressed));
    assert_eq!(verdict(&[1000.0; 2], &[1003.0; 2]), Some(Verdict::Unchanged));
    assert_eq!(verdict(&[1000.0; 2], &[900.0; 2]), Some(Verdict::Improved));
    assert_eq!(verdict(&[1000.0, 1001.0], &[2000.0; 2]), Some(Verdict::Inconclusive));
    assert_eq!(verdict(&[1000.0], &[1000.0]), Some(Verdict::Inconclusive), "one is no proof");
    assert_eq!((verdict(&[0.0; 2], &[5.0; 2]), verdict(&[], &[5.0; 2])), (None, None));
}
