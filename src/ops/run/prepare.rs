//! Everything that a run needs, gathered before its first step: plan, working copies, gate, folder, blank document.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::wanted::{Base, Request, RunError};
use super::{quarantine, tools};
use crate::execute::{Arms, Environment, Workshop};
use crate::host::CopiesError;
use crate::ops::against::{self, Copies, Side};
use crate::ops::devices::{asker, host_with_devices};
use crate::ops::facts::facts;
use crate::ops::files::make_run_folder;
use crate::ops::load::{Loaded, load};
use crate::ops::planning::{PlanningError, planned};
use crate::ops::shards::Part;
use crate::ops::targets::{Height, of_pipeline};
use crate::pipeline::{BaselineConfig, Gate, QuarantineEntry};
use crate::plan::{Facts, Plan};
use crate::results::{Document, Kind, PipelineRef, RunInfo};
use crate::store::Places;
use crate::{host, results};

/// How long a part whose results lie apart waits for other parts that generate files in the same workspace.
const OTHERS: Duration = Duration::from_secs(1800);

/// Everything that a run needs, before its first step.
pub(super) struct Prepared {
    pub(super) facts: Facts,
    pub(super) plan: Plan,
    /// The base's where there is one.
    pub(super) gate: Gate,
    /// The test cases whose failures may be excused; on a change request the base's file decides.
    pub(super) quarantine: Vec<QuarantineEntry>,
    /// Where the baseline comes from; the base's file decides, too.
    pub(super) baseline: BaselineConfig,
    pub(super) remarks: Vec<String>,
    pub(super) places: Places,
    pub(super) workshop: Workshop,
    pub(super) document: Document,
    pub(super) id: Uuid,
    pub(super) started_at: Timestamp,
    /// Held as long as the run.
    pub(super) copies: Option<Copies>,
}

/// Everything up to the first step.
pub(super) fn prepare(request: Request) -> Result<Prepared, RunError> {
    let loaded = load(&request.pipeline).map_err(PlanningError::from)?;
    let id = Uuid::now_v7();
    let started_at = Timestamp::now();
    let machine = machine(&loaded);
    let (change, mut remarks) = host::change(&loaded.workspace, &|name| request.env.get(name).cloned());
    request.part.iter().try_for_each(|part| part.fits(&loaded.sha256, change.commit.as_deref()))?;
    let facts = facts(&loaded, &change, &machine.probes, &request.env, Some(id));
    let quarantine = quarantine::held(&loaded, &change, &mut remarks);
    let (loaded, mut plan) = planned(loaded, &facts, &request.selection)?;
    let measures = plan.items.iter().any(|item| item.skip.is_none() && item.kind == Kind::Benchmark);
    let copies = if measures { copies(&request, &loaded, &change, &mut remarks)? } else { None };
    let arms = arms(copies.as_ref(), &request.base);
    let mut gate = loaded.pipeline().gate.clone();
    let mut baseline = loaded.pipeline().baseline.clone();
    if let Some(copies) = &copies {
        let held = against::held_to(&copies.arms.base, &loaded.path, loaded.pipeline(), &mut plan.items);
        gate = held.gate;
        baseline = held.baseline.unwrap_or(baseline);
        remarks.extend(copies.remarks.iter().cloned().chain(held.remarks));
    }
    let share = share(&request, &mut plan);
    let places = request.results.as_deref().map_or_else(|| Places::of(&loaded.workspace), Places::at);
    let run_dir = make_run_folder(&places, id).map_err(|source| RunError::Place { path: places.run(id), source })?;
    let toolchains = host::toolchains(&loaded.workspace, &tools::asked_for(&plan));
    let seed = request.seed.unwrap_or_else(new_seed);
    let mut document = blank(&loaded, &facts, &request, id, started_at, (change, machine, toolchains));
    document.run.seed = measures.then_some(seed);
    document.run.against = copies.as_ref().map(|copies| copies.told.clone());
    remarks.extend(plan.remarks.iter().cloned());
    let (jobs, budget) = room(&request, &loaded);
    let workshop = Workshop {
        workspace: loaded.workspace.clone(),
        run_dir,
        environment: Environment::new(request.env, &loaded.pipeline().secrets),
        cancel: request.cancel,
        jobs,
        check_only: request.check_only,
        force: request.force,
        prune: request.prune,
        budget: budget.mul_f64(share),
        arms,
        others: if request.results.is_some() { OTHERS } else { Duration::ZERO },
        seed,
        // Half is where a level stops being one.
        false_alarms: gate.false_alarms.0.min(0.5) * share,
        devices: if measures { asker() } else { None },
    };
    Ok(Prepared {
        facts,
        plan,
        gate,
        quarantine,
        baseline,
        remarks,
        places,
        workshop,
        document,
        id,
        started_at,
        copies,
    })
}

