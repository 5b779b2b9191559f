//! The report of `wrk`, and of wrk2, which prints the same with more percentiles.
//!
//! `docs/harness/wrk.md` has the rules.

use super::figures::{Draft, Extra, Figures, percentile, split_unit};
use super::report_lines::{Report, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter { name: "wrk", title: "wrk and wrk2", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with(&["Running ", " test @ "])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `wrk --latency URL` writes to standard output";

/// wrk counts in 1024, whatever its units are called.
const SIZES: [(&str, f64); 5] =
    [("B", 1.0), ("KB", 1024.0), ("MB", 1_048_576.0), ("GB", 1_073_741_824.0), ("TB", 1_099_511_627_776.0)];

/// Reads the report of one run or several.
///
/// # Errors
/// Where there is none, or one is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:wrk");
    let mut run: Option<Run> = None;
    for (line, text) in report.lines() {
        if let Some((duration, url)) = text.trim().strip_prefix("Running ").and_then(|rest| rest.split_once(" test @ "))
        {
            finish(run.take(), &mut figures, &report)?;
            let mut draft = figures.draft(url.trim(), line);
            draft.parameter("duration", duration);
            run = Some(Run { draft, errors: 0.0, refused: 0.0, complete: false, distribution: false });
        } else if let Some(run) = &mut run
            && !run.line(text.trim())
        {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        }
    }
    finish(run, &mut figures, &report)?;
    report.finish(figures, "no report of wrk", HELP)
}

struct Run {
    draft: Draft,
    errors: f64,
    refused: f64,
    complete: bool,
    distribution: bool,
}

fn finish(run: Option<Run>, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    let Some(mut run) = run else { return Ok(()) };
    if !run.complete {
        return Err(report.cut_off("`Requests/sec` is missing"));
    }
    run.draft.count("errors", run.errors, Direction::Lower);
    run.draft.count("responses_of_error", run.refused, Direction::Lower);
    figures.add(run.draft);
    Ok(())
}

impl Run {
    /// Takes a line; false if it looks like a result and is none.
    fn line(&mut self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        match words.next() {
            Some("Latency") if text.contains("Distribution") => self.distribution = true,
            Some("Latency") => return self.latency(words),
            Some("Detailed") => self.distribution = false,
            Some("Requests/sec:") => {
                let rate = words.next().and_then(split_unit);
                self.complete = rate.is_some();
                return rate.is_some_and(|(rate, _)| self.draft.rate("requests_per_second", rate, "req/s").is_some());
            }
            Some("Transfer/sec:") => {
                let Some((value, unit)) = words.next().and_then(split_unit) else { return false };
                let Some((_, scale)) = SIZES.iter().find(|(name, _)| *name == unit) else { return false };
                self.draft.scaled_bandwidth("throughput", value, *scale, &format!("{unit}/s"));
            }
            Some("Socket") => {
                let parts = text.trim_start_matches("Socket errors:").split(',');
                self.errors = parts.filter_map(|part| part.split_whitespace().nth(1)?.parse::<f64>().ok()).sum();
            }
            Some("Non-2xx") => {
                let Some((_, number)) = pair(text, ':') else { return false };
                self.refused = number.parse().unwrap_or(0.0);
            }
            Some(rank) if self.distribution && rank.ends_with('%') => {
                let rank = rank.trim_end_matches('%').parse::<f64>();
                let time = words.next().and_then(split_unit);
                let (Ok(rank), Some((value, unit))) = (rank, time) else { return false };
                self.draft.time(&format!("latency_{}", percentile(rank)), value, unit);
            }
            Some(threads) if text.contains(" threads and ") => {
                self.draft.parameter("threads", threads);
                self.draft.parameter("connections", words.nth(2).unwrap_or_default());
            }
            _ => {}
        }
        true
    }

    /// `43.11ms 5.94ms 48.20ms 97.83%`: mean, deviation, maximum, share within one deviation.
    fn latency<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> bool {
        let parts: Vec<(f64, &str)> = words.filter_map(split_unit).collect();
        let [(mean, unit), (deviation, of), (most, unit_of_most), ..] = parts[..] else { return false };
        let scale = |unit: &str| match unit {
            "us" => Some(1e3),
            "ms" => Some(1e6),
            "s" => Some(1e9),
            "m" => Some(6e10),
            "h" => Some(3.6e12),
            _ => None,
        };
        let (Some(_), Some(scale), Some(_)) = (scale(unit), scale(of), scale(unit_of_most)) else { return false };
        self.draft.time("latency_mean", mean, unit).deviation(Some(deviation), scale);
        self.draft.time("latency_max", most, unit_of_most);
        true
    }
}

#[cfg(test)]
mod tests;
