//! `mlperf_log_summary.txt` of MLPerf's LoadGen.
//!
//! `docs/harness/mlperf-loadgen.md` has the rules.

use super::figures::{Draft, Figures, number, percentile, snake_case};
use super::report_lines::{Report, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::{Reason, Validity};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "mlperf-loadgen",
    title: "mlperf_log_summary.txt of LoadGen",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with(&["MLPerf Results Summary"])
}

/// What to do where there is nothing to read.
const HELP: &str = "give LoadGen's `mlperf_log_summary.txt`";

/// Reads one summary or several after each other.
///
/// # Errors
/// Where there is none, or one is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:mlperf-loadgen");
    let mut run: Option<Run> = None;
    for (line, text) in report.lines() {
        let text = text.trim();
        if text == "MLPerf Results Summary" {
            finish(run.take(), &mut figures, &report)?;
            run = Some(Run { draft: figures.draft("mlperf", line), section: Section::Results, verdict: None });
        } else if let Some(run) = &mut run
            && !run.line(text)
        {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        }
    }
    finish(run, &mut figures, &report)?;
    report.finish(figures, "no summary of LoadGen", HELP)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Results,
    Statistics,
    Parameters,
}

struct Run {
    draft: Draft,
    section: Section,
    verdict: Option<String>,
}

fn finish(run: Option<Run>, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    let Some(mut run) = run else { return Ok(()) };
    if run.section != Section::Parameters {
        return Err(report.cut_off("the summary ends before `Test Parameters Used`"));
    }
    if let Some(verdict) = run.verdict.filter(|verdict| verdict != "VALID") {
        let text = format!("LoadGen calls the result {}", quoted(&verdict));
        figures.warn(run.draft.line, text.clone());
        run.draft.benchmark.validity = Validity::Invalid { reason: Reason::new("loadgen_invalid", text) };
    }
    figures.add(run.draft);
    Ok(())
}

impl Run {
    /// Takes a line; false if it looks like a result and is none.
    fn line(&mut self, text: &str) -> bool {
        match text {
            "Additional Stats" => self.section = Section::Statistics,
            "Test Parameters Used" => self.section = Section::Parameters,
            _ => {}
        }
        let Some((label, value)) = pair(text, ':') else { return true };
        match label {
            "SUT name" => value.clone_into(&mut self.draft.benchmark.name),
            "Scenario" | "Mode" => self.draft.parameter(&snake_case(label), value),
            "Result is" => self.verdict = Some(value.to_owned()),
            _ if self.section == Section::Parameters => {
                let wanted =
                    ["samples_per_query", "target_qps", "target_latency (ns)", "max_async_queries", "min_query_count"];
                if wanted.contains(&label) {
                    self.draft.parameter(&snake_case(label), value);
                }
            }
            _ if label.starts_with('*') => {}
            _ => return self.figure(label, value),
        }
        true
    }

    fn figure(&mut self, label: &str, value: &str) -> bool {
        let lower = label.to_ascii_lowercase();
        if let Some(what) = lower.strip_suffix("(ns)").map(str::trim) {
            let name = latency_name(what);
            return name.zip(number(value)).is_some_and(|(name, time)| self.draft.time(&name, time, "ns").is_some());
        }
        let is_rate = lower.ends_with("per second") || lower.starts_with("qps ") || lower.starts_with("tps ");
        if is_rate {
            let name = lower.replace("w/o", "without").replace("w/", "with");
            let unit = if lower.contains("token") || lower.starts_with("tps") { "tokens/s" } else { "samples/s" };
            return number(value).is_some_and(|rate| self.draft.rate(&snake_case(&name), rate, unit).is_some());
        }
        true
    }
}

/// The name of a latency. `99.90 percentile latency` and `min latency` are statistics; `90.0th percentile latency` and
/// `99th first token percentile latency` are what the scenario is judged by.
fn latency_name(what: &str) -> Option<String> {
    if let Some((rank, what)) = what.split_once("th ") {
        let what = snake_case(&what.replace("percentile", ""));
        return Some(format!("{what}_of_scenario_{}", percentile(number(rank)?)));
    }
    let (first, rest) = what.split_once(' ')?;
    match rest.strip_prefix("percentile ") {
        Some(rest) => Some(format!("{}_{}", snake_case(rest), percentile(number(first)?))),
        None => Some(format!("{}_{first}", snake_case(rest))),
    }
}

#[cfg(test)]
mod tests;
