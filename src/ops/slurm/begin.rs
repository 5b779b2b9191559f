//! Everything before the first job is handed over: the plan, the run's folder, the scripts, the journal.

use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Event, Lead, LeadError, Request};
use crate::distribute::slurm::{Batch, Folder, Job, Journal, Script, options, script};
use crate::ops::files::{make_run_folder, write_whole};
use crate::ops::load::Loaded;
use crate::ops::shards::{self, Count, MadeJobs, make_jobs};
use crate::pipeline::SlurmConfig;
use crate::plan::JobPlan;
use crate::store::{OpenOptions, Places, RunLock, SqliteStore};

/// Makes the plan and everything that the jobs need.
pub(super) fn begin(request: &Request, tell: &mut dyn FnMut(Event)) -> Result<Lead, LeadError> {
    let made = make_jobs(&shards::Request {
        pipeline: request.pipeline.clone(),
        selection: request.selection.clone(),
        count: Count::Auto,
        pull: true,
        env: request.env.clone(),
        cancel: request.cancel.clone(),
    })?;
    made.remarks.iter().for_each(|remark| tell(Event::Note(remark.clone())));
    let places = Places::of(&made.loaded.workspace);
    let run = Uuid::now_v7();
    let place = |source| LeadError::Place { path: places.run(run), source };
    let path = make_run_folder(&places, run).map_err(place)?;
    let lock = RunLock::hold(&path, Timestamp::now(), &made.plan.project)?;
    let folder = Folder::of(&path);
    for folder in [folder.jobs(), folder.legs()] {
        std::fs::create_dir_all(folder).map_err(place)?;
    }
    shards::write(&folder.plan(), &made.plan)?;
    if let Some(store) = SqliteStore::open_existing(&places.database(), &OpenOptions::default())? {
        // Many nodes in one database on a shared file system would damage it.
        store.copy_to(&folder.store())?;
    }
    let config = made.loaded.pipeline().executors.slurm.clone().unwrap_or_default();
    for (number, job) in (1..).zip(&made.jobs) {
        let text = script(&text_of(request, &made, &config, run, (number, job), &path).map_err(place)?);
        write_whole(&folder.script(number), text.as_bytes()).map_err(place)?;
    }
    let pipeline = made.loaded.workspace.join(made.loaded.path.file_name().unwrap_or_default());
    let patience = config.patience().map(|patience| patience.as_secs());
    let jobs: Vec<Job> = (1..).zip(&made.jobs).map(|(number, job)| told(&made, &config, run, number, job)).collect();
    let steps = made.plan.shards.iter().map(|shard| shard.steps.len()).sum();
    tell(Event::Begun { run, steps, jobs: jobs.len() });
    let journal = Journal::begin(&folder, Batch { run, pipeline, jobs, patience })?;
    Ok(Lead { folder, journal, _lock: lock })
}

fn text_of(
    request: &Request,
    made: &MadeJobs,
    config: &SlurmConfig,
    run: Uuid,
    (number, job): (u32, &JobPlan),
    folder: &Path,
) -> std::io::Result<Script> {
    let own = || std::env::current_exe().map(|program| program.display().to_string());
    Ok(Script {
        run,
        number,
        shards: job.shards.clone(),
        count: made.plan.shards.len(),
        workspace: made.loaded.workspace.display().to_string(),
        pipeline: made.plan.pipeline.path.clone(),
        folder: folder.display().to_string(),
        program: config.program.clone().map_or_else(own, Ok)?,
        arguments: request.arguments.clone(),
        setup: config.setup.clone(),
    })
}

fn told(made: &MadeJobs, config: &SlurmConfig, run: Uuid, number: u32, job: &JobPlan) -> Job {
    let shards = made.plan.shards.iter().filter(|shard| job.shards.contains(&shard.index));
    let first = shards.clone().next().and_then(|shard| shard.steps.first()).map(String::as_str).unwrap_or_default();
    Job {
        number,
        name: job.name.clone(),
        shards: shards.map(|shard| (shard.index, shard.name.clone())).collect(),
        options: options(run, number, job, config.at_once),
        after_first: job.after_first,
        place: place(&made.loaded, first),
    }
}

/// Where the pipeline file says what the step with this id needs, or the step itself.
fn place(loaded: &Loaded, id: &str) -> String {
    let pipeline = loaded.pipeline();
    let (section, rest) = id.split_once('/').unwrap_or((id, ""));
    let names: Vec<&str> = match section {
        "generations" => pipeline.generations.iter().map(|step| step.common.name.as_str()).collect(),
        "tests" => pipeline.tests.iter().map(|step| step.common.name.as_str()).collect(),
        _ => pipeline.benchmarks.iter().map(|step| step.common.name.as_str()).collect(),
    };
    let is_it = |name: &str| rest.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
    let at = names.iter().position(|name| is_it(name)).unwrap_or_default();
    let span = loaded.parsed.positions.at(&[section.into(), at.into(), "resources".into()]);
    format!("{}:{}", loaded.path.display(), span.line)
}
