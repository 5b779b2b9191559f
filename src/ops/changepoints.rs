//! `backsight changepoints`: series of measurements from a CSV file, their steps and drifts as lines of JSON.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::results::ExitCode;
use crate::stats::{ChangePoint, Course, Drift, course, course_on};

/// Points of one series that are kept; the analysis reads the newest of them.
const MOST: usize = 1_000_000;
/// Warnings that are told one by one.
const TOLD: usize = 20;

/// A row of the file.
#[derive(Debug, Deserialize)]
struct Row {
    series_id: String,
    index: i64,
    value: Option<String>,
}

/// What an earlier answer said of a series, by the indices of the file.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Told {
    Step { series_id: String, index: i64, size: f64, low: f64, high: f64, p: f64 },
    Drift { series_id: String, from: i64, to: i64, size: f64 },
}

/// An earlier answer, and how many values of each series are newer than it.
#[derive(Debug, Default)]
pub struct Known {
    told: HashMap<String, Vec<Told>>,
    new: usize,
}

impl Known {
    /// Reads the lines of an earlier answer.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none of ours.
    pub fn read(path: &Path, new: usize) -> Result<Self, ChangepointsError> {
        let unread = |source| ChangepointsError::Read { path: path.to_owned(), source };
        let mut told: HashMap<String, Vec<Told>> = HashMap::new();
        for (index, line) in BufReader::new(File::open(path).map_err(unread)?).lines().enumerate() {
            let line = line.map_err(unread)?;
            if line.trim().is_empty() {
                continue;
            }
            let one: Told = serde_json::from_str(&line).map_err(|_| ChangepointsError::Row {
                path: path.to_owned(),
                line: index as u64 + 1,
                text: "no line that `changepoints` has written; leave `--known` out to read all anew".into(),
            })?;
            let (Told::Step { series_id, .. } | Told::Drift { series_id, .. }) = &one;
            told.entry(series_id.clone()).or_default().push(one);
        }
        Ok(Self { told, new })
    }

    /// The course of a series whose last values are new.
    fn course(&self, id: &str, indices: &[i64], values: &[f64]) -> Course {
        let place = |wanted: i64| indices.iter().position(|index| *index == wanted);
        let mut before = Course::default();
        for told in self.told.get(id).into_iter().flatten() {
            match told {
                Told::Step { index, size, low, high, p, .. } => {
                    let (size, low, high, p) = (*size, *low, *high, *p);
                    let found = place(*index).map(|index| ChangePoint { index, size, low, high, p });
                    before.changes.extend(found);
                }
                Told::Drift { from, to, size, .. } => {
                    before.drift = place(*from).zip(place(*to)).map(|(from, to)| Drift { from, to, size: *size });
                }
            }
        }
        before.changes.sort_by_key(|change| change.index);
        course_on(values, &before, self.new)
    }
}

/// A line of the answer.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Step { series_id: &'a str, index: i64, size: f64, low: f64, high: f64, p: f64 },
    Drift { series_id: &'a str, from: i64, to: i64, size: f64 },
}

/// What was read and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Series.
    pub series: u64,
    /// Values.
    pub points: u64,
    /// Steps.
    pub steps: u64,
    /// Drifts.
    pub drifts: u64,
    /// What was left out.
    pub warnings: Vec<String>,
}

/// Why the file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ChangepointsError {
    /// The file.
    #[error("{}: {source}", path.display())]
    Read {
        /// Its name.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A row.
    #[error("{}:{line}: {text}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong and how to mend it.
        text: String,
    },
    /// The answer could not be written.
    #[error("writing the answer: {0}")]
    Write(std::io::Error),
}

impl ChangepointsError {
    /// What the process returns for it. A closed pipe is the reader's choice.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Read { .. } | Self::Row { .. } => ExitCode::Usage,
            Self::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Passed,
            Self::Write(_) => ExitCode::Tool,
        }
    }
}

/// Reads `path` (standard input for `-`), whose rows of one series stand together and in order, and writes a line for each
/// step and drift as soon as its series has ended. With an earlier answer only the newest part of each series is read.
///
/// # Errors
/// A file that cannot be read, or a row that is none; what was found before has been written.
pub fn changepoints(path: &Path, known: Option<&Known>, out: &mut dyn Write) -> Result<Counts, ChangepointsError> {
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|source| ChangepointsError::Read { path: path.to_owned(), source })?)
    };
    let at = |line: u64, text: String| ChangepointsError::Row { path: path.to_owned(), line, text };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(BufReader::new(source));
    let headers = reader.headers().map_err(|error| at(1, worded(&error)))?.clone();
    if let Some(lacking) = ["series_id", "index", "value"].iter().find(|name| !headers.iter().any(|own| own == **name))
    {
        return Err(at(1, format!("no column `{lacking}`; wanted are series_id, index and value")));
    }
    let mut counts = Counts::default();
    let mut seen = HashSet::new();
    let mut now = Series::default();
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let more = reader.read_record(&mut record).map_err(|error| at(line, worded(&error)))?;
        if !more {
            break;
        }
        let row: Row = record.deserialize(Some(&headers)).map_err(|error| at(line, worded(&error)))?;
        if row.series_id != now.id || counts.series == 0 {
            now.tell(known, &mut counts, out)?;
            if !seen.insert(row.series_id.clone()) {
                let text = format!("series `{}` goes on after another one; put its rows together", row.series_id);
                return Err(at(line, text));
            }
            counts.series += 1;
            now = Series { id: row.series_id.clone(), ..Series::default() };
        }
        now.take(&row, &mut counts);
    }
    now.tell(known, &mut counts, out)?;
    out.flush().map_err(ChangepointsError::Write)?;
    Ok(counts)
}

fn worded(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => format!("{err}; wanted: series_id,index,value"),
        _ => error.to_string(),
    }
}

#[derive(Debug, Default)]
struct Series {
    id: String,
    indices: Vec<i64>,
    values: Vec<f64>,
}

impl Series {
    fn take(&mut self, row: &Row, counts: &mut Counts) {
        let text = row.value.as_deref().unwrap_or_default();
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        let id = &self.id;
        let left_out = match value {
            Some(value) if self.values.len() < MOST => {
                self.indices.push(row.index);
                self.values.push(value);
                counts.points += 1;
                return;
            }
            Some(_) => format!("series `{id}`: more than {MOST} values; index {} left out", row.index),
            None => format!("series `{id}`, index {}: `{text}` is no finite number; left out", row.index),
        };
        if counts.warnings.len() < TOLD {
            counts.warnings.push(left_out);
        }
    }

    fn tell(&self, known: Option<&Known>, counts: &mut Counts, out: &mut dyn Write) -> Result<(), ChangepointsError> {
        let Course { changes, drift, .. } = match known {
            Some(known) => known.course(&self.id, &self.indices, &self.values),
            None => course(&self.values),
        };
        let index = |at: usize| self.indices.get(at).copied().unwrap_or_default();
        let mut write = |line: &Line<'_>| {
            serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
            out.write_all(b"\n")
        };
        for change in changes {
            let (size, low, high, p) = (change.size, change.low, change.high, change.p);
            let line = Line::Step { series_id: &self.id, index: index(change.index), size, low, high, p };
            write(&line).map_err(ChangepointsError::Write)?;
            counts.steps += 1;
        }
        if let Some(drift) = drift {
            let (from, to) = (index(drift.from), index(drift.to));
            write(&Line::Drift { series_id: &self.id, from, to, size: drift.size })
                .map_err(ChangepointsError::Write)?;
            counts.drifts += 1;
        }
        Ok(())
    }
}
