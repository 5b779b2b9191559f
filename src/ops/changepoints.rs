//! `backsight changepoints`: series of measurements from a CSV file, their steps and drifts as lines of JSON.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::results::ExitCode;
use crate::stats::{Course, course};

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
/// step and drift as soon as its series has ended.
///
/// # Errors
/// A file that cannot be read, or a row that is none; what was found before has been written.
pub fn changepoints(path: &Path, out: &mut dyn Write) -> Result<Counts, ChangepointsError> {
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
            now.tell(&mut counts, out)?;
            if !seen.insert(row.series_id.clone()) {
                let text = format!("series `{}` goes on after another one; put its rows together", row.series_id);
                return Err(at(line, text));
            }
            counts.series += 1;
            now = Series { id: row.series_id.clone(), ..Series::default() };
        }
        now.take(&row, &mut counts);
    }
    now.tell(&mut counts, out)?;
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

    fn tell(&self, counts: &mut Counts, out: &mut dyn Write) -> Result<(), ChangepointsError> {
        let Course { changes, drift, .. } = course(&self.values);
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
