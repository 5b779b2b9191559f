//! A history as tables and plots for people.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::runs::Stop;
use crate::cli::table::{self, Cell};
use crate::report::{escape, figures, history as drawn};
use crate::results::{Guard, GuardRow, GuardState, History, SeriesHistory};

/// Writes one row for each series, the drift guard's rows, and a plot of each where `each` says so.
pub(super) fn write(history: &History, each: bool, width: usize, out: &mut impl Write) -> Result<(), Stop> {
    if history.series.is_empty() {
        return Ok(());
    }
    let classes = history.series.iter().any(|series| series.class_key != history.series[0].class_key);
    let mut heading = vec!["benchmark", "metric", "last", "against its level", "points", "changes", "the last of them"];
    if classes {
        heading.push("host class");
    }
    let rows: Vec<_> = history.series.iter().map(|series| cells(series, classes)).collect();
    table::write(out, &heading, &rows)?;
    if let Some(guard) = &history.guard {
        write_guard(history, guard, out)?;
    }
    for series in &history.series {
        if each {
            writeln!(out, "\n{}", escape::line(&drawn::heading(series)))?;
            write!(out, "{}", drawn::plot(series, width))?;
            write_changes(series, out)?;
        }
    }
    Ok(())
}

fn write_guard(history: &History, guard: &Guard, out: &mut impl Write) -> Result<(), Stop> {
    let value = |level: Option<f64>, row: &GuardRow| {
        let unit = history.series.get(row.series as usize).map_or("", |series| series.unit.as_str());
        level.map(|level| figures::value(level, unit)).unwrap_or_default()
    };
    let cells = |row: &GuardRow| {
        let style = match row.state {
            GuardState::Exceeded => AnsiColor::Red.on_default(),
            GuardState::Unsure => AnsiColor::Yellow.on_default(),
            GuardState::Within => Style::new(),
        };
        let interval = row.low.zip(row.high).map(|(low, high)| figures::interval(low, high)).unwrap_or_default();
        let mut note = row.note.clone().unwrap_or_default();
        if row.accepted > 0 {
            note = format!("without {} accepted {note}", row.accepted);
        }
        vec![
            Cell::from(&row.benchmark),
            Cell::from(&row.metric),
            value(row.then, row).into(),
            value(row.now, row).into(),
            row.change.map(figures::change).unwrap_or_default().into(),
            interval.into(),
            Cell::styled(row.state.as_str(), style),
            note.trim_end().into(),
        ]
    };
    writeln!(out)?;
    let rows: Vec<_> = guard.rows.iter().map(cells).collect();
    let then = format!("at {}", escape::cut(&guard.since, 24));
    table::write(out, &["benchmark", "metric", &then, "now", "sum", "interval", "", ""], &rows)?;
    Ok(())
}

fn cells(series: &SeriesHistory, classes: bool) -> Vec<Cell> {
    let last = series.points.last().map(|point| figures::value(point.value, &series.unit)).unwrap_or_default();
    let latest = series.changes.last();
    let told = latest.map(|change| drawn::change_words(change, &series.unit)).unwrap_or_default();
    let style = latest.map_or(Style::new(), |change| style(change.worse, change.accepted.is_some()));
    let mut count = series.changes.len().to_string();
    if let Some(drift) = series.drift {
        let size = drawn::size_words(drift.size, drift.relative, &series.unit);
        count = format!("{count}, drift {size}");
    }
    let mut cells = vec![
        Cell::from(&series.benchmark),
        Cell::from(&series.metric),
        last.into(),
        series.since_segment.map(figures::change).unwrap_or_default().into(),
        series.points.len().to_string().into(),
        count.into(),
        Cell::styled(told, style),
    ];
    if classes {
        cells.push(Cell::from(&series.class_key));
    }
    cells
}

fn style(worse: bool, accepted: bool) -> Style {
    match (worse, accepted) {
        (_, true) => Style::new().dimmed(),
        (true, false) => AnsiColor::Red.on_default(),
        (false, false) => AnsiColor::Green.on_default(),
    }
}

fn write_changes(series: &SeriesHistory, out: &mut impl Write) -> Result<(), Stop> {
    for change in &series.changes {
        let style = style(change.worse, change.accepted.is_some());
        let sign = match (change.worse, change.accepted.is_some()) {
            (true, false) => '▲',
            (false, false) => '▼',
            (true, true) => '△',
            (false, true) => '▽',
        };
        writeln!(out, "  {style}{sign} {}{style:#}", drawn::change_words(change, &series.unit))?;
    }
    if let Some(drift) = series.drift {
        let size = drawn::size_words(drift.size, drift.relative, &series.unit);
        writeln!(out, "  drifts: {size} over these points")?;
    }
    if let Some(period) = series.period {
        writeln!(out, "  comes and goes in periods of about {period:.0} points")?;
    }
    Ok(())
}
