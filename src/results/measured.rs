//! The metrics that we measure ourselves: their names, units, sources and kinds in one table, so that whoever makes,
//! restores or shows a metric says the same of it.

/// What is known of a metric of a measured command. Less is better in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Its name in the document.
    pub name: &'static str,
    /// The unit of its values: `ns`, `bytes` or `count`.
    pub unit: &'static str,
    /// Who measures it; peak memory and instructions may have another source, which the metric itself tells.
    pub source: &'static str,
    /// Its name for people.
    pub words: &'static str,
    /// Whether equal values are no coincidence: it counts what the program does, not how long that took.
    pub countable: bool,
}

const fn time(name: &'static str, source: &'static str, words: &'static str) -> Measured {
    Measured { name, unit: "ns", source, words, countable: false }
}

const fn count(name: &'static str, source: &'static str, words: &'static str, countable: bool) -> Measured {
    Measured { name, unit: "count", source, words, countable }
}

/// All of them, in the order in which they are shown.
pub const MEASURED: [Measured; 13] = [
    time("wall_time", "clock", "wall time"),
    time("cpu_time", "rusage", "CPU time"),
    time("user_time", "rusage", "user time"),
    time("system_time", "rusage", "system time"),
    Measured { name: "peak_memory", unit: "bytes", source: "rusage", words: "peak memory", countable: false },
    count("instructions", "perf", "instructions", true),
    count("cycles", "perf", "cycles", false),
    count("branch_misses", "perf", "branch misses", false),
    count("cache_misses", "perf", "cache misses", false),
    count("minor_faults", "rusage", "minor page faults", true),
    count("major_faults", "rusage", "major page faults", false),
    count("voluntary_switches", "rusage", "voluntary context switches", false),
    count("involuntary_switches", "rusage", "involuntary context switches", false),
];

impl Measured {
    /// The metric of this name, if it is one of ours.
    pub fn find(name: &str) -> Option<&'static Self> {
        MEASURED.iter().find(|known| known.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{MEASURED, Measured};

    #[test]
    fn names_are_unique_and_found() {
        for known in &MEASURED {
            assert_eq!(Measured::find(known.name), Some(known));
            assert!(["ns", "bytes", "count"].contains(&known.unit), "{known:?}");
        }
        assert_eq!(Measured::find("tokens"), None);
    }
}
