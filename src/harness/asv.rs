//! asv (airspeed velocity): the file of one commit below `results/MACHINE/`, and the whole folder, whose benchmarks.json
//! knows units and names of parameters.
//!
//! `docs/harness/asv.md` has the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::adapter::{Adapter, Reading, Tree, TreeFile};
use super::documents::documents;
use super::gather::{Gather, between, invalid, metric, sampled};
use super::units::Unit;
use super::{HarnessError, Parsed};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "asv";
const HELP: &str = "read a file `results/MACHINE/COMMIT-ENVIRONMENT.json`, or the folder `results`";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "asv",
    title: "the results of asv, a file or the folder",
    reading: Reading::Benchmarks(|bytes| {
        let mut gather = Gather::default();
        let last = file(&mut gather, bytes, &Map::new(), None)?;
        gather.finish(last, "no results", HELP)
    }),
    sniff: |head| head.json_object(&["commit_hash", "env_name", "results"]),
};

/// The folder `results`.
pub const TREE: Tree = Tree { adapter: &ADAPTER, wants, read: tree };

/// `benchmarks.json` and `MACHINE/COMMIT-ENVIRONMENT.json`.
fn wants(path: &str) -> bool {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let hash = file.split('-').next().unwrap_or_default();
    let is_commit = file.contains('-') && hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_commit && file.ends_with(".json") && !folder.is_empty()) || (file == "benchmarks.json" && !folder.contains('/'))
}

fn tree(files: &[TreeFile]) -> Result<Parsed, HarnessError> {
    let mut known = Map::new();
    let is_list = |path: &str| path.rsplit('/').next() == Some("benchmarks.json");
    for (_, bytes) in files.iter().filter(|(path, _)| is_list(path)) {
        for document in documents::<Map<String, Value>>(bytes, HELP)? {
            known.extend(document.value);
        }
    }
    let mut gather = Gather::default();
    let results: Vec<&TreeFile> = files.iter().filter(|(path, _)| !is_list(path)).collect();
    for (path, bytes) in &results {
        // Several commits or environments are several runs of the same benchmarks.
        let own = path.rsplit('/').next().and_then(|file| file.strip_suffix(".json")).filter(|_| results.len() > 1);
        file(&mut gather, bytes, &known, own)
            .map_err(|error| HarnessError { text: format!("`{path}`: {}", error.text), ..error })?;
    }
    gather.finish(1, "no file of a commit", HELP)
}

/// Reads the file of one commit; the answer is the last line that was looked at.
fn file(gather: &mut Gather, bytes: &[u8], known: &Map<String, Value>, run: Option<&str>) -> Result<u64, HarnessError> {
    let mut last = 1;
    for document in documents::<Map<String, Value>>(bytes, HELP)? {
        last = document.line;
        let of = |key: &str| document.value.get(key);
        let Some(results) = of("results").and_then(Value::as_object) else {
            return Err(HarnessError::new(last, 1, "no `results` in it", HELP));
        };
        let columns: Vec<&str> =
            of("result_columns").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, row) in results {
            let row = Row { columns: &columns, row };
            if row.list("result").is_none() && !row.get("result").is_none_or(Value::is_null) {
                gather.broken(last, name);
                continue;
            }
            for benchmark in row.benchmarks(name, known.get(name), run) {
                gather.add(last, benchmark);
            }
        }
    }
    Ok(last)
}

/// A benchmark's row: columns at the end may be left out; old versions have a mapping, or only the result.
#[derive(Clone, Copy)]
struct Row<'a> {
    columns: &'a [&'a str],
    row: &'a Value,
}

