//! Comparing by example: two documents in, rows out.

use super::{Limits, unpaired, without_base};
use crate::results::{Assembly, Benchmark, Case, Document, Event, Iteration, Metric, Outcome, PipelineRef, Verdict};

fn document(benchmarks: Vec<Benchmark>, cases: Vec<Case>) -> Document {
    let pipeline = PipelineRef { path: "backsight.yml".into(), sha256: String::new() };
    let empty = Document::begun(uuid::Uuid::nil(), jiff::Timestamp::UNIX_EPOCH, "p", pipeline);
    let mut assembly = Assembly::new();
    assembly.hear(Event::RunStarted { document: Box::new(empty), steps: 0 });
    for case in cases {
        assembly.hear(Event::CaseFinished { case });
    }
    for benchmark in benchmarks {
        let step = step(&benchmark.step);
        assembly.hear(Event::BenchmarkFinished { benchmark });
        assembly.hear(Event::StepFinished { step });
    }
    assembly.finish().unwrap()
}

fn step(id: &str) -> crate::results::Step {
    serde_json::from_value(serde_json::json!({
        "id": id, "kind": "benchmark", "name": id, "status": "passed", "attempts": 1, "duration_ns": 1
    }))
    .unwrap()
}

fn bench(name: &str, samples: &[f64]) -> Benchmark {
    let metric: Metric = serde_json::from_value(serde_json::json!({
        "metric": "wall_time", "value": crate::stats::median(samples), "unit": "ns", "direction": "lower",
        "source": "clock", "samples": samples,
    }))
    .unwrap();
    let iterations = samples.iter().map(|_| Iteration::at(0)).collect();
    Benchmark { step: format!("benchmarks/{name}"), metrics: vec![metric], iterations, ..Benchmark::new(name) }
}

fn around(centre: f64) -> Vec<f64> {
    (0..20).map(|i| centre * (1.0 + f64::from(i % 5) * 0.001)).collect()
}

fn verdict(base: &[f64], head: &[f64]) -> (Verdict, Option<f64>) {
    let (base, head) = (document(vec![bench("b", base)], vec![]), document(vec![bench("b", head)], vec![]));
    let rows = unpaired(&base, &head, &Limits::uniform(0.02)).rows;
    assert_eq!(rows.len(), 1);
    (rows[0].verdict, rows[0].change)
}

#[test]
fn an_unpaired_comparison_never_calls_a_regression() {
    let (verdict, change) = verdict(&around(100.0), &around(150.0));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!((change.unwrap() - 0.5).abs() < 0.01);
}

/// One row of a metric with another name and source.
fn row_of(metric: &str, base: (&str, &[f64]), head: (&str, &[f64])) -> crate::results::MetricChange {
    let document = |(source, samples): (&str, &[f64])| {
        let mut bench = bench("b", samples);
        bench.metrics[0].metric = metric.into();
        bench.metrics[0].source = source.into();
        document(vec![bench], vec![])
    };
    let mut limits = Limits::uniform(0.02);
    let terms = super::Terms { metrics: vec![metric.into()], limit: 0.02 };
    limits.steps.insert("benchmarks/b".into(), terms);
    unpaired(&document(base), &document(head), &limits).rows.remove(0)
}

#[test]
fn figures_of_two_sources_are_not_compared() {
    let row = row_of("peak_memory", ("rusage", &around(100.0)), ("cgroup_v1", &around(100.0)));
    assert_eq!((row.verdict, row.change), (Verdict::Inconclusive, None));
    assert_eq!(row.note.as_deref(), Some("it was measured by rusage then and by cgroup_v1 now"));
}

#[test]
fn deterministic_counts_need_two_samples_only() {
    let row = |base: &[f64], head: &[f64]| {
        let row = row_of("instructions", ("callgrind", base), ("callgrind", head));
        (row.verdict, row.low, row.high)
    };
    assert_eq!(row(&[1024.0, 1024.0], &[1032.0, 1032.0]), (Verdict::Unchanged, Some(0.0078125), Some(0.0078125)));
    assert_eq!(row(&[1000.0, 1000.0], &[1250.0, 1250.0]), (Verdict::Inconclusive, Some(0.25), Some(0.25)));
    assert_eq!(row(&[1000.0, 1000.0], &[1000.0, 1010.0]), (Verdict::Inconclusive, None, None), "not deterministic");
    let clock = row_of("wall_time", ("clock", &[1000.0, 1000.0]), ("clock", &[1010.0, 1010.0]));
    assert_eq!(clock.low, None, "a clock that agrees twice proves nothing");
}

#[test]
fn the_same_within_the_limit_is_unchanged_and_few_samples_decide_nothing() {
    assert_eq!(verdict(&around(100.0), &around(100.1)).0, Verdict::Unchanged);
    assert_eq!(verdict(&[1.0, 2.0], &[1.0, 2.0]).0, Verdict::Inconclusive);
}

#[test]
fn zero_variance_is_an_answer() {
    assert_eq!(verdict(&[5.0; 3], &[5.0; 3]).0, Verdict::Unchanged);
    assert_eq!(verdict(&[0.0; 3], &[0.0; 3]), (Verdict::Unchanged, None));
    assert_eq!(verdict(&[0.0; 9], &[4.0; 9]), (Verdict::Inconclusive, None));
}

#[test]
fn new_and_missing_are_listed_and_steps_that_were_not_asked_for_are_not_missing() {
    let base = document(vec![bench("gone", &[1.0]), bench("kept", &[1.0])], vec![]);
    let mut head = document(vec![bench("kept", &[1.0]), bench("fresh", &[1.0])], vec![]);
    let told = |head: &Document| {
        let rows = unpaired(&base, head, &Limits::uniform(0.02)).rows;
        rows.into_iter().map(|row| (row.benchmark, row.verdict)).collect::<Vec<_>>()
    };
    // A run of everything lacks what has gone from the pipeline file.
    assert_eq!(told(&head)[2], ("gone".into(), Verdict::Missing));
    head.run.selection = Some("-k kept".into());
    assert_eq!(told(&head), [("kept".into(), Verdict::Inconclusive), ("fresh".into(), Verdict::New)]);
    head.steps.push(step("benchmarks/gone"));
    assert_eq!(told(&head)[2], ("gone".into(), Verdict::Missing));
}

#[test]
fn without_a_base_every_row_says_so() {
    let comparison =
        without_base(&document(vec![bench("b", &[1.0])], vec![]), &Limits::uniform(0.02), "first run".into());
    assert_eq!(comparison.rows[0].verdict, Verdict::NoBase);
}

#[test]
fn outcomes_of_tests_are_compared_by_step_and_name() {
    let case = |name: &str, outcome| Case { step: "tests/unit".into(), ..Case::new(name, outcome) };
    use Outcome::{Failed, Passed};
    let base = document(vec![], vec![case("a", Passed), case("b", Failed), case("c", Failed), case("d", Passed)]);
    let head = document(vec![], vec![case("a", Failed), case("b", Failed), case("c", Passed), case("e", Failed)]);
    let told = unpaired(&base, &head, &Limits::uniform(0.02));
    let names = |list: &[(String, String)]| list.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&told.newly_failing), ["a", "e"]);
    assert_eq!(names(&told.still_failing), ["b"]);
    assert_eq!(names(&told.fixed), ["c"]);
    assert_eq!(names(&told.vanished), ["d"]);
}
