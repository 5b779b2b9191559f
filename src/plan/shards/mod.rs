//! A plan split over several machines: which shard carries out which steps, on which kind of runner.
//!
//! Steps that test each other's work (`needs` between tests) stay together; a generation that several shards need is
//! carried out in each of them. A step asks for the runner of its target. Within one kind of runner the longest comes first
//! to the shard that has the least to do (Graham 1969, "Bounds on multiprocessing timing anomalies"), then steps change
//! places as long as that shortens the longest shard.

mod balance;
mod jobs;
mod units;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::results::{PipelineRef, Tool};
pub use jobs::{JobPlan, jobs};
pub use units::{Estimates, Runner};

use super::Plan;
use balance::Shares;

/// The most jobs of a matrix on GitHub.
pub const MOST_SHARDS: usize = 256;
/// The name of the format, written into each plan.
pub const PLAN_SCHEMA: &str = "backsight/plan/1";

/// A marker that serialises as [`PLAN_SCHEMA`] and refuses to read anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlanTag {
    /// The only version.
    #[default]
    #[serde(rename = "backsight/plan/1")]
    One,
}

/// How many shards are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// This many, where there are as many steps; at least one for each kind of runner.
    Exactly(usize),
    /// As many as bring the longest down to so many seconds, at most so many.
    Auto {
        /// The time that a shard may take, in seconds.
        each: f64,
        /// The most shards.
        most: usize,
    },
}

/// A plan that was split. The published format `backsight/plan/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Backsight plan, format 1")]
pub struct ShardPlan {
    /// The name and version of this format.
    pub schema: PlanTag,
    /// The program that wrote it.
    pub tool: Tool,
    /// The plan's id: legs name it, so that those of another plan are told apart.
    pub id: Uuid,
    /// When it was made.
    pub made_at: Timestamp,
    /// The project's name.
    pub project: String,
    /// The pipeline file; a leg refuses another one.
    pub pipeline: PipelineRef,
    /// The commit it was made for, full hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The command line's selection, where not everything was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// What the expected times rest on.
    pub times: Times,
    /// The parts.
    pub shards: Vec<PlannedShard>,
}

/// What the expected times of a plan rest on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Steps whose time earlier runs tell.
    pub known: u64,
    /// Steps whose time had to be guessed: the median of the known ones of their kind.
    pub guessed: u64,
    /// The expected time of all steps together, in seconds.
    pub total_seconds: f64,
    /// The expected time of the longest shard, in seconds.
    pub longest_seconds: f64,
    /// No split into as many shards takes less than this, in seconds.
    pub bound_seconds: f64,
}

/// One part of a plan: what one job carries out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedShard {
    /// Which one, from 1.
    pub index: u32,
    /// Its name for people: `cpu 1 of 3`.
    pub name: String,
    /// Labels (GitHub) or tags (GitLab) of the runner it wants; empty for any.
    pub runner: Vec<String>,
    /// The targets of its steps.
    pub targets: Vec<String>,
    /// Its expected time, in seconds.
    pub seconds: f64,
    /// The share of the error budget that its benchmarks may spend, 0 to 1.
    pub error_share: f64,
    /// The ids of its steps, in the order of the plan. What they need comes with them.
    pub steps: Vec<String>,
}

/// Splits a plan into shards. No shard is without a step that runs, unless nothing runs at all.
pub fn split(plan: &Plan, runners: &[Runner], estimates: &Estimates, wanted: Wanted) -> (Vec<PlannedShard>, Times) {
    let units = units::of(plan, runners, estimates);
    let sizes = balance::sizes(&units, wanted);
    let benchmarks = units.groups.iter().flat_map(|group| &group.units).map(|unit| unit.benchmarks).sum::<usize>();
    let mut shards = Vec::new();
    let (mut longest, mut bound) = (0.0_f64, 0.0_f64);
    for (group, size) in units.groups.iter().zip(&sizes) {
        let shares = Shares::of(&group.units, &units.generations, *size);
        bound = bound.max(shares.bound);
        for (at, share) in shares.all.iter().enumerate() {
            let mut places: Vec<usize> = share
                .units
                .iter()
                .filter_map(|unit| group.units.get(*unit))
                .flat_map(|unit| unit.items.clone())
                .collect();
            places.sort_unstable();
            let own = share.units.iter().filter_map(|unit| group.units.get(*unit)).map(|unit| unit.benchmarks);
            longest = longest.max(share.seconds);
            let name = group.targets.join("+");
            shards.push(PlannedShard {
                index: u32::try_from(shards.len() + 1).unwrap_or(u32::MAX),
                name: if *size > 1 { format!("{name} {} of {size}", at + 1) } else { name },
                runner: group.labels.clone(),
                targets: group.targets.clone(),
                seconds: share.seconds,
                error_share: own.sum::<usize>() as f64 / benchmarks.max(1) as f64,
                steps: places.into_iter().filter_map(|at| plan.items.get(at)).map(|item| item.id.clone()).collect(),
            });
        }
    }
    // Steps that a rule or condition leaves out are told by the first shard; they cost nothing.
    if let Some(first) = shards.first_mut() {
        first.steps.extend(units.skipped.iter().filter_map(|at| plan.items.get(*at)).map(|item| item.id.clone()));
    }
    let times = Times {
        known: units.known,
        guessed: units.guessed,
        total_seconds: shards.iter().map(|shard| shard.seconds).sum(),
        longest_seconds: longest,
        bound_seconds: bound,
    };
    (shards, times)
}

#[cfg(test)]
mod tests;
