//! A run as OpenMetrics text (1.0), for scrapers, push gateways and GitLab's `artifacts:reports:metrics`.
//!
//! Units are the specification's base units: seconds and bytes.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::escape;
use crate::results::{Document, Verdict};

/// A family of samples, in the order of the text.
struct Family {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    samples: Vec<String>,
}

/// The run as text.
pub fn openmetrics(document: &Document) -> String {
    let mut out = info(document);
    for family in [runs(document), tests(document)].into_iter().chain(figures(document)).chain(changes(document)) {
        family.write(&mut out);
    }
    out.push_str("# EOF\n");
    out
}

impl Family {
    const fn new(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, samples: Vec::new() }
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", label(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.samples.push(format!("{}{labels} {}", self.name, number(value)));
    }

    fn write(self, out: &mut String) {
        if self.samples.is_empty() {
            return;
        }
        let _ = writeln!(out, "# TYPE {} gauge", self.name);
        if !self.unit.is_empty() {
            let _ = writeln!(out, "# UNIT {} {}", self.name, self.unit);
        }
        let _ = writeln!(out, "# HELP {} {}", self.name, self.help);
        // Two samples of the same labels are no OpenMetrics: the first stands.
        let mut known = BTreeSet::new();
        for sample in self.samples {
            let key = sample.rsplit_once(' ').map(|(labels, _)| labels.to_owned());
            if known.insert(key) {
                let _ = writeln!(out, "{sample}");
            }
        }
    }
}

fn info(document: &Document) -> String {
    let facts = [
        ("project", document.project.as_str()),
        ("commit", document.change.commit.as_deref().unwrap_or_default()),
        ("branch", document.change.branch.as_deref().unwrap_or_default()),
        ("class_key", document.host.class_key.as_str()),
        ("version", document.tool.version.as_str()),
    ];
    let labels: Vec<String> = facts.iter().map(|(name, text)| format!("{name}=\"{}\"", label(text))).collect();
    let run = document.run.id;
    format!(
        "# TYPE backsight_run info\n# HELP backsight_run What was run.\nbacksight_run_info{{run=\"{run}\",{}}} 1\n",
        labels.join(",")
    )
}

fn runs(document: &Document) -> Family {
    let mut family = Family::new("backsight_run_exit_code", "", "What the run returned; 0 is good.");
    family.sample(&[], f64::from(document.run.exit_code.code()));
    family
}

fn tests(document: &Document) -> Family {
    let counts = &document.counts;
    let mut family = Family::new("backsight_tests", "", "Test cases by outcome.");
    for (word, count) in [
        ("passed", counts.passed),
        ("failed", counts.failed),
        ("errored", counts.errored),
        ("skipped", counts.skipped),
        ("flaky", counts.flaky),
        ("cancelled", counts.cancelled),
    ] {
        family.sample(&[("outcome", word)], count as f64);
    }
    family
}

fn figures(document: &Document) -> [Family; 3] {
    let mut time = Family::new("backsight_benchmark_time_seconds", "seconds", "A benchmark's time.");
    let mut size = Family::new("backsight_benchmark_size_bytes", "bytes", "A benchmark's size, such as peak memory.");
    let mut other =
        Family::new("backsight_benchmark_value", "", "Another figure of a benchmark, in the unit of its label.");
    for benchmark in &document.benchmarks {
        let series = benchmark.series();
        for metric in benchmark.metrics.iter().filter(|metric| metric.value.is_finite()) {
            let labels = [("benchmark", series.as_str()), ("metric", metric.metric.as_str())];
            match metric.unit.as_str() {
                "ns" => time.sample(&labels, metric.value / 1e9),
                "bytes" => size.sample(&labels, metric.value),
                unit => other.sample(&[labels[0], labels[1], ("unit", unit)], metric.value),
            }
        }
    }
    [time, size, other]
}

fn changes(document: &Document) -> [Family; 4] {
    let help = "A metric's change against the base: 0.02 is two per cent more.";
    let mut change = Family::new("backsight_benchmark_change_ratio", "ratio", help);
    let mut low = Family::new("backsight_benchmark_change_low_ratio", "ratio", "Lower end of the change's interval.");
    let mut high = Family::new("backsight_benchmark_change_high_ratio", "ratio", "Upper end of the change's interval.");
    let mut verdicts = Family::new("backsight_verdicts", "", "Compared metrics by verdict.");
    let rows: Vec<_> = document.comparison.iter().flat_map(|comparison| &comparison.rows).collect();
    for row in &rows {
        let labels =
            [("benchmark", row.benchmark.as_str()), ("metric", row.metric.as_str()), ("verdict", word(row.verdict))];
        for (family, value) in [(&mut change, row.change), (&mut low, row.low), (&mut high, row.high)] {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                family.sample(&labels, value);
            }
        }
    }
    for verdict in VERDICTS {
        let count = rows.iter().filter(|row| row.verdict == verdict).count();
        if !rows.is_empty() {
            verdicts.sample(&[("verdict", word(verdict))], count as f64);
        }
    }
    [change, low, high, verdicts]
}

const VERDICTS: [Verdict; 7] = [
    Verdict::Regressed,
    Verdict::Improved,
    Verdict::Unchanged,
    Verdict::Inconclusive,
    Verdict::Missing,
    Verdict::New,
    Verdict::NoBase,
];

/// The word of the results document.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::Improved => "improved",
        Verdict::Unchanged => "unchanged",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Missing => "missing",
        Verdict::New => "new",
        Verdict::NoBase => "no_base",
    }
}

/// The value of a label: one line, with what would end it escaped.
fn label(text: &str) -> String {
    escape::line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

fn number(value: f64) -> String {
    format!("{value}")
}
