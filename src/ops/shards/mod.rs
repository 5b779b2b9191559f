//! One pipeline on several machines: a plan that is split, its parts, and what they found joined again.

mod file;
mod make;
mod matrix;

pub use file::{PackError, PlanFileError, read, write};
pub use make::{Count, Made, MadeJobs, MakeError, Request, make, make_jobs};
pub use matrix::{Child, child_pipeline, matrix};

use crate::plan::ShardPlan;

/// One part of a plan, to be carried out here.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The whole.
    pub plan: ShardPlan,
    /// Which of its shards, from 1.
    pub index: u32,
}

/// Why a part of a plan cannot be carried out here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartError {
    /// The plan has another number of shards.
    #[error(
        "the plan has {count} shards, {asked} is not one of them; `backsight plan` and `--shard` must mean the same plan"
    )]
    NotThere {
        /// What was asked for.
        asked: String,
        /// How many there are.
        count: usize,
    },
    /// The pipeline file is not the one that was planned.
    #[error(
        "the plan was made for another {file} (SHA-256 {planned:.12}, this one is {here:.12}): check out the same commit in all \
         jobs, and make the plan after what writes the file"
    )]
    OtherFile {
        /// Its name.
        file: String,
        /// The planned one's hash.
        planned: String,
        /// This one's.
        here: String,
    },
    /// Another commit is checked out.
    #[error(
        "the plan was made for commit {planned:.9}, but {here:.9} is checked out here: all jobs must check out the same commit"
    )]
    OtherCommit {
        /// The planned one.
        planned: String,
        /// This one.
        here: String,
    },
}

impl Part {
    /// The part that `--shard` names: `2/4`, or `2`.
    ///
    /// # Errors
    /// If the plan has no such part.
    pub fn named(plan: ShardPlan, index: u32, count: Option<u32>) -> Result<Self, PartError> {
        let known = plan.shards.iter().any(|shard| shard.index == index);
        let same = count.is_none_or(|count| count as usize == plan.shards.len());
        if known && same {
            return Ok(Self { plan, index });
        }
        let asked = count.map_or_else(|| index.to_string(), |count| format!("{index}/{count}"));
        Err(PartError::NotThere { asked, count: plan.shards.len() })
    }

    /// What is planned for it.
    pub fn planned(&self) -> Option<&crate::plan::PlannedShard> {
        self.plan.shards.iter().find(|shard| shard.index == self.index)
    }

    /// The choice of its steps, as it would be typed.
    pub fn selection(&self) -> crate::plan::Selection {
        let steps = self.planned().map(|shard| shard.steps.clone()).unwrap_or_default();
        crate::plan::Selection::exactly(steps, format!("--shard {}/{}", self.index, self.plan.shards.len()))
    }

    /// Whether the pipeline file and the commit are those of the plan.
    ///
    /// # Errors
    /// If they are not.
    pub(super) fn fits(&self, sha256: &str, commit: Option<&str>) -> Result<(), PartError> {
        let planned = &self.plan.pipeline;
        if planned.sha256 != sha256 {
            let (file, here) = (planned.path.clone(), sha256.to_owned());
            return Err(PartError::OtherFile { file, planned: planned.sha256.clone(), here });
        }
        match (self.plan.commit.as_deref(), commit) {
            (Some(planned), Some(here)) if planned != here => {
                Err(PartError::OtherCommit { planned: planned.to_owned(), here: here.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// What its document says of it.
    pub(super) fn told(&self) -> crate::results::Shard {
        crate::results::Shard {
            index: self.index,
            count: u32::try_from(self.plan.shards.len()).unwrap_or(u32::MAX),
            plan: self.plan.id,
            error_share: self.planned().map_or(0.0, |shard| shard.error_share),
        }
    }
}
