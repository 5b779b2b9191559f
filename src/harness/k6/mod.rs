//! k6: the JSON of `--summary-export` and of `handleSummary`, and the summary that it prints.
//!
//! A run is one benchmark, and each set of tags for which k6 keeps figures of its own is another. [`json`] and [`text`]
//! find the figures, [`trend`] and its like know what they mean. `docs/harness/k6.md` has the rules.

mod json;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use super::figures::{Draft, Figures, snake_case};
use super::{HarnessError, Parsed, decoded};
use crate::results::Direction;

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "k6", title: "k6's summary, as JSON or printed", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    if head.lines().any(text::is_text) {
        return Ok(Confidence::Certain);
    }
    if head.has_key("benchmarks") {
        return Err("there is a key `benchmarks`".into());
    }
    head.with_keys(&["metrics", "iterations"]).or_else(|_| head.with_keys(&["metrics", "http_reqs"]))
}

/// What to do where there is nothing to read.
const HELP: &str = "give the file of `k6 run --summary-export FILE`, or what k6 prints at its end";

/// Reads the output.
///
/// # Errors
/// Where it holds no summary, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let figures = Figures::new("harness:k6");
    if text::is_text(&decoded(bytes)) { text::parse(bytes, figures) } else { json::parse(bytes, figures) }
}

/// The benchmarks of one run, by the tags of their figures.
struct Run {
    drafts: BTreeMap<String, Draft>,
    line: u64,
}

impl Run {
    fn new(line: u64) -> Self {
        Self { drafts: BTreeMap::new(), line }
    }

    /// The benchmark for the tags in `http_req_duration{expected_response:true}`, and the metric's name alone.
    fn place<'n>(&mut self, metric: &'n str, figures: &Figures) -> (&mut Draft, &'n str) {
        let (name, tags) = match metric.split_once('{') {
            Some((name, tags)) => (name.trim(), tags.trim_end_matches('}').trim()),
            None => (metric, ""),
        };
        let line = self.line;
        let draft = self.drafts.entry(tags.to_owned()).or_insert_with(|| {
            let mut draft = figures.draft("k6", line);
            for tag in tags.split(',') {
                if let Some((key, value)) = tag.split_once(':') {
                    draft.parameter(key.trim(), value.trim());
                }
            }
            draft
        });
        (draft, name)
    }

    fn finish(self, figures: &mut Figures) {
        for draft in self.drafts.into_values() {
            figures.add(draft);
        }
    }
}

/// Whether a trend of this name is a time where nothing says so: those that k6 itself keeps are.
fn is_time(name: &str) -> bool {
    ["http_req_", "iteration_duration", "group_duration", "ws_", "grpc_", "browser_"]
        .iter()
        .any(|start| name.starts_with(start))
        && !name.ends_with("cls")
}

/// What k6 calls a statistic, as a part of a metric's name.
fn statistic(key: &str) -> Option<String> {
    Some(match key {
        "avg" => "mean".into(),
        "med" => "median".into(),
        "min" | "max" => key.into(),
        // `p(99.9)`
        other => match other.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
            Some(rank) => super::figures::percentile(rank.parse().ok()?),
            None => return None,
        },
    })
}

/// A statistic of a trend, in milliseconds where it is a time.
fn trend(draft: &mut Draft, name: &str, key: &str, value: f64, unit: &str) {
    if let Some(statistic) = statistic(key) {
        let name = format!("{}_{statistic}", snake_case(name));
        if unit.is_empty() {
            draft.plain(&name, value, "value", Direction::Lower);
        } else {
            draft.time(&name, value, unit);
        }
    }
}

/// A counter: what it counts per second.
fn counter(draft: &mut Draft, name: &str, count: Option<f64>, rate: Option<f64>) {
    let snake = snake_case(name);
    if is_bad(name) {
        if let Some(count) = count {
            draft.count(&snake, count, Direction::Lower);
        }
    } else if let Some(rate) = rate {
        if matches!(name, "data_received" | "data_sent") {
            draft.scaled_bandwidth(&format!("{snake}_per_second"), rate, 1.0, "B/s");
        } else {
            draft.rate(&format!("{snake}_per_second"), rate, "1/s");
        }
    }
}

/// The share of something that was true.
fn share(draft: &mut Draft, name: &str, share: f64) {
    draft.ratio(&snake_case(name), share, if is_bad(name) { Direction::Lower } else { Direction::Higher });
}

/// Whether less of it is better, by its name: k6 does not say.
fn is_bad(name: &str) -> bool {
    ["fail", "error", "dropped", "timeout"].iter().any(|word| name.to_ascii_lowercase().contains(word))
}
