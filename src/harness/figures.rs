//! Metrics of benchmark tools that report whole runs: figures with a unit become metrics in the units that are compared.

use std::collections::BTreeMap;

use crate::results::{Benchmark, Direction, Metric, Reason, Validity};

use super::{HarnessError, Parsed, Warning, quoted};

/// Times, in nanoseconds.
const TIMES: [(&str, f64); 19] = [
    ("ps", 1e-3),
    ("ns", 1.0),
    ("nsec", 1.0),
    ("us", 1e3),
    ("usec", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("msec", 1e6),
    ("s", 1e9),
    ("sec", 1e9),
    ("secs", 1e9),
    ("second", 1e9),
    ("seconds", 1e9),
    ("m", 6e10),
    ("min", 6e10),
    ("mins", 6e10),
    ("h", 3.6e12),
    ("hours", 3.6e12),
];

/// Sizes, in bytes. `MB` is a million; tools that mean something else say so themselves.
const SIZES: [(&str, f64); 14] = [
    ("B", 1.0),
    ("byte", 1.0),
    ("bytes", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("K", 1024.0),
    ("M", 1_048_576.0),
];

fn factor(table: &[(&str, f64)], unit: &str) -> Option<f64> {
    table.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// Makes the benchmarks of one tool.
#[derive(Debug)]
pub(super) struct Figures {
    source: &'static str,
    /// What was read so far.
    pub(super) benchmarks: Vec<Benchmark>,
    /// The line of each benchmark.
    lines: Vec<u64>,
    /// What was odd.
    pub(super) warnings: Vec<Warning>,
}

impl Figures {
    /// Nothing yet; `source` is the value of [`Metric::source`].
    pub(super) const fn new(source: &'static str) -> Self {
        Self { source, benchmarks: Vec::new(), lines: Vec::new(), warnings: Vec::new() }
    }

    /// A benchmark to be filled, that begins in this line.
    pub(super) fn draft(&self, name: impl Into<String>, line: u64) -> Draft {
        Draft { source: self.source, benchmark: Benchmark::new(name), line, odd: Vec::new() }
    }

    /// Takes a benchmark that is complete. One without a figure is kept, and invalid.
    pub(super) fn add(&mut self, draft: Draft) {
        let Draft { mut benchmark, line, odd, .. } = draft;
        self.warnings.extend(odd.into_iter().map(|text| Warning { line, text }));
        if benchmark.metrics.is_empty() && benchmark.validity == Validity::Valid {
            let text = "the output has no figure for it: the run failed, or nothing was measured";
            benchmark.validity = Validity::Invalid { reason: Reason::new("no_figure", text) };
            self.warn(line, format!("`{}` has no figure", quoted(&benchmark.name)));
        }
        self.benchmarks.push(benchmark);
        self.lines.push(line);
    }

    /// Remembers something odd.
    pub(super) fn warn(&mut self, line: u64, text: impl Into<String>) {
        self.warnings.push(Warning { line, text: text.into() });
    }

    /// Everything that was read.
    ///
    /// # Errors
    /// If there is no benchmark: `empty` says what is missing, `help` what to do.
    pub(super) fn finish(mut self, empty: &str, help: &str) -> Result<Parsed, HarnessError> {
        if self.benchmarks.is_empty() {
            let line = self.warnings.first().map_or(1, |warning| warning.line);
            return Err(HarnessError::new(line, 1, empty, help));
        }
        super::number_repeats(&mut self.benchmarks, &self.lines, &mut self.warnings);
        Ok(Parsed { benchmarks: self.benchmarks, warnings: self.warnings })
    }
}

/// A benchmark on its way.
#[derive(Debug)]
pub(super) struct Draft {
    source: &'static str,
    /// What is known so far.
    pub(super) benchmark: Benchmark,
    /// Where it begins.
    pub(super) line: u64,
    odd: Vec<String>,
}

impl Draft {
    /// Sets a parameter, unless the value is empty.
    pub(super) fn parameter(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.trim().is_empty() {
            self.benchmark.parameters.insert(name.to_owned(), value.trim().to_owned());
        }
    }

    /// Sets many parameters.
    pub(super) fn parameters(&mut self, all: &BTreeMap<String, String>) {
        self.benchmark.parameters.extend(all.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// A time; lower is better.
    pub(super) fn time(&mut self, name: &str, value: f64, unit: &str) -> Option<&mut Metric> {
        let scale = factor(&TIMES, unit);
        self.push(name, value, scale.unwrap_or(1.0), if scale.is_some() { "ns" } else { unit }, unit, Direction::Lower)
    }

    /// A size; lower is better.
    pub(super) fn size(&mut self, name: &str, value: f64, unit: &str) -> Option<&mut Metric> {
        let scale = factor(&SIZES, unit);
        self.push(
            name,
            value,
            scale.unwrap_or(1.0),
            if scale.is_some() { "bytes" } else { unit },
            unit,
            Direction::Lower,
        )
    }

    /// Things per second, as `unit` writes them; higher is better.
    pub(super) fn rate(&mut self, name: &str, value: f64, unit: &str) -> Option<&mut Metric> {
        self.push(name, value, 1.0, "1/s", unit, Direction::Higher)
    }

    /// Bytes per second in units such as `MiB/s`; higher is better.
    pub(super) fn bandwidth(&mut self, name: &str, value: f64, unit: &str) -> Option<&mut Metric> {
        let size = unit.strip_suffix("/s").or_else(|| unit.strip_suffix("/sec")).unwrap_or(unit);
        self.scaled_bandwidth(name, value, factor(&SIZES, size).unwrap_or(1.0), unit)
    }

    /// Bytes per second where the tool's unit means something else than usual.
    pub(super) fn scaled_bandwidth(&mut self, name: &str, value: f64, scale: f64, unit: &str) -> Option<&mut Metric> {
        self.push(name, value, scale, "bytes/s", unit, Direction::Higher)
    }

    /// A share between 0 and 1.
    pub(super) fn ratio(&mut self, name: &str, value: f64, direction: Direction) -> Option<&mut Metric> {
        self.push(name, value, 1.0, "ratio", "ratio", direction)
    }

    /// A share in percent.
    pub(super) fn percent(&mut self, name: &str, value: f64, direction: Direction) -> Option<&mut Metric> {
        self.push(name, value, 0.01, "ratio", "%", direction)
    }

    /// A number of things.
    pub(super) fn count(&mut self, name: &str, value: f64, direction: Direction) -> Option<&mut Metric> {
        self.push(name, value, 1.0, "count", "count", direction)
    }

    /// Anything else, in a unit that is kept as it stands; it may be negative.
    pub(super) fn plain(&mut self, name: &str, value: f64, unit: &str, direction: Direction) -> Option<&mut Metric> {
        if !value.is_finite() {
            return self.refuse(name, value);
        }
        self.insert(name, value, unit, None, direction)
    }

    fn push(
        &mut self,
        name: &str,
        value: f64,
        scale: f64,
        unit: &str,
        original: &str,
        direction: Direction,
    ) -> Option<&mut Metric> {
        // Zero has a sign, and the sum of nothing is negative.
        let scaled = value * scale + 0.0;
        if !scaled.is_finite() || scaled < 0.0 {
            return self.refuse(name, value);
        }
        self.insert(name, scaled, unit, (original != unit).then(|| original.to_owned()), direction)
    }

    fn refuse(&mut self, name: &str, value: f64) -> Option<&mut Metric> {
        self.odd.push(format!("`{}` is {value}, which is no figure; left out", quoted(name)));
        None
    }

    fn insert(
        &mut self,
        name: &str,
        value: f64,
        unit: &str,
        original_unit: Option<String>,
        direction: Direction,
    ) -> Option<&mut Metric> {
        if self.benchmark.metric(name).is_some() {
            self.odd.push(format!("`{}` is told twice; the first figure counts", quoted(name)));
            return None;
        }
        self.benchmark.metrics.push(Metric {
            metric: name.to_owned(),
            value,
            unit: unit.to_owned(),
            direction,
            lower: None,
            upper: None,
            iterations: None,
            original_unit,
            source: self.source.to_owned(),
            samples: Vec::new(),
            summary: None,
            note: None,
        });
        self.benchmark.metrics.last_mut()
    }
}

/// What can be added to a metric that may have been refused.
pub(super) trait Extra: Sized {
    /// One deviation to each side, in the tool's unit; the lower end is not below zero.
    fn deviation(self, deviation: Option<f64>, scale: f64) -> Self;
    /// Raw samples, in the tool's unit. Not kept unless all of them are figures.
    fn samples(self, samples: Vec<f64>, scale: f64) -> Self;
    /// How many iterations it stands for.
    fn iterations(self, iterations: Option<u64>) -> Self;
}

impl Extra for Option<&mut Metric> {
    fn deviation(mut self, deviation: Option<f64>, scale: f64) -> Self {
        if let (Some(metric), Some(deviation)) =
            (self.as_deref_mut(), deviation.map(|d| d * scale).filter(|d| d.is_finite() && *d >= 0.0))
        {
            metric.lower = Some((metric.value - deviation).max(0.0));
            metric.upper = Some(metric.value + deviation);
        }
        self
    }

    fn samples(mut self, samples: Vec<f64>, scale: f64) -> Self {
        if let Some(metric) = self.as_deref_mut()
            && samples.iter().all(|sample| sample.is_finite() && *sample >= 0.0)
        {
            metric.samples = samples.into_iter().map(|sample| sample * scale).collect();
        }
        self
    }

    fn iterations(mut self, iterations: Option<u64>) -> Self {
        if let Some(metric) = self.as_deref_mut() {
            metric.iterations = iterations;
        }
        self
    }
}

/// A number as tools print it: with a decimal comma, with separators of thousands, infinite, or none.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let commas = text.matches(',').count();
    match text.rfind('.') {
        // 1,234.5
        Some(dot) if commas > 0 && text.rfind(',') < Some(dot) => text.replace(',', "").parse().ok(),
        // 1.234,5
        Some(_) if commas == 1 => text.replace('.', "").replace(',', ".").parse().ok(),
        Some(_) => None,
        None if commas == 1 => text.replace(',', ".").parse().ok(),
        None if commas > 1 => text.replace(',', "").parse().ok(),
        None => None,
    }
}

/// A number and the unit that stands right behind it: `43.11ms`, `1.2k`, `97.8%`.
pub(super) fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|(at, c)| {
            let exponent =
                matches!(c, 'e' | 'E') && text[at + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '-');
            !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+') || exponent)
        })
        .map_or(text.len(), |(at, _)| at);
    Some((number(&text[..end])?, text[end..].trim()))
}

/// A name as a metric's: in snake_case, with what is no letter or digit as `_`.
pub(super) fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_end_matches('_').to_owned()
}

/// A percentile as part of a metric's name: `p99`, `p99_9`.
pub(super) fn percentile(value: f64) -> String {
    let text = format!("{value}");
    format!("p{}", text.replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_locale() {
        for (text, expected) in [
            ("1234.5", Some(1234.5)),
            ("1,234.5", Some(1234.5)),
            ("1.234,5", Some(1234.5)),
            ("0,25", Some(0.25)),
            ("1,234,567", Some(1_234_567.0)),
            ("1e-3", Some(0.001)),
            ("", None),
            ("x", None),
            ("1.2.3", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(number("inf"), Some(f64::INFINITY));
    }

    #[test]
    fn units_behind_numbers_are_split_off() {
        assert_eq!(split_unit("43.11ms"), Some((43.11, "ms")));
        assert_eq!(split_unit("97.83%"), Some((97.83, "%")));
        assert_eq!(split_unit("1.5e-05s"), Some((1.5e-5, "s")));
        assert_eq!(split_unit("12 MiB/s"), Some((12.0, "MiB/s")));
        assert_eq!(split_unit("ms"), None);
    }

    #[test]
    fn figures_are_converted_and_say_so() {
        let mut draft = Figures::new("harness:x").draft("a", 1);
        draft.time("latency", 1.5, "ms").deviation(Some(2.0), 1e6);
        draft.bandwidth("throughput", 2.0, "MiB/s");
        draft.percent("success", 99.0, Direction::Higher);
        draft.time("bad", f64::NAN, "ms");
        draft.time("latency", 3.0, "ms");
        let [latency, throughput, success] = &draft.benchmark.metrics[..] else { panic!() };
        assert_eq!((latency.value, latency.unit.as_str(), latency.original_unit.as_deref()), (1.5e6, "ns", Some("ms")));
        assert_eq!((latency.lower, latency.upper), (Some(0.0), Some(3.5e6)));
        assert_eq!((throughput.value, throughput.direction), (2_097_152.0, Direction::Higher));
        assert_eq!((success.value, success.unit.as_str()), (0.99, "ratio"));
        assert_eq!(draft.odd.len(), 2);
    }

    #[test]
    fn names_become_snake_case() {
        assert_eq!(snake_case("GPU Compute Time"), "gpu_compute_time");
        assert_eq!(snake_case("P999 (us)"), "p999_us");
        assert_eq!(percentile(99.9), "p99_9");
    }
}
