//! The tables of nccl-tests and rccl-tests, also through `mpirun --tag-output`.
//!
//! `docs/harness/nccl-tests.md` has the rules.

use super::figures::{Draft, Figures, number};
use super::report_lines::{Report, pair};
use super::{HarnessError, Parsed, quoted};
use crate::results::{Direction, Reason, Validity};

use super::adapter::{Adapter, Confidence, Head, Reading};

/// The format.
pub const ADAPTER: Adapter =
    Adapter { name: "nccl-tests", title: "nccl-tests and rccl-tests", reading: Reading::Benchmarks(parse), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.with(&["algbw", "busbw"])
}

/// What to do where there is nothing to read.
const HELP: &str = "keep what `all_reduce_perf` or another of the tests prints";

/// The columns before the figures.
const PARAMETERS: [&str; 5] = ["size", "count", "type", "redop", "root"];

/// Reads the output of one test or several.
///
/// # Errors
/// Where it holds no row, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut figures = Figures::new("harness:nccl-tests");
    let mut test =
        Test { name: "nccl-tests".into(), shared: Vec::new(), columns: Vec::new(), ranks: 0, rows: 0, concluded: true };
    for (line, text) in report.lines() {
        let text = untagged(text).trim();
        match text.strip_prefix('#') {
            Some(comment) => test.comment(comment.trim(), line, &mut figures, &report)?,
            None => {
                let is_row = text.starts_with(|c: char| c.is_ascii_digit()) && !test.columns.is_empty();
                if is_row && !test.row(text, line, &mut figures) {
                    figures.warn(line, format!("`{}` is no row of the table", quoted(text)));
                }
            }
        }
    }
    if !test.concluded {
        return Err(report.cut_off("`Avg bus bandwidth` is missing"));
    }
    report.finish(figures, "no row of a table of nccl-tests", HELP)
}

/// A line without `[1,0]<stdout>:`.
fn untagged(line: &str) -> &str {
    let tagged = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(">:"));
    match tagged {
        Some((tag, rest)) if tag.contains("]<std") && tag.len() < 24 => rest,
        _ => line,
    }
}

/// A table that is open.
struct Test {
    name: String,
    shared: Vec<(&'static str, String)>,
    /// The names of the columns; those of the second half belong to the in-place test.
    columns: Vec<String>,
    ranks: u64,
    rows: u64,
    concluded: bool,
}

impl Test {
    fn comment(&mut self, text: &str, line: u64, figures: &mut Figures, report: &Report) -> Result<(), HarnessError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if let Some(name) = text.strip_prefix("Collective test starting:") {
            name.trim().clone_into(&mut self.name);
        } else if words.first() == Some(&"nThread") {
            if !self.concluded {
                return Err(report.cut_off("`Avg bus bandwidth` is missing before the next test"));
            }
            *self = Self {
                name: std::mem::take(&mut self.name),
                shared: Vec::new(),
                columns: Vec::new(),
                ranks: 0,
                rows: 0,
                concluded: false,
            };
            for (name, value) in [("nThread", "threads"), ("nGpus", "gpus_per_thread")] {
                let found = words.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].to_owned());
                self.shared.extend(found.map(|found| (value, found)));
            }
        } else if words.first() == Some(&"Rank") {
            self.ranks += 1;
        } else if words.contains(&"algbw") && words.contains(&"size") {
            self.columns = words.iter().map(|word| word.trim_start_matches('#').to_owned()).collect();
            self.concluded = false;
        } else if let Some((label, value)) = pair(text, ':') {
            match label {
                "Avg bus bandwidth" => {
                    self.concluded = true;
                    if let Some(rate) = value.split_whitespace().next().and_then(number).filter(|_| self.rows > 0) {
                        let mut draft = self.draft(figures, line);
                        draft.parameter("of", "all sizes");
                        draft.bandwidth("busbw_mean", rate, "GB/s");
                        figures.add(draft);
                    }
                }
                "Out of bounds values" if !value.ends_with("OK") => {
                    figures.warn(line, format!("the test found wrong values: {}", quoted(value)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn draft(&self, figures: &Figures, line: u64) -> Draft {
        let mut draft = figures.draft(self.name.clone(), line);
        for (name, value) in &self.shared {
            draft.parameter(name, value.clone());
        }
        if self.ranks > 0 {
            draft.parameter("ranks", self.ranks.to_string());
        }
        draft
    }

    /// Takes a row; false if it does not fit the head.
    fn row(&mut self, text: &str, line: u64, figures: &mut Figures) -> bool {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != self.columns.len() {
            return false;
        }
        let mut draft = self.draft(figures, line);
        let (mut tables, mut wrong) = (0, false);
        for (column, field) in self.columns.iter().zip(&fields) {
            if PARAMETERS.contains(&column.as_str()) {
                draft.parameter(column, *field);
                continue;
            }
            tables += u32::from(column == "time");
            let place = if tables > 1 { "in_place" } else { "out_of_place" };
            let Some(value) = number(field) else {
                // `N/A` where the values were not checked.
                if *field != "N/A" {
                    return false;
                }
                continue;
            };
            match column.as_str() {
                "time" => draft.time(&format!("{place}_time"), value, "us").is_some(),
                "algbw" | "busbw" => draft.bandwidth(&format!("{place}_{column}"), value, "GB/s").is_some(),
                "wrong" => {
                    wrong |= value > 0.0;
                    draft.count(&format!("{place}_wrong"), value, Direction::Lower).is_some()
                }
                // Before version 2.13 the largest error, which is a small number where all is well.
                "error" => draft.plain(&format!("{place}_error"), value, "error", Direction::Lower).is_some(),
                _ => true,
            };
        }
        if wrong {
            let reason = Reason::new("wrong_values", "the collective gave wrong values, so its speed means nothing");
            draft.benchmark.validity = Validity::Invalid { reason };
        }
        self.rows += 1;
        figures.add(draft);
        true
    }
}

#[cfg(test)]
mod tests;
