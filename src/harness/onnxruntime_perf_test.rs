//! `onnxruntime_perf_test`: what it prints, and the result file with the time of each run.
//!
//! `docs/harness/onnxruntime-perf-test.md` has the rules.

use super::figures::{Draft, Extra, Figures, number, snake_case};
use super::report_lines::{Report, measured, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "onnxruntime-perf-test",
    title: "onnxruntime_perf_test",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.has("Session creation time cost:") || head.has("Average inference time cost") {
        return Ok(Confidence::Certain);
    }
    match head.lines().next().is_some_and(|line| result_row(line).is_some()) {
        true => Ok(Confidence::Likely),
        false => Err("there is no `Average inference time cost`, nor a row of a result file".into()),
    }
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `onnxruntime_perf_test -s MODEL RESULT` prints, or its RESULT file";

/// Reads the output of one run or several.
///
/// # Errors
/// Where it holds no result, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:onnxruntime-perf-test");
    let mut run = Run::new(figures.draft("onnxruntime_perf_test", 1));
    for (line, text) in report.lines() {
        let text = text.trim();
        let begins = ["Session creation time cost:", "Setting ", "using "].iter().any(|start| text.starts_with(start));
        if begins && run.has_latency {
            let next = Run::new(figures.draft("onnxruntime_perf_test", line));
            finish(std::mem::replace(&mut run, next), &mut figures, &report)?;
        }
        if !run.line(text) {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        }
    }
    if run.printed || !run.times.is_empty() {
        finish(run, &mut figures, &report)?;
    }
    report.finish(figures, "no result of onnxruntime_perf_test", HELP)
}

struct Run {
    draft: Draft,
    /// Seconds of each run, from the result file.
    times: Vec<f64>,
    peak: Option<f64>,
    /// Something that only this tool prints was seen.
    printed: bool,
    has_latency: bool,
    runs: Option<u64>,
}

fn finish(mut run: Run, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    if !run.times.is_empty() && !run.has_latency {
        let mean = run.times.iter().sum::<f64>() / run.times.len() as f64;
        let number = run.times.len() as u64;
        run.draft.time("latency_mean", mean, "s").samples(run.times, 1e9).iterations(Some(number));
        if let Some(peak) = run.peak {
            run.draft.size("peak_memory", peak, "bytes");
        }
        run.has_latency = true;
    }
    if !run.has_latency {
        return Err(report.cut_off("the average time is missing"));
    }
    if let Some(metric) = run.draft.benchmark.metrics.iter_mut().find(|metric| metric.metric == "latency_mean") {
        metric.iterations = metric.iterations.or(run.runs);
    }
    figures.add(run.draft);
    Ok(())
}

impl Run {
    const fn new(draft: Draft) -> Self {
        Self { draft, times: Vec::new(), peak: None, printed: false, has_latency: false, runs: None }
    }

    /// Takes a line; false if it looks like a result and is none.
    fn line(&mut self, text: &str) -> bool {
        if let Some(threads) = text.strip_prefix("Setting ").and_then(|rest| rest.split_once(" to ")) {
            if threads.0.ends_with("_num_threads") {
                self.draft.parameter(threads.0, threads.1);
            }
            return true;
        }
        if let Some(provider) = text.strip_prefix("using ").filter(|rest| rest.ends_with("ExecutionProvider")) {
            self.draft.parameter("provider", provider);
            return true;
        }
        if let Some(fields) = result_row(text) {
            return self.row(&fields);
        }
        let Some((label, value)) = pair(text, ':').or_else(|| text.split_once(" Latency is ")) else {
            return true;
        };
        self.figure(label, value)
    }

    fn figure(&mut self, label: &str, value: &str) -> bool {
        let found = measured(value);
        let draft = &mut self.draft;
        match label {
            "Session creation time cost" => self.time("session_creation_time", found),
            "First inference time cost" => self.time("first_inference_time", found),
            "Average inference time cost" | "Average inference time cost total" | "Average time cost" => {
                self.has_latency = true;
                self.time("latency_mean", found)
            }
            "Total inference run time" => self.time("duration", found),
            "Number of inferences per second" => {
                found.is_some_and(|(rate, _)| draft.rate("inferences_per_second", rate, "1/s").is_some())
            }
            // Printed once more without a unit: the first counts.
            "Avg CPU usage" | "Total CPU usage" => {
                draft.benchmark.metric("cpu_usage").is_some()
                    || found.is_some_and(|(share, _)| draft.percent("cpu_usage", share, Direction::Lower).is_some())
            }
            "Peak working set size" => {
                draft.benchmark.metric("peak_memory").is_some()
                    || found.is_some_and(|(size, _)| draft.size("peak_memory", size, "bytes").is_some())
            }
            "Total inference requests" | "Total iterations" | "Runs" => {
                self.runs = found.map(|(runs, _)| runs as u64).or(self.runs);
                found.is_some()
            }
            _ => {
                let Some(statistic) =
                    label.strip_suffix(" Latency").or(Some(label).filter(|_| value.ends_with(" sec")))
                else {
                    return true;
                };
                let statistic = match statistic {
                    // The file has no room for a point: it means 99.9.
                    "P999" => "p99_9".to_owned(),
                    other => snake_case(other),
                };
                self.time(&format!("latency_{statistic}"), found)
            }
        }
    }

    fn time(&mut self, name: &str, found: Option<(f64, &str)>) -> bool {
        self.printed = true;
        found.is_some_and(|(value, unit)| {
            self.draft.time(name, value, if unit.is_empty() { "s" } else { unit }).is_some()
        })
    }

    /// `model,0.0123,35299328,98,0`: model, seconds, peak memory, CPU usage, number of the run.
    fn row(&mut self, fields: &[&str; 5]) -> bool {
        let [model, seconds, peak, _, at] = fields;
        let (Some(seconds), Ok(_)) = (number(seconds), at.trim().parse::<u64>()) else { return false };
        if self.times.is_empty() && !model.is_empty() {
            (*model).clone_into(&mut self.draft.benchmark.name);
        }
        self.times.push(seconds);
        self.peak = number(peak).filter(|peak| *peak > 0.0);
        true
    }
}

fn result_row(text: &str) -> Option<[&str; 5]> {
    let fields: Vec<&str> = text.split(',').collect();
    let fields: [&str; 5] = fields.try_into().ok()?;
    fields[1..].iter().all(|field| field.starts_with(|c: char| c.is_ascii_digit())).then_some(fields)
}

#[cfg(test)]
mod tests;
