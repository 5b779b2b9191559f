//! Which commit to measure next, and when the search is over. Nothing is measured here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a commit turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As the good end.
    Good,
    /// Changed, as the bad end.
    Bad,
    /// It cannot be measured: it does not build or run.
    Skipped,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Measure this one.
    Measure(usize),
    /// The first that is bad, and its parent is good.
    Found(usize),
    /// It is one of these; those between cannot be measured.
    OneOf(Vec<usize>),
}

/// A search over commits 0 (good) to `last` (bad).
#[derive(Debug, Clone)]
pub(super) struct Search {
    marks: BTreeMap<usize, Mark>,
}

impl Search {
    pub(super) fn new(last: usize) -> Self {
        Self { marks: BTreeMap::from([(0, Mark::Good), (last, Mark::Bad)]) }
    }

    pub(super) fn mark(&mut self, index: usize, mark: Mark) {
        self.marks.insert(index, mark);
    }

    /// The last good commit before the first bad one, and that one.
    pub(super) fn ends(&self) -> (usize, usize) {
        let of = |wanted: Mark| self.marks.iter().filter(move |(_, mark)| **mark == wanted).map(|(index, _)| *index);
        let bad = of(Mark::Bad).min().unwrap_or_default();
        (of(Mark::Good).filter(|index| *index < bad).max().unwrap_or_default(), bad)
    }

    pub(super) fn next(&self) -> Next {
        let (good, bad) = self.ends();
        let open: Vec<usize> = (good + 1..bad).filter(|index| !self.marks.contains_key(index)).collect();
        let middle = usize::midpoint(good, bad);
        match open.into_iter().min_by_key(|index| index.abs_diff(middle)) {
            Some(index) => Next::Measure(index),
            None if bad == good + 1 => Next::Found(bad),
            None => Next::OneOf((good + 1..=bad).collect()),
        }
    }
}

/// How many measurements a search over `commits` commits takes at most, where none is skipped: both ends, one for each
/// halving, and the one that confirms what was found.
pub(super) fn measurements(commits: usize) -> u32 {
    2 + commits.next_power_of_two().ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places of the first bad commit among up to 40, and all patterns of skipped neighbours around it.
    #[test]
    fn the_first_bad_commit_is_found_in_the_promised_steps() {
        for last in 1..40_usize {
            for first_bad in 1..=last {
                let mut search = Search::new(last);
                let mut steps = 0;
                let found = loop {
                    match search.next() {
                        Next::Measure(index) => {
                            search.mark(index, if index < first_bad { Mark::Good } else { Mark::Bad });
                            steps += 1;
                        }
                        end => break end,
                    }
                };
                assert_eq!(found, Next::Found(first_bad));
                assert!(steps + 2 <= measurements(last), "{last} {steps}");
            }
        }
    }

    #[test]
    fn what_cannot_be_measured_stays_in_question() {
        let mut search = Search::new(8);
        for index in [3, 4, 5] {
            search.mark(index, Mark::Skipped);
        }
        while let Next::Measure(index) = search.next() {
            assert!(![3, 4, 5].contains(&index));
            search.mark(index, if index < 5 { Mark::Good } else { Mark::Bad });
        }
        assert_eq!(search.next(), Next::OneOf(vec![3, 4, 5, 6]));
    }
}
