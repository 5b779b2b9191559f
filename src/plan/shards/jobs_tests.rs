//! What becomes a job, what an array, and in which order.

use std::time::Duration;

use serde_json::json;

use super::{Estimates, JobPlan, Resources, jobs};
use crate::pipeline::{Gpus, StepDuration};
use crate::plan::shards::tests::plan;

fn made(file: serde_json::Value) -> (Vec<crate::plan::PlannedShard>, Vec<JobPlan>) {
    let estimates = Estimates { budget: 300.0, ..Estimates::default() };
    let (shards, _, jobs) = jobs(&plan(file), &estimates, &Resources::default(), Duration::from_secs(300));
    (shards, jobs)
}

#[test]
fn what_needs_the_same_shares_a_job_and_what_is_repeated_is_an_array() {
    let (shards, jobs) = made(json!({
        "models": [{"id": "a"}, {"id": "b"}],
        "generations": [{"name": "files", "template": "a.j2", "output": "out.txt"}],
        "tests": [
            {"name": "one", "run": "true", "needs": ["files"], "timeout": "1m"},
            {"name": "two", "run": "true", "timeout": "2m", "retries": 1},
            {"name": "three", "run": "true", "needs": ["one"], "resources": {"gpus": 1, "time": "1m"}},
        ],
        "benchmarks": [{
            "name": "encode", "run": ["x", "{{ model.id }}"], "for_each": "models", "targets": ["cpu", "cuda"],
            "needs": ["files"], "resources": {"gpus": 1, "memory": "2G"}, "budget": "10s", "timeout": "1m",
        }],
    }));
    let told: Vec<(&str, usize, bool)> =
        jobs.iter().map(|job| (job.name.as_str(), job.shards.len(), job.after_first)).collect();
    assert_eq!(
        told,
        [("generations", 1, false), ("one and 1 more", 1, true), ("two", 1, false), ("benchmarks/encode", 4, true)]
    );
    assert_eq!(jobs[1].resources.gpus, Some(Gpus::Any(1)), "what needs each other's work needs enough for both");
    let minutes: Vec<u64> = jobs.iter().map(|job| job.resources.time.map_or(0, |time| time.0.as_secs())).collect();
    assert_eq!(minutes, [300 + 300, 300 + 60 + 60 + 300, 240 + 300, 70 + 300 + 300]);
    assert_eq!(jobs[3].shards, [4, 5, 6, 7]);
    assert_eq!(shards[0].steps, ["generations/files"]);
    assert_eq!(shards[1].steps, ["tests/one", "tests/three"]);
    assert_eq!(shards[6].steps, ["benchmarks/encode[model=b,target=cuda]"]);
    assert_eq!(shards[6].error_share, 0.25);
}

#[test]
fn files_that_one_job_needs_are_made_in_it() {
    let (shards, jobs) = made(json!({
        "generations": [{"name": "files", "template": "a.j2", "output": "out.txt"}],
        "tests": [{"name": "one", "run": "true", "needs": ["files"]}, {"name": "two", "run": "true"}],
    }));
    assert_eq!((shards.len(), jobs.len(), jobs[0].after_first), (1, 1, false));
    assert_eq!(shards[0].name, "one and 1 more");
}

#[test]
fn very_many_pairs_share_the_tasks_of_an_array() {
    let models: Vec<_> = (0..700).map(|at| json!({"id": format!("m{at}")})).collect();
    let (shards, jobs) = made(json!({
        "models": models,
        "tests": [{"name": "t", "run": "true", "for_each": "models", "resources": {"time": "1m"}}],
    }));
    assert_eq!((jobs.len(), shards.len()), (1, 234), "three in each task");
    assert_eq!(jobs[0].resources.time, Some(StepDuration(Duration::from_secs(480))));
    assert!(shards.iter().map(|shard| shard.steps.len()).sum::<usize>() == 700);
}
