//! Reading on: a series that was read before and has some more values now.

use super::{ChangePoint, Course, course};

/// How many of the earlier values are read again, before the new ones.
const AGAIN: usize = 150;
/// So near to where the reading begins again, steps are those that were known: more was seen of them then.
const SETTLED: usize = 12;

/// The course of a series of which all but the last `new` values were read `before`. Only the newest part is read again, so
/// that one more value costs a fraction of the whole; steps before it stay as they were. Where a drift or a wave was
/// found, or the series is not much longer than that part, all of it is read.
pub fn course_on(values: &[f64], before: &Course, new: usize) -> Course {
    let from = begin(values.len(), &before.changes, new);
    if from == 0 || before.drift.is_some() || before.period.is_some() {
        return course(values);
    }
    let Course { changes, drift, period } = course(values.get(from..).unwrap_or_default());
    let later = changes.into_iter().map(|change| ChangePoint { index: change.index + from, ..change });
    let mut all: Vec<ChangePoint> =
        before.changes.iter().filter(|change| change.index < from + SETTLED).copied().collect();
    all.extend(later.filter(|change| change.index >= from + SETTLED));
    let drift = drift.map(|drift| super::Drift { from: drift.from + from, to: drift.to + from, ..drift });
    Course { changes: all, drift, period }
}

/// Where the reading begins again: with a level as it was, not in the middle of the last values of the one before.
fn begin(n: usize, known: &[ChangePoint], new: usize) -> usize {
    let from = n.saturating_sub(AGAIN + new);
    if from < AGAIN {
        return 0;
    }
    known.iter().map(|change| change.index).find(|index| (from..from + SETTLED).contains(index)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Random;

    /// Normal noise of 2 % that remembers a third of its last value.
    fn drawn(random: &mut Random, n: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut last = 0.0;
        (0..n)
            .map(|at| {
                last = 0.33 * last + 0.944 * random.normal();
                level(at) * (0.02 * last).exp()
            })
            .collect()
    }

    /// Read to the 440th value, then value by value to the 500th.
    fn step_by_step(values: &[f64]) -> Course {
        let start = values.len() - 60;
        let mut now = course(&values[..start]);
        for n in start..values.len() {
            now = course_on(&values[..=n], &now, 1);
        }
        now
    }

    /// The figures stand in `docs/statistics.md`.
    #[test]
    fn reading_on_says_what_reading_all_says() {
        let mut random = Random::new(20_261_123);
        let rounds = if cfg!(debug_assertions) { 6 } else { 200 };
        let (mut agree, mut found, mut found_by_all) = (0, 0, 0);
        let (mut false_steps, mut false_by_all) = (0, 0);
        for round in 0..rounds {
            // An old step, and in every other series a new one among the values that come one by one.
            let new = 445 + (round * 7) % 40;
            let is_new = round % 2 == 0;
            let level = |at: usize| {
                let old = if at >= 200 { 106.0 } else { 100.0 };
                if is_new && at >= new { 1.06 * old } else { old }
            };
            let values = drawn(&mut random, 500, level);
            let (on, all) = (step_by_step(&values), course(&values));
            let places = |course: &Course| course.changes.iter().map(|change| change.index).collect::<Vec<_>>();
            let (ours, theirs) = (places(&on), places(&all));
            let alike = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| a.abs_diff(*b) <= 3);
            agree += usize::from(alike);
            let near = |places: &[usize], wanted: usize| places.iter().any(|at| at.abs_diff(wanted) <= 5);
            found += usize::from(is_new && near(&ours, new));
            found_by_all += usize::from(is_new && near(&theirs, new));
            let is_true = |at: &usize| at.abs_diff(200) <= 5 || (is_new && at.abs_diff(new) <= 5);
            false_steps += ours.iter().filter(|at| !is_true(at)).count();
            false_by_all += theirs.iter().filter(|at| !is_true(at)).count();
        }
        println!("{rounds} series: alike {agree}; new steps {found}, by all {found_by_all}");
        println!("false steps {false_steps}, by all {false_by_all}");
        assert!(agree * 100 >= rounds * 83, "{agree} of {rounds}");
        assert!(found + 1 + rounds / 50 >= found_by_all, "{found} {found_by_all}");
        assert!(false_steps <= false_by_all + 1 + rounds / 20, "{false_steps} {false_by_all}");
    }

    #[test]
    fn short_series_and_drifts_are_read_whole() {
        let mut random = Random::new(3);
        let values = drawn(&mut random, 300, |_| 100.0);
        assert_eq!(course_on(&values, &Course::default(), 1), course(&values));
        let slope = drawn(&mut random, 500, |at| 100.0 + at as f64 / 10.0);
        let before = course(&slope[..499]);
        assert!(before.drift.is_some());
        assert_eq!(course_on(&slope, &before, 1), course(&slope));
    }
}
