//! TensorRT's `trtexec`: the performance summary, and the times of `--exportTimes`.
//!
//! `docs/harness/trtexec.md` has the rules.

use serde_json::Value;

use super::figures::{Draft, Extra, Figures, number, percentile, snake_case, split_unit};
use super::report_lines::{Report, measured, pair};
use super::values::{documents, figure};
use super::{HarnessError, Parsed, decoded, quoted};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "trtexec", title: "TensorRT's trtexec", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.has("TensorRT.trtexec") || head.has("=== Performance summary ===") {
        return Ok(Confidence::Certain);
    }
    head.with_keys(&["computeMs", "latencyMs"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `trtexec --onnx=MODEL` prints, or its `--exportTimes=FILE`";

/// Options without a value that change what is measured.
const SWITCHES: [&str; 12] = [
    "--fp16",
    "--int8",
    "--fp8",
    "--bf16",
    "--int4",
    "--best",
    "--stronglyTyped",
    "--useCudaGraph",
    "--noDataTransfers",
    "--useSpinWait",
    "--noTF32",
    "--threads",
];

/// Options with a value that change what is measured.
const OPTIONS: [&str; 10] = [
    "--shapes",
    "--optShapes",
    "--batch",
    "--streams",
    "--infStreams",
    "--sparsity",
    "--precisionConstraints",
    "--duration",
    "--iterations",
    "--useDLACore",
];

/// Reads the output of one run or several.
///
/// # Errors
/// Where it holds no summary, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut figures = Figures::new("harness:trtexec");
    if decoded(bytes).trim_start().starts_with('[') && !decoded(bytes).contains("Performance summary") {
        let is_trace =
            |value: &Value| value.as_array().is_some_and(|all| all.iter().any(|run| run.get("computeMs").is_some()));
        for document in documents(bytes, is_trace, HELP)? {
            trace(&document.value, document.line, &mut figures);
        }
    } else {
        printed(&Report::new(bytes), &mut figures)?;
    }
    Report::new(bytes).finish_text(figures, "no performance summary of trtexec", HELP)
}

/// One entry for each query.
fn trace(value: &Value, line: u64, figures: &mut Figures) {
    let mut draft = figures.draft("trtexec", line);
    let all = value.as_array().map_or(&[][..], Vec::as_slice);
    for (key, name) in [
        ("latencyMs", "latency_mean"),
        ("computeMs", "gpu_compute_time_mean"),
        ("h2dMs", "h2d_latency_mean"),
        ("d2hMs", "d2h_latency_mean"),
        ("endToEndMs", "end_to_end_host_latency_mean"),
    ] {
        let values: Vec<f64> = all.iter().filter_map(|run| run.get(key).and_then(figure)).collect();
        if values.len() == all.len() && !values.is_empty() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let number = values.len() as u64;
            draft.time(name, mean, "ms").samples(values, 1e6).iterations(Some(number));
        }
    }
    figures.add(draft);
}

fn printed(report: &Report, figures: &mut Figures) -> Result<(), HarnessError> {
    let mut draft: Option<Draft> = None;
    let (mut in_summary, mut complete) = (false, false);
    for (line, text) in report.lines() {
        let text = message(text);
        if text.starts_with("&&&& RUNNING ") || (draft.is_none() && text.starts_with("=== ")) {
            if let Some(draft) = draft.take() {
                close(draft, complete, figures, report)?;
            }
            let mut next = figures.draft("trtexec", line);
            command(text, &mut next);
            (draft, in_summary, complete) = (Some(next), false, false);
        } else if text.starts_with("&&&& FAILED") {
            let help = "read its messages above this line";
            return Err(HarnessError::new(line, 1, "trtexec failed", help));
        }
        if text.starts_with("=== ") {
            in_summary = text.contains("Performance summary");
        }
        let Some(draft) = draft.as_mut().filter(|_| in_summary) else { continue };
        match summary(text, draft) {
            Some(true) => complete |= text.starts_with("Total GPU Compute Time"),
            Some(false) => figures.warn(line, format!("`{}` cannot be understood", quoted(text))),
            None => {}
        }
    }
    match draft {
        Some(draft) => close(draft, complete, figures, report),
        None => Ok(()),
    }
}

fn close(draft: Draft, complete: bool, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
    if !complete {
        return Err(report.cut_off("the performance summary of trtexec is missing or ends early"));
    }
    figures.add(draft);
    Ok(())
}

/// What stands behind `[01/05/2026-10:00:00] [I] `.
fn message(text: &str) -> &str {
    let mut text = text.trim();
    while let Some((mark, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if mark.len() > 24 {
            break;
        }
        text = rest.trim_start();
    }
    text
}

/// The command line: the model's name, and what changes the figures.
fn command(text: &str, draft: &mut Draft) {
    for word in text.split_whitespace() {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        if matches!(option, "--onnx" | "--loadEngine" | "--model" | "--uff" | "--deploy") {
            value.rsplit(['/', '\\']).next().unwrap_or(value).clone_into(&mut draft.benchmark.name);
        } else if SWITCHES.contains(&option) {
            draft.parameter(option.trim_start_matches('-'), "1");
        } else if OPTIONS.contains(&option) {
            draft.parameter(option.trim_start_matches('-'), value);
        }
    }
}

/// Takes a line of the summary: true if it is a figure, false if it should be one and is none.
fn summary(text: &str, draft: &mut Draft) -> Option<bool> {
    let (label, value) = pair(text, ':')?;
    match label {
        "Throughput" => {
            Some(measured(value).is_some_and(|(rate, unit)| draft.rate("throughput", rate, unit).is_some()))
        }
        "Total Host Walltime" => {
            Some(measured(value).is_some_and(|(time, unit)| draft.time("duration", time, unit).is_some()))
        }
        "Total GPU Compute Time" => {
            Some(measured(value).is_some_and(|(time, unit)| draft.time("total_gpu_compute_time", time, unit).is_some()))
        }
        _ if value.contains(" = ") => {
            let base = snake_case(label);
            Some(value.split(", ").all(|part| statistic(&base, part, draft)))
        }
        _ => None,
    }
}

/// `min = 0.5 ms`, `percentile(99%) = 0.7 ms`
fn statistic(base: &str, part: &str, draft: &mut Draft) -> bool {
    let Some((name, value)) = part.split_once(" = ") else { return false };
    let Some((value, unit)) = split_unit(value) else { return false };
    let name = match name.strip_prefix("percentile(").and_then(|rest| rest.strip_suffix("%)")) {
        Some(rank) => match number(rank) {
            Some(rank) => percentile(rank),
            None => return false,
        },
        None => snake_case(name),
    };
    draft.time(&format!("{base}_{name}"), value, unit).is_some()
}

#[cfg(test)]
mod tests;
