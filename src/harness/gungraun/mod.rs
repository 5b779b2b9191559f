//! gungraun, before that iai-callgrind: what it prints, and its JSON. `iai` reads the older form of iai itself.
//!
//! `docs/harness/gungraun.md` has the rules.

mod json;

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, plain};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::snake_case;
use super::{HarnessError, Parsed, decoded, quoted, unreadable};
use crate::results::{Benchmark, Direction};

const FORMAT: &str = "gungraun";
const HELP: &str = "run `cargo bench` and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "gungraun",
    title: "what gungraun and iai-callgrind print, and their JSON",
    reading: Reading::Benchmarks(parse),
    sniff: |head| {
        if let Ok(found) = head.json_object(&json::KEYS) {
            return Ok(found);
        }
        head.line("`Instructions:  1734|1734  (No change)`", |line| {
            line.starts_with("Instructions:") && line.contains('|')
        })
    },
};

/// iai, whose counts have no second column.
pub const IAI: Adapter = Adapter {
    name: "iai",
    title: "what iai prints",
    reading: Reading::Lines(|input| read(input, "iai")),
    sniff: |head| head.line("`Instructions:  1734`", |line| line.starts_with("Instructions:") && !line.contains('|')),
};

/// Reads what was printed, or a stream of JSON documents.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    match json::KEYS.iter().all(|key| text.contains(&format!("\"{key}\""))) {
        true => json::parse(text.as_bytes()),
        false => read(&mut &*bytes, FORMAT),
    }
}

/// Adds a count. Where two tools of valgrind count the same, the second one has the tool in its name.
fn push(benchmark: &mut Benchmark, format: &str, name: &str, value: f64, tool: &str) {
    let unit = match name {
        name if name.ends_with("_rate") => "%",
        name if name.ends_with("_bytes") => "bytes",
        _ => "count",
    };
    let name = match benchmark.metric(name) {
        Some(_) if !tool.is_empty() => format!("{}_{name}", snake_case(tool)),
        _ => name.to_owned(),
    };
    // What is found in a cache is better found there than in memory; fewer accesses are better than more.
    let is_cache = name.ends_with("hit_rate") && !name.ends_with("ram_hit_rate");
    let direction = if is_cache { Direction::Higher } else { Direction::Lower };
    benchmark.metrics.push(plain(format, &name, value, unit, direction));
}

fn read(input: &mut dyn Read, format: &'static str) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut name: Option<(u64, String)> = None;
    let mut open: Option<(u64, Benchmark)> = None;
    let mut tool = String::new();
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let indented = text.starts_with([' ', '\t']);
        let text = text.trim();
        match text.split_once(':').filter(|(key, _)| indented && is_count(key)) {
            Some((key, figure)) => {
                let Some(value) = count(figure) else {
                    if !line.ended {
                        let text = format!("cut off in the middle of `{}`", quoted(text));
                        return Err(HarnessError::new(line.number, 1, text, "did `cargo bench` run to its end?"));
                    }
                    gather.broken(line.number, text);
                    continue;
                };
                if let Some((from, name)) = name.take() {
                    open = Some((from, Benchmark::new(name)));
                }
                if let Some((_, benchmark)) = &mut open {
                    push(benchmark, format, &snake_case(key), value, &tool);
                }
            }
            None if indented && text.starts_with("=======") => tool = text.trim_matches(['=', ' ']).to_owned(),
            None if indented || text.is_empty() => {}
            None => {
                if let Some((from, done)) = open.take() {
                    gather.add(from, done);
                }
                name = Some((line.number, text.to_owned()));
                tool.clear();
            }
        }
    }
    if let Some((from, done)) = open {
        gather.add(from, done);
    }
    gather.finish(lines.number(), "no line like `Instructions:  1734`", HELP)
}

