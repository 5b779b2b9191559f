//! The report of sysbench 1.0 and 1.1: `cpu`, `memory`, `threads`, `mutex`, `fileio` and the OLTP scripts.
//!
//! `docs/harness/sysbench.md` has the rules.

use super::figures::{Draft, Figures, number, snake_case};
use super::report_lines::{Report, measured, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "sysbench", title: "sysbench", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with(&["sysbench ", "(using ", "Number of threads:"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `sysbench TEST run` writes to standard output";

/// Reads the report of one run or several.
///
/// # Errors
/// Where there is none, one is cut off, or sysbench failed.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:sysbench");
    let mut run: Option<Run> = None;
    for (line, text) in report.lines() {
        let text = text.trim();
        if text.starts_with("sysbench ") && text.contains("(using ") {
            finish(run.take(), &mut figures, &report)?;
            run = Some(Run::new(figures.draft("sysbench", line)));
        } else if let Some(what) = text.strip_prefix("FATAL:") {
            return Err(HarnessError::new(
                line,
                1,
                format!("sysbench failed: {}", quoted(what)),
                "mend that and run it again",
            ));
        } else if let Some(run) = &mut run
            && !run.line(text)
        {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        }
    }
    finish(run, &mut figures, &report)?;
    report.finish(figures, "no report of sysbench", HELP)
}

/// A part of the report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    Speed,
    Sql,
    Files,
    FileRates,
    General,
    Latency,
    Fairness,
}

struct Run {
    draft: Draft,
    section: Section,
    complete: bool,
}

fn finish(run: Option<Run>, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    let Some(run) = run else { return Ok(()) };
    if !run.complete {
        return Err(report.cut_off("the latencies of sysbench are missing"));
    }
    figures.add(run.draft);
    Ok(())
}

impl Run {
    const fn new(draft: Draft) -> Self {
        Self { draft, section: Section::Head, complete: false }
    }

    /// Takes a line; false if it looks like a result and is none.
    fn line(&mut self, text: &str) -> bool {
        let section = match text {
            "CPU speed:" | "Throughput:" if self.section != Section::Files => Some(Section::Speed),
            "SQL statistics:" => Some(Section::Sql),
            "File operations:" => Some(Section::Files),
            "Throughput:" => Some(Section::FileRates),
            "General statistics:" => Some(Section::General),
            "Latency (ms):" => Some(Section::Latency),
            "Threads fairness:" => Some(Section::Fairness),
            _ => None,
        };
        if let Some(section) = section {
            self.section = section;
            if section == Section::Sql {
                self.name("oltp");
            }
            return true;
        }
        self.cue(text);
        if let Some(rest) = text.strip_prefix("Total operations:") {
            // `1048576 (3666287.40 per second)`
            let rate = rest.split_once('(').and_then(|(_, rate)| measured(rate));
            return rate.is_some_and(|(rate, _)| self.draft.rate("operations_per_second", rate, "ops/s").is_some());
        }
        if text.contains(" transferred (") {
            let rate = text.split_once('(').and_then(|(_, rate)| measured(rate));
            return rate.is_some_and(|(rate, unit)| {
                self.draft.bandwidth("throughput", rate, unit.trim_end_matches(')')).is_some()
            });
        }
        match pair(text, ':') {
            Some((label, value)) => self.figure(label, value),
            None => true,
        }
    }

    fn name(&mut self, name: &str) {
        if self.draft.benchmark.name == "sysbench" {
            name.clone_into(&mut self.draft.benchmark.name);
        }
    }

    /// What was run: sysbench does not say it by its name, but each test has words of its own.
    fn cue(&mut self, text: &str) {
        if self.section != Section::Head {
            return;
        }
        if text.starts_with("Prime numbers limit") {
            self.name("cpu");
        } else if text.starts_with("Running memory speed test") {
            self.name("memory");
        } else if let Some(mode) = text.strip_prefix("Doing ").and_then(|rest| rest.strip_suffix(" test")) {
            self.name("fileio");
            self.draft.parameter("mode", mode);
        } else if let Some(size) = text.strip_prefix("Block size ") {
            self.draft.parameter("block_size", size);
        } else if let Some(size) = text.strip_suffix(" total file size") {
            self.draft.parameter("total_file_size", size);
        }
    }

    fn figure(&mut self, label: &str, value: &str) -> bool {
        match self.section {
            Section::Head => {
                let known =
                    ["Number of threads", "Prime numbers limit", "block size", "total size", "operation", "scope"];
                if known.contains(&label) {
                    self.draft.parameter(&snake_case(label.trim_start_matches("Number of ")), value);
                }
                true
            }
            Section::Speed => match label {
                "events per second" | "events/s (eps)" => self.rate("events_per_second", value, "events/s"),
                _ => true,
            },
            Section::Sql => self.sql(label, value),
            Section::Files | Section::FileRates => match label.split_once(", ") {
                Some((what, unit)) => {
                    let name = if what == "written" { "write_bandwidth" } else { "read_bandwidth" };
                    number(value).is_some_and(|rate| self.draft.bandwidth(name, rate, unit).is_some())
                }
                None => match label.strip_suffix("/s") {
                    Some(what) => self.rate(&format!("{what}_per_second"), value, "ops/s"),
                    None => true,
                },
            },
            Section::General => match (label, measured(value)) {
                ("total time" | "time elapsed", Some((time, unit))) => {
                    self.draft.time("duration", time, unit).is_some()
                }
                ("total time" | "time elapsed", None) => false,
                ("events/s (eps)", _) => self.rate("events_per_second", value, "events/s"),
                _ => true,
            },
            Section::Latency => {
                let name = match label {
                    "min" => "latency_min".to_owned(),
                    "avg" => "latency_mean".to_owned(),
                    "max" => "latency_max".to_owned(),
                    "sum" => {
                        self.complete = true;
                        return true;
                    }
                    other => match other.strip_suffix("th percentile") {
                        Some(rank) => format!("latency_p{rank}"),
                        None => return true,
                    },
                };
                number(value).is_some_and(|time| self.draft.time(&name, time, "ms").is_some())
            }
            Section::Fairness => true,
        }
    }

    fn rate(&mut self, name: &str, value: &str, unit: &str) -> bool {
        number(value).is_some_and(|rate| self.draft.rate(name, rate, unit).is_some())
    }

    /// `transactions: 1234 (123.40 per sec.)`
    fn sql(&mut self, label: &str, value: &str) -> bool {
        let Some((_, rate)) = value.split_once('(') else { return true };
        let rate = measured(rate).map(|(rate, _)| rate);
        let name = snake_case(label);
        match (label, rate) {
            ("transactions" | "queries", Some(rate)) => {
                self.draft.rate(&format!("{name}_per_second"), rate, "per sec.").is_some()
            }
            ("ignored errors" | "reconnects", Some(rate)) => {
                self.draft.plain(&format!("{name}_per_second"), rate, "1/s", Direction::Lower).is_some()
            }
            (_, rate) => rate.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
