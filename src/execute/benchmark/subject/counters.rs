//! Which counters a command is measured with, and why one is not there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::execute::launch::{Count, Countable, Counter, find, refusal};
use crate::pipeline::{CounterSource, MetricName};

/// What installs callgrind.
const INSTALL: &str = "install valgrind (`apt-get install valgrind`) to count by callgrind";

/// The counters of one command.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Read around each timed execution.
    perf: Vec<(MetricName, Counter)>,
    /// Where valgrind is, if instructions are to be counted in executions of their own.
    pub valgrind: Option<PathBuf>,
    /// The metrics that cannot be had, with the reason.
    pub refused: Vec<(MetricName, String)>,
}

impl Counters {
    /// Opens what `metrics` ask for.
    pub(super) fn open(
        metrics: &[MetricName],
        source: CounterSource,
        env: &BTreeMap<String, String>,
        cwd: &Path,
    ) -> Self {
        let mut counters = Self::default();
        let valgrind = || find("valgrind", env.get("PATH").map_or("", String::as_str), cwd);
        for (metric, what) in metrics.iter().filter_map(|metric| Some((*metric, countable(*metric)?))) {
            let instructions = metric == MetricName::Instructions;
            if instructions && source == CounterSource::Callgrind {
                match valgrind() {
                    Some(path) => counters.valgrind = Some(path),
                    None => counters.refused.push((metric, INSTALL.to_owned())),
                }
                continue;
            }
            match (Counter::open(what), instructions && source == CounterSource::Auto) {
                (Ok(counter), _) => counters.perf.push((metric, counter)),
                (Err(error), false) => counters.refused.push((metric, worded(&error))),
                (Err(error), true) => match valgrind() {
                    Some(path) => counters.valgrind = Some(path),
                    None => counters.refused.push((metric, format!("{}; {INSTALL}", worded(&error)))),
                },
            }
        }
        counters
    }

    /// All values so far.
    pub(super) fn read(&self) -> Vec<Option<Count>> {
        self.perf.iter().map(|(_, counter)| counter.read().ok()).collect()
    }

    /// What was counted since `before`, as (metric, value).
    pub(super) fn since(&self, before: &[Option<Count>]) -> Vec<(String, f64)> {
        let told = self.perf.iter().zip(before).filter_map(|((metric, counter), before)| {
            Some((metric.as_str().to_owned(), counter.read().ok()?.since((*before)?)?))
        });
        told.collect()
    }
}

const fn countable(metric: MetricName) -> Option<Countable> {
    Some(match metric {
        MetricName::Instructions => Countable::INSTRUCTIONS,
        MetricName::Cycles => Countable::CYCLES,
        MetricName::BranchMisses => Countable::BRANCH_MISSES,
        MetricName::CacheMisses => Countable::CACHE_MISSES,
        _ => return None,
    })
}

fn worded(error: &io::Error) -> String {
    refusal(error, std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok().as_deref())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::Counters;
    use crate::pipeline::{CounterSource, MetricName};

    fn open(metrics: &[MetricName], source: CounterSource, path: &str) -> Counters {
        Counters::open(metrics, source, &BTreeMap::from([("PATH".to_owned(), path.to_owned())]), Path::new("/"))
    }

    #[test]
    fn nothing_is_opened_that_nobody_asked_for() {
        let counters = open(&[MetricName::WallTime, MetricName::MinorFaults], CounterSource::Auto, "");
        assert!(counters.perf.is_empty() && counters.valgrind.is_none() && counters.refused.is_empty());
    }

    #[test]
    fn a_counter_is_there_or_there_is_a_reason() {
        let all = [MetricName::Cycles, MetricName::BranchMisses, MetricName::CacheMisses];
        let counters = open(&all, CounterSource::Auto, "/usr/bin");
        assert_eq!(counters.perf.len() + counters.refused.len(), all.len());
        assert!(counters.valgrind.is_none(), "callgrind counts none of these");
    }

    #[test]
    fn without_valgrind_callgrind_says_how_to_get_it() {
        let counters = open(&[MetricName::Instructions], CounterSource::Callgrind, "/no/such/folder");
        let (metric, reason) = counters.refused.first().unwrap();
        assert_eq!(*metric, MetricName::Instructions);
        assert!(reason.contains("apt-get install valgrind"), "{reason}");
    }
}
