//! The facts that planning asks for, from the host and the environment.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::load::Loaded;
use crate::execute::Environment;
use crate::plan::Facts;
use crate::results::{Change, Provider};

/// The facts for one plan. `targets` are those that the host can execute.
pub(super) fn facts(
    loaded: &Loaded,
    change: &Change,
    targets: &[String],
    env: &BTreeMap<String, String>,
    run: Option<Uuid>,
) -> Facts {
    // Secrets reach commands as variables only: in a template they would end up in names, files and plans.
    let secrets = Environment::new(env.clone(), &loaded.pipeline().secrets);
    let named = loaded.pipeline().env.keys().chain(steps_env(loaded)).filter(|name| !secrets.is_secret(name));
    let provider = match change.provider {
        Some(Provider::Github) => "github",
        Some(Provider::Gitlab) => "gitlab",
        Some(Provider::Other) => "other",
        None => "",
    };
    Facts {
        ci: change.provider.is_some() || env.get("CI").is_some_and(|ci| !ci.is_empty() && ci != "false"),
        provider: provider.into(),
        branch: change.branch.clone().unwrap_or_default(),
        default_branch: change.default_branch.clone().unwrap_or_default(),
        change_request: change.request.is_some(),
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        targets: targets.to_vec(),
        env: named.filter_map(|name| Some((name.clone(), env.get(name)?.clone()))).collect(),
        today: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        project: loaded.project(),
        run_id: run.map(|run| run.to_string()).unwrap_or_default(),
    }
}

fn steps_env(loaded: &Loaded) -> impl Iterator<Item = &String> {
    let pipeline = loaded.pipeline();
    let generations = pipeline.generations.iter().map(|step| &step.common);
    let tests = pipeline.tests.iter().map(|step| &step.common);
    let benchmarks = pipeline.benchmarks.iter().map(|step| &step.common);
    generations.chain(tests).chain(benchmarks).flat_map(|common| common.env.keys())
}
