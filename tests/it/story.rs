//! The whole story of the sample repository `examples/github`, by the action as it stands: a baseline from two shards, a pull
//! request that makes the program slower, one comment that says so, and green once that is accepted.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::action::{real, released};
use crate::fake_github::FakeGithub;
use crate::runner::{Runner, Told};

/// A round of the sharded workflow: plan, a job a shard, the report. What the shards returned, and what the report came to.
fn round(runner: &Runner, url: &str) -> (Vec<i32>, Told) {
    for folder in ["artifacts", "temp", "work/.backsight"] {
        let _ = fs::remove_dir_all(runner.at(folder));
        fs::create_dir_all(runner.at(folder)).unwrap();
    }
    let plan = runner.run(&[("command", "plan"), ("shards", "2"), ("download-url", url)]);
    assert_eq!(plan.code(), 0, "{}", plan.text());
    let matrix: Value = serde_json::from_str(&plan.outputs["matrix"]).unwrap();
    let shards = matrix["include"].as_array().unwrap();
    assert_eq!(shards.len(), 2, "{matrix}");
    let leg = |entry: &Value| {
        // A job has a workspace of its own.
        let _ = fs::remove_dir_all(runner.at("work/.backsight"));
        let told = runner.run(&[("shards", entry["shard"].as_str().unwrap())]);
        assert!(!told.ran("Report"), "{}", told.text());
        told.code()
    };
    let codes = shards.iter().map(leg).collect();
    let _ = fs::remove_dir_all(runner.at("work/.backsight"));
    (codes, runner.run(&[("command", "merge")]))
}

fn sample(runner: &Runner) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github");
    for name in ["backsight.yml", "wordcount.py", "test_wordcount.py", "text.txt", ".gitignore"] {
        runner.write(&format!("work/{name}"), fs::read(example.join(name)).unwrap());
    }
    let bare = runner.at("remote.git").display().to_string();
    runner.git(&["init", "--quiet", "--bare", "-b", "main", &bare]);
    runner.git(&["init", "--quiet", "-b", "main"]);
    runner.git(&["remote", "add", "origin", &format!("file://{bare}")]);
    commit(runner, "one")
}

fn commit(runner: &Runner, message: &str) -> String {
    runner.git(&["add", "--all"]);
    runner.git(&["commit", "--quiet", "-m", message]);
    runner.git(&["push", "--quiet", "origin", "HEAD"]);
    runner.git(&["rev-parse", "HEAD"])
}

fn on_main(runner: &mut Runner, commit: &str) {
    runner.event_name = "push";
    runner.reference = "refs/heads/main";
    runner.env.insert("GITHUB_SHA".into(), commit.into());
    let repository = json!({ "full_name": "octo/demo", "default_branch": "main", "private": false });
    runner.event = json!({ "repository": repository });
}

fn on_request(runner: &mut Runner, base: &str, head: &str, labels: &[&str]) {
    runner.event_name = "pull_request";
    runner.reference = "refs/pull/7/merge";
    runner.env.insert("GITHUB_SHA".into(), head.into());
    let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
    runner.event = json!({
        "pull_request": {
            "number": 7,
            "labels": labels,
            "head": { "sha": head, "ref": "slower", "label": "octo:slower", "repo": { "full_name": "octo/demo" } },
            "base": { "sha": base, "ref": "main", "repo": { "full_name": "octo/demo" } },
        },
        "repository": { "full_name": "octo/demo", "default_branch": "main", "private": false },
    });
}

#[test]
fn story_of_a_slow_down_that_is_found_and_accepted() {
    let (mut runner, release) = released(&real());
    let github = FakeGithub::start();
    runner.env.insert("GITHUB_API_URL".into(), github.url.clone());
    let base = sample(&runner);
    on_main(&mut runner, &base);
    let (codes, report) = round(&runner, &release.url);
    assert_eq!((codes, report.code()), (vec![0, 0], 0), "{}", report.text());
    assert!(report.text().contains("added to branch backsight-data"), "{}", report.text());
    let bare = runner.at("remote.git").display().to_string();
    let files = runner.git(&["--git-dir", &bare, "ls-tree", "-r", "--name-only", "backsight-data"]);
    assert_eq!(files.lines().filter(|path| path.starts_with("runs/")).count(), 1, "one run of two shards: {files}");

    runner.git(&["checkout", "--quiet", "-b", "slower"]);
    let slower = runner.read("work/wordcount.py").replace("range(times)", "range(3 * times)");
    runner.write("work/wordcount.py", slower);
    let head = commit(&runner, "Count three times, to be sure");
    on_request(&mut runner, &base, &head, &[]);
    let (_, report) = round(&runner, &release.url);
    // Where other programs disturbed the measurement, a regression is told and asks for another run: 3.
    assert!(matches!(report.code(), 1 | 3), "{}", report.text());
    let [comment] = github.ours().try_into().expect("one comment");
    assert!(comment.body.contains("1 regression") && comment.body.contains("`count`"), "{}", comment.body);
    assert!(comment.body.contains("fresh pairs") || comment.body.contains("pairs"), "{}", comment.body);

    on_request(&mut runner, &base, &head, &["backsight-accept: count"]);
    let (codes, report) = round(&runner, &release.url);
    assert_eq!((codes, report.code()), (vec![0, 0], 0), "{}", report.text());
    let [comment] = github.ours().try_into().expect("still one comment");
    assert!(comment.body.contains("accepted"), "{}", comment.body);
}
