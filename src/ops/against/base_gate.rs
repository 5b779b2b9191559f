//! What the base's pipeline file holds a change to, so that a change cannot loosen its own gate.
//!
//! Both arms run the head's commands: they must do the same work. Limits, the chance of a false alarm and the policy on
//! missing results are the base's, and each difference is told. Metrics that the base compares stay compared; the head
//! may add some.

use std::collections::BTreeMap;
use std::path::Path;

use crate::execute::Place;
use crate::ops::load::read;
use crate::pipeline::{self, BaselineConfig, BenchmarkStep, Gate, MetricName, MissingPolicy, Percent, Pipeline};
use crate::plan::{Item, Work};

/// The terms that a run is held to: the base's where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The gate.
    pub gate: Gate,
    /// Where the baseline comes from, by the base's file; absent where there is none.
    pub baseline: Option<BaselineConfig>,
    /// Sentences for people: each difference between the two files, or why the base's does not count.
    pub remarks: Vec<String>,
}

/// The gate of the base's pipeline file, which stands under the same name as the head's. Limits and metrics of the plan's
/// entries are set to the base's.
pub fn held_to(base: &Place, file: &Path, head: &Pipeline, items: &mut [Item]) -> Held {
    let mut remarks = Vec::new();
    let base = BaseGate::read(&base.workspace, file, &mut remarks);
    if let Some(base) = &base {
        base.hold(head, items, &mut remarks);
    }
    let (gate, baseline) = base.map_or_else(|| (head.gate.clone(), None), |base| (base.gate, Some(base.baseline)));
    Held { gate, baseline, remarks }
}

/// The base's gate and benchmarks.
struct BaseGate {
    gate: Gate,
    baseline: BaselineConfig,
    benchmarks: BTreeMap<String, BenchmarkStep>,
}

impl BaseGate {
    /// Reads it in the base's working copy. Where there is none, the head's own gate stands, and the remarks say so.
    fn read(base: &Path, file: &Path, remarks: &mut Vec<String>) -> Option<Self> {
        let name = file.file_name()?;
        let shown = name.to_string_lossy();
        let path = base.join(name);
        if path.symlink_metadata().is_err() {
            remarks.push(format!("the base has no {shown}: the head's own limits are used"));
            return None;
        }
        let parsed = read(&path).ok().and_then(|text| pipeline::parse(&text).ok());
        let Some(parsed) = parsed else {
            remarks.push(format!(
                "the base's {shown} is not one that this version understands: the head's own limits are used"
            ));
            return None;
        };
        let Pipeline { gate, baseline, benchmarks, .. } = parsed.pipeline;
        let benchmarks = benchmarks.into_iter().map(|step| (step.common.name.clone(), step)).collect();
        Some(Self { gate, baseline, benchmarks })
    }

    /// Puts the base's limits and metrics into the head's plan, and tells where they differ from the head's.
    fn hold(&self, head: &Pipeline, items: &mut [Item], remarks: &mut Vec<String>) {
        remarks.extend(differences(&self.gate, &head.gate));
        for step in &head.benchmarks {
            remarks.extend(self.difference(step, &head.gate));
        }
        for name in self.benchmarks.keys().filter(|name| head.benchmarks.iter().all(|step| step.common.name != **name))
        {
            remarks.push(format!(
                "benchmark `{name}` of the base's pipeline file is not in the head's, so it is not measured"
            ));
        }
        for item in items {
            let Work::Benchmark(measure) = &mut item.work else { continue };
            let own = head.benchmarks.iter().find(|step| step.common.name == item.name);
            measure.limit = self.limit(&item.name, own.and_then(|step| step.regression));
            for metric in self.metrics(&item.name) {
                if measure.harness.is_none() && !measure.metrics.contains(&metric) {
                    measure.metrics.push(metric);
                }
            }
        }
    }

    /// The limit of a benchmark; `own` is what the head's file gives it. One that the base does not know by this name
    /// cannot get away with a looser limit than the base's gate: it may be an old one under another name.
    fn limit(&self, name: &str, own: Option<Percent>) -> f64 {
        match self.benchmarks.get(name) {
            Some(step) => step.regression.unwrap_or(self.gate.regression).0,
            None => own.map_or(f64::INFINITY, |own| own.0).min(self.gate.regression.0),
        }
    }

    fn metrics(&self, name: &str) -> Vec<MetricName> {
        let usual = || vec![MetricName::WallTime, MetricName::CpuTime];
        self.benchmarks.get(name).map(|step| step.metrics.clone().unwrap_or_else(usual)).unwrap_or_default()
    }

    fn difference(&self, step: &BenchmarkStep, gate: &Gate) -> Vec<String> {
        let name = &step.common.name;
        let base = self.benchmarks.get(name);
        let mut found = Vec::new();
        let differs = base.and_then(|base| base.regression) != step.regression;
        let (limit, head) = (self.limit(name, step.regression), step.regression.unwrap_or(gate.regression).0);
        if differs && limit != head {
            let (base, head) = (percent(Percent(limit)), percent(Percent(head)));
            found.push(told(&format!("benchmark `{name}`: regression"), &base, &head));
        }
        let own = step.metrics.clone().unwrap_or_else(|| vec![MetricName::WallTime, MetricName::CpuTime]);
        let gone: Vec<&str> =
            self.metrics(name).into_iter().filter(|metric| !own.contains(metric)).map(MetricName::as_str).collect();
        if !gone.is_empty() && step.harness.is_none() {
            let gone = gone.join(", ");
            found.push(format!(
                "benchmark `{name}`: the head no longer compares {gone}: the base does, so it is compared"
            ));
        }
        found
    }
}

