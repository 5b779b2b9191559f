//! Entries of an output, collected by the benchmarks that they are of.

use std::borrow::Cow;

use super::HELP;
use super::benchmarks::Making;
use super::contents::{Contents, Group, Row, Run};
use crate::harness::gather::Gather;
use crate::harness::pool::{Places, Pool};
use crate::harness::{HarnessError, OnBenchmark, Warning};

/// The names that old versions, which do not mark aggregates, put behind a benchmark's.
const ENDINGS: [&str; 6] = ["_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS"];

/// All entries of an output.
#[derive(Default)]
pub(super) struct Runs {
    gather: Gather,
    contents: Contents,
    groups: Pool<Group>,
    /// Where the benchmarks of this document stand in `groups`.
    places: Places,
    /// The last of them.
    last: Option<usize>,
    documents: usize,
    /// Memory for the counters of an entry.
    spare: Vec<(u32, f64)>,
}

impl Runs {
    /// The number of a counter's name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        self.contents.texts.number(name)
    }

    /// An entry of which nothing is known.
    pub(super) fn blank<'a>(&mut self) -> Run<'a> {
        Run { counters: std::mem::take(&mut self.spare), ..Run::default() }
    }

    pub(super) fn add(&mut self, line: u64, mut run: Run<'_>) {
        if run.is_aggregate.is_none() {
            self.mark_aggregate(&mut run);
        }
        let is_aggregate = run.is_aggregate == Some(true);
        let name: &str = match (&run.run_name, is_aggregate) {
            (Some(name), true) => name,
            _ => &run.name,
        };
        let place = self.place(line, name);
        if let Some(group) = self.groups.get_mut(place) {
            match is_aggregate {
                true => group.rest().aggregates.push(self.contents.aggregate(&mut run)),
                false => self.contents.repetition(group, &mut run),
            }
        }
        self.spare = run.counters;
        self.spare.clear();
    }

    /// Without the mark, an ending counts where the name before it was measured, or is a family's.
    fn mark_aggregate(&self, run: &mut Run<'_>) {
        let Some(ending) = ENDINGS.iter().find(|ending| run.name.ends_with(*ending)) else { return };
        let Some(base) = run.name.strip_suffix(ending) else { return };
        if matches!(*ending, "_BigO" | "_RMS")
            || self.places.find(base.as_bytes(), |place| self.is(place, base)).is_some()
        {
            run.run_name = Some(Cow::Owned(base.to_owned()));
            run.aggregate = Some(Cow::Borrowed(ending.trim_start_matches('_')));
            run.is_aggregate = Some(true);
        }
    }

    /// Whether the benchmark of this place has this name.
    fn is(&self, place: usize, name: &str) -> bool {
        self.groups.get(place, 1).first().is_some_and(|group| self.contents.name(group) == name.as_bytes())
    }

    /// Where the benchmark of this name stands; it is begun if there is none.
    fn place(&mut self, line: u64, name: &str) -> usize {
        // Repetitions mostly follow each other.
        if let Some(last) = self.last.filter(|last| self.is(*last, name)) {
            return last;
        }
        let (next, groups, contents) = (self.groups.next(), &self.groups, &self.contents);
        let is = |place| groups.get(place, 1).first().is_some_and(|group| contents.name(group) == name.as_bytes());
        let known = self.places.find_or_put(name.as_bytes(), next, is);
        let place = known.unwrap_or_else(|| {
            let name = (self.contents.names.add_all(name.as_bytes()), name.len() as u32);
            self.groups.add(Group { line, name, first: Row::default(), rest: None })
        });
        self.last = Some(place);
        place
    }

    /// What comes later are not repetitions of what came so far.
    pub(super) fn end_of_document(&mut self) {
        self.places.clear();
        self.last = None;
        self.documents += 1;
    }

    pub(super) fn warn(&mut self, line: u64, text: &str) {
        self.gather.warn(line, text);
    }

    pub(super) fn broken(&mut self, line: u64, text: &str) {
        self.gather.broken(line, text);
    }

    /// Hands out the benchmarks.
    ///
    /// # Errors
    /// If there is none; `last` is the last line, and `what` was missed.
    pub(super) fn hand_out(
        mut self,
        last: u64,
        what: &str,
        take: &mut OnBenchmark<'_>,
    ) -> Result<Vec<Warning>, HarnessError> {
        if self.groups.next() == 0 {
            return Err(self.gather.nothing(last, what, HELP));
        }
        // Within a document, what has one name is one benchmark.
        if self.documents > 1 {
            self.gather.number_repeats();
        }
        let mut making = Making::new(self.contents);
        for group in self.groups.into_items() {
            if making.benchmark(&group).hand(group.line, &mut self.gather, take).is_break() {
                break;
            }
        }
        Ok(self.gather.warnings(last))
    }
}
