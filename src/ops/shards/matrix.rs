//! A plan as the CI's own way of starting jobs: GitHub's matrix, GitLab's child pipeline.

use serde_json::{Value, json};

use crate::plan::{PlannedShard, ShardPlan};

/// The runner of GitHub where the pipeline file names none.
const USUAL: &str = "ubuntu-24.04";

/// The matrix for `fromJSON` on one line: an entry a shard, with the runner that it wants.
pub fn matrix(plan: &ShardPlan) -> String {
    let entry = |shard: &PlannedShard| {
        let runner = if shard.runner.is_empty() { vec![USUAL.to_owned()] } else { shard.runner.clone() };
        json!({
            "shard": format!("{}/{}", shard.index, plan.shards.len()),
            "index": shard.index,
            "count": plan.shards.len(),
            "name": shard.name,
            "runs_on": runner,
            "target": shard.targets.join("+"),
            "minutes": (shard.seconds / 60.0).ceil(),
        })
    };
    json!({ "include": plan.shards.iter().map(entry).collect::<Vec<Value>>() }).to_string()
}

/// A pipeline of GitLab: a job a shard, which extends the hidden job `.backsight` of `base`, and one that joins them.
/// `base` is YAML that defines it; where it is absent, an empty one.
pub fn child_pipeline(plan: &ShardPlan, base: Option<&str>) -> String {
    // Words are written as JSON, which is YAML.
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = String::from("# Written by `backsight plan`.\n");
    text.push_str(base.map_or("\".backsight\": {}", str::trim_end));
    text.push('\n');
    let names: Vec<String> = plan.shards.iter().map(|shard| format!("backsight: {}", shard.name)).collect();
    for (shard, name) in plan.shards.iter().zip(&names) {
        text.push_str(&format!("\n{}:\n  extends: .backsight\n", quoted(name)));
        if !shard.runner.is_empty() {
            let tags: Vec<String> = shard.runner.iter().map(|tag| quoted(tag)).collect();
            text.push_str(&format!("  tags: [{}]\n", tags.join(", ")));
        }
        text.push_str(&format!("  variables:\n    BACKSIGHT_SHARD: \"{}/{}\"\n", shard.index, plan.shards.len()));
    }
    text.push_str("\n\"backsight: merge\":\n  extends: .backsight-merge\n");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{child_pipeline, matrix};
    use crate::plan::ShardPlan;

    fn plan() -> ShardPlan {
        serde_json::from_value(serde_json::json!({
            "schema": "backsight/plan/1",
            "tool": {"name": "backsight", "version": "0.1.0"},
            "id": "01a2067a-5d0a-70c3-933e-0237139eef26",
            "made_at": "2026-11-30T07:00:00Z",
            "project": "demo",
            "pipeline": {"path": "backsight.yml", "sha256": "0".repeat(64)},
            "times": {"known": 2, "guessed": 0, "total_seconds": 90.0, "longest_seconds": 61.0, "bound_seconds": 61.0},
            "shards": [
                {"index": 1, "name": "cpu", "runner": [], "targets": ["cpu"], "seconds": 61.0, "error_share": 0.5, "steps": ["tests/a"]},
                {"index": 2, "name": "cuda", "runner": ["self-hosted", "gpu"], "targets": ["cuda"], "seconds": 29.0,
                 "error_share": 0.5, "steps": ["benchmarks/b[target=cuda]"]},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn github_gets_an_entry_a_shard_on_one_line() {
        let text = matrix(&plan());
        assert!(!text.contains('\n'));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["include"][0]["runs_on"], serde_json::json!(["ubuntu-24.04"]));
        assert_eq!(value["include"][0]["minutes"], 2.0);
        assert_eq!(
            (value["include"][1]["shard"].as_str(), value["include"][1]["count"].as_u64()),
            (Some("2/2"), Some(2))
        );
    }

    #[test]
    fn gitlab_gets_a_job_a_shard() {
        let text = child_pipeline(&plan(), Some(".backsight:\n  image: debian\n\n"));
        assert!(text.starts_with("# Written by `backsight plan`.\n.backsight:\n  image: debian\n\n"));
        let job = "\"backsight: cuda\":\n  extends: .backsight\n  tags: [\"self-hosted\", \"gpu\"]\n  variables:\n    \
                   BACKSIGHT_SHARD: \"2/2\"\n";
        assert!(text.contains(job), "{text}");
        assert!(text.ends_with("\"backsight: merge\":\n  extends: .backsight-merge\n"));
        // Without a file of its own there is nothing to extend but an empty job.
        assert!(child_pipeline(&plan(), None).contains("\".backsight\": {}"));
    }
}
