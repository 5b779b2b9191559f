//! A benchmark on its way: the values of all its lines, by their units.

use super::survey::Place;
use crate::harness::pool::Columns;

/// A benchmark with all that was measured of it.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) place: Place<String>,
    pub(super) iterations: u64,
    /// By the numbers of their units.
    values: Columns,
}

impl Entry {
    /// Begins to be of this benchmark, which stands on this line.
    pub(super) fn begin(&mut self, line: u64, place: Place<&str>) {
        self.place.set(place);
        (self.line, self.iterations) = (line, 0);
        self.values.clear();
    }

    /// The units and values.
    pub(super) fn values(&self) -> &[(u32, Vec<f64>)] {
        self.values.columns()
    }

    /// Adds a repeat.
    pub(super) fn add(&mut self, iterations: u64, figures: &[(u32, f64)]) {
        self.iterations = self.iterations.saturating_add(iterations);
        for (unit, value) in figures {
            self.values.column(*unit).push(*value);
        }
    }

    /// Takes in what was measured of the same benchmark elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.iterations = self.iterations.saturating_add(other.iterations);
        for (unit, values) in other.values() {
            self.values.column(*unit).extend(values);
        }
    }
}
