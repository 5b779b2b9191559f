//! Bencher: the reports that its API and command line give as JSON.

use serde_json::{Map, Value, json};

use super::json::{at, commit, documents, instant, parsed, text};
use super::source::{SourceError, content, is_json};
use super::{Found, Imported};
use crate::execute::FileBelow;

pub(super) fn read(files: &[FileBelow]) -> Result<Found, SourceError> {
    let mut found = Found::default();
    for (name, path) in files.iter().filter(|(name, _)| is_json(name)) {
        for document in documents(path, &content(path)?)? {
            let reports: Vec<&Value> =
                document.as_array().map_or_else(|| vec![&document], |list| list.iter().collect());
            for (index, report) in reports.into_iter().enumerate() {
                let place = format!("{name}: [{index}]");
                match imported(report, &place, &mut found) {
                    Ok(all) => found.all.extend(all),
                    Err(why) => found.warn(&place, format!("{why}; left out")),
                }
            }
        }
    }
    Ok(found)
}

fn imported(report: &Value, place: &str, found: &mut Found) -> Result<Vec<Imported>, String> {
    let when = instant(report, &["end_time"]).or_else(|| instant(report, &["start_time"]));
    let no_time = "no `start_time` or `end_time`: a bare BMF file knows neither its time nor its commit";
    let at_time = when.ok_or(no_time)?;
    let hash = commit(report, &["branch", "head", "version", "hash"])
        .or_else(|| commit(report, &["branch", "version", "hash"]))
        .or_else(|| commit(report, &["hash"]));
    let machine = text(report, &["testbed", "name"]).or_else(|| text(report, &["testbed"])).unwrap_or("unknown");
    let branch = text(report, &["branch", "name"]).or_else(|| text(report, &["branch"]));
    let results = at(report, &["results"]).and_then(Value::as_array).ok_or("there are no `results`")?;
    let mut all = Vec::new();
    // A list for each iteration: each is a measurement of its own.
    let one_list = results.iter().all(Value::is_object);
    let iterations: Vec<Vec<&Value>> = if one_list {
        vec![results.iter().collect()]
    } else {
        results.iter().filter_map(|list| Some(list.as_array()?.iter().collect())).collect()
    };
    for (index, rows) in iterations.into_iter().enumerate() {
        let bmf = metric_format(&rows);
        match parsed("bmf", &Value::Object(bmf)) {
            Ok((benchmarks, warnings)) => {
                warnings.iter().for_each(|text| found.warn(place, text));
                all.push(Imported {
                    at: at_time,
                    commit: hash.clone(),
                    branch: branch.map(str::to_owned),
                    request: None,
                    machine: format!("testbed {machine}"),
                    suite: "bencher".into(),
                    benchmarks,
                });
            }
            Err(why) => found.warn(&format!("{place}.results[{index}]"), format!("{why}; left out")),
        }
    }
    Ok(all)
}

/// The rows as Bencher Metric Format: benchmark, measure, value with its bounds.
fn metric_format(rows: &[&Value]) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for row in rows {
        let Some(name) = text(row, &["benchmark", "name"]).or_else(|| text(row, &["benchmark"])) else { continue };
        let many = at(row, &["measures"]).and_then(Value::as_array);
        let measures: Vec<&Value> = many.map_or_else(|| vec![*row], |list| list.iter().collect());
        for one in measures {
            let slug = text(one, &["measure", "slug"]).or_else(|| text(one, &["measure", "name"]));
            let (Some(slug), Some(metric)) = (slug, at(one, &["metric"])) else { continue };
            let value = |key: &str| metric.get(key).filter(|value| value.is_number()).cloned();
            let Some(middle) = value("value") else { continue };
            let mut bounded = Map::from_iter([("value".to_owned(), middle)]);
            for key in ["lower_value", "upper_value"] {
                bounded.extend(value(key).map(|value| (key.to_owned(), value)));
            }
            let measures = all.entry(name).or_insert_with(|| json!({}));
            if let Some(measures) = measures.as_object_mut() {
                measures.insert(slug.to_owned(), Value::Object(bounded));
            }
        }
    }
    all
}
