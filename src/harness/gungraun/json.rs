//! The JSON of gungraun and iai-callgrind: `--output-format=json` on standard output, or `--save-summary=json`, one
//! document for each benchmark. Version 6 is iai-callgrind's, version 7 gungraun's.

use serde_json::{Map, Value};

use super::{FORMAT, HELP, push};
use crate::harness::gather::Gather;
use crate::harness::units::snake_case;
use crate::harness::values::documents;
use crate::harness::{HarnessError, Parsed, quoted};
use crate::results::Benchmark;

/// The keys that such a document has.
pub(super) const KEYS: [&str; 3] = ["profiles", "module_path", "benchmark_exe"];

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut gather = Gather::default();
    let mut last = 1;
    let is_own = |value: &Value| KEYS.iter().all(|key| value.get(key).is_some());
    for document in documents(bytes, is_own, HELP)? {
        last = document.line;
        let found = benchmark(&document.value);
        if found.metrics.is_empty() {
            gather.warn(last, format!("`{}` has no count that is known", quoted(&found.name)));
        }
        gather.add(last, found);
    }
    gather.finish(last, "no benchmark", HELP)
}

/// `module_path id:description`, as it is printed.
fn benchmark(document: &Value) -> Benchmark {
    let text = |key: &str| document.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut name = text("module_path").unwrap_or_default().to_owned();
    // Version 6 calls the description `details`.
    match (text("id"), text("description").or_else(|| text("details"))) {
        (Some(id), Some(description)) => name = format!("{name} {id}:{description}"),
        (Some(id), None) => name = format!("{name} {id}"),
        (None, Some(description)) => name = format!("{name} {description}"),
        (None, None) => {}
    }
    let mut found = Benchmark::new(name);
    for profile in document.get("profiles").and_then(Value::as_array).into_iter().flatten() {
        let tool = profile.get("tool").and_then(Value::as_str).unwrap_or_default();
        for (key, value) in totals(profile).into_iter().flatten() {
            if let Some(value) = new_value(value) {
                push(&mut found, FORMAT, &metric_name(key), value, tool);
            }
        }
    }
    found
}

/// The counts of all parts of a profile together.
fn totals(profile: &Value) -> Option<&Map<String, Value>> {
    match profile.pointer("/data/total/metrics") {
        Some(metrics) => metrics.as_object(),
        // The tool is the only key here.
        None => profile.pointer("/summaries/total/summary")?.as_object()?.values().next()?.as_object(),
    }
}

/// What this run counted: `{"values": {"new": 5, "old": 4}}`, or `{"metrics": {"Both": [{"Int": 5}, {"Int": 4}]}}`.
fn new_value(value: &Value) -> Option<f64> {
    if let Some(values) = value.get("values") {
        return values.get("new").and_then(plain);
    }
    let metrics = value.get("metrics")?;
    plain(metrics.pointer("/Both/0").or_else(|| metrics.get("Left"))?)
}

fn plain(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.get("Int").or_else(|| value.get("Float"))?.as_f64())
}

/// The name as the printed label gives it: `LLHitRate` is `LL Hit Rate`.
fn metric_name(key: &str) -> String {
    const SPLIT: [(&str, &str); 10] = [
        ("LLMiss", "LL_Miss"),
        ("LLHit", "LL_Hit"),
        ("LLhits", "LL_hits"),
        ("L1hits", "L1_hits"),
        ("L1Hit", "L1_Hit"),
        ("D1Miss", "D1_Miss"),
        ("I1Miss", "I1_Miss"),
        ("AtTGmax", "At_t_gmax_"),
        ("AtTEnd", "At_t_end_"),
        ("TotalRW", "total_read_write"),
    ];
    if key == "Ir" {
        return "instructions".into();
    }
    snake_case(&SPLIT.iter().fold(key.to_owned(), |key, (from, to)| key.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::metric_name;

    #[test]
    fn keys_become_the_names_of_the_printed_labels() {
        for (key, name) in [
            ("Ir", "instructions"),
            ("L1hits", "l1_hits"),
            ("LLdMissRate", "lld_miss_rate"),
            ("LLHitRate", "ll_hit_rate"),
            ("D1MissRate", "d1_miss_rate"),
            ("RamHits", "ram_hits"),
            ("AtTGmaxBytes", "at_t_gmax_bytes"),
            ("AtTEndBlocks", "at_t_end_blocks"),
            ("TotalRW", "total_read_write"),
            ("EstimatedCycles", "estimated_cycles"),
            ("SuppressedErrors", "suppressed_errors"),
            ("DLmr", "dlmr"),
        ] {
            assert_eq!(metric_name(key), name, "{key}");
        }
    }
}
