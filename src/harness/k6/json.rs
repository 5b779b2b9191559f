//! The two shapes of JSON.

use serde_json::{Map, Value};

use super::{HELP, Run, counter, is_time, share, trend};
use crate::harness::figures::Figures;
use crate::harness::values::{documents, figure, plain};
use crate::harness::{HarnessError, Parsed, quoted};

pub(super) fn parse(bytes: &[u8], mut figures: Figures) -> Result<Parsed, HarnessError> {
    let wanted = |value: &Value| {
        let metrics = value.get("metrics").and_then(Value::as_object);
        metrics.is_some_and(|all| {
            all.contains_key("iterations") || all.contains_key("vus") || all.contains_key("http_reqs")
        })
    };
    for document in documents(bytes, wanted, HELP)? {
        let mut run = Run::new(document.line);
        let metrics = document.value.get("metrics").and_then(Value::as_object);
        for (name, entry) in metrics.into_iter().flatten() {
            let Some(entry) = entry.as_object() else { continue };
            metric(name, entry, &mut run, &mut figures);
        }
        run.finish(&mut figures);
    }
    figures.finish("no metric of k6", HELP)
}

fn metric(name: &str, entry: &Map<String, Value>, run: &mut Run, figures: &mut Figures) {
    let line = run.line;
    // `handleSummary` has the figures one level further inside, with their kind beside them.
    let values = entry.get("values").and_then(Value::as_object).unwrap_or(entry);
    let get = |key: &str| values.get(key).and_then(figure);
    let kind = entry.get("type").and_then(Value::as_str).unwrap_or_else(|| guess(values));
    let contains = entry.get("contains").and_then(Value::as_str);
    for (threshold, result) in entry.get("thresholds").and_then(Value::as_object).into_iter().flatten() {
        // `true` in the export means that it was crossed; the other shape says whether it is fine.
        let crossed = result.as_bool().unwrap_or_else(|| result.get("ok").and_then(Value::as_bool) == Some(false));
        if crossed {
            figures.warn(line, format!("k6's own threshold `{}` of `{}` was crossed", quoted(threshold), quoted(name)));
        }
    }
    let (draft, base) = run.place(name, figures);
    match kind {
        "trend" => {
            let unit = match contains {
                Some("time") => "ms",
                Some(_) => "",
                None if is_time(base) => "ms",
                None => "",
            };
            for (key, value) in values {
                if let Some(value) = figure(value) {
                    trend(draft, base, key, value, unit);
                }
            }
        }
        "counter" => counter(draft, base, get("count"), get("rate")),
        "rate" => {
            let all = get("passes").unwrap_or(0.0) + get("fails").unwrap_or(0.0);
            match get("rate").or(get("value")) {
                Some(value) => share(draft, base, value),
                None if all > 0.0 => share(draft, base, get("passes").unwrap_or(0.0) / all),
                None => {}
            }
        }
        // How many users there were is what was asked for, not what was measured.
        "gauge" if base == "vus_max" => {
            let most = values.get("max").or(values.get("value")).and_then(plain);
            draft.parameter("vus_max", most.unwrap_or_default());
        }
        _ => {}
    }
}

/// What a metric is, by the names of its figures.
fn guess(values: &Map<String, Value>) -> &'static str {
    let has = |key: &str| values.contains_key(key);
    if has("avg") || has("med") {
        "trend"
    } else if has("count") {
        "counter"
    } else if has("passes") || has("fails") {
        "rate"
    } else {
        "gauge"
    }
}
