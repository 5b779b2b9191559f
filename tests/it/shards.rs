//! A plan over several jobs: split, carried out by parts in clones of their own, joined, compared with the shared baseline
//! and added to it; by the real binary and real git.

use std::fs;
use std::path::{Path, PathBuf};

use backsight::plan::ShardPlan;
use backsight::results::{Document, ExitCode, RemarkLevel, Status};
use serde_json::Value;

use crate::baseline::Remote;
use crate::sandbox::{Outcome, Sandbox};

const PIPELINE: &str = "version: 1
project: demo
baseline: { store: git }
budget: 2s
shards:
  runners: { cpu: ubuntu-24.04, cuda: [self-hosted, gpu] }
generations:
  - { name: files, template: a.j2, output: 'made.txt' }
tests:
  - { name: a, run: 'test -s made.txt', needs: [files] }
  - { name: b, run: 'true', needs: [a] }
  - { name: c, run: 'grep -q made made.txt', needs: [files] }
benchmarks:
  - { name: quick, run: 'true', samples: 6, warm_up: 0 }
  - { name: on-gpu, run: 'true', targets: [cuda] }
";

fn remote() -> (Remote, PathBuf) {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("plan");
    fs::write(job.join("a.j2"), "made\n").unwrap();
    remote.publish(&job, "template");
    (remote, job)
}

fn plan(remote: &Remote, job: &Path, shards: &str) -> ShardPlan {
    remote.backsight(job, &["plan", "--shards", shards, "--output", "plan.json"]).says(0, &[]);
    serde_json::from_str(&fs::read_to_string(job.join("plan.json")).unwrap()).unwrap()
}

/// Carries out a part in a clone of its own and leaves what it found in a folder as an artifact would be.
fn part(remote: &Remote, planned: &Path, index: usize, artifacts: &Path) -> Outcome {
    let job = remote.job(&format!("leg-{index}-{}", fs::read_dir(remote.root()).unwrap().count()));
    let plan = planned.join("plan.json");
    let told = remote.backsight(&job, &["run", "--shard", &index.to_string(), "--plan", plan.to_str().unwrap()]);
    for run in fs::read_dir(job.join(".backsight/runs")).into_iter().flatten() {
        let run = run.unwrap().path();
        let to = artifacts.join(format!("leg-{index}")).join(run.file_name().unwrap());
        fs::create_dir_all(&to).unwrap();
        fs::copy(run.join("results.json"), to.join("results.json")).unwrap();
    }
    told
}

fn merged(remote: &Remote, job: &Path, more: &[&str]) -> (Outcome, Document) {
    let told = remote.backsight(job, &[&["merge", "--format", "json"], more].concat());
    let document = serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    (told, document)
}

#[test]
fn a_plan_is_carried_out_by_its_parts_and_joined_to_a_baseline() {
    let (remote, job) = remote();
    let plan = plan(&remote, &job, "3");
    let names: Vec<&str> = plan.shards.iter().map(|shard| shard.name.as_str()).collect();
    assert_eq!(names, ["cpu 1 of 2", "cpu 2 of 2", "cuda"]);
    let of = |id: &str| plan.shards.iter().position(|shard| shard.steps.iter().any(|step| step == id)).unwrap();
    assert_eq!(of("tests/a"), of("tests/b"), "b needs a");
    assert_eq!(of("benchmarks/on-gpu[target=cuda]"), 2);
    let artifacts = remote.root().join("artifacts");
    for index in 1..=3 {
        part(&remote, &job, index, &artifacts).says(0, &[]);
    }
    assert_eq!(remote.files(), [""; 0], "parts are not shared");
    let (told, document) = merged(&remote, &job, &["--plan", "plan.json", artifacts.to_str().unwrap()]);
    told.says(0, &["the run was added to branch backsight-data"]);
    assert_eq!((document.run.status, document.run.selection), (Status::Passed, None));
    let ids: Vec<&str> = document.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids.iter().filter(|id| **id == "generations/files").count(), 1, "{ids:?}");
    assert_eq!((ids.len(), document.counts.tests, document.counts.generations), (6, 3, 1));
    assert_eq!(document.legs.len(), 3);
    assert_eq!(remote.files().iter().filter(|path| path.starts_with("runs/")).count(), 1);
    // What the next commit is compared with, whole or in parts.
    let next = remote.job("next");
    remote.publish(&next, "next");
    let (told, whole) = remote.run(&next, &["--no-against"]);
    told.says(0, &[]);
    let base = whole.comparison.unwrap().baseline.unwrap();
    assert_eq!(base.run, document.run.id.to_string());
    let again = remote.backsight(&next, &["plan", "--shards", "2", "--format", "json"]);
    let told: ShardPlan = serde_json::from_str(&again.stdout).unwrap();
    assert!(told.times.known >= 5, "{:?}", told.times);
}

