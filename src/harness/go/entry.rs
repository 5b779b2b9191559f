//! A benchmark on its way: the values of all its lines, by their units.

use super::survey::Place;

/// A benchmark with all that was measured of it.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) place: Place<String>,
    pub(super) iterations: u64,
    /// The number of the unit, and the values. Those behind `used` are memory of an earlier benchmark.
    values: Vec<(u32, Vec<f64>)>,
    used: usize,
}

impl Entry {
    /// Begins to be of this benchmark, which stands on this line.
    pub(super) fn begin(&mut self, line: u64, place: Place<&str>) {
        self.place.set(place);
        (self.line, self.iterations, self.used) = (line, 0, 0);
    }

    /// The units and values.
    pub(super) fn values(&self) -> &[(u32, Vec<f64>)] {
        self.values.get(..self.used).unwrap_or_default()
    }

    /// Adds a repeat.
    pub(super) fn add(&mut self, iterations: u64, figures: &[(u32, f64)]) {
        self.iterations = self.iterations.saturating_add(iterations);
        for (unit, value) in figures {
            self.values_of(*unit).push(*value);
        }
    }

    /// The values of this unit.
    fn values_of(&mut self, unit: u32) -> &mut Vec<f64> {
        let known = self.values.iter().take(self.used).position(|(known, _)| *known == unit);
        let index = known.unwrap_or(self.used);
        if index == self.values.len() {
            self.values.push((unit, Vec::new()));
        }
        let (name, values) = &mut self.values[index];
        if known.is_none() {
            *name = unit;
            values.clear();
            self.used += 1;
        }
        values
    }

    /// Takes in what was measured of the same benchmark elsewhere.
    pub(super) fn merge(&mut self, mut other: Self) {
        other.values.truncate(other.used);
        self.iterations = self.iterations.saturating_add(other.iterations);
        for (unit, values) in other.values {
            self.values_of(unit).extend(values);
        }
    }
}
