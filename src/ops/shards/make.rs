//! Makes a plan and splits it: what the pipeline asks for on every target, and how long its steps took earlier.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use crate::execute::Cancel;
use crate::host;
use crate::host::Patience;
use crate::ops::devices::host_with_devices;
use crate::ops::facts::facts;
use crate::ops::load::{Loaded, load};
use crate::ops::planning::{PlanningError, planned};
use crate::ops::shared::{self, SharedError, Whereabouts};
use crate::pipeline::TARGETS;
use crate::plan::{
    self, Estimates, Facts, JobPlan, MOST_SHARDS, Plan, PlanTag, PlannedShard, Runner, Selection, ShardPlan, Times,
    Wanted,
};
use crate::results::{PipelineRef, Tool};
use crate::store::{OpenOptions, Places, RunName, SqliteStore, StepTime, StoreError};

/// The time that a shard may take, where the file does not say.
const EACH: Duration = Duration::from_secs(300);
/// The most shards, where the file does not say.
const MOST: usize = 20;
/// How long shared results are waited for.
const PULL: Duration = Duration::from_secs(60);
/// So many of the newest runs tell how long steps take.
const NEWEST: u32 = 20;

/// How many shards are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Exactly(usize),
    /// As many as the pipeline file's `shards` section asks for.
    Auto,
}

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// Which of its steps.
    pub selection: Selection,
    /// How many shards.
    pub count: Count,
    /// Whether shared results are looked for.
    pub pull: bool,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
    /// How it is told to stop.
    pub cancel: Cancel,
}

