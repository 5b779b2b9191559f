//! What was found in series before, so that a run that adds a point to each need not have all of them analysed again.
//!
//! It lies in `.backsight/courses.json`: a cache that may be removed at any time. An entry counts only if the values that
//! it was made from are those of the series, by their digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::results::SeriesHistory;
use crate::stats::{self, ChangePoint, Course, Drift};

/// Another number for another analysis: entries of an older one are forgotten.
const VERSION: u32 = 1;
/// A larger file is none of ours, in bytes.
const LARGEST: u64 = 64 << 20;
/// When so many values have come since all of them were read, all are read again.
const PATIENCE: usize = 16;
/// So many series are remembered.
const MOST: usize = 20_000;

/// What is remembered of all series.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Remembered {
    version: u32,
    series: BTreeMap<String, Entry>,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    changed: bool,
}

/// What is remembered of a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The run of the first value.
    first: String,
    /// How many values, and how many there were when all of them were read.
    values: usize,
    whole: usize,
    digest: String,
    /// Index, size, low, high and p of each change point.
    changes: Vec<(usize, f64, f64, f64, f64)>,
    /// From, to and size.
    drift: Option<(usize, usize, f64)>,
    period: Option<f64>,
}

impl Remembered {
    /// Reads it; whatever cannot be read is nothing remembered.
    pub(super) fn load(folder: &Path) -> Self {
        let path = folder.join("courses.json");
        let read = || {
            let file = File::open(&path).ok()?;
            serde_json::from_reader::<_, Self>(BufReader::new(file.take(LARGEST))).ok()
        };
        let found = read().filter(|found| found.version == VERSION).unwrap_or_default();
        Self { version: VERSION, path, changed: false, ..found }
    }

    /// Where a series of this name began when it was analysed last.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.series.get(name).map(|entry| entry.first.as_str())
    }

    /// What was found in a series, if that can be told without reading all of it.
    pub(super) fn recall(&self, name: &str, values: &[f64]) -> Option<(Course, usize)> {
        let entry = self.series.get(name)?;
        let known = values.get(..entry.values)?;
        if digest(known) != entry.digest {
            return None;
        }
        if values.len() - entry.whole.min(values.len()) > PATIENCE {
            return None;
        }
        let new = values.len() - entry.values;
        let course = if new == 0 { entry.course() } else { stats::course_on(values, &entry.course(), new) };
        Some((course, entry.whole))
    }

    /// Remembers what was found.
    pub(super) fn keep(&mut self, name: String, first: &str, values: &[f64], course: &Course, whole: usize) {
        let known = self.series.get(&name).is_some_and(|entry| entry.values == values.len() && entry.whole == whole);
        if known {
            return;
        }
        self.changed = true;
        let entry = Entry {
            first: first.to_owned(),
            values: values.len(),
            whole,
            digest: digest(values),
            changes: course.changes.iter().map(|one| (one.index, one.size, one.low, one.high, one.p)).collect(),
            drift: course.drift.map(|drift| (drift.from, drift.to, drift.size)),
            period: course.period,
        };
        self.series.insert(name, entry);
    }

    /// Writes it where it can be written: nobody depends on it.
    pub(super) fn save(mut self) {
        if !self.changed {
            return;
        }
        while self.series.len() > MOST {
            self.series.pop_first();
        }
        let write = || -> Option<()> {
            let folder = self.path.parent()?;
            let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
            let mut out = BufWriter::new(file.as_file_mut());
            serde_json::to_writer(&mut out, &self).ok()?;
            out.flush().ok()?;
            drop(out);
            file.persist(&self.path).ok().map(drop)
        };
        if write().is_none() {
            tracing::debug!("what was found in series is not remembered: {} cannot be written", self.path.display());
        }
    }
}

impl Entry {
    fn course(&self) -> Course {
        let change = |(index, size, low, high, p): &(usize, f64, f64, f64, f64)| ChangePoint {
            index: *index,
            size: *size,
            low: *low,
            high: *high,
            p: *p,
        };
        Course {
            // Whoever edits the file may write any place into it.
            changes: self.changes.iter().filter(|change| change.0 < self.values).map(change).collect(),
            drift: self.drift.map(|(from, to, size)| Drift { from, to, size }),
            period: self.period,
        }
    }
}

/// The name of a series among those that are remembered.
pub(super) fn name(line: &str, series: &SeriesHistory) -> String {
    let SeriesHistory { project, benchmark, metric, unit, class_key, .. } = series;
    [line, project, benchmark, metric, unit, class_key].join("\u{0}")
}

fn digest(values: &[f64]) -> String {
    let mut hasher = Sha256::new();
    for value in values {
        hasher.update(value.to_bits().to_le_bytes());
    }
    let digest = hasher.finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Remembered;
    use crate::stats::course;

    #[test]
    fn what_was_found_is_recalled_for_the_same_values_alone() {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f64> =
            (0..60).map(|nth| if nth < 30 { 10.0 } else { 11.0 } + f64::from(nth * 7 % 5) / 50.0).collect();
        let found = course(&values);
        assert_eq!(found.changes.len(), 1);
        let mut memory = Remembered::load(folder.path());
        memory.keep("s".into(), "run-0", &values, &found, 60);
        memory.save();
        let memory = Remembered::load(folder.path());
        assert_eq!(memory.recall("s", &values), Some((found, 60)));
        assert_eq!(memory.first("s"), Some("run-0"));
        let mut others = values.clone();
        others[3] += 1e-9;
        assert_eq!(memory.recall("s", &others), None);
        assert_eq!(memory.recall("s", &values[..50]), None);
        assert_eq!(memory.recall("t", &values), None);
        for junk in ["", "{", "[]", "{\"version\":9,\"series\":{}}", "{\"version\":1,\"series\":{\"s\":{}}}"] {
            std::fs::write(folder.path().join("courses.json"), junk).unwrap();
            assert_eq!(Remembered::load(folder.path()).recall("s", &values), None, "{junk}");
        }
    }
}
