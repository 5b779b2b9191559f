//! Google Benchmark's CSV: a row for each run and aggregate, counters in columns of their own.

use std::borrow::Cow;

use super::contents::Run;
use super::runs::Runs;
use super::unmarked::mark_aggregates;
use crate::harness::csv_tables::{CsvRow, CsvTable, tables};
use crate::harness::{HarnessError, OnBenchmark, Warning, quoted};

/// The columns that are no counters of the program.
const OWN: [&str; 8] =
    ["name", "iterations", "real_time", "cpu_time", "time_unit", "label", "error_occurred", "error_message"];

/// Whether this is the header.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').starts_with("name,iterations,real_time,cpu_time,time_unit,")
}

/// Reads a table before which this many lines stand.
pub(super) fn parse(
    text: &str,
    before: u64,
    mut runs: Runs,
    take: &mut OnBenchmark<'_>,
) -> Result<Vec<Warning>, HarnessError> {
    // It refuses to write a counter that the first run had not, and ends the program in the middle of the table.
    if let Some(at) = text.lines().position(|line| line.contains("csv_reporter.cc") && line.contains("Check `")) {
        let help =
            "the CSV of Google Benchmark cannot hold runs with different counters; use `--benchmark_format=json`";
        return Err(HarnessError::new(
            before + at as u64 + 1,
            1,
            "cut off: the program gave up writing the table",
            help,
        ));
    }
    let mut last = before + 1;
    for table in tables(text, is_header) {
        let mut rows = Vec::new();
        for row in &table.rows {
            last = before + row.line;
            match run(&table, row, &mut runs) {
                Some(run) => rows.push((last, run)),
                None if row.is_last_without_end => return Err(cut_off(row, last)),
                None => runs.broken(last, &row.text()),
            }
        }
        mark_aggregates(&mut rows);
        rows.into_iter().for_each(|(line, run)| runs.add(line, run));
        runs.end_of_document();
    }
    runs.hand_out(last, "no row below the header `name,iterations,real_time,cpu_time,time_unit`", take)
}

fn cut_off(row: &CsvRow, line: u64) -> HarnessError {
    let text = format!("cut off in the middle of `{}`", quoted(&row.text()));
    HarnessError::new(line, 1, text, "did the program run to its end?")
}

fn run(table: &CsvTable, row: &CsvRow, runs: &mut Runs) -> Option<Run<'static>> {
    let cell = |name: &str| table.cell(row, name).map(|text| Cow::Owned(text.to_owned()));
    let mut run = Run { name: cell("name")?, label: cell("label"), ..Run::default() };
    if cell("error_occurred").is_some_and(|text| text == "true") {
        // The row ends with the message.
        run.failed = true;
        run.message = cell("error_message");
        return Some(run);
    }
    if !table.is_whole(row) {
        return None;
    }
    (run.real_time, run.cpu_time) = (Some(table.number(row, "real_time")?), Some(table.number(row, "cpu_time")?));
    if let Some(family) = run.name.strip_suffix("_BigO").map(|family| family.to_owned().into()) {
        run.big_o = cell("time_unit");
        (run.run_name, run.aggregate, run.is_aggregate) = (Some(family), Some("BigO".into()), Some(true));
        return Some(run);
    }
    if let Some(family) = run.name.strip_suffix("_RMS").map(|family| family.to_owned().into()) {
        run.rms = run.real_time;
        (run.run_name, run.aggregate, run.is_aggregate) = (Some(family), Some("RMS".into()), Some(true));
        return Some(run);
    }
    run.time_unit = Some(cell("time_unit")?);
    run.iterations = table.number(row, "iterations").map(|count| count as u64);
    let counters = table.names().filter(|name| !OWN.contains(name));
    run.counters = counters.filter_map(|name| Some((runs.number(name), table.number(row, name)?))).collect();
    Some(run)
}
