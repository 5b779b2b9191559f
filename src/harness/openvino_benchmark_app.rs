//! OpenVINO's `benchmark_app`, in Python and in C++: what it prints, and its report as JSON or CSV.
//!
//! `docs/harness/openvino-benchmark-app.md` has the rules.

use serde_json::Value;

use super::figures::{Draft, Figures, number, percentile};
use super::report_lines::{Report, measured, pair};
use super::values::{documents, plain};
use super::{HarnessError, Parsed, decoded, quoted};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "openvino-benchmark-app",
    title: "OpenVINO's benchmark_app",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.has("[Step 1/") && head.has("[ INFO ]") {
        return Ok(Confidence::Certain);
    }
    if head.has("Execution results") && head.has("Configuration setup") {
        return Ok(Confidence::Certain);
    }
    head.with_keys(&["execution_results", "configuration_setup"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `benchmark_app -m MODEL` prints, or the `benchmark_report` that `-report_type` writes";

/// Options of the command line that say what was done, without places.
const OPTIONS: [(&str, &str); 9] = [
    ("-d", "device"),
    ("-hint", "hint"),
    ("-api", "api"),
    ("-b", "batch"),
    ("-nstreams", "streams"),
    ("-nireq", "requests"),
    ("-nthreads", "threads"),
    ("-infer_precision", "precision"),
    ("-shape", "shape"),
];

/// Reads the output of one run or several.
///
/// # Errors
/// Where it holds no result, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut figures = Figures::new("harness:openvino-benchmark-app");
    let text = decoded(bytes);
    if text.contains("[Step ") {
        printed(&Report::new(bytes), &mut figures)?;
    } else if text.lines().any(|line| line.trim() == "Execution results") {
        csv(&text, &mut figures)?;
    } else {
        let wanted = |value: &Value| value.get("execution_results").is_some();
        for document in documents(bytes, wanted, HELP)? {
            let mut draft = figures.draft("benchmark_app", document.line);
            let all = |section: &str| document.value.get(section).and_then(Value::as_object).into_iter().flatten();
            for (key, value) in all("cmd_options").chain(all("configuration_setup")) {
                configured(key, &plain(value).unwrap_or_default(), &mut draft);
            }
            for (key, value) in all("execution_results") {
                stored(key, &plain(value).unwrap_or_default(), &mut draft);
            }
            figures.add(draft);
        }
    }
    Report::new(bytes).finish_text(figures, "no result of benchmark_app", HELP)
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// An entry of the command line, or of the section about what was set up.
fn configured(key: &str, value: &str, draft: &mut Draft) {
    if key == "-m" {
        last_part(value).clone_into(&mut draft.benchmark.name);
    } else if let Some((_, name)) = OPTIONS.iter().find(|(option, _)| *option == key) {
        draft.parameter(name, value);
    } else if let Some(name) = match key {
        "target device" => Some("device"),
        "API" => Some("api"),
        "batch size" => Some("batch"),
        "number of parallel infer requests" => Some("requests"),
        "precision" => Some("precision"),
        _ => None,
    } {
        draft.parameter(name, value);
    }
}

/// An entry of the results in a report.
fn stored(key: &str, value: &str, draft: &mut Draft) {
    let Some(value) = number(value) else { return };
    let name = match key {
        "throughput" => {
            draft.rate("throughput", value, "FPS");
            return;
        }
        "latency (ms)" => "latency_median".to_owned(),
        "avg latency" | "Avg latency" => "latency_mean".into(),
        "min latency" | "Min latency" => "latency_min".into(),
        "max latency" | "Max latency" => "latency_max".into(),
        "read model time (ms)" | "read network time (ms)" => "read_model_time".into(),
        "compile model time (ms)" | "load network time (ms)" => "compile_model_time".into(),
        "first inference time (ms)" => "first_inference_time".into(),
        "total execution time (ms)" => "duration".into(),
        // `latency (90 percentile) (ms)`
        other => match other.strip_prefix("latency (").and_then(|rest| rest.split_once(" percentile")) {
            Some((rank, _)) => {
                rank.parse().map_or_else(|_| "latency".into(), |rank| format!("latency_{}", percentile(rank)))
            }
            None => return,
        },
    };
    draft.time(&name, value, "ms");
}

fn csv(text: &str, figures: &mut Figures) -> Result<(), HarnessError> {
    let mut draft = figures.draft("benchmark_app", 1);
    let (mut section, mut groups) = ("", false);
    for line in text.lines().map(str::trim) {
        match line.split_once(';') {
            Some((key, value)) if section == "Execution results" => {
                // Figures of groups of shapes follow with the same names as those of the whole.
                groups |= key == "group";
                if !groups || key == "throughput" {
                    stored(key, value, &mut draft);
                }
            }
            Some((key, value)) => configured(key, value, &mut draft),
            None if !line.is_empty() => section = line,
            None => {}
        }
    }
    if draft.benchmark.metric("throughput").is_none() {
        let line = text.lines().count().max(1) as u64;
        return Err(HarnessError::new(line, 1, "cut off: the throughput is missing", "was benchmark_app killed?"));
    }
    figures.add(draft);
    Ok(())
}

/// What a run prints: `[ INFO ] Throughput: 22269.12 FPS`.
fn printed(report: &Report, figures: &mut Figures) -> Result<(), HarnessError> {
    let mut draft: Option<Draft> = None;
    let mut complete = true;
    for (line, text) in report.lines() {
        let text = text.trim();
        if text.starts_with("[Step 1/") {
            if !complete {
                return Err(report.cut_off("the throughput is missing"));
            }
            if let Some(draft) = draft.take() {
                figures.add(draft);
            }
            draft = Some(figures.draft("benchmark_app", line));
            complete = false;
            continue;
        }
        if let Some(error) = text.strip_prefix("[ ERROR ]") {
            figures.warn(line, format!("benchmark_app reports an error: {}", quoted(error)));
            continue;
        }
        let (Some(draft), Some(text)) = (draft.as_mut(), text.strip_prefix("[ INFO ]").map(str::trim)) else {
            continue;
        };
        match info(text, draft) {
            Some(true) => complete |= text.starts_with("Throughput:"),
            Some(false) => figures.warn(line, format!("`{}` cannot be understood", quoted(text))),
            None => {}
        }
    }
    match draft {
        Some(draft) if complete => figures.add(draft),
        Some(_) => return Err(report.cut_off("the throughput is missing")),
        None => {}
    }
    Ok(())
}

/// Takes a message: true if it is a figure or a parameter, false if it should be one and is none.
fn info(text: &str, draft: &mut Draft) -> Option<bool> {
    if let Some((what, time)) = text.split_once(" took ") {
        let name = match what {
            "Read model" | "Read network" => "read_model_time",
            "Compile model" | "Load network" => "compile_model_time",
            "First inference" => "first_inference_time",
            _ => return None,
        };
        return Some(measured(time).is_some_and(|(time, unit)| draft.time(name, time, unit).is_some()));
    }
    if let Some(size) = text.strip_prefix("Compile model ram used ") {
        let size = measured(size);
        return Some(size.is_some_and(|(size, _)| draft.size("compile_memory", size * 1024.0, "bytes").is_some()));
    }
    let (label, value) = pair(text, ':')?;
    let name = match label {
        "Throughput" => {
            return Some(measured(value).is_some_and(|(rate, unit)| draft.rate("throughput", rate, unit).is_some()));
        }
        "NETWORK_NAME" => {
            value.clone_into(&mut draft.benchmark.name);
            return Some(true);
        }
        "PERFORMANCE_HINT" => "hint",
        "NUM_STREAMS" => "streams",
        "INFERENCE_NUM_THREADS" => "threads",
        "OPTIMAL_NUMBER_OF_INFER_REQUESTS" => "requests",
        "INFERENCE_PRECISION_HINT" => "precision",
        "Model batch size" => "batch",
        "Execution Devices" | "EXECUTION_DEVICES" => "device",
        _ => {
            let statistic = match label {
                "Median" => "median".to_owned(),
                "Average" | "AVG" => "mean".into(),
                "Min" | "MIN" => "min".into(),
                "Max" | "MAX" => "max".into(),
                "Duration" => {
                    return Some(
                        measured(value).is_some_and(|(time, unit)| draft.time("duration", time, unit).is_some()),
                    );
                }
                other => match other.strip_suffix(" percentile") {
                    Some(rank) => percentile(rank.parse().ok()?),
                    None => return None,
                },
            };
            // Groups of shapes repeat these names behind the whole.
            let name = format!("latency_{statistic}");
            if draft.benchmark.metric(&name).is_some() {
                return None;
            }
            return Some(measured(value).is_some_and(|(time, unit)| draft.time(&name, time, unit).is_some()));
        }
    };
    let value = value.trim_matches(|c| matches!(c, '[' | ']' | '\'' | '<' | '>'));
    let value = value.trim_start_matches("Type: '").trim_start_matches("PerformanceMode.");
    draft.parameter(name, value);
    Some(true)
}

#[cfg(test)]
mod tests;
