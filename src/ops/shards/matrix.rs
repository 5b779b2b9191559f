//! A plan as the CI's own way of starting jobs: GitHub's matrix, GitLab's child pipeline.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::file::{PackError, packed};
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

/// The jobs that those of a child pipeline extend, where there are none of the project's own.
const JOBS: &str = include_str!("../../../templates/ci/gitlab/shards.yml");
/// The longest plan that a variable may hold, packed: the system takes no longer text in the environment.
const LONGEST: usize = 120 << 10;
/// Variables of a merge request, which a child pipeline may lack.
const REQUEST: [&str; 10] = [
    "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_PROJECT_ID",
    "CI_MERGE_REQUEST_PROJECT_URL",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA",
    "CI_MERGE_REQUEST_LABELS",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
];

/// What a child pipeline is made of beside the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Child {
    /// YAML that defines the hidden jobs `.backsight` and `.backsight-merge`; ours where it is absent.
    pub jobs: Option<String>,
    /// The image of all jobs.
    pub image: Option<String>,
    /// The variables of this process: those of the merge request are handed on.
    pub env: BTreeMap<String, String>,
}

/// A pipeline of GitLab: a job a shard and one that joins them. The plan is in it, as the variable `BACKSIGHT_PLAN`.
///
/// # Errors
/// If the plan is too long for a variable.
pub fn child_pipeline(plan: &ShardPlan, child: &Child) -> Result<String, PackError> {
    // Words are written as JSON, which is YAML.
    let quoted = |text: &str| Value::from(text).to_string();
    let packed = packed(plan)?;
    if packed.len() > LONGEST {
        return Err(PackError::Long(packed.len()));
    }
    let mut text = String::from("# Written by `backsight plan`.\n");
    if let Some(image) = &child.image {
        text.push_str(&format!("default:\n  image: {}\n", quoted(image)));
    }
    text.push_str(&format!("variables:\n  BACKSIGHT_PLAN: {}\n", quoted(&packed)));
    for name in REQUEST {
        // What is no plain word might be more than a word to GitLab.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | ',' | ' ' | '*');
        if let Some(value) = child.env.get(name).filter(|value| !value.is_empty() && value.chars().all(plain)) {
            text.push_str(&format!("  {name}: {}\n", quoted(value)));
        }
    }
    text.push_str(&format!("\n{}\n", child.jobs.as_deref().unwrap_or(JOBS).trim_end()));
    for shard in &plan.shards {
        text.push_str(&format!("\n{}:\n  extends: .backsight\n", quoted(&format!("backsight: {}", shard.name))));
        if !shard.runner.is_empty() {
            let tags: Vec<String> = shard.runner.iter().map(|tag| quoted(tag)).collect();
            text.push_str(&format!("  tags: [{}]\n", tags.join(", ")));
        }
        text.push_str(&format!("  variables:\n    BACKSIGHT_SHARD: \"{}/{}\"\n", shard.index, plan.shards.len()));
    }
    text.push_str("\n\"backsight: merge\":\n  extends: .backsight-merge\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Child, child_pipeline, matrix};
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
        let env = [("CI_MERGE_REQUEST_IID", "7"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a\n$b")];
        let child = Child {
            jobs: Some(".backsight:\n  timeout: 1h\n\n".into()),
            image: Some("debian".into()),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let text = child_pipeline(&plan(), &child).unwrap();
        assert!(text.contains("default:\n  image: \"debian\"\nvariables:\n  BACKSIGHT_PLAN: \""), "{text}");
        assert!(text.contains("\"\n  CI_MERGE_REQUEST_IID: \"7\"\n\n.backsight:\n  timeout: 1h\n\n"), "{text}");
        let job = "\"backsight: cuda\":\n  extends: .backsight\n  tags: [\"self-hosted\", \"gpu\"]\n  variables:\n    \
                   BACKSIGHT_SHARD: \"2/2\"\n";
        assert!(text.contains(job), "{text}");
        assert!(text.ends_with("\"backsight: merge\":\n  extends: .backsight-merge\n"));
        let packed = text.split('"').skip_while(|part| !part.contains("BACKSIGHT_PLAN")).nth(1).unwrap();
        assert_eq!(crate::ops::shards::file::unpacked(packed).unwrap(), plan());
        // Ours where there are none of the project's own.
        assert!(child_pipeline(&plan(), &Child::default()).unwrap().contains("\n.backsight-merge:\n"));
    }
}