/// The counts that callgrind gives, and what is computed of them.
fn is_count(key: &str) -> bool {
    const KNOWN: [&str; 22] = [
        "Instructions",
        "L1 Hits",
        "L2 Hits",
        "LL Hits",
        "RAM Hits",
        "L1 Accesses",
        "L2 Accesses",
        "RAM Accesses",
        "Total read+write",
        "Estimated Cycles",
        "Total bytes",
        "Total blocks",
        "At t-gmax bytes",
        "At t-gmax blocks",
        "At t-end bytes",
        "At t-end blocks",
        "Reads bytes",
        "Writes bytes",
        "Errors",
        "Contexts",
        "Suppressed Errors",
        "Suppressed Contexts",
    ];
    KNOWN.contains(&key) || key.ends_with(" Miss Rate") || key.ends_with(" Hit Rate")
}

/// `1734`, `1,734|1700 (+2%) [+1.02x]`: the new count stands before the line.
fn count(figure: &str) -> Option<f64> {
    let figure = figure.split('|').next()?.trim();
    let (value, rest) = number(figure)?;
    let rest = rest.trim();
    (rest.is_empty() || rest.starts_with('(') || rest == "%").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn documented_files_are_read() {
        insta::assert_snapshot!("gungraun", listed(&ADAPTER.parse(&fixture("gungraun", "documented.txt")).unwrap()));
        insta::assert_snapshot!("iai", listed(&IAI.parse(&fixture("iai", "documented.txt")).unwrap()));
    }

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded.txt", "iai-callgrind.txt", "iai-callgrind.json", "second-run.jsonl", "tools.jsonl"] {
            insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("gungraun", file)).unwrap()));
        }
        insta::assert_snapshot!("iai-recorded", listed(&IAI.parse(&fixture("iai", "recorded.txt")).unwrap()));
    }

    /// A second run prints the old counts too; a count that did not change is the same one.
    #[test]
    fn only_the_new_count_is_read() {
        let text = |adapter: &Adapter, folder, file| listed(&adapter.parse(&fixture(folder, file)).unwrap());
        assert_eq!(text(&ADAPTER, "gungraun", "recorded.txt"), text(&ADAPTER, "gungraun", "second-run.txt"));
        assert_eq!(text(&IAI, "iai", "recorded.txt"), text(&IAI, "iai", "second-run.txt"));
    }

    /// What is printed is a part of what stands in the JSON, under the same names.
    #[test]
    fn the_json_agrees_with_what_is_printed() {
        for (printed, json) in [("second-run.txt", "second-run.jsonl"), ("iai-callgrind.txt", "iai-callgrind.json")] {
            let printed = ADAPTER.parse(&fixture("gungraun", printed)).unwrap();
            for found in ADAPTER.parse(&fixture("gungraun", json)).unwrap().benchmarks {
                let same = printed.benchmarks.iter().find(|one| one.name == found.name).unwrap();
                for metric in &same.metrics {
                    let value = found.metric(&metric.metric).map(|metric| metric.value);
                    assert_eq!(value, Some(metric.value), "{} {}", found.name, metric.metric);
                }
            }
        }
    }

    #[test]
    fn counts_of_two_tools_are_kept_apart() {
        let parsed = ADAPTER.parse(&fixture("gungraun", "tools.txt")).unwrap();
        let value = |name: &str| parsed.benchmarks[0].metric(name).map(|metric| metric.value);
        assert_eq!((value("instructions"), value("cachegrind_instructions")), (Some(1_792.0), Some(449_449.0)));
        for benchmark in &parsed.benchmarks {
            let mut names: Vec<_> = benchmark.metrics.iter().map(|metric| &metric.metric).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), benchmark.metrics.len(), "{}", benchmark.name);
        }
    }

    #[test]
    fn json_that_is_cut_off_or_holds_no_count_is_told() {
        let whole = fixture("gungraun", "second-run.jsonl");
        assert!(ADAPTER.parse(&whole[..whole.len() - 40]).unwrap_err().text.starts_with("cut off"));
        let empty = "{\"module_path\":\"a::b\",\"benchmark_exe\":\"x\",\"profiles\":[]}";
        let parsed = ADAPTER.parse(empty.as_bytes()).unwrap();
        assert!(!parsed.warnings.is_empty() && parsed.benchmarks[0].metrics.is_empty());
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "name\n", "name\n  Instructions:   ", "name\n  Instructions: many\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
