//! What is found in drawn series, and what is not: each bound is of a figure in `docs/statistics.md`, with a fixed seed.

use super::{MOST_POINTS, course};
use crate::stats::Random;

fn rounds() -> usize {
    std::env::var("BACKSIGHT_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

/// A level of 100 with 2 % normal noise that remembers its last value by `rho`.
fn drawn(random: &mut Random, n: usize, rho: f64) -> Vec<f64> {
    let mut last = random.normal();
    let mut next = || {
        last = rho * last + (1.0 - rho * rho).sqrt() * random.normal();
        100.0 * (0.02 * last).exp()
    };
    (0..n).map(|_| next()).collect()
}

fn false_steps(mut draw: impl FnMut(usize) -> Vec<f64>) -> f64 {
    let (mut steps, mut points) = (0, 0);
    for round in 0..rounds() {
        let values = draw(round);
        steps += course(&values).changes.len();
        points += values.len();
    }
    1000.0 * steps as f64 / points as f64
}

#[test]
fn noise_alone_has_no_steps() {
    let mut random = Random::new(20_261_123);
    let told = false_steps(|_| drawn(&mut random, 120, 0.0));
    println!("independent: {told} false steps in 1,000 points");
    assert!(told <= 0.3, "{told}");
    let told = false_steps(|_| drawn(&mut random, 120, 0.6));
    println!("autocorrelated: {told}");
    assert!(told <= 2.0, "{told}");
    let told = false_steps(|_| {
        let two = drawn(&mut random, 120, 0.0).into_iter();
        two.map(|value| if random.coin() { 1.2 * value } else { value }).collect()
    });
    println!("two modes: {told}");
    assert!(told <= 0.3, "{told}");
}

#[test]
fn steps_are_found_where_they_are() {
    let mut random = Random::new(7);
    let (mut found, mut exact, mut others) = (0, 0, 0);
    for round in 0..rounds() {
        let at = 20 + round % 80;
        let mut values = drawn(&mut random, 120, 0.0);
        values[at..].iter_mut().for_each(|value| *value *= 1.08);
        let told = course(&values);
        let near = told.changes.iter().filter(|change| change.index.abs_diff(at) <= 5).count();
        found += near.min(1);
        others += told.changes.len() - near.min(1);
        exact += usize::from(told.changes.iter().any(|change| change.index == at));
        assert!(told.drift.is_none());
    }
    println!("{found} found, {exact} exactly, {others} others of {}", rounds());
    assert!(found * 100 >= rounds() * 98 && exact * 100 >= rounds() * 80 && others * 100 <= rounds() * 5);
}

#[test]
fn a_slow_drift_is_a_drift_and_a_wave_no_step() {
    let mut random = Random::new(8);
    let (mut drifts, mut steps) = (0, 0);
    for _ in 0..rounds() {
        let values = drawn(&mut random, 120, 0.0).into_iter().enumerate();
        let told = course(&values.map(|(at, value)| value * (1.0 + 0.12 * at as f64 / 119.0)).collect::<Vec<_>>());
        drifts += usize::from(told.drift.is_some_and(|drift| (drift.size - 0.12).abs() < 0.03));
        steps += told.changes.len();
    }
    println!("{drifts} drifts, {steps} steps of {}", rounds());
    assert!(drifts * 100 >= rounds() * 90 && steps * 20 <= rounds());
    let told = false_steps(|round| {
        let length = 7.0 + round as f64 % 30.0;
        let values = drawn(&mut random, 120, 0.0).into_iter().enumerate();
        values.map(|(at, value)| value * (0.05 * (std::f64::consts::TAU * at as f64 / length).sin()).exp()).collect()
    });
    println!("waves: {told}");
    assert!(told <= 2.5, "{told}");
}

#[test]
fn sizes_have_intervals_that_hold_them() {
    let mut random = Random::new(9);
    let (mut inside, mut all) = (0, 0);
    for _ in 0..rounds() {
        let mut values = drawn(&mut random, 100, 0.0);
        values[50..].iter_mut().for_each(|value| *value *= 0.9);
        for change in course(&values).changes.iter().filter(|change| change.index.abs_diff(50) < 2) {
            inside += usize::from(change.low <= -0.1 && -0.1 <= change.high);
            all += 1;
            assert!(change.low < change.size && change.size < change.high && change.p < 0.01);
        }
    }
    println!("{inside} of {all}");
    assert!(all * 100 >= rounds() * 95 && inside * 100 >= all * 88);
}

#[test]
fn series_without_noise_short_ones_and_odd_ones() {
    let flat = course(&[0.0; 50]);
    assert!(flat.changes.is_empty() && flat.drift.is_none());
    let mut values = [5.0; 40];
    values[17..].fill(7.5);
    let told = course(&values).changes;
    assert_eq!((told.len(), told[0].index), (1, 17));
    assert!((told[0].size - 0.5).abs() < 1e-9);
    let told = course(&[0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0]).changes;
    assert_eq!(told.first().map(|change| (change.index, change.size)), Some((4, 3.0)));
    for short in [&[][..], &[1.0], &[1.0, 2.0], &[1.0, 9.0, 1.0, 9.0, 2.0]] {
        assert!(course(short).changes.is_empty(), "{short:?}");
    }
    let wild: Vec<f64> = (0..300).map(|at| if at % 7 == 0 { 1e300 } else { 1e-300 * f64::from(at) }).collect();
    let _ = course(&wild);
    let _ = course(&(0..60).map(|at| f64::from(at - 30) * 1e305).collect::<Vec<_>>());
}

#[test]
fn of_a_very_long_series_the_newest_part_is_read() {
    let mut random = Random::new(10);
    let n = MOST_POINTS + 500;
    let mut values = drawn(&mut random, n, 0.0);
    values[n - 200..].iter_mut().for_each(|value| *value *= 1.2);
    let told = course(&values).changes;
    assert_eq!(told.last().map(|change| change.index), Some(n - 200));
}
