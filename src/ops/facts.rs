//! The facts that planning asks for, from the host and the environment.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::load::Loaded;
use super::targets::{environment, program};
use crate::execute::Environment;
use crate::onnx::{VARIABLE, find};
use crate::plan::Facts;
use crate::results::{Change, Provider, TargetProbe};

/// The facts for one plan. `probes` say which targets the host can execute.
pub(super) fn facts(
    loaded: &Loaded,
    change: &Change,
    probes: &[TargetProbe],
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
        targets: probes.iter().filter(|probe| probe.is_available()).map(|probe| probe.target.clone()).collect(),
        absent: probes.iter().filter_map(|probe| Some((probe.target.clone(), probe.reason.clone()?))).collect(),
        target_env: target_env(probes, loaded, env),
        program: program().display().to_string(),
        env: named.filter_map(|name| Some((name.clone(), env.get(name)?.clone()))).collect(),
        today: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        project: loaded.project(),
        run_id: run.map(|run| run.to_string()).unwrap_or_default(),
        sources: loaded.sources.clone(),
    }
}

/// What steps on each target are told: its device, and where the runtime of models is, so that both arms of a paired
/// measurement use the same.
fn target_env(
    probes: &[TargetProbe],
    loaded: &Loaded,
    env: &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<(String, String)>> {
    let pipeline = loaded.pipeline();
    let onnx = pipeline.tests.iter().any(|step| step.onnx.is_some())
        || pipeline.benchmarks.iter().any(|step| step.onnx.is_some());
    let runtime = if onnx { find(None, &|name| env.get(name).cloned(), &loaded.workspace).ok() } else { None };
    let runtime = runtime.map(|found| (VARIABLE.to_owned(), found.path.display().to_string()));
    let told = |probe: &TargetProbe| environment(probe, env).into_iter().chain(runtime.clone()).collect();
    probes.iter().map(|probe| (probe.target.clone(), told(probe))).collect()
}

fn steps_env(loaded: &Loaded) -> impl Iterator<Item = &String> {
    let pipeline = loaded.pipeline();
    let generations = pipeline.generations.iter().map(|step| &step.common);
    let tests = pipeline.tests.iter().map(|step| &step.common);
    let benchmarks = pipeline.benchmarks.iter().map(|step| &step.common);
    generations.chain(tests).chain(benchmarks).flat_map(|common| common.env.keys())
}
