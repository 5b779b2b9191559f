//! The bounds of the promises, quickly; `backsight simulate` prints the full tables.

use super::{Family, Recorded, Scenario, Source, sensitivity, simulate};
use crate::compare::trial::Pair;
use crate::stats::Random;

const SCENARIO: Scenario =
    Scenario { benchmarks: 10, legs: 1, effect: 0.0, pairs: 100, limit: 0.01, false_alarms: 0.01 };

#[test]
fn no_family_of_noise_raises_more_alarms_than_promised() {
    for family in Family::ALL {
        let scenario = Scenario { benchmarks: 5, ..SCENARIO };
        let tally = simulate(&Source::Family(family), scenario, 50, 20_261_123);
        println!("{}: {} of {}", family.as_str(), tally.alarms, tally.runs);
        // One in a hundred is promised; four or more of fifty would be seen by chance in two of a thousand.
        assert!(tally.alarms <= 3, "{}: {tally:?}", family.as_str());
    }
}

#[test]
fn two_per_cent_in_one_of_fifty_benchmarks_is_found() {
    let scenario = Scenario { benchmarks: 50, effect: 0.02, ..SCENARIO };
    let tally = simulate(&Source::Family(Family::Gaussian), scenario, 20, 20_261_123);
    assert!(tally.found >= 18, "{tally:?}");
    assert_eq!((tally.unchanged, tally.opposite), (0, 0), "{tally:?}");
}

#[test]
fn ten_per_cent_is_found_on_a_machine_of_mixed_speed_and_an_improvement_is_called_one() {
    for effect in [0.1, -0.1] {
        let scenario = Scenario { benchmarks: 5, effect, ..SCENARIO };
        let tally = simulate(&Source::Family(Family::MixedSpeed), scenario, 20, 7);
        assert!(tally.found >= 19 && tally.opposite == 0, "{effect}: {tally:?}");
    }
}

#[test]
fn exactly_at_the_limit_unchanged_is_rare() {
    let scenario = Scenario { benchmarks: 5, effect: 0.01, ..SCENARIO };
    let tally = simulate(&Source::Family(Family::Gaussian), scenario, 100, 3);
    assert!(tally.unchanged <= 11, "{tally:?}");
}

#[test]
fn recorded_rows_are_taken_in_their_order_and_compared_with_the_plain_test() {
    let mut random = Random::new(11);
    let mut row = |_| Pair {
        base: vec![1.0 + 0.02 * random.normal()],
        head: vec![1.0 + 0.02 * random.normal()],
        head_first: false,
    };
    let series = vec![("drawn".to_owned(), (0..600).map(&mut row).collect::<Vec<_>>())];
    let recorded = Recorded { metrics: vec!["wall_time".into()], series };
    let tally = simulate(&Source::Recorded(&recorded), SCENARIO, 30, 5);
    assert!(tally.alarms <= 3, "{tally:?}");
    let told = sensitivity(&recorded, 100, 0.01, 60, 5).remove(0);
    // Normal noise: nothing to gain, and the textbook's figure is (2.58 + 1.64) * 2.83 % / 10 = 1.2 %.
    let (ours, plain) = (told.ours.unwrap(), told.plain.unwrap());
    assert!((0.007..0.02).contains(&ours) && (0.007..0.02).contains(&plain), "{told:?}");
}

/// Ten benchmarks on five hosts: the errors of all legs together stay what one run promises, and what is there is found.
#[test]
fn legs_together_promise_what_one_run_does() {
    for family in [Family::Gaussian, Family::Heavy, Family::MixedSpeed] {
        let scenario = Scenario { legs: 5, ..SCENARIO };
        let tally = simulate(&Source::Family(family), scenario, 50, 20_261_130);
        assert!(tally.alarms <= 3, "{}: {tally:?}", family.as_str());
    }
    let scenario = Scenario { legs: 5, effect: 0.02, ..SCENARIO };
    let tally = simulate(&Source::Family(Family::Gaussian), scenario, 20, 20_261_130);
    assert!(tally.found >= 18 && tally.opposite == 0, "{tally:?}");
}
