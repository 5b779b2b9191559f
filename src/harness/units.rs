//! What the unit of a figure means: which metric it is, in which unit it is kept, and which way is better.
//!
//! Times become nanoseconds, sizes bytes, rates per second; everything else stays as it is written.

use crate::results::Direction;

/// A unit as it is understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// The name of the metric.
    pub(super) metric: String,
    /// The unit the value is kept in.
    pub(super) unit: String,
    /// What the value is multiplied with.
    pub(super) scale: f64,
    /// More is better.
    pub(super) is_rate: bool,
    /// The unit as written, where it was converted.
    pub(super) original: Option<String>,
}

/// Times per iteration, in nanoseconds.
const TIMES: [(&str, f64); 29] = [
    ("ps", 1e-3),
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("sec", 1e9),
    ("secs", 1e9),
    ("min", 6e10),
    ("m", 6e10),
    ("h", 3.6e12),
    ("hr", 3.6e12),
    ("fs", 1e-6),
    ("nsec", 1.0),
    ("usec", 1e3),
    ("msec", 1e6),
    ("nanosecond", 1.0),
    ("nanoseconds", 1.0),
    ("microsecond", 1e3),
    ("microseconds", 1e3),
    ("millisecond", 1e6),
    ("milliseconds", 1e6),
    ("second", 1e9),
    ("seconds", 1e9),
    ("minute", 6e10),
    ("minutes", 6e10),
    ("hour", 3.6e12),
    ("hours", 3.6e12),
];

/// Sizes, in bytes. `MB` is a million, as Rust's harness means it.
const SIZES: [(&str, f64); 27] = [
    ("B", 1.0),
    ("byte", 1.0),
    ("bytes", 1.0),
    ("Bytes", 1.0),
    ("KB", 1e3),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("Kb", 1e3),
    ("Mb", 1e6),
    ("Gb", 1e9),
    ("KiB", 1024.0),
    ("kiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("kilobytes", 1e3),
    ("Kilobytes", 1e3),
    ("megabytes", 1e6),
    ("Megabytes", 1e6),
    ("gigabytes", 1e9),
    ("Gigabytes", 1e9),
    ("kibibytes", 1024.0),
    ("mebibytes", 1_048_576.0),
    ("Mebibytes", 1_048_576.0),
    ("gibibytes", 1_073_741_824.0),
];

/// Things counted per second.
const COUNTS: [(&str, f64); 30] = [
    ("", 1.0),
    ("1", 1.0),
    ("op", 1.0),
    ("ops", 1.0),
    ("Ops", 1.0),
    ("iter", 1.0),
    ("iters", 1.0),
    ("i", 1.0),
    ("it", 1.0),
    ("elem", 1.0),
    ("elems", 1.0),
    ("item", 1.0),
    ("items", 1.0),
    ("req", 1.0),
    ("reqs", 1.0),
    ("request", 1.0),
    ("requests", 1.0),
    ("iterations", 1.0),
    ("operations", 1.0),
    ("runs", 1.0),
    ("Kelem", 1e3),
    ("Melem", 1e6),
    ("Gelem", 1e9),
    ("Kops", 1e3),
    ("kops", 1e3),
    ("Mops", 1e6),
    ("Gops", 1e9),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
];

fn factor(table: &[(&str, f64)], word: &str) -> Option<f64> {
    table.iter().find(|(name, _)| *name == word).map(|(_, factor)| *factor)
}

impl Unit {
    /// The unit of a value without `/iter`: `ms`, `MiB`, `req/s`, `ns/op`. What is not known stays as it is written.
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let per_second = ["ops/sec", "hz", "Hz", "1/sec", "op/sec", "ops/second", "iter/sec"];
        match Self::read(text) {
            _ if per_second.contains(&text) => Self { original: Some(text.into()), ..Self::per_second("1/s", "1") },
            Some(unit) => unit,
            None => Self::per_iteration(text, text),
        }
    }

    /// A unit of time; `None` where it is none.
    pub(super) fn time(text: &str) -> Option<Self> {
        factor(&TIMES, text).map(|_| Self::per_iteration(text, text))
    }

    /// Seconds, that become nanoseconds.
    pub(super) fn seconds() -> Self {
        Self::per_iteration("s", "s")
    }

    /// Nanoseconds.
    pub(super) fn nanoseconds() -> Self {
        Self::per_iteration("ns", "ns")
    }

    /// A unit that is kept.
    pub(super) fn as_written(text: &str) -> Self {
        Self { metric: snake_case(text), unit: text.into(), scale: 1.0, is_rate: false, original: None }
    }

    /// Which way is better.
    pub(super) fn direction(&self) -> Direction {
        if self.is_rate { Direction::Higher } else { Direction::Lower }
    }

    /// Reads `ns/iter`, `MB/s`, `cycles/iter`, `MS/s` and the like; `None` where it is no unit of either shape.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (what, per) = text.split_once('/')?;
        let sensible = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '%');
        if text.len() > 40 || !what.chars().all(sensible) {
            return None;
        }
        match per {
            "iter" | "op" | "iteration" | "call" | "run" if !what.is_empty() => Some(Self::per_iteration(text, what)),
            "s" | "sec" | "second" | "seconds" => Some(Self::per_second(text, what)),
            "ms" => Some(Self::per_second(text, what).times(1e3)),
            "us" | "µs" | "μs" => Some(Self::per_second(text, what).times(1e6)),
            "ns" => Some(Self::per_second(text, what).times(1e9)),
            "min" => Some(Self::per_second(text, what).times(1.0 / 60.0)),
            "hr" | "h" => Some(Self::per_second(text, what).times(1.0 / 3600.0)),
            "day" => Some(Self::per_second(text, what).times(1.0 / 86_400.0)),
            _ => None,
        }
    }

    /// The unit with more of it: `ops/ms` are a thousand `ops/s`, and where nothing is converted, nothing changes.
    fn times(self, factor: f64) -> Self {
        match self.unit.as_str() {
            "1/s" | "bytes/s" => Self { scale: self.scale * factor, ..self },
            _ => self,
        }
    }

    fn per_iteration(text: &str, what: &str) -> Self {
        let make = |metric: &str, unit: &str, scale: f64| Self {
            metric: metric.into(),
            unit: unit.into(),
            scale,
            is_rate: false,
            original: (scale != 1.0 || unit != what).then(|| text.into()),
        };
        if let Some(scale) = factor(&TIMES, what) {
            make("wall_time", "ns", scale)
        } else if let Some(scale) = factor(&SIZES, what) {
            make("bytes", "bytes", scale)
        } else {
            make(&snake_case(what), what, 1.0)
        }
    }

    fn per_second(text: &str, what: &str) -> Self {
        let make = |metric: &str, unit: &str, scale: f64| Self {
            metric: metric.into(),
            unit: unit.into(),
            scale,
            is_rate: true,
            original: (unit != text).then(|| text.into()),
        };
        if let Some(scale) = factor(&SIZES, what) {
            make("throughput", "bytes/s", scale)
        } else if let Some(scale) = factor(&COUNTS, what) {
            make("rate", "1/s", scale)
        } else {
            make("rate", text, 1.0)
        }
    }
}

