//! Splitting by example, and how near it comes to the bound.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Estimates, PlannedShard, Runner, Times, Wanted, split};
use crate::plan::testing::planned;
use crate::plan::{Facts, Plan, Selection};
use crate::stats::Random;

pub(super) fn plan(file: Value) -> Plan {
    let facts = Facts { targets: vec!["cpu".into(), "cuda".into()], today: "2026-11-23".into(), ..Facts::default() };
    planned(file, &facts, &Selection::default()).unwrap()
}

fn tests(n: usize) -> Plan {
    let tests: Vec<Value> = (0..n).map(|at| json!({"name": format!("t{at}"), "run": "true"})).collect();
    plan(json!({ "tests": tests }))
}

fn known(times: &[f64]) -> Estimates {
    let known = times.iter().enumerate().map(|(at, time)| (format!("tests/t{at}"), *time)).collect();
    Estimates { known, budget: 300.0 }
}

fn runner(target: &str, labels: &[&str]) -> Runner {
    Runner { target: target.into(), labels: labels.iter().map(ToString::to_string).collect() }
}

fn steps(shards: &[PlannedShard]) -> Vec<Vec<&str>> {
    shards.iter().map(|shard| shard.steps.iter().map(String::as_str).collect()).collect()
}

#[test]
fn the_longest_come_first_and_each_step_is_in_one_shard() {
    let (shards, times) = split(&tests(5), &[], &known(&[5.0, 4.0, 3.0, 3.0, 3.0]), Wanted::Exactly(2));
    assert_eq!(shards.iter().map(|shard| shard.seconds).collect::<Vec<_>>(), [9.0, 9.0]);
    let all: BTreeSet<&str> = steps(&shards).into_iter().flatten().collect();
    assert_eq!((all.len(), times.known, times.guessed), (5, 5, 0));
    assert_eq!((shards[0].name.as_str(), shards[1].index), ("cpu 1 of 2", 2));
}

#[test]
fn no_shard_is_empty_and_what_nobody_knows_takes_the_median() {
    let (shards, times) = split(&tests(3), &[], &known(&[10.0]), Wanted::Exactly(8));
    assert_eq!((shards.len(), times.guessed), (3, 2));
    assert!(shards.iter().all(|shard| shard.steps.len() == 1 && shard.seconds == 10.0), "{shards:?}");
    let (shards, _) = split(&tests(0), &[], &known(&[]), Wanted::Exactly(3));
    assert_eq!(shards.len(), 1);
}

#[test]
fn steps_that_need_each_other_stay_together_and_generations_come_along() {
    let plan = plan(json!({
        "generations": [{"name": "files", "template": "a.j2", "output": "out.txt"}],
        "tests": [
            {"name": "a", "run": "true", "needs": ["files"]},
            {"name": "b", "run": "true", "needs": ["a"]},
            {"name": "c", "run": "true", "needs": ["files"]},
            {"name": "d", "run": "true"},
        ],
    }));
    let known = ["tests/a", "tests/b", "tests/c", "tests/d"].map(|id| (id.to_owned(), 10.0)).into();
    let (shards, _) = split(&plan, &[], &Estimates { known, budget: 300.0 }, Wanted::Exactly(3));
    assert_eq!(steps(&shards), [vec!["tests/a", "tests/b"], vec!["tests/c"], vec!["tests/d"]]);
    assert_eq!(shards.iter().map(|shard| shard.seconds).collect::<Vec<_>>(), [25.0, 15.0, 10.0]);
}

#[test]
fn steps_go_where_their_target_is_and_the_errors_are_shared() {
    let plan = plan(json!({
        "models": [{"id": "a"}, {"id": "b"}],
        "tests": [{"name": "unit", "run": "true"}],
        "benchmarks": [
            {"name": "encode", "run": ["x", "{{ model.id }}"], "for_each": "models", "targets": ["cpu", "cuda"]},
        ],
        "rules": [{"when": {"model": "b", "target": "cuda"}, "then": "skip", "code": "unsupported_op", "reason": "no"}],
    }));
    let runners = [runner("cpu", &["ubuntu-24.04"]), runner("cuda", &["self-hosted", "gpu"])];
    let (shards, _) = split(&plan, &runners, &Estimates { budget: 300.0, ..Estimates::default() }, Wanted::Exactly(3));
    let told: Vec<_> =
        shards.iter().map(|shard| (shard.name.as_str(), shard.runner.len(), shard.error_share)).collect();
    assert_eq!(told, [("cpu 1 of 2", 1, 1.0 / 3.0), ("cpu 2 of 2", 1, 1.0 / 3.0), ("cuda", 2, 1.0 / 3.0)]);
    assert_eq!(shards[2].steps, ["benchmarks/encode[model=a,target=cuda]"]);
    // What a rule leaves out is told once.
    assert_eq!(shards[0].steps.last().map(String::as_str), Some("benchmarks/encode[model=b,target=cuda]"));
    let one = split(&plan, &runners, &Estimates::default(), Wanted::Exactly(1)).0;
    assert_eq!(one.len(), 2, "each kind of runner has a shard");
}

#[test]
fn auto_takes_as_many_as_the_time_asks_for_and_the_longest_allows() {
    let auto = |times: &[f64], each: f64, most: usize| {
        split(&tests(times.len()), &[], &known(times), Wanted::Auto { each, most }).0.len()
    };
    assert_eq!(auto(&[60.0; 10], 120.0, 20), 5);
    assert_eq!(auto(&[60.0; 10], 1000.0, 20), 1);
    assert_eq!(auto(&[60.0; 10], 1.0, 4), 4);
    assert_eq!(auto(&[600.0, 10.0, 10.0, 10.0], 60.0, 20), 2, "more would wait for the longest");
}

/// Times like those that suites have: many short ones, a few long ones. The longest shard against the bound below which
/// no split can come.
#[test]
fn the_longest_shard_is_within_a_tenth_of_the_bound() {
    let mut random = Random::new(7);
    let mut worst = BTreeMap::new();
    for n in [5, 12, 40, 300, 2000] {
        for count in [2, 4, 7, 16, 64] {
            for _ in 0..if n > 500 { 2 } else { 20 } {
                let times: Vec<f64> = (0..n).map(|_| 0.2 * (-random.uniform().ln()).powf(2.5)).collect();
                let (shards, told) = split(&tests(n), &[], &known(&times), Wanted::Exactly(count));
                assert_eq!(shards.len(), count.min(n));
                assert_within(&told, n, count, &mut worst);
            }
        }
    }
    eprintln!("longest over bound, worst by number of steps and shards: {worst:?}");
}

fn assert_within(told: &Times, n: usize, count: usize, worst: &mut BTreeMap<(usize, usize), f64>) {
    let ratio = told.longest_seconds / told.bound_seconds;
    let known = worst.entry((n, count)).or_insert(1.0_f64);
    *known = known.max(ratio);
    assert!(ratio < 1.1 || n < 4 * count, "{n} steps in {count} shards: {ratio}");
}
