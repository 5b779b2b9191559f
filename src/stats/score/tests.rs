//! Level, coverage and power on noise of many kinds, and agreement with the signed-rank test where that is best.

use super::{FEW, Level, PairedShift, TimedPair};
use crate::stats::{Random, signed_rank};

/// Noise of one arm's value, from the state of the machine and the source of randomness.
type Noise = fn(&mut Random, usize) -> f64;

fn normal(random: &mut Random, _: usize) -> f64 {
    0.02 * random.normal()
}

/// A sharp lower edge and a long tail, as wall times on a disputed processor.
fn skewed(random: &mut Random, _: usize) -> f64 {
    -0.1 * random.uniform().max(1e-12).ln()
}

fn spiky(random: &mut Random, at: usize) -> f64 {
    normal(random, at) + if random.uniform() < 0.1 { random.uniform() } else { 0.0 }
}

fn periodic(random: &mut Random, at: usize) -> f64 {
    0.005 * random.normal() + 0.1 * (at as f64 / 5.0).sin()
}

fn bimodal(random: &mut Random, _: usize) -> f64 {
    0.003 * random.normal() + if random.coin() { 0.1 } else { 0.0 }
}

/// A clock that counts in steps as large as the noise.
fn stepped(random: &mut Random, _: usize) -> f64 {
    (2.0 * random.normal()).round() * 0.01
}

const ALL: [(&str, Noise); 6] = [
    ("normal", normal),
    ("skewed", skewed),
    ("spiky", spiky),
    ("periodic", periodic),
    ("bimodal", bimodal),
    ("stepped", stepped),
];

/// A level that walks, and a little of its own for each run.
fn walking(random: &mut Random, level: &mut f64) -> f64 {
    *level = 0.9 * *level + 0.01 * random.normal();
    *level + 0.005 * random.normal()
}

fn timed([first, second]: [f64; 2], head_first: bool, shift: f64) -> TimedPair {
    let [base, head] = if head_first { [second, first] } else { [first, second] };
    TimedPair { base, head: head + shift, head_first }
}

fn pairs(random: &mut Random, noise: Noise, n: usize, shift: f64) -> Vec<TimedPair> {
    let pair = |at: usize| {
        let values = [noise(random, 2 * at), noise(random, 2 * at + 1)];
        timed(values, random.coin(), shift)
    };
    (0..n).map(pair).collect()
}