/// A name as metrics have it: `CacheMisses` is `cache_misses`.
pub(super) fn snake_case(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    let mut previous = '_';
    for c in word.chars() {
        if c.is_uppercase() && previous.is_lowercase() {
            out.push('_');
        }
        match c.is_alphanumeric() {
            true => out.extend(c.to_lowercase()),
            false if !out.is_empty() && !out.ends_with('_') => out.push('_'),
            false => {}
        }
        previous = c;
    }
    out.truncate(out.trim_end_matches('_').len());
    if out.is_empty() { "value".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    fn read(text: &str) -> Option<(String, String, f64, bool)> {
        Unit::read(text).map(|unit| (unit.metric, unit.unit, unit.scale, unit.is_rate))
    }

    #[test]
    fn units_become_metrics() {
        let is = |metric: &str, unit: &str, scale, rate| Some((metric.to_owned(), unit.to_owned(), scale, rate));
        assert_eq!(read("ns/iter"), is("wall_time", "ns", 1.0, false));
        assert_eq!(read("µs/iter"), is("wall_time", "ns", 1e3, false));
        assert_eq!(read("cycles/iter"), is("cycles", "cycles", 1.0, false));
        assert_eq!(read("CacheMisses/iter"), is("cache_misses", "CacheMisses", 1.0, false));
        assert_eq!(read("MB/s"), is("throughput", "bytes/s", 1e6, true));
        assert_eq!(read("MS/s"), is("rate", "MS/s", 1.0, true));
        assert_eq!(read("Melem/s"), is("rate", "1/s", 1e6, true));
        for no in ["ns", "/iter", "ns/", "ns/year", "a b/s", ""] {
            assert_eq!(read(no), None, "{no}");
        }
        assert_eq!(Unit::read("ns/iter").unwrap().original, None);
        assert_eq!(Unit::read("ms/iter").unwrap().original.as_deref(), Some("ms/iter"));
    }
}