impl<'a> Row<'a> {
    fn get(self, column: &str) -> Option<&'a Value> {
        match self.row {
            Value::Array(cells) if !self.columns.is_empty() => {
                cells.get(self.columns.iter().position(|known| *known == column)?)
            }
            Value::Object(cells) => cells.get(column),
            single if column == "result" => Some(single),
            _ => None,
        }
    }

    /// A single value is a list of one, but for old files.
    fn list(self, column: &str) -> Option<Vec<&'a Value>> {
        match self.get(column)? {
            Value::Array(list) => Some(list.iter().collect()),
            value @ Value::Number(_) => Some(vec![value]),
            _ => None,
        }
    }

    fn benchmarks(self, name: &str, known: Option<&Value>, run: Option<&str>) -> Vec<Benchmark> {
        let parameters = self.get("params").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let names: Vec<&str> = known
            .and_then(|known| known.get("param_names")?.as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let unit = known.and_then(|known| known.get("unit")?.as_str());
        let results = self.list("result").unwrap_or_default();
        let count = results.len().max(1);
        let mut all = Vec::with_capacity(count);
        for index in 0..count {
            let mut found = Benchmark::new(name);
            found.parameters = combination(parameters, &names, index);
            found.parameters.extend(run.map(|run| ("run".into(), run.into())));
            match results.get(index).and_then(|value| value.as_f64()) {
                Some(value) => found.metrics.push(self.metric(name, unit, value, index)),
                None => found.validity = invalid("it has no value: it failed, or was skipped"),
            }
            all.push(found);
        }
        all
    }

    fn metric(self, name: &str, unit: Option<&str>, value: f64, index: usize) -> Metric {
        let (metric_name, unit) = meaning(name, unit);
        let at = |column: &str| self.list(column)?.get(index).copied();
        let bound =
            |outer: &str, inner: &str| at(outer).and_then(Value::as_f64).or_else(|| at(inner).and_then(Value::as_f64));
        let samples: Vec<f64> =
            at("samples").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect();
        let mut found = sampled(metric(FORMAT, &metric_name, value, &unit), &samples, &unit);
        found = between(found, bound("stats_ci_99_a", "stats_q_25"), bound("stats_ci_99_b", "stats_q_75"), &unit);
        let whole = |column: &str| at(column).and_then(Value::as_u64);
        found.iterations = whole("stats_number")
            .or_else(|| whole("number"))
            .zip(whole("stats_repeat").or_else(|| whole("repeat")))
            .map(|(number, repeat)| number.saturating_mul(repeat));
        if metric_name == "value" && ["accuracy", "score", "throughput"].iter().any(|word| name.contains(word)) {
            found.direction = Direction::Higher;
        }
        found
    }
}

/// What is measured: asv tells it by the beginning of the function's name.
fn meaning(name: &str, unit: Option<&str>) -> (String, Unit) {
    let function = name.rsplit('.').next().unwrap_or(name);
    let kind = function.split('_').next().unwrap_or_default().to_ascii_lowercase();
    match (kind.as_str(), unit) {
        ("time" | "timeraw", _) => ("wall_time".into(), Unit::seconds()),
        ("peakmem", _) => ("peak_memory".into(), Unit::of("bytes")),
        ("mem", _) => ("bytes".into(), Unit::of("bytes")),
        (_, Some(unit)) if unit != "unit" && !unit.is_empty() => {
            let unit = Unit::of(unit);
            let name = if unit.unit == "ns" { "wall_time" } else { "value" };
            (name.into(), unit)
        }
        _ => ("value".into(), Unit::as_written("count")),
    }
}

/// The parameters of a result: all combinations are listed, the last parameter changing fastest.
fn combination(lists: &[Value], names: &[&str], index: usize) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = index;
    for (position, list) in lists.iter().enumerate().rev() {
        let Some(values) = list.as_array().filter(|values| !values.is_empty()) else { continue };
        let value = values
            .get(rest % values.len())
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest /= values.len();
        let name = names.get(position).map_or_else(|| format!("param{}", position + 1), |name| (*name).to_owned());
        found.extend(value.map(|value| (name, value.trim_matches('\'').to_owned())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn the_recorded_file_is_read() {
        insta::assert_snapshot!("recorded", listed(&ADAPTER.parse(&fixture("asv", "recorded.json")).unwrap()));
    }

    #[test]
    fn a_folder_has_units_and_names_of_parameters() {
        let known = br#"{"b.Sort.time_sort":{"param_names":["n","kind"],"unit":"seconds"},"b.track_score":{"unit":"points"},"version":2}"#;
        let files = [
            ("benchmarks.json".to_owned(), known.to_vec()),
            ("vm/bf33b91b-env.json".to_owned(), fixture("asv", "recorded.json")),
        ];
        assert!(
            files.iter().all(|(path, _)| wants(path)) && !wants("vm/machine.json") && !wants("a/b/benchmarks.json")
        );
        insta::assert_snapshot!("folder", listed(&tree(&files).unwrap()));
    }

    #[test]
    fn nothing_is_never_fine() {
        for bad in ["", "{\"results\":{}}", "{\"results\":{\"a\":", "[]", "{}"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(tree(&[]).is_err());
    }
}