/// A plan, and what was odd about it.
#[derive(Debug)]
pub struct Made {
    /// The plan.
    pub plan: ShardPlan,
    /// Sentences for people.
    pub remarks: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The file or the plan.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A plan for a cluster, and what it rests on.
#[derive(Debug)]
pub struct MadeJobs {
    /// The plan.
    pub plan: ShardPlan,
    /// Which of its shards make a job.
    pub jobs: Vec<JobPlan>,
    /// The pipeline file.
    pub loaded: Loaded,
    /// Sentences for people.
    pub remarks: Vec<String>,
}

/// Everything that a plan is split by.
struct Gathered {
    loaded: Loaded,
    plan: Plan,
    facts: Facts,
    estimates: Estimates,
    commit: Option<String>,
    remarks: Vec<String>,
}

/// Makes a plan. Nothing is run, and no target is looked for: it is made for the runners that have them.
///
/// # Errors
/// If the pipeline file is wrong, or the store cannot be read.
pub fn make(request: &Request) -> Result<Made, MakeError> {
    let mut gathered = gather(request)?;
    let pipeline = gathered.loaded.pipeline();
    let runners: Vec<Runner> = pipeline
        .shards
        .runners
        .iter()
        .map(|(target, labels)| Runner { target: target.clone(), labels: labels.all() })
        .collect();
    let wanted = match request.count {
        Count::Exactly(n) => Wanted::Exactly(n),
        Count::Auto => Wanted::Auto {
            each: pipeline.shards.each.map_or(EACH, |each| each.0).as_secs_f64(),
            most: pipeline.shards.most.map_or(MOST, |most| most as usize),
        },
    };
    let (shards, times) = plan::split(&gathered.plan, &runners, &gathered.estimates, wanted);
    gathered.remarks.extend(fewer(request.count, shards.len()));
    let plan = gathered.whole(request, shards, times);
    Ok(Made { plan, remarks: gathered.remarks })
}

/// Makes a plan for a cluster: split by what the steps need. `count` is of no account.
///
/// # Errors
/// If the pipeline file is wrong, or the store cannot be read.
pub fn make_jobs(request: &Request) -> Result<MadeJobs, MakeError> {
    let gathered = gather(request)?;
    let pipeline = gathered.loaded.pipeline();
    let usual = pipeline.executors.slurm.as_ref().map(|slurm| slurm.resources.clone()).unwrap_or_default();
    let budget = pipeline.time();
    let (shards, times, jobs) = plan::jobs(&gathered.plan, &gathered.estimates, &usual, budget);
    let plan = gathered.whole(request, shards, times);
    Ok(MadeJobs { plan, jobs, loaded: gathered.loaded, remarks: gathered.remarks })
}

fn gather(request: &Request) -> Result<Gathered, MakeError> {
    let loaded = load(&request.pipeline).map_err(PlanningError::from)?;
    let (change, mut remarks) = host::change(&loaded.workspace, &|name| request.env.get(name).cloned());
    let facts = Facts {
        targets: TARGETS.iter().map(ToString::to_string).collect(),
        ..facts(&loaded, &change, &[], &request.env, None)
    };
    let (loaded, plan) = planned(loaded, &facts, &request.selection)?;
    remarks.extend(plan.remarks.iter().cloned());
    let estimates = Estimates {
        known: known(&loaded, &facts, request, &mut remarks)?,
        budget: loaded.pipeline().time().as_secs_f64(),
    };
    Ok(Gathered { loaded, plan, facts, estimates, commit: change.commit, remarks })
}

impl Gathered {
    fn whole(&self, request: &Request, shards: Vec<PlannedShard>, times: Times) -> ShardPlan {
        let path = self.loaded.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ShardPlan {
            schema: PlanTag::One,
            tool: Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
            id: Uuid::now_v7(),
            made_at: Timestamp::now(),
            project: self.facts.project.clone(),
            pipeline: PipelineRef { path, sha256: self.loaded.sha256.clone() },
            commit: self.commit.clone(),
            selection: Some(request.selection.text().to_owned()).filter(|text| !text.is_empty()),
            times,
            shards,
        }
    }
}

fn fewer(asked: Count, made: usize) -> Option<String> {
    let Count::Exactly(asked) = asked else { return None };
    let shards = |n: usize| if n == 1 { "1 shard".to_owned() } else { format!("{n} shards") };
    match made {
        _ if asked > MOST_SHARDS && made == MOST_SHARDS => {
            Some(format!("{MOST_SHARDS} shards instead of {asked}: a matrix on GitHub holds no more"))
        }
        _ if made < asked => Some(format!("{} instead of {asked}: there are no more steps to share out", shards(made))),
        _ if made > asked => Some(format!("{} instead of {asked}: each kind of runner needs one", shards(made))),
        _ => None,
    }
}

/// Seconds by step, as the newest runs tell: on hosts of this class where they ran there, otherwise on those of the class
/// that ran them most.
fn known(
    loaded: &Loaded,
    facts: &Facts,
    request: &Request,
    remarks: &mut Vec<String>,
) -> Result<BTreeMap<String, f64>, StoreError> {
    let places = Places::of(&loaded.workspace);
    let pulled = if request.pull { pull(loaded, facts.ci, &places, &request.cancel) } else { Ok(false) };
    if let Err(error) = &pulled {
        remarks.push(format!("the times rest on this workspace alone, the shared results could not be read: {error}"));
    }
    if !places.database().is_file() {
        return Ok(BTreeMap::new());
    }
    let store = SqliteStore::open(&places.database(), &OpenOptions::default())?;
    let times = store.step_times(&facts.project, NEWEST)?;
    if times.is_empty() {
        return Ok(BTreeMap::new());
    }
    let homes = host::virtual_environments(&|name| request.env.get(name).cloned(), &loaded.workspace);
    let (here, _) = host_with_devices(Path::new("/"), &homes);
    Ok(of_class(times, &here.class_key))
}

fn of_class(times: Vec<StepTime>, here: &str) -> BTreeMap<String, f64> {
    let mut by_step: BTreeMap<String, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for time in times {
        let of_step = by_step.entry(time.step).or_default();
        of_step.entry(time.class_key).or_default().push(time.duration_ns as f64 / 1e9);
    }
    let chosen = |classes: BTreeMap<String, Vec<f64>>| {
        let most = || classes.values().max_by_key(|times| times.len()).cloned();
        let mut times = classes.get(here).cloned().or_else(most)?;
        times.sort_unstable_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    };
    by_step.into_iter().filter_map(|(step, classes)| Some((step, chosen(classes)?))).collect()
}

/// Reads the newest shared runs into the store of this workspace; whether there is anything shared.
fn pull(loaded: &Loaded, ci: bool, places: &Places, cancel: &Cancel) -> Result<bool, SharedError> {
    let config = &loaded.pipeline().baseline;
    let Some(found) = Whereabouts::of_a_run(config, ci, &loaded.workspace)? else { return Ok(false) };
    let stop = || cancel.is_asked();
    let patience = Patience { until: Instant::now() + PULL, stop: &stop };
    let pulled = found.open(&loaded.workspace, patience).and_then(|mut shelf| {
        let mut store = SqliteStore::open(&places.database(), &OpenOptions::default())?;
        shared::pull(shelf.as_mut(), &mut store, &|names: &[RunName]| Some(newest(names)))
    });
    match pulled {
        Ok(_) => Ok(true),
        // Nobody asked for it.
        Err(_) if config.store.is_none() => Ok(false),
        Err(error) => Err(error),
    }
}

fn newest(names: &[RunName]) -> std::collections::BTreeSet<Uuid> {
    let mut names: Vec<&RunName> = names.iter().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.started_at()));
    names.into_iter().take(NEWEST as usize).map(|name| name.run).collect()
}

#[cfg(test)]
mod tests {
    use super::{Count, fewer, of_class};
    use crate::store::StepTime;

    #[test]
    fn times_are_those_of_this_class_or_else_of_the_class_that_ran_it_most() {
        let time = |step: &str, class: &str, seconds: u64| StepTime {
            step: step.into(),
            class_key: class.into(),
            duration_ns: seconds * 1_000_000_000,
        };
        let times = vec![
            time("tests/a", "here", 10),
            time("tests/a", "there", 99),
            time("tests/a", "there", 99),
            time("tests/b", "there", 5),
            time("tests/b", "there", 7),
            time("tests/b", "there", 6),
            time("tests/b", "elsewhere", 50),
        ];
        let found = of_class(times, "here");
        assert_eq!((found["tests/a"], found["tests/b"]), (10.0, 6.0));
    }

    #[test]
    fn another_number_than_asked_for_is_explained() {
        assert_eq!(fewer(Count::Exactly(3), 3), None);
        assert_eq!(fewer(Count::Auto, 1), None);
        assert!(
            fewer(Count::Exactly(3), 1).is_some_and(|text| text.starts_with("1 shard instead of 3: there are no more"))
        );
        assert!(fewer(Count::Exactly(1), 2).is_some_and(|text| text.contains("each kind of runner")));
        assert!(fewer(Count::Exactly(999), 256).is_some_and(|text| text.contains("GitHub")));
    }
}