fn rounds() -> u32 {
    std::env::var("BACKSIGHT_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

#[test]
fn level_and_coverage_are_kept_for_every_noise() {
    for (name, noise) in ALL {
        let mut random = Random::new(20_261_123);
        let (mut alarms, mut covered) = (0, 0);
        for _ in 0..rounds() {
            let told = PairedShift::of(pairs(&mut random, noise, 60, 0.01)).unwrap();
            let inside = told.analyse(0.95).unwrap();
            covered += u32::from(inside.low <= 0.01 && 0.01 <= inside.high);
            alarms += u32::from(PairedShift::of(pairs(&mut random, noise, 60, 0.0)).unwrap().p() < 0.05);
        }
        let (alarms, covered) = (f64::from(alarms) / f64::from(rounds()), f64::from(covered) / f64::from(rounds()));
        println!("{name}: {alarms} called different at 5 %, {covered} covered at 95 %");
        assert!(alarms <= 0.05 + 3.0 * (0.05 * 0.95 / f64::from(rounds())).sqrt(), "{name}: {alarms}");
        assert!(covered >= 0.945 - 3.0 * (0.05 * 0.95 / f64::from(rounds())).sqrt(), "{name}: {covered}");
    }
}

#[test]
fn it_finds_more_than_the_signed_rank_test_where_noise_is_skewed_and_no_less_where_it_is_normal() {
    let found = |noise: Noise, shift: f64| {
        let mut random = Random::new(5);
        let (mut ours, mut theirs) = (0, 0);
        for _ in 0..400 {
            let pairs = pairs(&mut random, noise, 100, shift);
            let differences: Vec<f64> = pairs.iter().map(TimedPair::difference).collect();
            ours += u32::from(PairedShift::of(pairs).unwrap().p() < 0.01);
            theirs += u32::from(signed_rank(&differences, 0.5).unwrap().p() < 0.01);
        }
        println!("{ours} and {theirs} of 400");
        (ours, theirs)
    };
    let (ours, theirs) = found(skewed, 0.025);
    assert!(ours >= 2 * theirs, "{ours} {theirs}");
    let (ours, theirs) = found(normal, 0.01);
    assert!(ours + 20 >= theirs, "{ours} {theirs}");
    let (ours, theirs) = found(periodic, 0.002);
    assert!(ours + 20 >= theirs, "{ours} {theirs}");
}

#[test]
fn the_choice_does_not_know_which_arm_is_which() {
    let mut random = Random::new(3);
    for (name, noise) in ALL {
        let pairs = pairs(&mut random, noise, 80, 0.0);
        let swap = |pair: &TimedPair| match random.coin() {
            true => TimedPair { base: pair.head, head: pair.base, head_first: !pair.head_first },
            false => *pair,
        };
        let swapped = pairs.iter().map(swap).collect();
        let (one, other) = (PairedShift::of(pairs).unwrap(), PairedShift::of(swapped).unwrap());
        assert_eq!(one.null, other.null, "{name}");
    }
}

#[test]
fn estimate_and_interval_follow_a_shift() {
    let mut random = Random::new(9);
    for (_, noise) in ALL {
        let at_zero = pairs(&mut random, noise, 90, 0.0);
        let moved = at_zero.iter().map(|pair| TimedPair { head: pair.head + 0.3, ..*pair }).collect();
        let (a, b) = (PairedShift::of(at_zero).unwrap(), PairedShift::of(moved).unwrap());
        let (a, b) = (a.analyse(0.99).unwrap(), b.analyse(0.99).unwrap());
        let width = a.high - a.low;
        assert!((b.estimate - a.estimate - 0.3).abs() < 0.05 * width, "{a:?} {b:?}");
        assert!((b.low - a.low - 0.3).abs() < 0.05 * width && (b.high - a.high - 0.3).abs() < 0.05 * width);
        assert!(a.low < a.estimate && a.estimate < a.high && b.p() < 1e-6);
    }
}

#[test]
fn few_pairs_and_constant_ones_are_what_the_signed_rank_test_says() {
    assert!(PairedShift::of(Vec::new()).is_none());
    let alike = |base: f64, head: f64| TimedPair { base, head, head_first: false };
    let few = (0..FEW).map(|at| alike(0.0, at as f64 - 3.0)).collect();
    let told = PairedShift::of(few).unwrap();
    assert_eq!(told.level(), None);
    assert_eq!(told.p(), told.analyse(0.9).unwrap().p());
    let equal = PairedShift::of(vec![alike(1.0, 1.0); 100]).unwrap().analyse(0.99).unwrap();
    assert_eq!((equal.estimate, equal.low, equal.high, equal.p()), (0.0, 0.0, 0.0, 1.0));
    let apart = PairedShift::of(vec![alike(1.0, 1.5); 100]).unwrap().analyse(0.99).unwrap();
    assert!(apart.estimate == 0.5 && apart.p() < 1e-6, "{apart:?}");
}

#[test]
fn values_with_a_sharp_edge_are_compared_beyond_their_pair() {
    let mut random = Random::new(4);
    let level = PairedShift::of(pairs(&mut random, skewed, 200, 0.0)).unwrap().level();
    assert!(matches!(level, Some(Level::Block | Level::All)), "{level:?}");
    let level = PairedShift::of(pairs(&mut random, periodic, 200, 0.0)).unwrap().level();
    assert!(matches!(level, Some(Level::Pair | Level::Neighbours)), "{level:?}");
}

#[test]
fn slow_noise_is_told_by_the_neighbours() {
    let mut random = Random::new(12);
    let (mut ours, mut theirs, mut alarms, mut leaning) = (0, 0, 0, 0);
    for _ in 0..rounds() {
        let mut level = 0.0;
        let mut draw = |shift: f64| {
            let pair = |_| {
                let values = [walking(&mut random, &mut level), walking(&mut random, &mut level)];
                timed(values, random.coin(), shift)
            };
            (0..150).map(pair).collect::<Vec<_>>()
        };
        let slower = draw(0.0042);
        let differences: Vec<f64> = slower.iter().map(TimedPair::difference).collect();
        theirs += u32::from(signed_rank(&differences, 0.5).unwrap().p() < 0.01);
        let told = PairedShift::of(slower).unwrap();
        ours += u32::from(told.p() < 0.01);
        leaning += u32::from(told.level() == Some(Level::Neighbours));
        alarms += u32::from(PairedShift::of(draw(0.0)).unwrap().p() < 0.05);
    }
    println!("{ours} and {theirs} found, {leaning} leaning, {alarms} alarms of {}", rounds());
    assert!(ours > theirs && leaning > rounds() / 2);
    assert!(f64::from(alarms) <= f64::from(rounds()) * 0.05 + 3.0 * (0.05 * 0.95 * f64::from(rounds())).sqrt());
}
