//! hyperfine's CSV (`--export-csv`), its Markdown (`--export-markdown`), and what it prints.

use super::{Entry, FORMAT, HELP, benchmark};
use crate::harness::csv_tables::{CsvTable, tables};
use crate::harness::gather::{Gather, metric};
use crate::harness::lines::without_colours;
use crate::harness::numbers::number;
use crate::harness::units::Unit;
use crate::harness::{HarnessError, Parsed, quoted};

/// The header of the CSV.
pub(super) fn is_csv_header(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').starts_with("command,mean,stddev,median,user,system,min,max")
}

/// The header of the Markdown.
pub(super) fn is_markdown_header(line: &str) -> bool {
    line.starts_with("| Command | Mean [") && line.contains("| Max [")
}

/// The line below a command's name, on a terminal.
pub(super) fn is_time(line: &str) -> bool {
    line.starts_with("Time (mean ± σ):") || line.starts_with("Time (abs ≡):")
}

fn cut_off(line: u64, text: &str) -> HarnessError {
    let text = format!("cut off in the middle of `{}`", quoted(text));
    HarnessError::new(line, 1, text, "was hyperfine killed, or the disk full?")
}

/// Reads the CSV.
pub(super) fn csv(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    for table in tables(text, is_csv_header) {
        for row in &table.rows {
            last = row.line;
            let is_whole = table.is_whole(row) && table.number(row, "max").is_some();
            match entry(&table, row).filter(|_| is_whole) {
                Some(entry) => gather.add(last, benchmark(&entry)),
                None if row.is_last_without_end => return Err(cut_off(last, &row.text())),
                None => gather.broken(last, &row.text()),
            }
        }
    }
    gather.finish(last, "no row below the header `command,mean,stddev,median`", HELP)
}

fn entry(table: &CsvTable, row: &crate::harness::csv_tables::CsvRow) -> Option<Entry> {
    let number = |name: &str| table.number(row, name);
    let parameter = |name: &str| {
        let key = name.strip_prefix("parameter_")?;
        Some((key.to_owned(), table.cell(row, name)?.into()))
    };
    Some(Entry {
        command: table.cell(row, "command")?.to_owned(),
        mean: Some(number("mean")?),
        stddev: number("stddev"),
        median: Some(number("median")?),
        user: number("user"),
        system: number("system"),
        min: number("min"),
        max: number("max"),
        parameters: table.names().filter_map(parameter).collect(),
        ..Entry::default()
    })
}

/// Reads Markdown: no median, no times of the processor.
pub(super) fn markdown(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    let mut unit: Option<Unit> = None;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = line.trim();
        if is_markdown_header(line) {
            unit = line.split_once("| Mean [").and_then(|(_, rest)| Unit::time(rest.split(']').next()?));
        } else if let Some(unit) = unit.as_ref().filter(|_| line.starts_with('|') && !line.starts_with("|:")) {
            match row(line, unit) {
                Some(entry) => gather.add(last, benchmark(&entry)),
                None if !text.ends_with('\n') && index + 1 == text.lines().count() => return Err(cut_off(last, line)),
                None => gather.broken(last, line),
            }
        } else if !line.starts_with('|') {
            unit = None;
        }
    }
    gather.finish(last, "no row below the header `| Command | Mean [ms] |`", HELP)
}

/// A row of the Markdown. A bar in a command is escaped, so the cells are counted from the end.
fn row(line: &str, unit: &Unit) -> Option<Entry> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.rsplitn(5, '|').map(str::trim);
    let (_, max, min, mean) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let command = cells.next()?.trim_matches('`').replace("\\|", "|");
    let seconds = |text: &str| {
        let (value, rest) = number(text)?;
        rest.trim().is_empty().then_some(value * unit.scale / 1e9)
    };
    let (mean, deviation) = match mean.split_once('±') {
        Some((mean, deviation)) => (mean, Some(seconds(deviation)?)),
        None => (mean, None),
    };
    Some(Entry {
        command,
        mean: Some(seconds(mean)?),
        stddev: deviation,
        min: Some(seconds(min)?),
        max: Some(seconds(max)?),
        ..Entry::default()
    })
}

/// Reads what stands on a terminal.
pub(super) fn printed(text: &str) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut open: Option<(u64, String)> = None;
    let mut last = 1;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default().trim();
        let read = if let Some(name) = title(line) {
            if let Some((from, name)) = open.replace((last, name.to_owned())) {
                gather.warn(from, format!("`{}` has no time; did it fail?", quoted(&name)));
            }
            Some(())
        } else if is_time(line) {
            time(line).map(|entry| {
                let (from, name) = open.take().unwrap_or((last, "command".into()));
                gather.add(from, benchmark(&Entry { command: name, ..entry }));
            })
        } else if line.starts_with("Range (min … max):") {
            range(line, &mut gather)
        } else {
            Some(())
        };
        match read {
            Some(()) => {}
            None if !text.ends_with('\n') && index + 1 == text.lines().count() => return Err(cut_off(last, line)),
            None => gather.broken(last, line),
        }
    }
    if let Some((from, name)) = open {
        return Err(cut_off(from, &name));
    }
    gather.finish(last, "no line `Time (mean ± σ):`", HELP)
}

/// `Benchmark 1: command`, once `Benchmark #1: command`.
fn title(line: &str) -> Option<&str> {
    let (number, name) = line.strip_prefix("Benchmark ")?.split_once(": ")?;
    let digits = number.trim_start_matches('#');
    (!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())).then_some(name.trim())
}

/// Seconds at the start of a text, and the rest.
fn seconds(text: &str) -> Option<(f64, &str)> {
    let (value, rest) = number(text)?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    Some((value * Unit::time(rest.get(..end)?)?.scale / 1e9, rest.get(end..)?.trim_start()))
}

/// `Time (mean ± σ):  1.2 ms ± 0.1 ms  [User: 0.5 ms, System: 0.6 ms]`.
fn time(line: &str) -> Option<Entry> {
    let (mean, rest) = seconds(line.split_once("):")?.1)?;
    let deviation = rest.strip_prefix('±').map(|rest| seconds(rest).map(|(value, _)| value));
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| seconds(rest).map(|(value, _)| value));
    Some(Entry {
        mean: Some(mean),
        stddev: deviation.map_or(Some(None), |found| found.map(Some))?,
        user: after("[User:").map_or(Some(None), |found| found.map(Some))?,
        system: after("System:").map_or(Some(None), |found| found.map(Some))?,
        ..Entry::default()
    })
}

/// `Range (min … max):  1.0 ms … 1.5 ms  20 runs`, of the benchmark above.
fn range(line: &str, gather: &mut Gather) -> Option<()> {
    let (min, rest) = seconds(line.split_once("):")?.1)?;
    let (max, rest) = seconds(rest.strip_prefix('…')?)?;
    let found = gather.benchmarks.last_mut()?;
    for (name, value) in [("wall_time_min", min), ("wall_time_max", max)] {
        found.metrics.push(metric(FORMAT, name, value, &Unit::seconds()));
    }
    found.metrics.first_mut()?.iterations = rest.split(' ').next().and_then(|runs| runs.parse().ok());
    Some(())
}