fn differences(base: &Gate, head: &Gate) -> Vec<String> {
    let word = |policy: MissingPolicy| match policy {
        MissingPolicy::Fail => "fail".to_owned(),
        MissingPolicy::Warn => "warn".to_owned(),
    };
    let keys = [
        ("regression", percent(base.regression), percent(head.regression)),
        ("false_alarms", percent(base.false_alarms), percent(head.false_alarms)),
        ("missing", word(base.missing), word(head.missing)),
    ];
    let differs = keys.into_iter().filter(|(_, base, head)| base != head);
    differs.map(|(key, base, head)| told(&format!("gate.{key}"), &base, &head)).collect()
}

fn told(what: &str, base: &str, head: &str) -> String {
    format!("{what}: base {base}, head {head}: the base's is used")
}

fn percent(share: Percent) -> String {
    format!("{} %", (share.0 * 1e12).round() / 1e10)
}

#[cfg(test)]
mod tests {
    use super::{Held, held_to};
    use crate::execute::Place;
    use crate::pipeline::{self, MetricName, MissingPolicy, Pipeline};
    use crate::plan::{self, Facts, Plan, Selection, Work};
    use std::path::Path;

    const BASE: &str = "version: 1
gate: { regression: 2%, missing: fail }
benchmarks:
  - { name: one, run: ./one, regression: 1% }
  - { name: two, run: ./two, metrics: [wall_time, peak_memory] }
  - { name: gone, run: ./gone }
";
    const HEAD: &str = "version: 1
gate: { regression: 50%, missing: warn, false_alarms: 5% }
benchmarks:
  - { name: one, run: ./one, regression: 30% }
  - { name: two, run: ./two, metrics: [cpu_time] }
  - { name: new, run: ./new }
  - { name: newer, run: ./newer, regression: 7% }
";

    fn held(base: Option<&str>, head: &str) -> (Held, Plan) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(base) = base {
            std::fs::write(folder.path().join("backsight.yml"), base).unwrap();
        }
        let head: Pipeline = pipeline::parse(head).unwrap().pipeline;
        let facts = Facts { targets: vec!["cpu".into()], ..Facts::default() };
        let selection = Selection::new(Vec::new(), &[], &[]).unwrap();
        let mut plan = plan::expand(&head, &[], &facts, &selection).unwrap();
        let base = Place { workspace: folder.path().to_owned(), variables: Vec::new() };
        (held_to(&base, Path::new("somewhere/backsight.yml"), &head, &mut plan.items), plan)
    }

    fn limits(plan: &Plan) -> Vec<(&str, f64, Vec<MetricName>)> {
        let measured = plan.items.iter().filter_map(|item| match &item.work {
            Work::Benchmark(measure) => Some((item.name.as_str(), measure.limit, measure.metrics.clone())),
            _ => None,
        });
        measured.collect()
    }

    #[test]
    fn a_change_cannot_loosen_its_own_gate() {
        use MetricName::{CpuTime, PeakMemory, WallTime};
        let (Held { gate, remarks, .. }, plan) = held(Some(BASE), HEAD);
        assert_eq!(gate.missing, MissingPolicy::Fail);
        let usual = vec![WallTime, CpuTime];
        assert_eq!(
            limits(&plan),
            [
                ("one", 0.01, usual.clone()),
                ("two", 0.02, vec![CpuTime, WallTime, PeakMemory]),
                ("new", 0.02, usual.clone()),
                ("newer", 0.02, usual),
            ]
        );
        insta::assert_snapshot!(remarks.join("\n"), @r"
        gate.regression: base 2 %, head 50 %: the base's is used
        gate.false_alarms: base 1 %, head 5 %: the base's is used
        gate.missing: base fail, head warn: the base's is used
        benchmark `one`: regression: base 1 %, head 30 %: the base's is used
        benchmark `two`: the head no longer compares wall_time, peak_memory: the base does, so it is compared
        benchmark `newer`: regression: base 2 %, head 7 %: the base's is used
        benchmark `gone` of the base's pipeline file is not in the head's, so it is not measured
        ");
    }

    #[test]
    fn the_same_file_says_nothing() {
        assert_eq!(held(Some(BASE), BASE).0.remarks, Vec::<String>::new());
    }

    #[test]
    fn without_a_file_that_can_be_read_the_heads_own_limits_stand() {
        for (base, words) in
            [(None, "has no backsight.yml"), (Some("version: 7\n"), "understands"), (Some("{"), "understands")]
        {
            let (Held { gate, remarks, .. }, plan) = held(base, HEAD);
            assert!(
                gate.missing == MissingPolicy::Warn && remarks.len() == 1 && remarks[0].contains(words),
                "{remarks:?}"
            );
            assert_eq!(limits(&plan)[0].1, 0.3);
        }
    }
}
