//! What the unit of a figure means: which metric it is, in which unit it is kept, and which way is better.

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
const TIMES: [(&str, f64); 9] = [
    ("ps", 1e-3),
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("sec", 1e9),
    ("min", 6e10),
];

/// Sizes, in bytes. `MB` is a million, as Rust's harness means it.
const SIZES: [(&str, f64); 10] = [
    ("B", 1.0),
    ("bytes", 1.0),
    ("KB", 1e3),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// Things counted per second.
const COUNTS: [(&str, f64); 12] = [
    ("", 1.0),
    ("op", 1.0),
    ("ops", 1.0),
    ("iter", 1.0),
    ("iters", 1.0),
    ("elem", 1.0),
    ("Kelem", 1e3),
    ("Melem", 1e6),
    ("Gelem", 1e9),
    ("Kops", 1e3),
    ("Mops", 1e6),
    ("Gops", 1e9),
];

fn factor(table: &[(&str, f64)], word: &str) -> Option<f64> {
    table.iter().find(|(name, _)| *name == word).map(|(_, factor)| *factor)
}

impl Unit {
    /// Reads `ns/iter`, `MB/s`, `cycles/iter`, `MS/s` and the like; `None` where it is no unit of either shape.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (what, per) = text.split_once('/')?;
        let sensible = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '%');
        if text.len() > 40 || !what.chars().all(sensible) {
            return None;
        }
        match per {
            "iter" | "op" | "iteration" if !what.is_empty() => Some(Self::per_iteration(text, what)),
            "s" | "sec" => Some(Self::per_second(text, what)),
            _ => None,
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

fn snake_case(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    let mut previous = '_';
    for c in word.chars() {
        if c.is_uppercase() && previous.is_lowercase() {
            out.push('_');
        }
        out.extend(if c.is_alphanumeric() { c.to_lowercase().next() } else { Some('_') });
        previous = c;
    }
    out
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
        for no in ["ns", "/iter", "ns/", "ns/day", "a b/s", ""] {
            assert_eq!(read(no), None, "{no}");
        }
        assert_eq!(Unit::read("ns/iter").unwrap().original, None);
        assert_eq!(Unit::read("ms/iter").unwrap().original.as_deref(), Some("ms/iter"));
    }
}