#[test]
fn a_part_that_left_nothing_and_one_that_is_damaged_are_never_green() {
    let (remote, job) = remote();
    plan(&remote, &job, "3");
    let artifacts = remote.root().join("artifacts");
    for index in [1, 3] {
        part(&remote, &job, index, &artifacts).says(0, &[]);
    }
    let words = ["--plan", "plan.json", artifacts.to_str().unwrap()];
    let (told, document) = merged(&remote, &job, &words);
    told.says(3, &["1 leg without results", "shard 2/3 (cpu 2 of 2) left no results"]);
    assert_eq!(document.run.exit_code, ExitCode::Undecided);
    assert_eq!(remote.files(), [""; 0], "half a run is no baseline");
    let damaged = artifacts.join("leg-2/x/results.json");
    fs::create_dir_all(damaged.parent().unwrap()).unwrap();
    fs::write(&damaged, "{\"schema\": \"backsight/results/1\", ").unwrap();
    let (told, _) = merged(&remote, &job, &words);
    told.says(3, &["not a results document", "its leg counts as missing", "left no results"]);
    let report = remote.backsight(&job, &["report", "latest", "--format", "markdown"]);
    assert!(report.stdout.contains("left no results"), "{}", report.stdout);
    // Run again, it counts.
    fs::remove_dir_all(artifacts.join("leg-2")).unwrap();
    part(&remote, &job, 2, &artifacts).says(0, &[]);
    merged(&remote, &job, &words).0.says(0, &[]);
}

#[test]
fn a_part_ends_before_its_end_and_the_steps_it_did_not_report_are_named() {
    let (remote, job) = remote();
    let plan = plan(&remote, &job, "3");
    let artifacts = remote.root().join("artifacts");
    for index in 1..=3 {
        part(&remote, &job, index, &artifacts).says(0, &[]);
    }
    let lost = plan.shards[0].steps[0].clone();
    let run = fs::read_dir(artifacts.join("leg-1")).unwrap().next().unwrap().unwrap().path().join("results.json");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(&run).unwrap()).unwrap();
    let steps = document["steps"].as_array_mut().unwrap();
    steps.retain(|step| step["id"] != lost.as_str());
    fs::write(&run, document.to_string()).unwrap();
    let (told, document) = merged(&remote, &job, &["--plan", "plan.json", artifacts.to_str().unwrap()]);
    told.says(3, &[&format!("shard 1/3 did not report {lost}")]);
    assert!(document.remarks.iter().any(|remark| remark.level == RemarkLevel::Error));
}

#[test]
fn what_does_not_fit_the_plan_is_refused_with_the_way_out() {
    let (remote, job) = remote();
    plan(&remote, &job, "2");
    let run = |words: &[&str]| remote.backsight(&job, &[&["run"], words].concat());
    run(&["--shard", "3/3", "--plan", "plan.json"]).says(2, &["the plan has 2 shards, 3/3 is not one of them"]);
    run(&["--shard", "0/2", "--plan", "plan.json"]).says(2, &["no part of a plan"]);
    run(&["--shard", "1/2"]).says(2, &["--plan"]);
    run(&["--shard", "1/2", "--plan", "none.json"]).says(2, &["none.json"]);
    fs::write(job.join("odd.json"), "{\n \"schema\": 3 }").unwrap();
    run(&["--shard", "1/2", "--plan", "odd.json"]).says(2, &["odd.json:2:", "not a plan", "backsight plan"]);
    remote.commit(&job, "another commit");
    run(&["--shard", "1/2", "--plan", "plan.json"]).says(2, &["the plan was made for commit", "the same commit"]);
    fs::write(job.join("backsight.yml"), PIPELINE.replace("budget: 2s", "budget: 3s")).unwrap();
    run(&["--shard", "1/2", "--plan", "plan.json"]).says(2, &["another backsight.yml"]);
    let merge = |words: &[&str]| remote.backsight(&job, &[&["merge"], words].concat());
    merge(&["."]).says(2, &["there is nothing to join", ".backsight/runs/*/results.json"]);
    remote.backsight(&job, &["plan", "--shards", "none"]).says(2, &["a number above 0, or `auto`"]);
    let (_, other) = remote.run(&job, &["--only", "tests"]);
    let file = remote.write(&job, &other);
    merge(&["--plan", "plan.json", &file]).says(3, &["is left out: it is no part of a plan", "2 legs without results"]);
}

