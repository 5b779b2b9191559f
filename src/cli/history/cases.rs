//! What became of tests, as tables for people.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::cli::runs::Stop;
use crate::cli::table::{self, Cell};
use crate::report::figures;
use crate::results::{CaseTrend, History};

/// So many rows of each table.
const ROWS: usize = 30;
/// So many of the slowest.
const SLOWEST: usize = 10;

/// Writes a table for each thing that tests can be up to.
pub(super) fn write(history: &History, out: &mut impl Write) -> Result<(), Stop> {
    let Some(tests) = &history.tests else { return Ok(()) };
    writeln!(out, "{} tests in {} runs", tests.total, tests.runs)?;
    let failing: Vec<_> = tests.cases.iter().filter(|case| case.failing_since.is_some()).collect();
    let rows = failing.iter().map(|case| failing_cells(case)).collect::<Vec<_>>();
    part(
        out,
        "failing now",
        &["test", "step", "first seen failing at", "last seen passing at", "since", "runs"],
        &rows,
    )?;
    let flaky: Vec<_> = tests.cases.iter().filter(|case| case.flaky > 0).collect();
    let rows = flaky.iter().map(|case| flaky_cells(case)).collect::<Vec<_>>();
    part(out, "flaky", &["test", "step", "flaky", "rate", "95 % interval", "failed"], &rows)?;
    let slower: Vec<_> = tests.cases.iter().filter(|case| case.slower.is_some()).collect();
    let rows = slower.iter().map(|case| slower_cells(case)).collect::<Vec<_>>();
    part(out, "newly slow", &["test", "step", "takes", "change", "interval", "with commit", "after", "day"], &rows)?;
    let mut slowest: Vec<_> = tests.cases.iter().filter(|case| case.duration_ns.is_some()).collect();
    slowest.sort_by(|a, b| b.duration_ns.unwrap_or_default().total_cmp(&a.duration_ns.unwrap_or_default()));
    slowest.truncate(SLOWEST);
    let rows = slowest.iter().map(|case| slowest_cells(case)).collect::<Vec<_>>();
    part(out, "slowest", &["test", "step", "takes", "trend", "runs"], &rows)
}

fn part(out: &mut impl Write, title: &str, heading: &[&str], rows: &[Vec<Cell>]) -> Result<(), Stop> {
    if rows.is_empty() {
        return Ok(());
    }
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}{title}{bold:#} ({})", rows.len())?;
    table::write(out, heading, rows.get(..ROWS.min(rows.len())).unwrap_or_default())?;
    if rows.len() > ROWS {
        writeln!(out, "... and {} more", rows.len() - ROWS)?;
    }
    Ok(())
}

fn short(commit: Option<&String>) -> String {
    commit.map_or_else(|| "-".to_owned(), |hash| hash.chars().take(9).collect())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn time(case: &CaseTrend) -> String {
    case.duration_ns.map(figures::time).unwrap_or_default()
}

fn failing_cells(case: &CaseTrend) -> Vec<Cell> {
    let red = AnsiColor::Red.on_default();
    let mut cells = vec![Cell::styled(&case.title, red), Cell::from(&case.step)];
    if let Some(since) = &case.failing_since {
        // The first digits of a run's id tell its time; the commit says more where there is one.
        let commit = since.commit.as_ref().map_or_else(|| format!("run {:.13}", since.run), |hash| short(Some(hash)));
        cells.extend([commit.into(), short(since.after.as_ref()).into(), day(since.at).into()]);
        cells.push(since.runs.to_string().into());
    }
    cells
}

fn flaky_cells(case: &CaseTrend) -> Vec<Cell> {
    let rate = case.flake_rate;
    let share = |share: f64| format!("{:.1} %", share * 100.0);
    vec![
        Cell::from(&case.title),
        Cell::from(&case.step),
        format!("{} of {}", case.flaky, case.runs).into(),
        rate.map(|rate| share(rate.rate)).unwrap_or_default().into(),
        rate.map(|rate| format!("{} … {}", share(rate.low).trim_end_matches(" %"), share(rate.high)))
            .unwrap_or_default()
            .into(),
        case.failed.to_string().into(),
    ]
}

fn slower_cells(case: &CaseTrend) -> Vec<Cell> {
    let mut cells = vec![Cell::from(&case.title), Cell::from(&case.step), time(case).into()];
    if let Some(slower) = &case.slower {
        cells.extend([
            figures::change(slower.size).into(),
            figures::interval(slower.low, slower.high).into(),
            short(slower.until.as_ref()).into(),
            short(slower.after.as_ref()).into(),
            day(slower.at).into(),
        ]);
    }
    cells
}

fn slowest_cells(case: &CaseTrend) -> Vec<Cell> {
    vec![
        Cell::from(&case.title),
        Cell::from(&case.step),
        time(case).into(),
        case.trend.map(figures::change).unwrap_or_default().into(),
        case.runs.to_string().into(),
    ]
}
