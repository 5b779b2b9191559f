//! The course of a series that has grown by a few values, without reading all of it again.

use super::{Course, course};

/// So many values may be added before the whole series is read again.
const PATIENCE: usize = 16;
/// The values that are read again: so many at least, from the beginning of a segment if that is not too far, and at most.
const LEAST: usize = 48;
const MOST: usize = 96;

/// The course of `values`, if it is still `known`: that of the first `n` of them.
///
/// The newest values are read alone. Where they tell the same as the known course, it stands; where they tell anything
/// else, or where more than a few have come since the whole was read (at `whole` values), `None`: then the whole must be read.
/// So a course that is given is one that the whole series had a few values ago. A change that only the whole series can
/// tell is found up to 16 values later than it might be; its place and size are the same.
pub fn extended(values: &[f64], known: &Course, n: usize, whole: usize) -> Option<Course> {
    if n == values.len() {
        return Some(known.clone());
    }
    if n > values.len() || values.len() - whole.min(values.len()) > PATIENCE {
        return None;
    }
    // A line or a wave goes through all values.
    if known.drift.is_some() || known.period.is_some() {
        return None;
    }
    let starts = known.changes.iter().rev().map(|change| change.index).chain([0]);
    let room = values.len().saturating_sub(LEAST);
    let start = starts.into_iter().find(|start| *start <= room).unwrap_or(0).max(values.len().saturating_sub(MOST));
    let told = course(values.get(start..)?);
    let wanted: Vec<usize> =
        known.changes.iter().filter(|change| change.index > start).map(|change| change.index - start).collect();
    let found: Vec<usize> = told.changes.iter().map(|change| change.index).collect();
    (found == wanted && told.drift.is_none() && told.period.is_none()).then(|| known.clone())
}

#[cfg(test)]
mod tests {
    use super::extended;
    use crate::stats::{Random, course};

    fn noise(random: &mut Random, n: usize, level: f64) -> Vec<f64> {
        (0..n).map(|_| level * (0.02 * random.normal()).exp()).collect()
    }

    #[test]
    fn quiet_values_leave_the_course_as_it_was_and_a_step_asks_for_the_whole() {
        let mut random = Random::new(4);
        let mut values = noise(&mut random, 150, 1.0);
        values.extend(noise(&mut random, 100, 1.2));
        let known = course(&values);
        assert_eq!(known.changes.len(), 1);
        let n = values.len();
        values.extend(noise(&mut random, 6, 1.2));
        assert_eq!(extended(&values, &known, n, n).as_ref(), Some(&known));
        assert_eq!(extended(&values, &known, n, n - 20), None, "too long since the whole was read");
        values.truncate(n);
        values.extend(noise(&mut random, 8, 1.5));
        assert_eq!(extended(&values, &known, n, n), None);
        assert_eq!(extended(&values[..9], &known, n, n), None, "shorter than it was");
    }

    #[test]
    fn what_is_found_step_by_step_is_what_is_found_at_once() {
        let mut random = Random::new(12);
        let (mut differ, mut read) = (0, 0);
        for _ in 0..6 {
            let mut values = noise(&mut random, 90, 1.0);
            values.extend(noise(&mut random, 40, 1.1));
            let (mut known, mut whole) = (course(&values[..70]), 70);
            for end in 71..=values.len() {
                known = extended(&values[..end], &known, end - 1, whole).unwrap_or_else(|| {
                    (whole, read) = (end, read + 1);
                    course(&values[..end])
                });
            }
            let (once, steps): (Vec<_>, Vec<_>) = (
                course(&values).changes.iter().map(|c| c.index).collect(),
                known.changes.iter().map(|c| c.index).collect(),
            );
            differ += u32::from(once != steps);
        }
        assert_eq!(differ, 0);
        assert!(read < 6 * 60 / 2, "the whole was read {read} times");
    }
}
