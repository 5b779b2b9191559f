//! The report of PostgreSQL's `pgbench`.
//!
//! `docs/harness/pgbench.md` has the rules.

use super::figures::{Draft, Extra, Figures, number, snake_case, split_unit};
use super::report_lines::{Report, measured, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter { name: "pgbench", title: "pgbench", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with(&["transaction type:", "scaling factor:"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `pgbench` writes to standard output";

/// Reads the report of one run or several.
///
/// # Errors
/// Where there is none, or one is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:pgbench");
    let (mut runs, mut progress): (Vec<Run>, Vec<f64>) = (Vec::new(), Vec::new());
    for (line, text) in report.lines() {
        let text = text.trim();
        if let Some(rate) = text.strip_prefix("progress: ").and_then(progress_rate) {
            progress.push(rate);
        } else if let Some(name) = text.strip_prefix("transaction type:") {
            finish(&mut runs, &mut figures, &report)?;
            let samples = std::mem::take(&mut progress);
            runs.push(Run { draft: figures.draft(script(name), line), samples, deviation: None, complete: false });
        } else if let Some((_, name)) = text.strip_prefix("SQL script ").and_then(|rest| rest.split_once(": ")) {
            // One script of several: what was set for the run holds for it too.
            let Some(first) = runs.first() else { continue };
            let mut draft = figures.draft(script(name), line);
            draft.parameters(&first.draft.benchmark.parameters);
            runs.push(Run { draft, samples: Vec::new(), deviation: None, complete: false });
        } else if let Some(run) = runs.last_mut()
            && !run.line(text)
        {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        } else if text.contains("error:") && text.starts_with("pgbench") {
            figures.warn(line, quoted(text));
        }
    }
    finish(&mut runs, &mut figures, &report)?;
    report.finish(figures, "no report of pgbench", HELP)
}

/// `<builtin: TPC-B (sort of)>` without its marks.
fn script(name: &str) -> String {
    let name = name.trim().trim_start_matches('<').trim_end_matches('>');
    name.trim_start_matches("builtin: ").trim().to_owned()
}

/// `1.0 s, 14558.7 tps, lat 0.245 ms stddev 0.643, 0 failed`
fn progress_rate(text: &str) -> Option<f64> {
    let rate = text.split(',').map(str::trim).find_map(|part| part.strip_suffix(" tps"))?;
    number(rate)
}

struct Run {
    draft: Draft,
    /// Transactions per second of each period, from the lines of `--progress`.
    samples: Vec<f64>,
    deviation: Option<f64>,
    complete: bool,
}

fn finish(runs: &mut Vec<Run>, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    for mut run in runs.drain(..) {
        if !run.complete {
            return Err(report.cut_off(&format!("`tps` of `{}` is missing", quoted(&run.draft.benchmark.name))));
        }
        // The latency stands before its deviation.
        if let Some(mean) = run.draft.benchmark.metrics.iter_mut().find(|metric| metric.metric == "latency_mean") {
            let _ = Some(mean).deviation(run.deviation, 1e6);
        }
        figures.add(run.draft);
    }
    Ok(())
}

impl Run {
    /// Takes a line; false if it looks like a result and is none.
    fn line(&mut self, text: &str) -> bool {
        let text = text.strip_prefix("- ").unwrap_or(text);
        if let Some((share, rest)) = text.split_once(" transactions (") {
            // Of one script: `123 transactions (61.5% of total, tps = 307.430828)`
            let rate = rest.split_once("tps = ").and_then(|(_, rate)| split_unit(rate));
            self.complete = rate.is_some();
            return share.parse::<u64>().is_ok()
                && rate.is_some_and(|(rate, _)| self.rate("transactions_per_second", rate));
        }
        let Some((label, value)) = pair(text, '=').or_else(|| pair(text, ':')) else { return true };
        match label {
            "tps" => self.tps(value),
            "latency average" | "latency average (ms)" => self.time("latency_mean", value),
            "latency stddev" => {
                self.deviation = measured(value).map(|(deviation, _)| deviation);
                self.deviation.is_some()
            }
            "initial connection time" => self.time("initial_connection_time", value),
            "average connection time" => self.time("connection_time", value),
            "rate limit schedule lag" => {
                // `avg 3.702 (max 74.584) ms`
                let lag = value.strip_prefix("avg ").and_then(measured);
                lag.is_some_and(|(lag, _)| self.draft.time("schedule_lag_mean", lag, "ms").is_some())
            }
            "number of failed transactions" => self.count("failed_transactions", value),
            "number of transactions skipped" => self.count("skipped_transactions", value),
            _ if label.starts_with("number of transactions above the ") => self.count("late_transactions", value),
            "scaling factor"
            | "query mode"
            | "number of clients"
            | "number of threads"
            | "duration"
            | "weight"
            | "maximum number of tries"
            | "number of transactions per client"
            | "partition method"
            | "partitions" => {
                self.draft.parameter(&snake_case(label.trim_start_matches("number of ")), value);
                true
            }
            _ => true,
        }
    }

    fn time(&mut self, name: &str, value: &str) -> bool {
        measured(value).is_some_and(|(time, unit)| {
            self.draft.time(name, time, if unit.is_empty() { "ms" } else { unit }).is_some()
        })
    }

    fn count(&mut self, name: &str, value: &str) -> bool {
        // `4/98 (4.082%)`
        let number = value.split(['/', ' ']).next().and_then(number);
        number.is_some_and(|count| self.draft.count(name, count, Direction::Lower).is_some())
    }

    fn rate(&mut self, name: &str, rate: f64) -> bool {
        let is_main = name == "transactions_per_second";
        let samples = if is_main { std::mem::take(&mut self.samples) } else { Vec::new() };
        self.draft.rate(name, rate, "tps").samples(samples, 1.0).is_some()
    }

    /// `14823.3 (without initial connection time)`; before version 14 there are two lines, with and without the time
    /// that connecting takes.
    fn tps(&mut self, value: &str) -> bool {
        let Some((rate, _)) = measured(value) else { return false };
        self.complete = true;
        let with_connecting = value.contains("including connections establishing");
        let name = if with_connecting { "transactions_per_second_with_connecting" } else { "transactions_per_second" };
        self.rate(name, rate)
    }
}

#[cfg(test)]
mod tests;
