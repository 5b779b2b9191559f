//! Conbench: benchmark results as its API gives them: a list, pages with `data`, or one a line.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::json::{at, commit, documents, instant, own, parsed, text};
use super::source::{SourceError, content, is_json};
use super::{Found, Imported};
use crate::execute::FileBelow;

/// Results of one run on one machine: they are one run here, too.
type Key = (String, String);

struct Run {
    at: Timestamp,
    commit: Option<String>,
    branch: Option<String>,
    request: Option<u64>,
    rows: Vec<Value>,
}

pub(super) fn read(files: &[FileBelow]) -> Result<Found, SourceError> {
    let mut found = Found::default();
    let mut runs: BTreeMap<Key, Run> = BTreeMap::new();
    for (name, path) in files.iter().filter(|(name, _)| is_json(name)) {
        for document in documents(path, &content(path)?)? {
            let page = at(&document, &["data"]).filter(|data| data.is_array()).unwrap_or(&document);
            let rows: Vec<&Value> = page.as_array().map_or_else(|| vec![page], |list| list.iter().collect());
            for (index, row) in rows.into_iter().enumerate() {
                if let Err(why) = take(row, &mut runs) {
                    found.warn(&format!("{name}: [{index}]"), format!("{why}; left out"));
                }
            }
        }
    }
    for ((run, machine), one) in runs {
        match parsed("backsight", &json!({ "benchmarks": one.rows })) {
            Ok((benchmarks, warnings)) => {
                warnings.iter().for_each(|text| found.warn(&format!("run {run}"), text));
                let Run { at, commit, branch, request, .. } = one;
                let suite = "conbench".into();
                found.all.push(Imported { at, commit, branch, request, machine, suite, benchmarks });
            }
            Err(why) => found.warn(&format!("run {run}"), format!("{why}; left out")),
        }
    }
    Ok(found)
}

fn take(row: &Value, runs: &mut BTreeMap<Key, Run>) -> Result<(), String> {
    let when = instant(row, &["timestamp"]).ok_or("its `timestamp` is no time")?;
    let name = text(row, &["tags", "name"]).ok_or("there is no `tags.name`")?;
    let unit = text(row, &["stats", "unit"]).ok_or("there is no `stats.unit`")?;
    let samples: Vec<f64> =
        at(row, &["stats", "data"]).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect();
    let single = ["median", "mean", "single_value_summary"].iter().find_map(|key| at(row, &["stats", key])?.as_f64());
    if samples.is_empty() && single.is_none() {
        return Err("`stats` has neither data nor a mean".into());
    }
    let mut metric = Map::from_iter([("unit".to_owned(), json!(by_name(unit)))]);
    match samples.as_slice() {
        [] => drop(metric.insert("value".into(), json!(single))),
        [one] => drop(metric.insert("value".into(), json!(one))),
        _ => drop(metric.insert("samples".into(), json!(samples))),
    }
    let tags = at(row, &["tags"]).and_then(Value::as_object).cloned().unwrap_or_default();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parameters: Map<String, Value> = tags
        .iter()
        .filter(|(key, value)| !matches!(key.as_str(), "name" | "id" | "source") && !value.is_null())
        .map(|(key, value)| (key.clone(), Value::String(plain(value))))
        .collect();
    let machine = ["machine_info", "hardware", "cluster_info"].iter().find_map(|key| text(row, &[key, "name"]));
    let machine = machine.unwrap_or("an unknown machine").to_owned();
    let run = text(row, &["run_id"]).or_else(|| text(row, &["batch_id"])).unwrap_or_default().to_owned();
    let request = at(row, &["github", "pr_number"]).or_else(|| at(row, &["commit", "pr_number"]));
    let run = runs.entry((run, machine)).or_insert_with(|| Run {
        at: when,
        commit: commit(row, &["commit", "sha"]).or_else(|| commit(row, &["github", "commit"])),
        branch: text(row, &["github", "branch"])
            .or_else(|| text(row, &["commit", "branch"]))
            .map(|branch| branch.rsplit(':').next().unwrap_or(branch).to_owned()),
        request: request.and_then(Value::as_u64),
        rows: Vec::new(),
    });
    run.at = run.at.min(when);
    run.rows.push(own(name, &Value::Object(parameters), &[Value::Object(metric)]));
    Ok(())
}

/// Conbench writes units its own way.
fn by_name(unit: &str) -> &str {
    match unit {
        "b/s" | "B/s" => "B/s",
        "i/s" => "ops/s",
        other => other,
    }
}