/// How many tests run side by side, and the time for all benchmarks.
fn room(request: &Request, loaded: &Loaded) -> (usize, Duration) {
    let pipeline = loaded.pipeline();
    let jobs = request.jobs.or(pipeline.jobs.map(|jobs| jobs as usize)).unwrap_or(1);
    let budget = request.budget.unwrap_or_else(|| pipeline.time());
    (jobs, budget)
}

/// The share that the benchmarks here have of the run's budgets of time and of errors. In a part of a plan, the targets that
/// it must find are its own.
fn share(request: &Request, plan: &mut Plan) -> f64 {
    let Some(planned) = request.part.as_ref().and_then(Part::planned) else { return 1.0 };
    plan.missing_targets.retain(|target| planned.targets.contains(target));
    Some(planned.error_share).filter(|share| *share > 0.0 && *share <= 1.0).unwrap_or(1.0)
}

/// The working copies that are measured against each other.
fn arms(copies: Option<&Copies>, base: &Base) -> Option<Arms> {
    match (copies, base) {
        (Some(copies), _) => Some(copies.arms.clone()),
        (None, Base::Copies(arms)) => Some(arms.clone()),
        (None, Base::Usual | Base::Nothing | Base::Revision(_)) => None,
    }
}

/// This host, and which of the targets that the pipeline asks for it can execute.
fn machine(loaded: &Loaded) -> results::Host {
    let root = std::path::Path::new("/");
    let homes = host::virtual_environments(&|name| std::env::var(name).ok(), &loaded.workspace);
    let (machine, _) = host_with_devices(root, &homes);
    machine.with_probes(of_pipeline(loaded, Height::Operation))
}

/// The working copies where there is to be a base. One that nobody named and that cannot be had is a remark.
fn copies(
    request: &Request,
    loaded: &Loaded,
    change: &results::Change,
    remarks: &mut Vec<String>,
) -> Result<Option<Copies>, CopiesError> {
    let carry = loaded.pipeline().baseline.carry.clone();
    let (side, named) = match &request.base {
        Base::Revision(named) => (Side::parse(named, carry), true),
        Base::Usual => match host::start(&loaded.workspace, change) {
            Some(start) => (Side::start(start, carry), false),
            None => return Ok(None),
        },
        Base::Nothing | Base::Copies(_) => return Ok(None),
    };
    match against::copies(&loaded.workspace, &side, &request.env, &request.cancel) {
        Ok(copies) if !named && copies.is_one_commit() => {
            remarks
                .push("what is checked out is the change's base itself: its benchmarks are measured alone".to_owned());
            Ok(None)
        }
        Ok(copies) => Ok(Some(copies)),
        Err(error) if named || request.cancel.is_asked() => Err(error),
        Err(error) => {
            remarks.push(format!("the benchmarks have no base to be measured against: {error}"));
            Ok(None)
        }
    }
}

fn blank(
    loaded: &Loaded,
    facts: &Facts,
    request: &Request,
    id: Uuid,
    started_at: Timestamp,
    (change, host, toolchains): (results::Change, results::Host, Vec<results::Toolchain>),
) -> Document {
    let name = loaded.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let pipeline = PipelineRef { path: name, sha256: loaded.sha256.clone() };
    let begun = Document::begun(id, started_at, facts.project.clone(), pipeline);
    let selection = Some(request.selection.text().to_owned()).filter(|text| !text.is_empty());
    Document {
        run: RunInfo { selection, shard: request.part.as_ref().map(Part::told), ..begun.run },
        change,
        host,
        toolchains,
        ..begun
    }
}

/// A seed from the clock: any number will do. It is recorded, so that the order can be drawn again, and short enough to
/// be typed and to be a number in JSON.
pub fn new_seed() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default() % (1 << 32)
}
