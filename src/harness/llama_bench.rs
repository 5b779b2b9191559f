//! `llama-bench` of llama.cpp: JSON, JSON lines, CSV, and the Markdown table that it prints by default.
//!
//! `docs/harness/llama-bench.md` has the rules.

use serde_json::{Map, Value};

use super::figures::{Extra, Figures, number};
use super::values::{documents, figure, numbers, plain};
use super::{HarnessError, Parsed, decoded, quoted};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "llama-bench",
    title: "llama-bench as JSON, JSON lines, CSV or Markdown",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.lines().any(|line| is_csv_head(line) || row(line).is_some_and(|cells| cells.contains(&"t/s"))) {
        return Ok(Confidence::Certain);
    }
    head.with_keys(&["avg_ts", "n_gen"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `llama-bench -o json` writes to standard output";

/// Fields that are no parameters: results, the moment, the machine, and the build.
const NO_PARAMETERS: [&str; 17] = [
    "build_commit",
    "build_number",
    "cpu_info",
    "gpu_info",
    "test_time",
    "avg_ns",
    "stddev_ns",
    "avg_ts",
    "stddev_ts",
    "samples_ns",
    "samples_ts",
    "model_size",
    "model_n_params",
    "model_type",
    "model_filename",
    "cuda",
    "metal",
];

/// Reads the output.
///
/// # Errors
/// Where it holds no result or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let mut figures = Figures::new("harness:llama-bench");
    if let Some(table) = Table::find(&text) {
        table.read(&mut figures);
    } else if let Some(line) = text.lines().position(is_csv_head) {
        csv(&text, line, &mut figures)?;
    } else {
        let is_result = |value: &Value| value.get("avg_ts").is_some();
        let wanted = |value: &Value| {
            value.get("avg_ts").is_some()
                || value.as_array().is_some_and(|all| all.iter().any(|v| v.get("avg_ts").is_some()))
        };
        for document in documents(bytes, wanted, HELP)? {
            let all = match &document.value {
                Value::Array(all) => all.as_slice(),
                one => std::slice::from_ref(one),
            };
            for entry in all {
                match entry.as_object().filter(|_| is_result(entry)) {
                    Some(entry) => result(entry, document.line, &mut figures),
                    None => figures.warn(document.line, "an entry without `avg_ts` was left out"),
                }
            }
        }
    }
    figures.finish("no result of llama-bench", HELP)
}

/// What a test is called in the printed table.
fn test_name(prompt: u64, generated: u64, depth: u64) -> String {
    let mut name = match (prompt, generated) {
        (prompt, 0) => format!("pp{prompt}"),
        (0, generated) => format!("tg{generated}"),
        (prompt, generated) => format!("pp{prompt}+tg{generated}"),
    };
    if depth > 0 {
        name.push_str(&format!(" @ d{depth}"));
    }
    name
}

fn result(entry: &Map<String, Value>, line: u64, figures: &mut Figures) {
    let whole = |key: &str| entry.get(key).and_then(figure).unwrap_or(0.0) as u64;
    let mut draft = figures.draft(test_name(whole("n_prompt"), whole("n_gen"), whole("n_depth")), line);
    for (key, value) in entry {
        if let Some(value) = plain(value).filter(|_| !NO_PARAMETERS.contains(&key.as_str())) {
            draft.parameter(key, value);
        }
    }
    let text = |key: &str| entry.get(key).and_then(plain);
    draft.parameter("model", text("model_type").unwrap_or_default());
    // The folder differs from machine to machine.
    let file = text("model_filename").unwrap_or_default();
    draft.parameter("model_file", file.rsplit(['/', '\\']).next().unwrap_or_default());
    let samples = |key: &str| entry.get(key).and_then(numbers).unwrap_or_default();
    let get = |key: &str| entry.get(key).and_then(figure);
    let runs = Some(samples("samples_ts").len() as u64).filter(|runs| *runs > 0);
    let rate = get("avg_ts").unwrap_or(f64::NAN);
    draft
        .rate("tokens_per_second", rate, "t/s")
        .deviation(get("stddev_ts"), 1.0)
        .samples(samples("samples_ts"), 1.0)
        .iterations(runs);
    if let Some(time) = get("avg_ns") {
        draft.time("wall_time", time, "ns").deviation(get("stddev_ns"), 1.0).samples(samples("samples_ns"), 1.0);
    }
    figures.add(draft);
}

fn is_csv_head(line: &str) -> bool {
    let fields = cells(line);
    fields.iter().any(|field| field == "avg_ts") && fields.iter().any(|field| field == "n_gen")
}

/// The fields of a CSV line; quotes are doubled inside of quotes.
fn cells(line: &str) -> Vec<String> {
    let (mut all, mut field, mut in_quotes) = (Vec::new(), String::new(), false);
    let mut chars = line.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if in_quotes && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => all.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    all.push(field);
    all
}

fn csv(text: &str, head: usize, figures: &mut Figures) -> Result<(), HarnessError> {
    let mut names: Vec<String> = Vec::new();
    let ends = text.ends_with('\n');
    let last = text.lines().count();
    for (at, line) in text.lines().enumerate().skip(head) {
        let number = at as u64 + 1;
        if is_csv_head(line) {
            names = cells(line);
            continue;
        }
        let fields = cells(line);
        if fields.len() != names.len() {
            if at + 1 == last && !ends && fields.len() > 2 {
                let help = "was llama-bench killed, or the disk full?";
                return Err(HarnessError::new(number, 1, "cut off: the last row has too few fields", help));
            }
            if fields.len() > 5 {
                figures.warn(
                    number,
                    format!("a row with {} fields where {} were expected was left out", fields.len(), names.len()),
                );
            }
            continue;
        }
        let row: Map<String, Value> = names.iter().cloned().zip(fields.into_iter().map(Value::String)).collect();
        result(&row, number, figures);
    }
    Ok(())
}

/// A Markdown table.
struct Table<'a> {
    /// Lines with their numbers, the head first.
    lines: Vec<(u64, Vec<&'a str>)>,
}

/// The cells of a Markdown row.
fn row(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

impl<'a> Table<'a> {
    fn find(text: &'a str) -> Option<Self> {
        let all = text.lines().enumerate().filter_map(|(at, line)| Some((at as u64 + 1, row(line)?)));
        let lines: Vec<_> = all.skip_while(|(_, cells)| !cells.contains(&"t/s")).collect();
        (!lines.is_empty()).then_some(Self { lines })
    }

    fn read(self, figures: &mut Figures) {
        let mut head: Vec<&str> = Vec::new();
        for (line, cells) in self.lines {
            if cells.contains(&"t/s") {
                head = cells;
            } else if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' '))) {
            } else if cells.len() == head.len() {
                Self::result(&head, &cells, line, figures);
            } else {
                figures.warn(
                    line,
                    format!("a row with {} cells where {} were expected was left out", cells.len(), head.len()),
                );
            }
        }
    }

    fn result(head: &[&str], cells: &[&str], line: u64, figures: &mut Figures) {
        let get = |name: &str| head.iter().position(|cell| *cell == name).and_then(|at| cells.get(at)).copied();
        let test = get("test").unwrap_or_default().replace("pp ", "pp").replace("tg ", "tg");
        let mut draft = figures.draft(if test.is_empty() { "(unnamed)".to_owned() } else { test }, line);
        for (name, cell) in head.iter().zip(cells) {
            if !matches!(*name, "test" | "t/s" | "size" | "params") {
                draft.parameter(name, *cell);
            }
        }
        let figure = get("t/s").unwrap_or_default();
        let (value, deviation) = figure.split_once('±').unwrap_or((figure, ""));
        match number(value) {
            Some(value) => {
                draft.rate("tokens_per_second", value, "t/s").deviation(number(deviation), 1.0);
            }
            None => figures.warn(line, format!("`{}` is no figure", quoted(figure))),
        }
        figures.add(draft);
    }
}

#[cfg(test)]
mod tests;
