//! Catch2's XML: `BenchmarkResults` in `TestCase`; times are in nanoseconds.

use super::{HELP, benchmark, named};
use crate::harness::gather::{Gather, invalid};
use crate::harness::units::Unit;
use crate::harness::xml::report::{self, Path, Report, value};
use crate::harness::xml::tag::{Tag, local};
use crate::harness::xml::text::{Keep, UnknownEntity};
use crate::harness::{HarnessError, Parsed};
use crate::results::Benchmark;

/// The longest name that is kept, in bytes.
const NAME: usize = 4 << 10;

#[derive(Default)]
struct Results {
    gather: Gather,
    cases: Vec<String>,
    name: Option<String>,
    runs: Option<u64>,
    mean: Option<(f64, Option<f64>, Option<f64>)>,
    warnings: Vec<(u64, String)>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut results = Results::default();
    report::read(&mut &*bytes, &mut results)?;
    for (line, text) in std::mem::take(&mut results.warnings) {
        results.gather.warn(line, text);
    }
    results.gather.finish(1, "no `BenchmarkResults`", HELP)
}

fn number(tag: Tag<'_>, key: &str) -> Result<Option<f64>, UnknownEntity> {
    Ok(value(tag, key, NAME)?.and_then(|text| text.parse().ok()))
}

impl Report for Results {
    const ROOTS: &'static [&'static str] = &["Catch2TestRun", "Catch"];
    const TITLE: &'static str = "Catch2";

    fn open(&mut self, tag: Tag<'_>, path: &Path) -> Result<Option<Keep>, UnknownEntity> {
        match local(tag.name) {
            b"TestCase" | b"Section" => self.cases.push(value(tag, "name", NAME)?.unwrap_or_default()),
            b"BenchmarkResults" => {
                self.name = Some(value(tag, "name", NAME)?.unwrap_or_default());
                let runs = (number(tag, "samples")?, number(tag, "iterations")?);
                self.runs = runs.0.zip(runs.1).map(|(samples, iterations)| (samples * iterations) as u64);
                self.mean = None;
            }
            b"mean" if path.parent() == "BenchmarkResults" => {
                // Without analysis the level of confidence is 0, and both bounds are the mean.
                let is_interval = number(tag, "ci")?.is_none_or(|level| level > 0.0);
                let bound = |key: &str| Ok(number(tag, key)?.filter(|_| is_interval));
                let bounds = (bound("lowerBound")?, bound("upperBound")?);
                self.mean = number(tag, "value")?.map(|mean| (mean, bounds.0, bounds.1));
            }
            _ => {}
        }
        Ok(None)
    }

    fn close(&mut self, name: &str, _: &Path, _: Option<String>) {
        match name {
            "TestCase" | "Section" => {
                self.cases.pop();
            }
            "BenchmarkResults" => {
                let case = self.cases.join("/");
                let own = self.name.take().unwrap_or_default();
                let found = match self.mean.take() {
                    Some((mean, low, high)) => {
                        let mut found = benchmark(&own, &case, mean, (low, high), &Unit::nanoseconds());
                        found.metrics.iter_mut().for_each(|metric| metric.iterations = self.runs);
                        found
                    }
                    None => Benchmark { validity: invalid("the benchmark failed"), ..named(&own, &case) },
                };
                self.gather.add(1, found);
            }
            _ => {}
        }
    }

    fn stopped(&self) -> bool {
        false
    }

    fn warn(&mut self, line: u64, text: String) {
        self.warnings.push((line, text));
    }
}