/// One pipeline on several hosts, without a plan: each leg keeps its own names, and each class of hosts its own baseline.
#[test]
fn legs_on_several_kinds_of_hosts_are_kept_apart() {
    let remote =
        Remote::with("version: 1\nproject: demo\nbaseline: { store: git }\ntests: [{ name: unit, run: 'true' }]\n");
    let job = remote.job("job");
    let artifacts = remote.root().join("artifacts");
    for name in ["linux", "arm"] {
        let (_, mut document) = remote.run(&job, &["--no-against"]);
        document.host.class_key = format!("{:016x}", name.len());
        fs::create_dir_all(artifacts.join(name)).unwrap();
        fs::write(artifacts.join(name).join("results.json"), serde_json::to_vec(&document).unwrap()).unwrap();
    }
    let before = remote.files().len();
    let (told, document) = merged(&remote, &job, &["--expect", "2", artifacts.to_str().unwrap()]);
    told.says(0, &["2 runs, one for each class of hosts"]);
    let ids: Vec<&str> = document.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["tests/unit@arm", "tests/unit@linux"]);
    assert_eq!((document.hosts.len(), document.host.class_key.as_str()), (2, "several"));
    let junit = fs::read_to_string(newest(&job).join("junit.xml")).unwrap();
    assert!(junit.contains("value=\"0000000000000003\"") && junit.contains("value=\"0000000000000005\""), "{junit}");
    assert_eq!(remote.files().len(), before + 2);
    merged(&remote, &job, &["--expect", "3", artifacts.to_str().unwrap()])
        .0
        .says(3, &["3 legs were expected and 2 left"]);
}

fn newest(job: &Path) -> PathBuf {
    let mut runs: Vec<PathBuf> =
        fs::read_dir(job.join(".backsight/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    runs.pop().unwrap()
}

/// More cases than are kept in memory: all of them are in the document, none of those that failed is left out anywhere.
#[test]
fn very_many_cases_are_all_in_the_document() {
    let sandbox = Sandbox::with("version: 1\nproject: demo\ntests: [{ name: unit, run: 'true' }]\n");
    sandbox.run(&["run"]).says(0, &[]);
    let document = sandbox.document();
    let case = serde_json::to_value(&document.cases[0]).unwrap();
    for leg in 0..2 {
        let mut value = serde_json::to_value(&document).unwrap();
        let cases: Vec<Value> = (0..50_100)
            .map(|at| {
                let mut case = case.clone();
                case["name"] = format!("case {leg} {at}").into();
                if leg == 1 && at == 50_099 {
                    case["outcome"] = "failed".into();
                }
                case
            })
            .collect();
        value["counts"]["tests"] = cases.len().into();
        value["counts"]["failed"] = u64::from(leg == 1).into();
        value["counts"]["passed"] = (cases.len() as u64 - u64::from(leg == 1)).into();
        value["cases"] = cases.into();
        sandbox.write(&format!("legs/{leg}/results.json"), value.to_string());
    }
    sandbox.run(&["merge", "legs"]).says(1, &["case 1 50099", "1 test failed; 100199 tests passed"]);
    let whole = sandbox.document();
    assert_eq!((whole.cases.len(), whole.counts.tests), (100_200, 100_200));
    assert_eq!(whole.cases[0].step, "tests/unit@0");
    assert!(sandbox.report("junit.xml").contains("case 1 50099"));
}
