//! The `results_*.json` of EleutherAI's lm-evaluation-harness.
//!
//! `docs/harness/lm-evaluation-harness.md` has the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::figures::{Draft, Figures};
use super::values::{documents, figure, plain};
use super::{HarnessError, Parsed, quoted};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "lm-evaluation-harness",
    title: "lm-evaluation-harness results",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    let results = head.with_keys(&["results"])?;
    match ["_stderr", "\"alias\"", "\"n-shot\""].iter().any(|text| head.has(text)) {
        true => Ok(results),
        false => Err("there is neither a standard error nor a number of shots".into()),
    }
}

/// What to do where there is nothing to read.
const HELP: &str = "give the `results_*.json` that `lm_eval --output_path DIR` writes";

/// Metrics of which less is better, where the file does not say so itself.
const LOWER: [&str; 8] = ["perplexity", "ppl", "bits_per_byte", "bpb", "brier_score", "ter", "loss", "wer"];

/// Reads the file.
///
/// # Errors
/// Where it is no such JSON, or cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| {
        let results = value.get("results").and_then(Value::as_object);
        results.is_some_and(|all| !all.is_empty() && all.values().all(Value::is_object))
    };
    let mut figures = Figures::new("harness:lm-evaluation-harness");
    for document in documents(bytes, wanted, HELP)? {
        let root = &document.value;
        let shared = shared_parameters(root);
        let of = |section: &str| root.get(section).and_then(Value::as_object);
        let results = of("results").into_iter().flatten();
        // Groups stand among the results too; only very old files have them apart.
        let groups =
            of("groups").into_iter().flatten().filter(|(name, _)| root["results"].get(name.as_str()).is_none());
        for (task, entry) in results.chain(groups) {
            match entry.as_object() {
                Some(entry) => self::task(root, task, entry, &shared, document.line, &mut figures),
                None => figures.warn(document.line, format!("the task `{}` has no figures", quoted(task))),
            }
        }
    }
    figures.finish("no result of lm-evaluation-harness", HELP)
}

fn shared_parameters(root: &Value) -> BTreeMap<String, String> {
    let config = root.get("config");
    let get = |key: &str| config.and_then(|config| config.get(key)).and_then(plain);
    let model = root.get("model_name").and_then(plain).or_else(|| get("model_args"));
    let pairs =
        [("model", model), ("backend", get("model")), ("limit", get("limit")), ("batch_size", get("batch_size"))];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// One task; each filter of it is a benchmark, since its metrics have the same names.
fn task(
    root: &Value,
    task: &str,
    entry: &Map<String, Value>,
    shared: &BTreeMap<String, String>,
    line: u64,
    figures: &mut Figures,
) {
    let mut drafts: Vec<(String, Draft)> = Vec::new();
    for (key, value) in entry {
        // Since version 0.4 `acc,none`: the metric and the filter.
        let (metric, filter) = key.split_once(',').unwrap_or((key, "none"));
        if matches!(metric, "alias" | "name" | "sample_len" | "sample_count") || metric.ends_with("_stderr") {
            continue;
        }
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            // A group that sums up nothing.
            continue;
        }
        let at = drafts.iter().position(|(name, _)| name == filter).unwrap_or_else(|| {
            let mut draft = figures.draft(task, line);
            draft.parameters(shared);
            if filter != "none" {
                draft.parameter("filter", filter);
            }
            let shots = root.get("n-shot").and_then(|shots| shots.get(task)).and_then(plain);
            let shots =
                shots.or_else(|| root.get("config").and_then(|config| config.get("num_fewshot")).and_then(plain));
            draft.parameter("n_shot", shots.unwrap_or_default());
            drafts.push((filter.to_owned(), draft));
            drafts.len() - 1
        });
        let stderr = match key.split_once(',') {
            Some((metric, filter)) => format!("{metric}_stderr,{filter}"),
            None => format!("{key}_stderr"),
        };
        let stderr = entry.get(&stderr).and_then(figure);
        let said = root.get("higher_is_better").and_then(|all| all.get(task)?.get(metric)?.as_bool());
        let Some((_, draft)) = drafts.get_mut(at) else { continue };
        add(draft, metric, figure(value), stderr, said);
    }
    // A group without a figure of its own has nothing but blanks.
    let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    if drafts.is_empty() && !entry.iter().any(|(key, value)| key == " " || is_blank(value)) {
        figures.warn(line, format!("the task `{}` has no figures", quoted(task)));
    }
    for (_, draft) in drafts {
        figures.add(draft);
    }
}

fn add(draft: &mut Draft, metric: &str, value: Option<f64>, stderr: Option<f64>, higher: Option<bool>) {
    let lower = LOWER.iter().any(|word| metric.contains(word) && (word.len() > 3 || metric == *word));
    let direction = if higher.unwrap_or(!lower) { Direction::Higher } else { Direction::Lower };
    let value = value.unwrap_or(f64::NAN);
    let is_share = ["acc", "exact_match", "em", "f1", "mc1", "mc2", "pass"].iter().any(|word| metric.starts_with(word));
    let unit = if is_share && (0.0..=1.0).contains(&value) { "ratio" } else { "score" };
    if let (Some(made), Some(stderr)) = (draft.plain(metric, value, unit, direction), stderr.filter(|s| s.is_finite()))
    {
        made.lower = Some(made.value - stderr);
        made.upper = Some(made.value + stderr);
    }
}

#[cfg(test)]
mod tests;
